package media

import (
	"fmt"
	"math"
)

// Design of the low pass: taps for each output at the lower of both rates, the
// cut-off as a part of it, and the most phases kept in a table. With a Blackman
// window sound passes evenly to 3.3 kHz of 8 kHz and images stay 70 dB below.
const (
	resampleTaps   = 48
	resampleCut    = 0.47
	resamplePhases = 512
	resampleBlock  = 1024
	minRate        = 1000
	maxRate        = 384000
)

// Resampler changes the rate of a stream of samples with a polyphase windowed
// sinc filter. It delays sound by 3 ms or less. It is not safe for concurrent use.
type Resampler struct {
	up, down int         // output samples for input samples, without common factor
	table    [][]float32 // filter of each phase, newest sample first
	taps     int
	buf      []float32 // taps-1 old samples, then the new ones
	at       int       // newest input sample of the next output, counted from the first new one
	phase    int       // in units of 1/up
}

// NewResampler returns a resampler between two rates of 1 to 384 kHz.
func NewResampler(from, to int) (*Resampler, error) {
	if from < minRate || from > maxRate || to < minRate || to > maxRate {
		return nil, fmt.Errorf("resample %d to %d: rate out of range", from, to)
	}
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if from == to {
		return r, nil
	}
	r.taps = resampleTaps * max(1, (from+to-1)/to)
	cut := resampleCut * min(1, float64(to)/float64(from))
	r.table = lowPass(r.taps, min(r.up, resamplePhases), cut)
	r.buf = make([]float32, r.taps-1+resampleBlock)
	return r, nil
}

// lowPass returns the filters of all phases; cut is a part of the input rate.
// The filter is centred on a whole input sample, so that its delay is taps/2.
func lowPass(taps, phases int, cut float64) [][]float32 {
	table := make([][]float32, phases)
	flat := make([]float32, taps*phases)
	for p := range table {
		row := flat[p*taps : (p+1)*taps]
		sum := 0.0
		for j := range row {
			t := float64(j) + float64(p)/float64(phases) // age of the sample at the output's instant
			x := t - float64(taps)/2
			w := 0.42 - 0.5*math.Cos(2*math.Pi*t/float64(taps)) + 0.08*math.Cos(4*math.Pi*t/float64(taps))
			v := 2 * cut * w
			if x != 0 {
				v = math.Sin(2*math.Pi*cut*x) / (math.Pi * x) * w
			}
			row[j] = float32(v)
			sum += v
		}
		for j := range row {
			row[j] /= float32(sum) // the same gain in every phase, else a steady level would hum
		}
		table[p] = row
	}
	return table
}

// Bound returns the most samples that Process writes for n samples.
func (r *Resampler) Bound(n int) int { return n*r.up/r.down + 2 }

// Process takes all of src and writes what can be computed to dst, which must
// have room for Bound(len(src)). Whole frames in give whole frames out. It does not allocate.
func (r *Resampler) Process(dst, src []int16) int {
	if r.table == nil {
		return copy(dst, src)
	}
	n := 0
	for len(src) > 0 {
		block := src[:min(len(src), resampleBlock)]
		src = src[len(block):]
		n += r.block(dst[n:], block)
	}
	return n
}

func (r *Resampler) block(dst, src []int16) int {
	old := r.taps - 1
	for i, v := range src {
		r.buf[old+i] = float32(v)
	}
	n := 0
	for r.at < len(src) && n < len(dst) {
		dst[n] = dot(r.table[r.phase*len(r.table)/r.up], r.buf[r.at:r.at+r.taps])
		n++
		r.phase += r.down
		r.at += r.phase / r.up
		r.phase %= r.up
	}
	r.at -= len(src)
	copy(r.buf, r.buf[len(src):len(src)+old])
	return n
}

// dot weighs the samples, the newest of which is last, by the filter, whose first tap is for the newest.
func dot(row, x []float32) int16 {
	x = x[:len(row)]
	var a, b float32
	last := len(row) - 1
	for i := 0; i+1 < len(row); i += 2 {
		a += row[i] * x[last-i]
		b += row[i+1] * x[last-i-1]
	}
	v := a + b
	if v < 0 {
		return Clip(int32(v - 0.5))
	}
	return Clip(int32(v + 0.5))
}

// Reset forgets the past, for a new stream at the same rates.
func (r *Resampler) Reset() {
	clear(r.buf)
	r.at, r.phase = 0, 0
}

// Resample converts a whole sound, without the delay of a stream; its length
// in time stays the same.
func Resample(src []int16, from, to int) ([]int16, error) {
	r, err := NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	if r.table == nil {
		return append([]int16(nil), src...), nil
	}
	r.at = r.taps / 2
	want := (len(src)*r.up + r.down - 1) / r.down
	dst := make([]int16, want+r.Bound(r.taps))
	n := r.Process(dst, src)
	n += r.Process(dst[n:], make([]int16, r.taps))
	return dst[:min(n, want)], nil
}

// Resampled is a source at another rate than the one it reads from. Both must
// have whole frames.
type Resampled struct {
	src Source
	r   *Resampler
	in  Frame
	to  int
}

var _ Source = (*Resampled)(nil)

// NewResampled returns src, which gives frames at rate from, at rate to.
func NewResampled(src Source, from, to int) (*Resampled, error) {
	r, err := NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	if from%50 != 0 || to%50 != 0 {
		return nil, fmt.Errorf("resample %d to %d: no whole frames of 20 ms", from, to)
	}
	return &Resampled{src: src, r: r, in: make(Frame, FrameSize(from)), to: to}, nil
}

// ReadFrame reads one frame and converts it.
func (r *Resampled) ReadFrame(dst Frame) (int, error) {
	n, err := r.src.ReadFrame(r.in)
	if n == 0 {
		return 0, err
	}
	clear(r.in[n:])
	if len(dst) < FrameSize(r.to) {
		return 0, fmt.Errorf("resample to %d: frame of %d samples", r.to, len(dst))
	}
	return r.r.Process(dst, r.in), err
}

// String prints the chain.
func (r *Resampled) String() string { return fmt.Sprintf("rate(%d) <- %v", r.to, r.src) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
