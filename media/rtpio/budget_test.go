package rtpio

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"pintle/media"
	"pintle/media/tone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sinkhole is a PacketIO that takes everything and gives nothing.
type sinkhole struct {
	*End
	n int
}

func (s *sinkhole) WriteBatch(ps []Packet) (int, error) {
	s.n += len(ps)
	return len(ps), nil
}

func quietStream(tb testing.TB, change func(*Params)) (*Stream, *sinkhole) {
	tb.Helper()
	near, end := Pair()
	io := &sinkhole{End: near}
	p := params("PCMU", end.local)
	if change != nil {
		change(&p)
	}
	s, err := New(Options{RTP: io, Rest: time.Hour}, p)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s, io
}

// ticking is a call that goes on: a packet comes, a tick passes.
type ticking struct {
	s   *Stream
	b   []byte
	h   rtp.Header
	now time.Time
}

func newTicking(s *Stream) *ticking {
	return &ticking{s: s, b: packet(rtp.Header{SSRC: 7}, ulaw(400, 0, 160)), h: rtp.Header{Version: 2, SSRC: 7},
		now: time.Now()}
}

func (t *ticking) step() {
	t.h.SequenceNumber++
	t.h.Timestamp += 160
	_, _ = t.h.MarshalTo(t.b)
	t.now = t.now.Add(media.FrameDuration)
	t.s.receive(t.b, t.s.in.learner.expected, t.now)
	t.s.Tick(t.now)
}

func TestNoAllocationPerPacketAndTick(t *testing.T) {
	ring, err := tone.Ringback(8000, "us")
	if err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(s *Stream){
		"silence": func(*Stream) {},
		"prompt":  func(s *Stream) { s.Play(ring) },
		"encoded": func(s *Stream) { s.Play(&shared{payload: make([]byte, 160)}) },
		"recorded": func(s *Stream) {
			s.AddTap(Received, media.NewTap(8000, time.Second))
			s.AddTap(Sent, media.NewTap(8000, time.Second))
		},
		"30 ms": func(s *Stream) {
			p := s.inParams()
			p.Ptime, p.Inband = 30*time.Millisecond, true
			if err := s.Update(p); err != nil {
				t.Error(err)
			}
		},
		"relayed": func(s *Stream) {
			other, _ := quietStream(t, nil)
			if _, err := Join(s, other, ForwardDigits); err != nil {
				t.Error(err)
			}
		},
		"transcoded": func(s *Stream) {
			other, _ := quietStream(t, func(p *Params) { *p = params("L16", p.Remote) })
			if _, err := Join(s, other, ForwardDigits); err != nil {
				t.Error(err)
			}
		},
	} {
		s, io := quietStream(t, nil)
		prepare(s)
		c := newTicking(s)
		for range 200 {
			c.step()
		}
		if n := testing.AllocsPerRun(300, c.step); n != 0 {
			t.Errorf("%s: %v allocations for a packet and a tick", name, n)
		}
		if io.n < 200 && name != "relayed" || s.Stats().Received < 400 {
			t.Errorf("%s: sent %d, received %d", name, io.n, s.Stats().Received)
		}
	}
}

func benchmark(b *testing.B, prepare func(s *Stream)) {
	s, _ := quietStream(b, nil)
	prepare(s)
	c := newTicking(s)
	b.ReportAllocs()
	for b.Loop() {
		c.step()
	}
}

func BenchmarkSilence(b *testing.B) { benchmark(b, func(*Stream) {}) }

func BenchmarkEncodedPrompt(b *testing.B) {
	benchmark(b, func(s *Stream) { s.Play(&shared{payload: make([]byte, 160)}) })
}

func BenchmarkRecorded(b *testing.B) {
	benchmark(b, func(s *Stream) { s.AddTap(Received, media.NewTap(8000, time.Second)) })
}

func BenchmarkRelay(b *testing.B) {
	benchmark(b, func(s *Stream) {
		other, _ := quietStream(b, nil)
		if _, err := Join(s, other, ForwardDigits); err != nil {
			b.Fatal(err)
		}
	})
}
