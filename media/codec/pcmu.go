package codec

import (
	"math/bits"

	"pintle/media"
)

// PCMU is G.711 µ-law at 8 kHz, RTP payload type 0. It keeps no state.
type PCMU struct{}

var _ media.Codec = PCMU{}

// Name returns "PCMU".
func (PCMU) Name() string { return "PCMU" }

// ClockRate returns 8000.
func (PCMU) ClockRate() int { return 8000 }

// Encode writes one byte per sample.
func (PCMU) Encode(dst []byte, f media.Frame) int { return codes(dst, f, ulawCodes[:], 2) }

// Decode writes one sample per byte.
func (PCMU) Decode(dst media.Frame, b []byte) int { return samples(dst, b, &ulawSamples) }

// ulawBias is what G.711 adds to a magnitude of 14 bits so that every segment starts at a power of two.
const ulawBias = 33

// ulawCodes has the code of each 14 bit sample, by its two's complement; the
// lowest two bits of a PCM16 sample do not matter to µ-law.
var ulawCodes = func() (t [1 << 14]byte) {
	for i := range t {
		t[i] = ulawCode(int(int16(i<<2)) >> 2)
	}
	return t
}()

var ulawSamples = func() (t [256]int16) {
	for i := range t {
		c := ^byte(i) // all bits are inverted on the line
		segment, step := c>>4&7, int(c&15)
		v := ((2*step+ulawBias)<<segment - ulawBias) << 2
		if c&0x80 != 0 {
			v = -v
		}
		t[i] = int16(v)
	}
	return t
}()

// ulawCode codes a sample of 14 bits (G.711, table 2a); a negative one is
// coded by its one's complement, as in the reference of ITU-T G.191.
func ulawCode(v int) byte {
	var sign byte
	if v < 0 {
		v, sign = ^v, 0x80
	}
	v = min(v, 8158) + ulawBias
	segment := bits.Len(uint(v)) - 6
	step := byte(v>>(segment+1)) & 15
	return ^(sign | byte(segment)<<4 | step)
}
