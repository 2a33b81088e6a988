package file

import (
	"bytes"
	"encoding/binary"
	"math"
)

// openAIFF reads AIFF and the uncompressed and G.711 kinds of AIFF-C.
func openAIFF(raw []byte) (*stream, error) {
	var common, sound []byte
	for rest := raw[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int64(binary.BigEndian.Uint32(rest[4:]))
		rest = rest[8:]
		body := rest[:min(size, int64(len(rest)))]
		rest = rest[len(body):]
		if len(body)%2 == 1 && len(rest) > 0 {
			rest = rest[1:]
		}
		switch id {
		case "COMM":
			common = body
		case "SSND":
			sound = body
		}
	}
	if len(common) < 18 || len(sound) < 8 {
		return nil, unusable("AIFF without a format or without sound")
	}
	kind := "NONE"
	if string(raw[8:12]) == "AIFC" && len(common) >= 22 {
		kind = string(common[18:22])
	}
	c, ok := aiffCoding(kind, binary.BigEndian.Uint16(common[6:]))
	if !ok {
		return nil, unusable("AIFF with compression %q", kind)
	}
	offset := min(int64(binary.BigEndian.Uint32(sound)), int64(len(sound)-8))
	rate := extended(common[8:18])
	if rate != rate || rate < 0 || rate > maxRate {
		return nil, unusable("sample rate %v", rate)
	}
	return &stream{int(rate), int(binary.BigEndian.Uint16(common)), c, bytes.NewReader(sound[8+offset:])}, nil
}

func aiffCoding(kind string, bits uint16) (coding, bool) {
	switch {
	case kind == "ulaw" || kind == "ULAW":
		return codingULaw, true
	case kind == "alaw" || kind == "ALAW":
		return codingALaw, true
	case kind == "fl32" || kind == "FL32":
		return codingF32BE, true
	case kind == "sowt" && bits == 16:
		return codingS16LE, true
	case kind != "NONE" && kind != "twos":
		return coding{}, false
	}
	switch bits {
	case 8:
		return codingS8, true
	case 16:
		return codingS16BE, true
	case 24:
		return codingS24BE, true
	case 32:
		return codingS32BE, true
	}
	return coding{}, false
}

// extended reads an 80 bit float of IEEE 754.
func extended(b []byte) float64 {
	exponent := int(binary.BigEndian.Uint16(b)&0x7fff) - 16383 - 63
	v := math.Ldexp(float64(binary.BigEndian.Uint64(b[2:])), exponent)
	if b[0]&0x80 != 0 {
		v = -v
	}
	return v
}
