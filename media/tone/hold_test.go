package tone

import (
	"math"
	"testing"
	"time"

	"pintle/media"
	"pintle/media/dtmf"
)

// The music sounds all the time, neither too loud nor with clicks, and nobody takes it for keys.
func TestHold(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		m, keys := Hold(rate), dtmf.NewDetector(rate)
		f := make(media.Frame, media.FrameSize(rate))
		last, quiet := 0.0, 0
		for at := time.Duration(0); at < 30*time.Second; at += media.FrameDuration {
			if n, err := m.ReadFrame(f); n != len(f) || err != nil {
				t.Fatalf("%d Hz: %d samples, %v", rate, n, err)
			}
			sum := 0.0
			for _, v := range f {
				if step := math.Abs(float64(v) - last); step > 4000*8000/float64(rate)+400 {
					t.Fatalf("%d Hz: a click of %v after %v", rate, step, at)
				}
				last = float64(v)
				sum += last * last
			}
			switch level := math.Sqrt(sum / float64(len(f))); {
			case level > 8000:
				t.Fatalf("%d Hz: level %v after %v", rate, level, at)
			case level < 100:
				quiet++
			default:
				quiet = 0
			}
			if quiet > 50 {
				t.Fatalf("%d Hz: silence after %v", rate, at)
			}
			if k, ok := keys.Write(f); ok {
				t.Fatalf("%d Hz: heard as key %c", rate, k)
			}
		}
	}
}

func BenchmarkHold(b *testing.B) {
	m, f := Hold(8000), make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.ReadFrame(f); err != nil {
			b.Fatal(err)
		}
	}
}
