package codec

import (
	"math/bits"

	"pintle/media"
)

// PCMA is G.711 A-law at 8 kHz, RTP payload type 8. It keeps no state.
type PCMA struct{}

var _ media.Codec = PCMA{}

// Name returns "PCMA".
func (PCMA) Name() string { return "PCMA" }

// ClockRate returns 8000.
func (PCMA) ClockRate() int { return 8000 }

// Encode writes one byte per sample.
func (PCMA) Encode(dst []byte, f media.Frame) int { return codes(dst, f, alawCodes[:], 3) }

// Decode writes one sample per byte.
func (PCMA) Decode(dst media.Frame, b []byte) int { return samples(dst, b, &alawSamples) }

// alawToggle is the pattern of even bits that A-law inverts on the line.
const alawToggle = 0x55

// alawCodes has the code of each 13 bit sample, by its two's complement.
var alawCodes = func() (t [1 << 13]byte) {
	for i := range t {
		t[i] = alawCode(int(int16(i<<3)) >> 3)
	}
	return t
}()

var alawSamples = func() (t [256]int16) {
	for i := range t {
		c := byte(i) ^ alawToggle
		segment, v := c>>4&7, 2*int(c&15)+1
		if segment > 0 {
			v = (v + 32) << (segment - 1)
		}
		v <<= 3
		if c&0x80 == 0 {
			v = -v
		}
		t[i] = int16(v)
	}
	return t
}()

// alawCode codes a sample of 13 bits (G.711, table 1a): the sign bit is set for
// positive samples, and a negative one is coded by its one's complement.
func alawCode(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	segment := max(bits.Len(uint(v))-5, 0)
	step := byte(v>>max(segment, 1)) & 15
	return (sign | byte(segment)<<4 | step) ^ alawToggle
}
