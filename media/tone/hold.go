package tone

import (
	"math"
	"time"

	"pintle/media"
)

// Music on hold, of our own making: broken chords of plucked strings, slow and soft, over and over. All notes lie where
// a telephone carries them, and below the keypad's frequencies.
const (
	noteLength = 420 * time.Millisecond
	noteFade   = 0.55 // seconds until a note has a third of its strength
	noteLevel  = 2600 // of 32767, at its beginning
	voices     = 4    // notes that sound together while they fade
	overtone   = 0.25 // strength of the octave above
)

// melody is four bars; 0 is a rest.
var melody = [...]float64{
	392.00, 493.88, 587.33, 493.88, 392.00, 493.88, 587.33, 0, // G
	329.63, 392.00, 493.88, 392.00, 329.63, 392.00, 493.88, 0, // E minor
	349.23, 440.00, 523.25, 440.00, 349.23, 440.00, 523.25, 0, // F
	392.00, 440.00, 587.33, 440.00, 392.00, 440.00, 587.33, 0, // D over G
}

// Music is a source of music on hold; it has no end. It is not safe for concurrent use.
type Music struct {
	note, at int // of melody, samples into it
	length   int // samples of a note
	fade     float64
	attack   int
	rate     float64
	strings  [voices]struct {
		phase, step uint32
		strength    float64
		age         int
	}
}

var _ media.Source = (*Music)(nil)

// Hold returns music on hold at rate.
func Hold(rate int) *Music {
	m := &Music{length: media.Samples(rate, noteLength), rate: float64(rate), note: -1,
		fade: math.Exp(-1 / (noteFade * float64(rate))), attack: media.Samples(rate, 8*time.Millisecond)}
	m.at = m.length
	return m
}

// ReadFrame gives the next samples.
func (m *Music) ReadFrame(dst media.Frame) (int, error) {
	for i := range dst {
		if m.at == m.length {
			m.pluck()
		}
		m.at++
		sum := 0.0
		for k := range m.strings {
			s := &m.strings[k]
			if s.step == 0 {
				continue
			}
			v := sine[s.phase>>(32-sineBits)] + overtone*sine[(2*s.phase)>>(32-sineBits)]
			s.phase += s.step
			if s.age < m.attack {
				s.age++
				v *= float64(s.age) / float64(m.attack)
			}
			sum += v * s.strength
			s.strength *= m.fade
		}
		dst[i] = media.Clip(int32(sum))
	}
	return len(dst), nil
}

// pluck begins the next note, in the place of the oldest.
func (m *Music) pluck() {
	m.at = 0
	m.note = (m.note + 1) % len(melody)
	hz := melody[m.note]
	if hz == 0 {
		return
	}
	s := &m.strings[m.note%voices]
	s.phase, s.step = 0, uint32(hz/m.rate*(1<<32))
	s.strength, s.age = noteLevel, 0
}

// String names the source.
func (m *Music) String() string { return "music" }
