package file

import (
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pintle/media"
	"pintle/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ramp returns n samples that are all different from their neighbours.
func ramp(n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(i*7%20000 - 10000)
	}
	return s
}

// sine returns a tone of half the full scale.
func sine(rate int, hz float64, d time.Duration) []int16 {
	s := make([]int16, media.Samples(rate, d))
	for i := range s {
		s[i] = int16(16000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return s
}

// hear reads a source to its end.
func hear(t *testing.T, s media.Source, size int) []int16 {
	t.Helper()
	var out []int16
	f := make(media.Frame, size)
	for range 100_000 {
		n, err := s.ReadFrame(f)
		out = append(out, f[:n]...)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil || n == 0 {
			t.Fatalf("read frame: %d, %v", n, err)
		}
	}
	t.Fatal("no end")
	return nil
}

func TestPlayerPlaysAndLoops(t *testing.T) {
	c := NewClip("x", 8000, ramp(500))
	round := append(slices.Clone(c.samples), make([]int16, 140)...)
	cases := []struct {
		name string
		o    PlayOptions
		want []int16
	}{
		{"once", PlayOptions{}, c.samples},
		{"twice", PlayOptions{Loops: 2}, slices.Concat(round, c.samples)},
		{"from 41 ms", PlayOptions{Start: 41 * time.Millisecond}, c.samples[320:]},
		{"from 41 ms, twice", PlayOptions{Loops: 2, Start: 41 * time.Millisecond}, slices.Concat(round[320:], c.samples)},
		{"from behind the end", PlayOptions{Start: time.Hour}, nil},
	}
	for _, tc := range cases {
		if got := hear(t, c.Play(tc.o), 160); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %d samples, want %d", tc.name, len(got), len(tc.want))
		}
	}
	if got := hear(t, NewClip("empty", 8000, nil).Play(PlayOptions{Loops: Forever}), 160); len(got) != 0 {
		t.Errorf("an empty clip played %d samples", len(got))
	}
	endless := c.Play(PlayOptions{Loops: Forever})
	for range 1000 {
		if n, err := endless.ReadFrame(make(media.Frame, 160)); n != 160 || err != nil {
			t.Fatalf("endless: %d %v", n, err)
		}
	}
}

func TestPlayerGivesEncodedPayloads(t *testing.T) {
	c := NewClip("x", 16000, sine(16000, 440, 250*time.Millisecond))
	pcmu, _ := codec.ByName("PCMU", 8000)
	narrow, err := c.At(8000)
	if err != nil {
		t.Fatal(err)
	}
	enc := pcmu.New()
	if _, ok, _ := narrow.Play(PlayOptions{}).ReadEncoded(enc); ok {
		t.Fatal("encoded before Prepare")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := c.Prepare(pcmu); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a, b := narrow.Play(PlayOptions{Loops: 2}), narrow.Play(PlayOptions{Loops: 2})
	first, _, _ := a.ReadEncoded(enc)
	again, _, _ := b.ReadEncoded(enc)
	if &first[0] != &again[0] {
		t.Error("two players do not share the payload")
	}
	frame, want := make(media.Frame, 160), make([]byte, 320)
	plain := narrow.Play(PlayOptions{Loops: 2})
	a = narrow.Play(PlayOptions{Loops: 2})
	for i := range 26 {
		n, errPlain := plain.ReadFrame(frame)
		clear(frame[n:])
		got, ok, err := a.ReadEncoded(enc)
		if !ok || !errors.Is(err, errPlain) || !slices.Equal(got, want[:enc.Encode(want, frame)]) {
			t.Fatalf("frame %d: ok %v err %v, plain %v", i, ok, err, errPlain)
		}
	}
	if _, ok, err := a.ReadEncoded(enc); !ok || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v %v", ok, err)
	}
	if _, ok, _ := c.Play(PlayOptions{}).ReadEncoded(enc); ok {
		t.Error("a player at another rate gave payloads")
	}
	if f, n, ok := c.EncodedFor(pcmu); !ok || n != 13 || !slices.Equal(f(0), first) {
		t.Errorf("EncodedFor: %d frames, %v", n, ok)
	}
}

func TestPlayerAllocatesNothing(t *testing.T) {
	c := NewClip("x", 8000, ramp(8000))
	pcma, _ := codec.ByName("PCMA", 8000)
	if err := c.Prepare(pcma); err != nil {
		t.Fatal(err)
	}
	p, enc, f := c.Play(PlayOptions{Loops: Forever}), pcma.New(), make(media.Frame, 160)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := p.ReadFrame(f); err != nil {
			t.Error(err)
		}
		if _, ok, _ := p.ReadEncoded(enc); !ok {
			t.Error("not encoded")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
