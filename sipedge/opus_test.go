package sipedge

import (
	"net/netip"
	"strings"
	"testing"
)

// Opus is agreed on as RFC 7587 writes it, with key events at its clock or, from phones that have no others, at 8 kHz.
func TestOpusOffer(t *testing.T) {
	n := func() *negotiator {
		return newNegotiator(netip.MustParseAddrPort("192.0.2.10:20000"), []string{"OPUS", "PCMU"},
			netip.MustParseAddr("198.51.100.1"), 7)
	}
	for _, c := range []struct {
		name, types, attrs      string
		codec                   string
		pt, events, eventsClock int
	}{
		{"events at both clocks", "96 0 97 98", "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\n" +
			"a=rtpmap:98 telephone-event/8000\r\n", "OPUS", 96, 97, 48000},
		{"events at 8 kHz alone", "96 98", "a=rtpmap:96 OPUS/48000/2\r\na=rtpmap:98 telephone-event/8000\r\n",
			"OPUS", 96, 98, 8000},
		{"no events", "96", "a=rtpmap:96 opus/48000/2\r\n", "OPUS", 96, noPayload, 0},
		{"mono is not Opus", "96 0", "a=rtpmap:96 opus/48000\r\n", "PCMU", 0, noPayload, 0},
		{"their order counts", "0 96", "a=rtpmap:96 opus/48000/2\r\n", "PCMU", 0, noPayload, 0},
	} {
		reply, s, err := n().answer([]byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP "+c.types, c.attrs)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Codec != c.codec || s.SendType != c.pt || s.RecvEvents != c.events || s.EventClock != c.eventsClock {
			t.Errorf("%s: %+v", c.name, s)
		}
		if opus := strings.Contains(string(reply), "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"); opus !=
			(c.codec == "OPUS") {
			t.Errorf("%s: %s", c.name, reply)
		}
	}
	if offer, _ := n().offer(); !strings.Contains(string(offer), "RTP/AVP 111 0 101") {
		t.Errorf("offer: %s", offer)
	}
	ours := n()
	_, _ = ours.offer()
	s, err := ours.accept([]byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 111 101",
		"a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n")))
	if err != nil || s.Codec != "OPUS" || s.RecvType != 111 || s.RecvEvents != 101 || s.EventClock != 8000 {
		t.Errorf("answer: %+v, %v", s, err)
	}
}
