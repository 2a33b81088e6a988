package rtpio

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"pintle/media"
	"pintle/media/codec"
)

// opusParams are those of a leg in Opus.
func opusParams(t testing.TB, to netip.AddrPort) Params {
	t.Helper()
	info, ok := codec.ByName("opus", 48000)
	if !ok {
		t.Fatal("no Opus")
	}
	return Params{Codec: info, SendType: 111, RecvType: 111, EventSend: 110, EventRecv: 110, EventRate: 48000, Remote: to}
}

// wave is a tone without end.
type wave struct{ at int }

// ReadFrame gives 500 Hz.
func (w *wave) ReadFrame(dst media.Frame) (int, error) {
	for i := range dst {
		dst[i] = int16(8000 * math.Sin(2*math.Pi*500*float64(w.at)/16000))
		w.at++
	}
	return len(dst), nil
}

// looped gives back what is written, when it is read.
type looped struct {
	queue chan Packet
	done  chan struct{}
	addr  netip.AddrPort
}

// ReadBatch waits for the end: the test hands packets over itself.
func (l *looped) ReadBatch([]Packet) (int, error) {
	<-l.done
	return 0, ErrClosed
}

// WriteBatch keeps the last packet.
func (l *looped) WriteBatch(ps []Packet) (int, error) {
	for _, p := range ps {
		select {
		case l.queue <- p:
		default:
		}
	}
	return len(ps), nil
}

// LocalAddr is an address of tests.
func (l *looped) LocalAddr() netip.AddrPort { return l.addr }

// Close ends ReadBatch.
func (l *looped) Close() error {
	close(l.done)
	return nil
}

// opusLeg is a leg in both directions: it encodes what it plays and decodes it again.
func opusLeg(t testing.TB) (*Stream, func()) {
	remote := netip.MustParseAddrPort("192.0.2.1:4000")
	io := &looped{queue: make(chan Packet, 1), done: make(chan struct{}), addr: remote}
	s, err := New(Options{RTP: io, Name: "t"}, opusParams(t, remote))
	if err != nil {
		t.Fatal(err)
	}
	tap := media.NewTap(s.Rate(), time.Second)
	s.AddTap(Received, tap)
	s.Play(&wave{})
	now := time.Now()
	frame := make(media.Frame, media.FrameSize(s.Rate()))
	return s, func() {
		now = now.Add(media.FrameDuration)
		s.Tick(now)
		select {
		case p := <-io.queue:
			s.receive(p.Buf[:p.N], remote, now)
		default:
		}
		tap.Trim(1)
		_, _ = tap.ReadFrame(frame)
	}
}

// A leg in Opus is heard at its own rate, and a tick of it allocates nothing.
func TestOpusLeg(t *testing.T) {
	s, tick := opusLeg(t)
	defer s.Close()
	tap := media.NewTap(s.Rate(), 2*time.Second)
	for range 30 {
		tick()
	}
	s.AddTap(Received, tap)
	for range 50 {
		tick()
	}
	s.RemoveTap(tap)
	f := make(media.Frame, media.FrameSize(s.Rate()))
	var re, im, all float64
	for i := 0; ; {
		n, _ := tap.ReadFrame(f)
		if n == 0 {
			break
		}
		for _, v := range f[:n] {
			a := 2 * math.Pi * 500 * float64(i) / 16000
			re, im, all = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a), all+float64(v)*float64(v)
			i++
		}
		if i >= 16000 {
			re, im = re/math.Sqrt(float64(i)), im/math.Sqrt(float64(i))
			break
		}
	}
	if part := 2 * (re*re + im*im) / all; s.Rate() != 16000 || all == 0 || part < 0.8 {
		t.Errorf("rate %d: 500 Hz are %.2f of what came back", s.Rate(), part)
	}
	if n := testing.AllocsPerRun(200, tick); n > 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

func BenchmarkOpusLeg(b *testing.B) {
	s, tick := opusLeg(b)
	defer s.Close()
	for range 20 {
		tick()
	}
	b.ReportAllocs()
	for b.Loop() {
		tick()
	}
}
