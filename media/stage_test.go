package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// sine is a source of n frames of a tone.
type sine struct {
	rate, hz, n int
	at          int
}

func (s *sine) ReadFrame(dst Frame) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	s.n--
	for i := range dst {
		dst[i] = int16(10000 * math.Sin(2*math.Pi*float64(s.hz)*float64(s.at)/float64(s.rate)))
		s.at++
	}
	return len(dst), nil
}

func (s *sine) String() string { return fmt.Sprintf("sine(%d)", s.hz) }

func TestSwapReportsEachEndOnce(t *testing.T) {
	var s Swap
	f := make(Frame, 160)
	if n, err := s.ReadFrame(f); n != 0 || err != nil || s.Playing() {
		t.Fatalf("empty: %d %v", n, err)
	}
	a := s.Play(&sine{rate: 8000, hz: 400, n: 2})
	if got := s.String(); got != "switch <- sine(400)" {
		t.Errorf("chain %q", got)
	}
	for range 2 {
		if n, _ := s.ReadFrame(f); n != 160 {
			t.Fatalf("%d samples", n)
		}
	}
	if n, err := s.ReadFrame(f); n != 0 || err != nil {
		t.Errorf("the end came through: %d %v", n, err)
	}
	if err := a.Wait(t.Context()); err != nil || a.Played() != 2*FrameDuration || s.Playing() {
		t.Errorf("ended with %v after %v", err, a.Played())
	}
	b := s.Play(&Silence{})
	c := s.Play(&Silence{})
	b.Stop() // no longer the present one
	if !errors.Is(b.Err(), ErrStopped) || c.Err() != nil || !s.Playing() {
		t.Errorf("replaced: %v, present: %v", b.Err(), c.Err())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("hangup")
	cancel(why)
	if err := c.Wait(ctx); !errors.Is(err, why) || s.Playing() {
		t.Errorf("cancelled: %v", err)
	}
}

func TestConcatHasNoGap(t *testing.T) {
	c := NewConcat(&sine{rate: 8000, hz: 400, n: 1}, &sine{rate: 8000, n: 0}, &Silence{For: 40 * time.Millisecond})
	f := make(Frame, 160)
	for i := range 3 {
		if n, err := c.ReadFrame(f); n != 160 || err != nil {
			t.Fatalf("frame %d: %d %v", i, n, err)
		}
	}
	if n, err := c.ReadFrame(f); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("end: %d %v", n, err)
	}
}

func TestTapCountsWhatASlowReaderLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := NewTap(8000, 60*time.Millisecond)
		for i := range 5 {
			if err := tap.WriteFrame(Frame{int16(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		f := make(Frame, 160)
		for i := range 3 {
			if n, lost, err := tap.Read(t.Context(), f); n != 160 || lost != 0 || err != nil || f[0] != int16(i+1) {
				t.Fatalf("frame %d: %d %d %v %d", i, n, lost, err, f[0])
			}
		}
		go func() {
			time.Sleep(time.Second)
			_ = tap.WriteFrame(Frame{6})
			_ = tap.Close()
		}()
		if _, lost, err := tap.Read(t.Context(), f); lost != 2 || err != nil || f[0] != 6 || tap.Dropped() != 2 {
			t.Errorf("after the gap: lost %d, %v, %d", lost, err, f[0])
		}
		if _, _, err := tap.Read(t.Context(), f); !errors.Is(err, io.EOF) {
			t.Errorf("after Close: %v", err)
		}
		if err := tap.WriteFrame(f); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write after Close: %v", err)
		}
	})
}

func TestTapReadEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := NewTap(8000, time.Second).Read(ctx, make(Frame, 160)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestGainAndMixLimit(t *testing.T) {
	g := NewGain(&sine{rate: 8000, hz: 1000, n: 9}, 6.0206)
	f := make(Frame, 160)
	_, _ = g.ReadFrame(f)
	if f[2] < 19980 || f[2] > 20020 { // the peak of 10000
		t.Errorf("doubled peak %d", f[2])
	}
	Mix(f, f)
	if f[2] != 32767 || f[6] != -32768 {
		t.Errorf("sum not limited: %d %d", f[2], f[6])
	}
}

func TestLevel(t *testing.T) {
	f := make(Frame, 160)
	if l := Level(f); l != Floor {
		t.Errorf("silence %v", l)
	}
	_, _ = (&sine{rate: 8000, hz: 1000, n: 1}).ReadFrame(f)
	if l, want := Level(f), 20*math.Log10(10000/math.Sqrt2/32768); math.Abs(l-want) > 0.1 {
		t.Errorf("tone %v, want %v", l, want)
	}
	var n Noise
	n.SetLevel(-45)
	sum := 0.0
	for range 50 {
		_, _ = n.ReadFrame(f)
		sum += Level(f) / 50
	}
	if math.Abs(sum+45) > 1 {
		t.Errorf("noise %v, want -45", sum)
	}
}

func TestActivity(t *testing.T) {
	var noise Noise
	tone := &sine{rate: 8000, hz: 300, n: math.MaxInt}
	f := make(Frame, 160)
	feed := func(a *Activity, frames int, level float64, speak bool) (active int) {
		noise.SetLevel(level)
		for range frames {
			_, _ = noise.ReadFrame(f)
			if speak {
				_, _ = tone.ReadFrame(f)
			}
			if a.Write(f) {
				active++
			}
		}
		return active
	}
	for _, level := range []float64{Floor, -60, -42} {
		var a Activity
		feed(&a, 150, level, false) // learn the floor
		if n := feed(&a, 50, level, false); n != 0 {
			t.Errorf("noise at %v: %d of 50 frames are sound", level, n)
		}
		if n := feed(&a, 50, level, true); n != 50 || a.Silence() != 0 {
			t.Errorf("tone over %v: %d of 50 frames", level, n)
		}
		if n := feed(&a, 300, level, true); n != 300 {
			t.Errorf("held tone over %v: %d of 300 frames", level, n)
		}
		if n := feed(&a, 60, level, false); n != activityHang || a.Silence() != time.Second {
			t.Errorf("after the tone over %v: %d frames, silence %v", level, n, a.Silence())
		}
	}
}

func TestPLC(t *testing.T) {
	p := NewPLC(8000)
	src := &sine{rate: 8000, hz: 200, n: 99}
	f, want := make(Frame, 160), make(Frame, 160)
	for range 5 {
		_, _ = src.ReadFrame(f)
		p.Good(f)
	}
	_, _ = src.ReadFrame(want)
	p.Conceal(f)
	var diff, sum float64
	for i := range f[:80] { // the first 10 ms are at full level
		diff += math.Pow(float64(f[i])-float64(want[i]), 2)
		sum += math.Pow(float64(want[i]), 2)
	}
	if diff > sum/100 {
		t.Errorf("a periodic sound is continued with an error of %.1f dB", 10*math.Log10(diff/sum))
	}
	p.Conceal(f)
	p.Conceal(f)
	p.Conceal(f)
	if Level(f) != Floor || p.Lost() != 640 {
		t.Errorf("after 60 ms: %v dB, lost %d", Level(f), p.Lost())
	}
	for i := range f {
		f[i] = 10000
	}
	p.Good(f)
	if f[0] > 1000 || f[40] != 10000 || p.Lost() != 0 {
		t.Errorf("return: %d %d", f[0], f[40])
	}
}

func TestStagesAllocateNothing(t *testing.T) {
	f := make(Frame, 160)
	swap, tap, plc, r := &Swap{}, NewTap(8000, time.Second), NewPLC(8000), &Resampled{}
	swap.Play(NewGain(&Silence{}, 3))
	r, err := NewResampled(swap, 8000, 16000)
	if err != nil {
		t.Fatal(err)
	}
	wide := make(Frame, 320)
	var a Activity
	if n := testing.AllocsPerRun(100, func() {
		_, _ = r.ReadFrame(wide)
		_ = tap.WriteFrame(f)
		_, _ = tap.ReadFrame(f)
		plc.Good(f)
		plc.Conceal(f)
		a.Write(f)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
