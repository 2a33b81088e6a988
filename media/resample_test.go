package media

import (
	"math"
	"testing"
)

func tone(rate int, hz float64, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(16000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

// power returns the part of the energy of s at hz, in dB against a full tone of 16000.
func power(s []int16, rate int, hz float64) float64 {
	var re, im float64
	for i, v := range s {
		w := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += float64(v) * math.Cos(w)
		im += float64(v) * math.Sin(w)
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/float64(len(s))/16000+1e-9)
}

func TestResampleKeepsTonesAndLength(t *testing.T) {
	rates := [][2]int{{8000, 16000}, {16000, 8000}, {8000, 48000}, {48000, 8000}, {16000, 48000}, {48000, 16000},
		{44100, 8000}, {44100, 16000}, {22050, 8000}, {22050, 16000}, {11025, 8000}, {11025, 16000},
		{24000, 8000}, {24000, 16000}, {32000, 8000}, {32000, 16000}, {12000, 8000}, {12000, 16000}, {8000, 44100},
		{7418, 8000}}
	for _, r := range rates {
		from, to := r[0], r[1]
		for _, hz := range []float64{400, 1000, 3100} {
			got, err := Resample(tone(from, hz, from/2), from, to)
			if err != nil {
				t.Fatal(err)
			}
			if d := len(got) - to/2; d < -1 || d > 1 {
				t.Errorf("%d to %d: %d samples for half a second", from, to, len(got))
			}
			mid := got[to/10 : to/10+to/5] // whole periods, away from the edges
			if p := power(mid, to, hz); math.Abs(p) > 0.15 {
				t.Errorf("%d to %d: %v Hz comes out at %.2f dB", from, to, hz, p)
			}
			if image := float64(8000) - hz; to >= 16000 && from == 8000 {
				if p := power(mid, to, image); p > -65 {
					t.Errorf("%d to %d: image of %v Hz at %.1f dB", from, to, hz, p)
				}
			}
			// No delay: the sound stays where it was.
			want := tone(to, hz, len(got))
			if d := math.Abs(float64(mid[7]) - float64(want[to/10+7])); d > 700 {
				t.Errorf("%d to %d: %v Hz is shifted, off by %v", from, to, hz, d)
			}
		}
		if to < from {
			got, _ := Resample(tone(from, float64(to)*0.55, from/2), from, to)
			if l := Level(got[to/10 : to/10+to/5]); l > -60 && from >= to*13/10 {
				t.Errorf("%d to %d: alias at %.1f dBFS", from, to, l)
			}
		}
	}
}

func TestResamplerStreamsWholeFrames(t *testing.T) {
	for _, r := range [][2]int{{8000, 16000}, {16000, 8000}, {48000, 8000}, {44100, 16000}, {8000, 48000}} {
		s, err := NewResampler(r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		in := tone(r[0], 1000, r[0])
		whole := make([]int16, s.Bound(len(in)))
		whole = whole[:s.Process(whole, in)]
		s.Reset()
		size := FrameSize(r[0])
		out := make([]int16, s.Bound(size))
		at := 0
		for i := 0; i+size <= len(in); i += size {
			n := s.Process(out, in[i:i+size])
			if n != FrameSize(r[1]) {
				t.Fatalf("%v: frame of %d samples", r, n)
			}
			for k, v := range out[:n] {
				if v != whole[at+k] {
					t.Fatalf("%v: frames differ from the whole at %d", r, at+k)
				}
			}
			at += n
		}
	}
}

func TestResamplerRefusesAbsurdRates(t *testing.T) {
	for _, r := range [][2]int{{0, 8000}, {8000, -1}, {1 << 30, 8000}} {
		if _, err := NewResampler(r[0], r[1]); err == nil {
			t.Errorf("%v accepted", r)
		}
	}
}

func BenchmarkResample8to16(b *testing.B) {
	r, err := NewResampler(8000, 16000)
	if err != nil {
		b.Fatal(err)
	}
	in, out := tone(8000, 1000, 160), make([]int16, 400)
	b.ReportAllocs()
	for b.Loop() {
		r.Process(out, in)
	}
}
