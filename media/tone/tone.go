package tone

import (
	"fmt"
	"io"
	"math"
	"time"

	"pintle/media"
)

// Segment is a part of a cadence: up to four frequencies together, or silence.
type Segment struct {
	Freqs    [4]float64    // in Hz; 0 is none
	Modulate float64       // amplitude modulation in Hz; 0 is none
	For      time.Duration // 0 means without end
}

// Options change how a cadence is played.
type Options struct {
	Times int     // how often it is played; 0 means without end
	Level float64 // of each frequency, in dBFS; 0 means -16
	Name  string  // for traces
}

// ramp is the attack and decay of every sound, so that it does not click.
const ramp = 4 * time.Millisecond

const defaultLevel = -16.0

// Tone is a source of one cadence. It is not safe for concurrent use.
type Tone struct {
	rate      int
	segments  []Segment
	options   Options
	amplitude float64
	played    int // cadences that are over
	segment   int
	at        int // samples into the segment
	phases    [5]uint32
	steps     [5]uint32 // of the frequencies, then of the modulation
}

var _ media.Source = (*Tone)(nil)

// New returns a tone at rate that plays segments in order. Without segments it ends at once.
func New(rate int, segments []Segment, o Options) *Tone {
	if o.Level == 0 {
		o.Level = defaultLevel
	}
	t := &Tone{rate: rate, segments: segments, options: o}
	t.amplitude = 32767 * math.Pow(10, min(o.Level, 0)/20)
	if len(segments) == 0 {
		t.segments, t.options.Times = []Segment{{}}, -1
	}
	t.begin()
	return t
}

// ReadFrame gives the next samples of the cadence.
func (t *Tone) ReadFrame(dst media.Frame) (int, error) {
	n := 0
	for n < len(dst) {
		if t.over() {
			return n, io.EOF
		}
		n += t.fill(dst[n:])
	}
	return n, nil
}

// String names the source.
func (t *Tone) String() string {
	if t.options.Name != "" {
		return "tone(" + t.options.Name + ")"
	}
	return fmt.Sprintf("tone(%g)", t.segments[0].Freqs[0])
}

func (t *Tone) over() bool { return t.options.Times != 0 && t.played >= t.options.Times }

// fill writes samples of the present segment and goes on to the next one at its end.
func (t *Tone) fill(dst media.Frame) int {
	length := media.Samples(t.rate, t.segments[t.segment].For)
	n := len(dst)
	if length > 0 {
		n = min(n, length-t.at)
	}
	if t.silent() {
		clear(dst[:n])
		t.at += n
	} else {
		t.sound(dst[:n], length)
	}
	if length > 0 && t.at >= length {
		t.next()
	}
	return n
}

func (t *Tone) silent() bool { return t.segments[t.segment].Freqs == [4]float64{} }

func (t *Tone) sound(dst media.Frame, length int) {
	edge := media.Samples(t.rate, ramp)
	for i := range dst {
		sum := 0.0
		for k, step := range t.steps[:4] {
			if step == 0 {
				continue
			}
			sum += sine[t.phases[k]>>(32-sineBits)]
			t.phases[k] += step
		}
		if t.steps[4] != 0 {
			sum *= 0.5 + 0.5*sine[t.phases[4]>>(32-sineBits)]
			t.phases[4] += t.steps[4]
		}
		v := sum * t.amplitude
		if t.at < edge {
			v = v * float64(t.at) / float64(edge)
		}
		if left := length - t.at; length > 0 && left < edge {
			v = v * float64(left) / float64(edge)
		}
		dst[i] = int16(max(-32768, min(32767, v)))
		t.at++
	}
}

func (t *Tone) next() {
	t.at = 0
	if t.segment++; t.segment == len(t.segments) {
		t.segment = 0
		t.played++
	}
	t.begin()
}

// begin sets the oscillators of the present segment.
func (t *Tone) begin() {
	s := t.segments[t.segment]
	t.phases = [5]uint32{}
	for k, hz := range [5]float64{s.Freqs[0], s.Freqs[1], s.Freqs[2], s.Freqs[3], s.Modulate} {
		t.steps[k] = uint32(hz / float64(t.rate) * (1 << 32))
	}
}

const sineBits = 12

var sine = func() (t [1 << sineBits]float64) {
	for i := range t {
		t[i] = math.Sin(2 * math.Pi * float64(i) / (1 << sineBits))
	}
	return t
}()
