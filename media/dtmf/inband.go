package dtmf

import (
	"math"

	"pintle/media"
)

// The four low and four high tones, ITU-T Q.23, and the key at each crossing.
var (
	rows = [4]float64{697, 770, 852, 941}
	cols = [4]float64{1209, 1336, 1477, 1633}
	keys = [4][4]byte{
		{'1', '2', '3', 'A'},
		{'4', '5', '6', 'B'},
		{'7', '8', '9', 'C'},
		{'*', '0', '#', 'D'},
	}
)

// Thresholds of the detector. The twist limits are those of ITU-T Q.24 for most networks; the others were set where
// all generated tones at 15 dB signal-to-noise pass and recorded speech does not.
const (
	blockAt8k   = 102  // 12.75 ms: the tones of a group are one bin apart
	minLevel    = 1e-4 // mean power of full scale 1: -40 dB
	dominance   = 6.3  // 8 dB above every other tone of the group
	maxOverLow  = 2.52 // high group at most 4 dB above the low one
	maxUnderLow = 6.31 // and at most 8 dB below
	minShare    = 0.78 // of the block's energy lies in the two tones
	riseFactor  = 2    // a key starts louder than what was just heard
	quickBlocks = 2    // agreeing blocks that make a key after such a rise
	slowBlocks  = 4    // and without one
	gapBlocks   = 2    // blocks without the key before it may come again
	history     = 4    // blocks of what was just heard
	fullScale   = 1.0 / (32768 * 32768)
)

// Detector hears keys in audio. It runs where telephone events were not negotiated. A Detector is not safe for
// concurrent use.
type Detector struct {
	coef   [8]float64 // four rows, four columns
	s1, s2 [8]float64
	energy float64
	fill   int
	size   int

	candidate byte // heard in the latest blocks
	agree     int
	rise      bool // candidate began louder than what came before
	current   byte // reported, and not yet let go
	missing   int  // blocks without current
	before    [history]float64
	at        int
}

// NewDetector returns a detector for audio of rate samples a second (8000 if lower).
func NewDetector(rate int) *Detector {
	rate = max(rate, 8000)
	d := &Detector{size: blockAt8k * rate / 8000}
	for i := range 4 {
		d.coef[i] = 2 * math.Cos(2*math.Pi*rows[i]/float64(rate))
		d.coef[4+i] = 2 * math.Cos(2*math.Pi*cols[i]/float64(rate))
	}
	return d
}

// Write listens to one frame. It reports a key once, some 25 ms after its tones began. It never allocates.
func (d *Detector) Write(f media.Frame) (digit byte, ok bool) {
	for len(f) > 0 {
		n := min(len(f), d.size-d.fill)
		d.filter(f[:n])
		f = f[n:]
		d.fill += n
		if d.fill < d.size {
			break
		}
		if k := d.block(); k != 0 {
			digit, ok = k, true
		}
	}
	return digit, ok
}

// Active reports whether the tones of a key are being heard, so that a recording may blank them.
func (d *Detector) Active() bool { return d.current != 0 || d.candidate != 0 }

func (d *Detector) filter(f media.Frame) {
	var energy float64
	for _, v := range f {
		energy += float64(v) * float64(v)
	}
	d.energy += energy
	for i, c := range d.coef {
		s1, s2 := d.s1[i], d.s2[i]
		for _, v := range f {
			s1, s2 = float64(v)+c*s1-s2, s1
		}
		d.s1[i], d.s2[i] = s1, s2
	}
}

// block judges a full block and starts the next one.
func (d *Detector) block() byte {
	key := d.classify()
	level := d.energy * fullScale / float64(d.size)
	d.fill, d.energy = 0, 0
	d.s1, d.s2 = [8]float64{}, [8]float64{}

	found := d.follow(key, level)
	if key == 0 {
		d.before[d.at] = level
		d.at = (d.at + 1) % history
	}
	return found
}

// follow joins the verdicts of successive blocks into keys.
func (d *Detector) follow(key byte, level float64) byte {
	if d.current != 0 {
		if key == d.current {
			d.missing = 0
			return 0
		}
		d.missing++
		if d.missing >= gapBlocks {
			d.current = 0
		}
	}
	if key == 0 || key != d.candidate {
		d.candidate, d.agree = key, 0
		d.rise = level > riseFactor*d.quietest()
	}
	if key == 0 || d.current == key {
		return 0
	}
	d.agree++
	if d.agree < quickBlocks || (!d.rise && d.agree < slowBlocks) {
		return 0
	}
	d.current, d.missing = key, 0
	return key
}

func (d *Detector) quietest() float64 {
	q := d.before[0]
	for _, v := range d.before[1:] {
		q = min(q, v)
	}
	return q
}

// classify returns the key whose two tones fill the block, or 0.
func (d *Detector) classify() byte {
	n := float64(d.size)
	if d.energy*fullScale/n < minLevel {
		return 0
	}
	var power [8]float64
	for i, c := range d.coef {
		s1, s2 := d.s1[i], d.s2[i]
		power[i] = s1*s1 + s2*s2 - c*s1*s2
	}
	r, rowClear := strongest(power[:4])
	c, colClear := strongest(power[4:])
	if !rowClear || !colClear {
		return 0
	}
	low, high := power[r], power[4+c]
	if high > low*maxOverLow || low > high*maxUnderLow {
		return 0
	}
	// A lone tone of energy E in a block of n samples has the Goertzel power E*n/2.
	if (low+high)*2/n < minShare*d.energy {
		return 0
	}
	return keys[r][c]
}

// strongest returns the index of the greatest value and whether it dominates all others.
func strongest(power []float64) (int, bool) {
	best := 0
	for i, p := range power {
		if p > power[best] {
			best = i
		}
	}
	for i, p := range power {
		if i != best && p*dominance > power[best] {
			return best, false
		}
	}
	return best, power[best] > 0
}
