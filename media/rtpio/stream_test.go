package rtpio

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/tone"
)

// Whatever is played, the far end sees one stream: sequence numbers, timestamps
// and SSRC go on, and each prompt begins with a marker.
func TestSendIsOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		time.Sleep(199 * time.Millisecond)
		a := s.Play(beep(t, "400/200"))
		time.Sleep(50 * time.Millisecond)
		b := s.Play(beep(t, "600/100")) // barge in
		if !errors.Is(a.Err(), media.ErrStopped) {
			t.Errorf("replaced prompt: %v", a.Err())
		}
		if err := b.Wait(t.Context()); err != nil || b.Played() != 100*time.Millisecond {
			t.Errorf("prompt: %v after %v", err, b.Played())
		}
		time.Sleep(2 * time.Second)
		got := f.taken()
		for i := 1; i < len(got); i++ {
			if got[i].SequenceNumber != got[i-1].SequenceNumber+1 || got[i].Timestamp != got[i-1].Timestamp+160 ||
				got[i].SSRC != got[0].SSRC || len(got[i].Payload) != 160 {
				t.Fatalf("packet %d: %v after %v", i, got[i].Packet, got[i-1].Packet)
			}
		}
		// The clock of the stream is true in the long run, although prompts began early.
		first, last := got[0], got[len(got)-1]
		drift := last.at.Sub(first.at) - time.Duration(last.Timestamp-first.Timestamp)*time.Second/8000
		if drift.Abs() > media.FrameDuration {
			t.Errorf("the media clock is off by %v", drift)
		}
		markers := 0
		for _, p := range got {
			if p.Marker {
				markers++
			}
		}
		if markers != 1 { // the second prompt followed the first without a gap
			t.Errorf("%d markers", markers)
		}
	})
}

func TestPromptStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		for k := range 20 {
			time.Sleep(time.Duration(100+k) * time.Millisecond)
			f.taken()
			s.Play(beep(t, "400/20"))
			got := f.taken()
			if len(got) != 1 || !got[0].Marker {
				t.Fatalf("prompt %d: %d packets at once", k, len(got))
			}
		}
	})
}

func TestPacketTimes(t *testing.T) {
	for _, ptime := range []time.Duration{10, 20, 30, 40, 60} {
		synctest.Test(t, func(t *testing.T) {
			_, f := start(t, func(_ *Options, p *Params) { p.Ptime = ptime * time.Millisecond })
			time.Sleep(1190 * time.Millisecond)
			got := f.taken()
			if want := 1200 / int(ptime); len(got) != want {
				t.Errorf("%d ms: %d packets in 1.2 s, want %d", ptime, len(got), want)
			}
			for i, p := range got {
				if len(p.Payload) != 8*int(ptime) || p.Timestamp != got[0].Timestamp+uint32(i*8*int(ptime)) {
					t.Fatalf("%d ms: packet %d: %v", ptime, i, p.Packet)
				}
			}
		})
	}
}

// A stall of the machine leaves time out; the timestamps tell.
func TestStallSkips(t *testing.T) {
	near, end := Pair()
	s, err := New(Options{RTP: near}, params("PCMU", end.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, after := range []time.Duration{0, 20, 320, 340} {
		s.Tick(now.Add(after * time.Millisecond))
	}
	var ts []uint32
	batch := []Packet{{Buf: make([]byte, maxPacket)}}
	for range 4 {
		if _, err := end.ReadBatch(batch); err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(batch[0].Buf[:batch[0].N]); err != nil {
			t.Fatal(err)
		}
		ts = append(ts, p.Timestamp)
	}
	if a, b, c := ts[1]-ts[0], ts[2]-ts[1], ts[3]-ts[2]; a != 160 || b != 15*160 || c != 160 {
		t.Errorf("timestamps advance by %d, %d, %d", a, b, c)
	}
	if st := s.Stats(); st.SendStalls != 1 {
		t.Errorf("%d stalls", st.SendStalls)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// shared is a prompt that is ready encoded.
type shared struct {
	payload []byte
	frames  int
}

func (s *shared) ReadFrame(media.Frame) (int, error) { panic("decoded though it is encoded") }

func (s *shared) ReadEncoded(c media.Codec) ([]byte, bool, error) {
	s.frames++
	return s.payload, c.Name() == "PCMU", nil
}

func TestEncodedPromptIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		src := &shared{payload: ulaw(400, 0, 160)}
		s.Play(src)
		time.Sleep(99 * time.Millisecond)
		got := f.taken()
		if len(got) < 5 || src.frames < 5 || !slices.Equal(got[3].Payload, src.payload) {
			t.Errorf("%d packets of %d frames", len(got), src.frames)
		}
	})
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		time.Sleep(100 * time.Millisecond)
		held := params("PCMU", f.end.LocalAddr())
		held.Direction = Inactive
		if err := s.Update(held); err != nil {
			t.Fatal(err)
		}
		f.taken()
		p := s.Play(beep(t, "400/500"))
		f.say(300, time.Second)
		if got := f.taken(); len(got) != 0 {
			t.Errorf("%d packets on hold", len(got))
		}
		if p.Err() != nil || p.Played() != 500*time.Millisecond {
			t.Errorf("a prompt on hold: %v after %v", p.Err(), p.Played())
		}
		if st := s.Stats(); st.Received != 0 {
			t.Errorf("%d packets received on hold", st.Received)
		}
		time.Sleep(time.Minute) // longer than media may stay away otherwise
		select {
		case <-s.TimedOut():
			t.Error("timed out on hold")
		default:
		}
		held.Direction = SendRecv
		if err := s.Update(held); err != nil {
			t.Fatal(err)
		}
		f.say(300, 200*time.Millisecond)
		if got := f.taken(); len(got) < 9 || s.Stats().Received != 10 {
			t.Errorf("after hold: sent %d, received %d", len(got), s.Stats().Received)
		}
	})
}

func TestMediaTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		at := func() (after time.Duration) {
			from := time.Now()
			select {
			case <-s.TimedOut():
			case <-time.After(time.Hour):
			}
			return time.Since(from)
		}
		time.Sleep(25 * time.Second)
		f.say(300, time.Second)
		if d := at().Round(time.Second); d != 20*time.Second {
			t.Errorf("timed out %v after the last packet", d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, _ := start(t, nil)
		from := time.Now()
		<-s.TimedOut()
		if d := time.Since(from).Round(time.Second); d != 30*time.Second {
			t.Errorf("timed out after %v without a packet", d)
		}
	})
}

func TestChainIsPrinted(t *testing.T) {
	near, end := Pair()
	s, err := New(Options{RTP: near}, params("PCMA", end.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Play(tone.Beep(8000))
	if got, want := s.String(), "rtp(PCMA 8000) <- switch <- tone(beep)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParamsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"multicast":     func(p *Params) { p.Remote = netip.MustParseAddrPort("224.0.0.1:4000") },
		"broadcast":     func(p *Params) { p.Remote = netip.MustParseAddrPort("255.255.255.255:4000") },
		"unspecified":   func(p *Params) { p.Remote = netip.MustParseAddrPort("0.0.0.0:4000") },
		"unspecified 6": func(p *Params) { p.Remote = netip.MustParseAddrPort("[::]:4000") },
		"mapped":        func(p *Params) { p.Remote = netip.MustParseAddrPort("[::ffff:224.1.1.1]:4000") },
		"port 0":        func(p *Params) { p.Remote = netip.MustParseAddrPort("192.0.2.9:0") },
		"RTCP":          func(p *Params) { p.RemoteRTCP = netip.MustParseAddrPort("0.0.0.1:4000") },
		"ptime":         func(p *Params) { p.Ptime = 25 * time.Millisecond },
		"long ptime":    func(p *Params) { p.Ptime = time.Second },
		"type":          func(p *Params) { p.SendType = 72 },
		"codec":         func(p *Params) { p.Codec = codec.Info{} },
	} {
		p := params("PCMU", netip.MustParseAddrPort("192.0.2.9:4000"))
		change(&p)
		near, _ := Pair()
		if s, err := New(Options{RTP: near}, p); err == nil {
			t.Errorf("%s accepted", name)
			_ = s.Close()
		}
	}
}

func TestSendDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		s.Play(beep(t, "400/5000"))
		time.Sleep(99 * time.Millisecond)
		f.taken()
		from := time.Now()
		if err := s.SendDigits(t.Context(), "5#", 100*time.Millisecond, 60*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		took := time.Since(from)
		time.Sleep(100 * time.Millisecond)
		got := f.taken()
		var keys []byte
		ends, seq := 0, got[0].SequenceNumber
		var eventTS uint32
		for i, p := range got {
			if p.SequenceNumber != seq+uint16(i) {
				t.Errorf("sequence gap at %d", i)
			}
			if p.PayloadType != 101 {
				continue
			}
			if p.Marker {
				keys, eventTS = append(keys, p.Payload[0]), p.Timestamp
			}
			if p.Timestamp != eventTS {
				t.Error("the timestamp moves within an event")
			}
			if p.Payload[1]&0x80 != 0 {
				ends++
			}
		}
		if !slices.Equal(keys, []byte{5, 11}) || ends != 6 {
			t.Errorf("events %v with %d end packets", keys, ends)
		}
		last := got[len(got)-1]
		if last.PayloadType != 0 || took < 280*time.Millisecond || took > 400*time.Millisecond {
			t.Errorf("took %v, then payload type %d", took, last.PayloadType)
		}
		if d := last.Timestamp - got[0].Timestamp; d < uint32(8*(took.Milliseconds()-20)) {
			t.Errorf("audio resumes after %d units", d)
		}
	})
}

func TestSendDigitsAsTones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, func(_ *Options, p *Params) { p.EventSend = 0 })
		time.Sleep(50 * time.Millisecond)
		f.taken()
		if err := s.SendDigits(t.Context(), "1", 100*time.Millisecond, 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		var pcm []int16
		for _, p := range f.taken() {
			d := make(media.Frame, 160)
			codec.PCMU{}.Decode(d, p.Payload)
			pcm = append(pcm, d...)
		}
		if low, high := level(pcm[200:700], 697, 8000), level(pcm[200:700], 1209, 8000); low < -10 || high < -10 {
			t.Errorf("tones of 1: %.1f and %.1f dB", low, high)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.SendDigits(ctx, "1WWW2", 0, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
		if err := s.SendDigits(t.Context(), "3", 0, 0); err != nil {
			t.Errorf("after a cancelled one: %v", err)
		}
	})
}
