package media

import "math"

// Concealment of lost frames, in milliseconds at any rate.
const (
	plcHistory = 40 // remembered sound
	plcWindow  = 10 // compared to find the pitch
	plcLow     = 5  // shortest and longest pitch period tried (200 to 67 Hz)
	plcHigh    = 15
	plcHold    = 10 // at full level
	plcEnd     = 60 // then fading to silence here
	plcFade    = 4  // cross-fade where sound returns
)

// PLC fills the place of lost frames: it repeats the last pitch period, fades
// to silence within 60 ms and joins the returning sound without a click. For
// codecs without concealment of their own. It is not safe for concurrent use.
type PLC struct {
	rate   int
	hist   []int16 // the last sound, oldest first
	period int     // of the loss that goes on; 0 when nothing is lost
	at     int     // next sample in the period
	lost   int     // samples concealed so far
	tail   []int16 // continuation, to cross-fade with
}

// NewPLC returns a concealer for sound at rate.
func NewPLC(rate int) *PLC {
	return &PLC{rate: rate, hist: make([]int16, rate*plcHistory/1000), tail: make([]int16, rate*plcFade/1000)}
}

// Good takes a frame that was received, and changes its first samples in place
// when it follows a loss.
func (p *PLC) Good(f Frame) {
	if p.period > 0 {
		n := min(len(p.tail), len(f))
		p.extend(p.tail[:n])
		for i := range n {
			a := (2*i + 1) * 256 / (2 * n)
			f[i] = int16((int(f[i])*a + int(p.tail[i])*(256-a)) / 256)
		}
		p.period = 0
	}
	p.remember(f)
}

// Conceal writes a replacement for a lost frame.
func (p *PLC) Conceal(dst Frame) {
	if p.period == 0 {
		p.period, p.at, p.lost = p.pitch(), 0, 0
	}
	p.extend(dst)
}

// Lost reports whether the last frame was concealed and how many samples since the last good one.
func (p *PLC) Lost() int {
	if p.period == 0 {
		return 0
	}
	return p.lost
}

// Reset forgets the past.
func (p *PLC) Reset() {
	clear(p.hist)
	p.period, p.lost = 0, 0
}

func (p *PLC) remember(f Frame) {
	if len(f) >= len(p.hist) {
		copy(p.hist, f[len(f)-len(p.hist):])
		return
	}
	copy(p.hist, p.hist[len(f):])
	copy(p.hist[len(p.hist)-len(f):], f)
}

// extend repeats the last period with the gain of the time since the loss.
func (p *PLC) extend(dst []int16) {
	base := len(p.hist) - p.period
	hold, end := p.rate*plcHold/1000, p.rate*plcEnd/1000
	for i := range dst {
		v := int(p.hist[base+p.at])
		switch {
		case p.lost >= end:
			v = 0
		case p.lost > hold:
			v = v * (end - p.lost) / (end - hold)
		}
		dst[i] = int16(v)
		p.lost++
		if p.at++; p.at == p.period {
			p.at = 0
		}
	}
}

// pitch finds the lag at which the last sound is most like what came before it.
func (p *PLC) pitch() int {
	window, end := p.rate*plcWindow/1000, len(p.hist)
	// At wideband every second lag and sample is enough to find a pitch.
	step := max(1, p.rate/8000)
	best, bestScore := p.rate*plcHigh/1000, 0.0
	for lag := p.rate * plcLow / 1000; lag <= p.rate*plcHigh/1000; lag += step {
		var cross, power float64
		for i := end - window; i < end; i += step {
			a, b := float64(p.hist[i]), float64(p.hist[i-lag])
			cross += a * b
			power += b * b
		}
		if power == 0 || cross <= 0 {
			continue
		}
		if score := cross / math.Sqrt(power); score > bestScore*1.001 {
			best, bestScore = lag, score
		}
	}
	return best
}
