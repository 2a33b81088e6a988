package media

import (
	"testing"
	"time"
)

// steps is a source of one level, which its own codec has encoded.
type steps struct{ reads int }

func (s *steps) ReadFrame(dst Frame) (int, error) {
	s.reads++
	for i := range dst {
		dst[i] = 1000
	}
	return len(dst), nil
}

func (s *steps) ReadEncoded(Codec) ([]byte, bool, error) {
	s.reads++
	return []byte{1}, true, nil
}

// narrowCodec has a rate and nothing else.
type narrowCodec struct{ rate int }

func (narrowCodec) Name() string             { return "X" }
func (c narrowCodec) ClockRate() int         { return c.rate }
func (narrowCodec) Encode([]byte, Frame) int { return 0 }
func (narrowCodec) Decode(Frame, []byte) int { return 0 }

// Whatever the reader's rate, each frame read is one frame of the source.
func TestAnyRate(t *testing.T) {
	s := &steps{}
	a := AtAnyRate(s, 8000)
	for n, rate := range []int{8000, 16000, 16000, 48000, 8000} {
		f := make(Frame, FrameSize(rate))
		for range 10 {
			if got, err := a.ReadFrame(f); got != len(f) || err != nil {
				t.Fatalf("%d Hz: %d samples, %v", rate, got, err)
			}
		}
		if s.reads != 10*(n+1) || f[len(f)-1] < 990 || f[len(f)-1] > 1010 {
			t.Errorf("%d Hz: %d frames read, level %d", rate, s.reads, f[len(f)-1])
		}
	}
	if b, ok, err := a.ReadEncoded(narrowCodec{8000}); len(b) != 1 || !ok || err != nil {
		t.Errorf("its own codec: %v %v %v", b, ok, err)
	}
	if _, ok, _ := a.ReadEncoded(narrowCodec{16000}); ok {
		t.Error("encoded for another rate")
	}
	f := make(Frame, 320)
	if n := testing.AllocsPerRun(100, func() { _, _ = a.ReadFrame(f) }); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// A tap keeps its rate when that of its leg changes.
func TestTapKeepsItsRate(t *testing.T) {
	tap, f, out := NewTap(8000, time.Second), make(Frame, 320), make(Frame, 320)
	for i := range f {
		f[i] = 1000
	}
	for range 10 {
		if err := tap.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for tap.Len() > 0 {
		n, _ = tap.ReadFrame(out)
	}
	if n != 160 || out[0] < 990 || out[159] > 1010 || out[159] < 990 {
		t.Errorf("%d samples of %d to %d", n, out[0], out[n-1])
	}
}
