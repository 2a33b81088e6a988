package sipedge

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testNegotiator() *negotiator {
	return newNegotiator(netip.MustParseAddrPort("192.0.2.10:20000"), []string{"PCMU", "PCMA"},
		netip.MustParseAddr("198.51.100.1"), 7)
}

// offerText is a session description with one connection address.
func offerText(c, m, attrs string) string {
	return "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=" + c + "\r\nt=0 0\r\n" + m + "\r\n" + attrs
}

// R-RTP-10: where sound may be sent.
func TestMediaAddress(t *testing.T) {
	for _, c := range []struct{ conn, media, want string }{
		{"IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 0", "198.51.100.1:4000"},
		{"IN IP4 198.51.100.1/127", "m=audio 4000 RTP/AVP 0", "198.51.100.1:4000"},
		{"IN IP6 ::ffff:198.51.100.1", "m=audio 4000 RTP/AVP 0", "198.51.100.1:4000"},
		{"IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 0", "hold"},
		{"IN IP4 224.1.1.1/127", "m=audio 4000 RTP/AVP 0", "multicast"},
		{"IN IP4 255.255.255.255", "m=audio 4000 RTP/AVP 0", "broadcast"},
		{"IN IP4 0.1.2.3", "m=audio 4000 RTP/AVP 0", "unusable"},
		{"IN IP4 127.0.0.1", "m=audio 4000 RTP/AVP 0", "loopback"},
		{"IN IP6 2001:db8::1", "m=audio 4000 RTP/AVP 0", "family"},
		{"IN IP4 media.example.com", "m=audio 4000 RTP/AVP 0", "not an IP"},
		{"IN IP4 192.0.2.10", "m=audio 20000 RTP/AVP 0", "our own"},
		{"IN IP4 198.51.100.1", "m=audio 0 RTP/AVP 0", "no audio"},
		{"IN IP4 198.51.100.1", "m=audio 1 RTP/AVP 0", "port 1"},
		{"IN IP4 198.51.100.1", "m=audio 70000 RTP/AVP 0", "description"},
		{"IN IP4 198.51.100.1", "m=audio 4000 TCP/RTP/AVP 0", "transport"},
		{"IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 18", "no codec"},
	} {
		_, s, err := testNegotiator().answer([]byte(offerText(c.conn, c.media, "")))
		switch {
		case c.want == "hold":
			if err != nil || !s.Held || s.Send || s.Remote.IsValid() {
				t.Errorf("%s: %+v, %v", c.conn, s, err)
			}
		case err != nil:
			if !errors.Is(err, errSDP) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %s: %v, want %s", c.conn, c.media, err, c.want)
			}
		case s.Remote.String() != c.want:
			t.Errorf("%s %s: %s, want %s", c.conn, c.media, s.Remote, c.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name, media, attrs string
		want               []string
		check              func(Session) bool
	}{
		{"their numbers", "m=audio 4000 RTP/AVP 96 97 98",
			"a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 PCMA/8000\r\na=rtpmap:98 telephone-event/8000\r\na=ptime:35\r\n",
			[]string{"m=audio 20000 RTP/AVP 97 98\r\n", "a=rtpmap:97 PCMA/8000\r\n", "a=fmtp:98 0-16\r\n", "a=ptime:30\r\n"},
			func(s Session) bool {
				return s.Codec == "PCMA" && s.SendType == 97 && s.RecvType == 97 && s.SendEvents == 98 &&
					s.Ptime == 30*time.Millisecond
			}},
		{"events of another clock", "m=audio 4000 RTP/AVP 0 110", "a=rtpmap:110 telephone-event/48000\r\n",
			[]string{"RTP/AVP 0\r\n"},
			func(s Session) bool { return s.SendEvents == noPayload }},
		{"comfort noise", "m=audio 4000 RTP/AVP 13 8", "a=rtcp-mux\r\n", []string{"RTP/AVP 8 13\r\n", "a=rtcp-mux"},
			func(s Session) bool { return s.ComfortNoise == 13 && s.RTCPMux }},
		{"session direction", "m=audio 4000 RTP/AVP 8", "a=recvonly\r\n", []string{"a=sendonly"},
			func(s Session) bool { return s.Send && !s.Recv && !s.Held }},
		{"other lines", "m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n" +
			"m=image 6000 udptl t38", "",
			[]string{"m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 0\r\n", "m=audio 0 RTP/AVP 8\r\nm=image 0 udptl t38\r\n"},
			nil},
		{"first line unusable", "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 0", "",
			[]string{"m=audio 0 RTP/SAVP 0\r\nm=audio 20000 RTP/AVP 0\r\n"},
			func(s Session) bool { return s.Remote.Port() == 4002 }},
		{"clock zero", "m=audio 4000 RTP/AVP 97 0", "a=rtpmap:97 PCMU/0\r\n", []string{"RTP/AVP 0\r\n"}, nil},
	} {
		answer, s, err := testNegotiator().answer([]byte(offerText("IN IP4 198.51.100.1", c.media, c.attrs)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(string(answer), w) {
				t.Errorf("%s: answer lacks %q:\n%s", c.name, w, answer)
			}
		}
		if c.check != nil && !c.check(s) {
			t.Errorf("%s: session %+v", c.name, s)
		}
	}
	// Faults that phones in the field have.
	for _, text := range []string{
		"v=0\no=John Doe 1 1 IN IP4 198.51.100.1\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 4000 RTP/AVP 0",
		"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=\r\nb=AS:64\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n" +
			"m=audio 4000 RTP/AVP 0\r\n\r\n",
	} {
		if _, _, err := testNegotiator().answer([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "no SDP": "hello\r\n",
		"nine lines": offerText("IN IP4 198.51.100.1", strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", 9), ""),
		"65 types":   offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP"+strings.Repeat(" 0", 65), ""),
		"17 KiB":     offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 0", strings.Repeat("a=x\r\n", 3600)),
	} {
		if _, _, err := testNegotiator().answer([]byte(text)); !errors.Is(err, errSDP) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The version of o= moves on when the description changes, and only then.
func TestVersions(t *testing.T) {
	n := testNegotiator()
	version := func(text []byte) string { return strings.Fields(string(text))[3] }
	offer := []byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 0", ""))
	a, _, _ := n.answer(offer)
	b, _, _ := n.answer(offer)
	hold, _, _ := n.answer([]byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 0", "a=sendonly\r\n")))
	if version(a) != "1" || version(b) != "1" || version(hold) != "2" {
		t.Errorf("versions %s %s %s", version(a), version(b), version(hold))
	}
	if _, _, err := n.answer([]byte("v=0")); err == nil || n.version != 2 {
		t.Error("a refused offer changed our side")
	}
}

func TestAccept(t *testing.T) {
	n := testNegotiator()
	if _, err := n.offer(); err != nil {
		t.Fatal(err)
	}
	s, err := n.accept([]byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 96 97",
		"a=rtpmap:96 PCMA/8000\r\na=rtpmap:97 telephone-event/8000\r\n")))
	if err != nil || s.SendType != 96 || s.RecvType != 8 || s.SendEvents != 97 || s.RecvEvents != 101 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := n.accept([]byte(offerText("IN IP4 198.51.100.1", "m=audio 0 RTP/AVP 0", ""))); !errors.Is(err, errSDP) {
		t.Errorf("refused audio: %v", err)
	}
}

// Any offer: the answer parses, has as many lines, at most one codec with events and noise, and no number that the
// offer lacks.
func TestAnswerProperties(t *testing.T) {
	line := rapid.Custom(func(t *rapid.T) string {
		kind := rapid.SampledFrom([]string{"audio", "audio", "audio", "video", "image", "application"}).Draw(t, "kind")
		proto := rapid.SampledFrom([]string{"RTP/AVP", "RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl"}).Draw(t, "proto")
		var b strings.Builder
		var attrs string
		fmt.Fprintf(&b, "m=%s %d %s", kind, rapid.IntRange(0, 65535).Draw(t, "port"), proto)
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 130), 1, 12).Draw(t, "types") {
			fmt.Fprintf(&b, " %d", n)
			if rapid.Bool().Draw(t, "mapped") {
				attrs += fmt.Sprintf("a=rtpmap:%d %s\r\n", n,
					rapid.SampledFrom([]string{"PCMU/8000", "pcma/8000/1", "telephone-event/8000",
						"telephone-event/16000", "CN/8000", "opus/48000/2", "PCMU/0", "x", "PCMU/16000", "/8000"}).Draw(t, "map"))
			}
		}
		attrs += rapid.SampledFrom([]string{"", "a=sendonly\r\n", "a=inactive\r\n", "a=rtcp-mux\r\n", "a=ptime:0\r\n",
			"a=ptime:9999\r\n", "c=IN IP4 0.0.0.0\r\n"}).Draw(t, "attr")
		// c= goes before a= in a media block.
		if strings.HasPrefix(attrs, "c=") || !strings.Contains(attrs, "c=") {
			return b.String() + "\r\n" + attrs
		}
		return b.String() + "\r\nc=IN IP4 0.0.0.0\r\n" + strings.Replace(attrs, "c=IN IP4 0.0.0.0\r\n", "", 1)
	})
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(line, 1, 8).Draw(t, "lines")
		offer := offerText("IN IP4 198.51.100.1", strings.TrimSuffix(strings.Join(lines, ""), "\r\n"), "")
		answer, s, err := testNegotiator().answer([]byte(offer))
		if err != nil {
			if !errors.Is(err, errSDP) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		checkAnswer(t, offer, answer, s)
	})
}

// mediaLines are the words of the m-lines of a text, read with nothing of ours.
func mediaLines(text string) [][]string {
	var list [][]string
	for line := range strings.SplitSeq(text, "\r\n") {
		if rest, ok := strings.CutPrefix(line, "m="); ok {
			list = append(list, strings.Fields(rest))
		}
	}
	return list
}

func checkAnswer(t interface{ Fatalf(string, ...any) }, offer string, answer []byte, s Session) {
	got, asked := mediaLines(string(answer)), mediaLines(offer)
	if len(got) != len(asked) {
		t.Fatalf("%d lines for %d", len(got), len(asked))
	}
	open := 0
	for i, m := range got {
		theirs := asked[i]
		if m[0] != theirs[0] || m[2] != theirs[2] || m[1] != "0" && theirs[1] == "0" {
			t.Fatalf("line %d: %v for %v", i, m, theirs)
		}
		if m[1] == "0" {
			continue
		}
		open++
		if len(m) > 6 || m[3] != strconv.Itoa(s.SendType) {
			t.Fatalf("line %d: %v, session %+v", i, m, s)
		}
		for _, f := range m[3:] {
			if !slices.Contains(theirs[3:], f) {
				t.Fatalf("payload %s was not offered", f)
			}
		}
	}
	if open != 1 {
		t.Fatalf("%d open lines in\n%s", open, answer)
	}
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 RTP/AVP 0 8 101",
		"a=rtpmap:101 telephone-event/8000\r\n")))
	f.Add([]byte("v=0\no=a b 1 1 IN IP4 h\nc=IN IP6 ::1\nm=audio 1 x 0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := testNegotiator()
		answer, s, err := n.answer(data)
		if err != nil {
			return
		}
		if s.Remote.IsValid() && (s.Remote.Addr().IsMulticast() || s.Remote.Addr().IsUnspecified() ||
			s.Remote.Port() < minMediaPort) {
			t.Fatalf("sound would go to %s", s.Remote)
		}
		if _, err := parseSDP(answer); err != nil {
			t.Fatalf("answer does not parse: %v\n%q", err, answer)
		}
		if hasControl(strings.NewReplacer("\r\n", "").Replace(string(answer))) {
			t.Fatalf("control octets in %q", answer)
		}
	})
}
