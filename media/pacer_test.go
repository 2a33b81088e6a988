package media

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// leg remembers when it was ticked; block makes its next tick take that long.
type leg struct {
	mu    sync.Mutex
	due   []time.Time
	at    []time.Time
	block time.Duration
}

func (l *leg) Tick(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = append(l.due, now)
	l.at = append(l.at, time.Now())
	time.Sleep(l.block)
	l.block = 0
}

func (l *leg) ticks() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Time(nil), l.due...)
}

func TestPacerKeepsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		var legs [slotCount]leg
		for i := range legs {
			p.Add(&legs[i])
		}
		time.Sleep(999 * time.Millisecond)
		p.Close()
		phases := map[time.Duration]bool{}
		for i := range legs {
			ticks := legs[i].ticks()
			if len(ticks) != 50 {
				t.Fatalf("leg %d: %d ticks in a second", i, len(ticks))
			}
			for k := 1; k < len(ticks); k++ {
				if d := ticks[k].Sub(ticks[k-1]); d != FrameDuration {
					t.Fatalf("leg %d tick %d: after %v", i, k, d)
				}
			}
			phases[ticks[0].Sub(p.base)%FrameDuration] = true
		}
		if len(phases) != slotCount {
			t.Errorf("ten legs share %d phases", len(phases))
		}
	})
}

func TestPacerStall(t *testing.T) {
	for _, tc := range []struct {
		stall  time.Duration
		ticks  int // in a second
		stalls uint64
	}{
		{50 * time.Millisecond, 50, 0},  // caught up
		{170 * time.Millisecond, 43, 1}, // seven were skipped
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPacer()
			l := &leg{block: tc.stall}
			p.Add(l)
			time.Sleep(999 * time.Millisecond)
			p.Remove(l)
			s := p.Stats()
			p.Close()
			ticks := l.ticks()
			if len(ticks) != tc.ticks || s.Stalls != tc.stalls {
				t.Errorf("stall %v: %d ticks, %d stalls; want %d, %d", tc.stall, len(ticks), s.Stalls, tc.ticks, tc.stalls)
			}
			for k := range ticks {
				if ticks[k].Sub(ticks[0])%FrameDuration != 0 {
					t.Errorf("tick %d left its phase", k)
				}
			}
			if s.MaxLag < tc.stall-FrameDuration {
				t.Errorf("lag %v", s.MaxLag)
			}
		})
	}
}

// slow is in the middle of a tick until it is released.
type slow struct{ entered, release chan struct{} }

func (s *slow) Tick(time.Time) {
	s.entered <- struct{}{}
	<-s.release
}

func TestPacerRemoveWaits(t *testing.T) {
	p := NewPacer() // in real time: a mutex does not let a bubble's clock run
	defer p.Close()
	l := &slow{make(chan struct{}), make(chan struct{})}
	p.Add(l)
	<-l.entered
	removed := make(chan struct{})
	go func() {
		p.Remove(l)
		close(removed)
	}()
	for range 100 {
		runtime.Gosched()
	}
	select {
	case <-removed:
		t.Error("Remove returned while the leg was being ticked")
	default:
	}
	close(l.release)
	<-removed
	if p.Legs() != 0 {
		t.Error("still there")
	}
}

func TestPacerKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		l := &leg{}
		p.Add(l)
		time.Sleep(109 * time.Millisecond)
		before := len(l.ticks())
		kicked := time.Now()
		p.Kick(l)
		if n := len(l.ticks()); n != before+1 {
			t.Fatalf("Kick ticked %d times", n-before)
		}
		time.Sleep(FrameDuration)
		ticks := l.ticks()
		last := ticks[len(ticks)-1]
		if len(ticks) != before+2 || last.Sub(kicked) > FrameDuration || last.Sub(kicked) < FrameDuration-slotDuration {
			t.Errorf("%d ticks after Kick, the next one %v later", len(ticks)-before-1, last.Sub(kicked))
		}
	})
}

func TestPacersLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps := NewPacers(2)
		defer ps.Close()
		a := ps.Least()
		a.Add(&leg{})
		if ps.Least() == a || ps.Stats().Legs != 1 {
			t.Error("the second leg goes to the pacer that has one already")
		}
	})
}

type nothing struct{ n int }

func (n *nothing) Tick(time.Time) { n.n++ }

func TestPacerTickAllocatesNothing(t *testing.T) {
	p := NewManualPacer()
	l := &nothing{}
	p.Add(l)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { p.TickAll(now); p.Kick(l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if l.n == 0 {
		t.Error("not ticked")
	}
}

func BenchmarkPacerTick(b *testing.B) {
	p := NewManualPacer()
	for range 1000 {
		p.Add(&nothing{})
	}
	b.ReportAllocs()
	for b.Loop() {
		p.TickAll(p.base)
	}
}
