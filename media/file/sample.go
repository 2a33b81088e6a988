package file

import (
	"encoding/binary"
	"math"

	"pintle/media"
	"pintle/media/codec"
)

// coding is how one sample is written in a file.
type coding struct {
	width int // octets
	read  func(b []byte) int16
}

// Floats are clipped, and what is no number becomes silence, so that no file can make noise at full scale.
func ofFloat(v float64) int16 {
	if v != v {
		return 0
	}
	return int16(max(-32768, min(32767, v*32768)))
}

var (
	codingU8    = coding{1, func(b []byte) int16 { return int16(int(b[0])-128) << 8 }}
	codingS8    = coding{1, func(b []byte) int16 { return int16(int8(b[0])) << 8 }}
	codingS16LE = coding{2, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) }}
	codingS16BE = coding{2, func(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) }}
	codingS24LE = coding{3, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b[1:])) }}
	codingS24BE = coding{3, codingS16BE.read}
	codingS32LE = coding{4, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b[2:])) }}
	codingS32BE = coding{4, codingS16BE.read}
	codingF32LE = coding{4, func(b []byte) int16 {
		return ofFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}}
	codingF32BE = coding{4, func(b []byte) int16 {
		return ofFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	}}
	codingF64LE = coding{8, func(b []byte) int16 { return ofFloat(math.Float64frombits(binary.LittleEndian.Uint64(b))) }}
	codingULaw  = coding{1, table(codec.PCMU{})}
	codingALaw  = coding{1, table(codec.PCMA{})}
)

func table(c media.Codec) func(b []byte) int16 {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	samples := make(media.Frame, 256)
	c.Decode(samples, all)
	return func(b []byte) int16 { return samples[b[0]] }
}
