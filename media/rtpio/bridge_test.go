package rtpio

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/codec"
)

// two returns two streams in a bridge, the second with codec.
func two(t *testing.T, second string, digits DigitPolicy) (a, b *Stream, fa, fb *far, br *Bridge) {
	t.Helper()
	a, fa = start(t, nil)
	b, fb = start(t, func(_ *Options, p *Params) {
		*p = params(second, p.Remote)
		p.EventSend, p.EventRecv = 96, 96
	})
	time.Sleep(105 * time.Millisecond) // both send silence
	br, err := Join(a, b, digits)
	if err != nil {
		t.Fatal(err)
	}
	return a, b, fa, fb, br
}

// continuous fails when the packets are not one stream.
func continuous(t *testing.T, got []arrival) {
	t.Helper()
	for i := 1; i < len(got); i++ {
		p, q := got[i-1], got[i]
		if q.SSRC != p.SSRC || q.SequenceNumber != p.SequenceNumber+1 {
			t.Fatalf("packet %d: %v after %v", i, q.Packet, p.Packet)
		}
		drift := q.at.Sub(p.at) - time.Duration(int32(q.Timestamp-p.Timestamp))*time.Second/8000
		if q.PayloadType != 96 && p.PayloadType != 96 && drift.Abs() > 25*time.Millisecond {
			t.Fatalf("packet %d: timestamp off by %v", i, drift)
		}
	}
}

// Equal codecs: packets go through at once, byte by byte, as part of our own stream.
func TestBridgeRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, fa, fb, br := two(t, "PCMU", ForwardDigits)
		if !br.Direct() || a.String() != "rtp(PCMU 8000) <- relay" {
			t.Errorf("direct %v, chain %q", br.Direct(), a)
		}
		fa.say(300, 100*time.Millisecond)
		from := time.Now()
		payload := ulaw(300, fa.ts, 160)
		fa.send(payload, 0)
		got := fb.taken()
		if last := got[len(got)-1]; last.at != from || !slices.Equal(last.Payload, payload) {
			t.Errorf("the packet comes after %v", last.at.Sub(from))
		}
		time.Sleep(20 * time.Millisecond)
		fa.say(300, 100*time.Millisecond)
		b.Play(beep(t, "400/200")) // to one party, meanwhile the other is not heard
		fa.say(300, 400*time.Millisecond)
		time.Sleep(time.Second) // the far end falls silent: we keep the stream alive
		fa.say(300, 100*time.Millisecond)
		br.Close()
		fa.say(300, 100*time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		got = append(got, fb.taken()...)
		continuous(t, got)
		if n := len(got); n < 85 || n > 105 {
			t.Errorf("%d packets in two seconds", n)
		}
		if got[len(got)-1].Payload[0] != 0xff {
			t.Error("sound passes after Close")
		}
		if b.Stats().Withheld == 0 {
			t.Error("nothing was withheld during the prompt")
		}
	})
}

func TestBridgeDigits(t *testing.T) {
	for _, tc := range []struct {
		codec  string
		digits DigitPolicy
		events int // packets of type 96 at the second party
	}{{"PCMU", ForwardDigits, 5}, {"PCMU", SuppressDigits, 0}, {"PCMA", ForwardDigits, 7}, {"PCMA", SuppressDigits, 0}} {
		synctest.Test(t, func(t *testing.T) {
			a, _, fa, fb, _ := two(t, tc.codec, tc.digits)
			fa.say(300, 100*time.Millisecond)
			fb.taken()
			for k, d := range []byte{1, 2, 3, 3, 3} {
				end := byte(0)
				if k >= 2 {
					end = 0x80
				}
				h := rtp.Header{PayloadType: 101, SequenceNumber: fa.seq, Timestamp: fa.ts, SSRC: 7}
				fa.end.peer.Deliver(packet(h, []byte{7, end, 0, 160 * d & 0xff}), fa.end.local)
				fa.seq++
				time.Sleep(20 * time.Millisecond)
			}
			fa.ts += 800
			fa.say(300, 200*time.Millisecond)
			if len(a.Digits()) != 1 || (<-a.Digits()).Digit != '7' {
				t.Errorf("%s %d: the digit is not seen", tc.codec, tc.digits)
			}
			got := fb.taken()
			events := 0
			for i, p := range got {
				if p.PayloadType == 96 {
					events++
				}
				if p.SequenceNumber != got[0].SequenceNumber+uint16(i) {
					t.Fatalf("%s %d: gap in the sequence at %d", tc.codec, tc.digits, i)
				}
			}
			if events != tc.events {
				t.Errorf("%s %d: %d event packets, want %d", tc.codec, tc.digits, events, tc.events)
			}
		})
	}
}

// Different codecs and rates: sound is decoded and encoded again, both ways.
func TestBridgeTranscodes(t *testing.T) {
	for _, name := range []string{"PCMA", "L16"} {
		synctest.Test(t, func(t *testing.T) {
			_, _, fa, fb, br := two(t, name, ForwardDigits)
			if br.Direct() {
				t.Fatal("direct")
			}
			fa.say(400, 300*time.Millisecond)
			fb.taken()
			fa.say(400, time.Second)
			i := info(name)
			var pcm []int16
			got := fb.taken()
			for _, p := range got {
				f := make(media.Frame, media.FrameSize(i.SampleRate))
				i.New().Decode(f, p.Payload)
				pcm = append(pcm, f...)
			}
			if l := level(pcm, 400, float64(i.SampleRate)); len(got) < 49 || l < -0.5 || l > 0.5 {
				t.Errorf("%s: %d packets, tone at %.2f dB", name, len(got), l)
			}
		})
	}
}

// Taps hear both sides of a relayed leg, and a changed codec changes the way.
func TestBridgeTapsAndUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, fa, fb, br := two(t, "PCMU", ForwardDigits)
		in, sent := media.NewTap(8000, 5*time.Second), media.NewTap(8000, 5*time.Second)
		a.AddTap(Received, in)
		b.AddTap(Sent, sent)
		fa.say(400, 2*time.Second)
		for name, tap := range map[string]*media.Tap{"received": in, "sent": sent} {
			var pcm []int16
			f := make(media.Frame, 160)
			for tap.Len() > 0 {
				_, _ = tap.ReadFrame(f)
				pcm = append(pcm, f...)
			}
			if len(pcm) < 15000 || level(pcm[4000:14400], 400, 8000) < -0.5 {
				t.Errorf("%s: %d samples, tone at %.2f dB", name, len(pcm), level(pcm[4000:14400], 400, 8000))
			}
		}
		b.RemoveTap(sent)
		p := params("PCMA", fb.end.local)
		if err := b.Update(p); err != nil || br.Direct() {
			t.Fatalf("after a re-INVITE with another codec: direct %v, %v", br.Direct(), err)
		}
		fb.taken()
		fa.say(400, time.Second)
		got := fb.taken()
		f := make(media.Frame, 160)
		codec.PCMA{}.Decode(f, got[len(got)-1].Payload)
		if got[40].PayloadType != 8 || media.Level(f) < -20 {
			t.Errorf("payload type %d, level %.1f", got[40].PayloadType, media.Level(f))
		}
	})
}

func TestBridgeEndsWithAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _, br := two(t, "PCMU", ForwardDigits)
		if _, err := Join(a, b, ForwardDigits); !errors.Is(err, ErrBridged) {
			t.Errorf("second bridge: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		br.Close() // again
		if a.bridge.Load() != nil || a.in.relay != nil {
			t.Error("still bridged")
		}
	})
}
