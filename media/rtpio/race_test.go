package rtpio

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
)

// Everything at once, for the race detector: two legs that are played to,
// tapped, bridged, held and closed while packets come.
func TestConcurrentUse(t *testing.T) {
	pacers := media.NewPacers(2)
	defer pacers.Close()
	near, far := Pair()
	far2, near2 := Pair()
	a, err := New(Options{RTP: near, Pace: pacers.Least()}, params("PCMU", far.local))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{RTP: near2, Pace: pacers.Least()}, params("PCMA", far2.local))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	stop := time.Now().Add(100 * time.Millisecond)
	for _, f := range []func(){
		func() { a.Play(&media.Silence{For: time.Millisecond}) },
		func() { tap := media.NewTap(8000, time.Second); b.AddTap(Sent, tap); b.RemoveTap(tap) },
		func() {
			if br, err := Join(a, b, ForwardDigits); err == nil {
				br.Close()
			}
		},
		func() {
			p := params("PCMU", far.local)
			p.Direction = Direction(time.Now().UnixNano() % 4)
			if err := a.Update(p); err != nil {
				t.Error(err)
			}
		},
		func() { a.Inject('5', 0); _ = a.Stats(); _ = a.String() },
		func() { near.Deliver(packet(rtp.Header{SSRC: 7}, make([]byte, 160)), far.local) },
		func() { _ = b.SendDigits(t.Context(), "1", 40*time.Millisecond, 40*time.Millisecond) },
	} {
		all.Go(func() {
			for time.Now().Before(stop) {
				f()
			}
		})
	}
	time.AfterFunc(120*time.Millisecond, func() { _ = b.Close() })
	all.Wait()
	for _, s := range []*Stream{a, b, a} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := pacers.Stats().Legs; n != 0 {
		t.Errorf("%d legs are left", n)
	}
}
