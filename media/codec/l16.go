package codec

import (
	"encoding/binary"

	"pintle/media"
)

// L16 is linear PCM in network byte order (RFC 3551 §4.5.11), mono.
type L16 struct {
	Rate int // samples a second
}

var _ media.Codec = L16{}

// Name returns "L16".
func (L16) Name() string { return "L16" }

// ClockRate returns the rate of the samples.
func (l L16) ClockRate() int { return l.Rate }

// Encode writes two bytes per sample, the high one first.
func (L16) Encode(dst []byte, f media.Frame) int {
	n := min(len(dst)/2, len(f))
	for i, v := range f[:n] {
		binary.BigEndian.PutUint16(dst[2*i:], uint16(v))
	}
	return 2 * n
}

// Decode writes one sample per two bytes; an odd last byte is ignored.
func (L16) Decode(dst media.Frame, b []byte) int {
	n := min(len(dst), len(b)/2)
	for i := range n {
		dst[i] = int16(binary.BigEndian.Uint16(b[2*i:]))
	}
	return n
}
