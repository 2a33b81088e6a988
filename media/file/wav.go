package file

import (
	"bytes"
	"encoding/binary"
)

// Format tags of WAV files.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavULaw       = 7
	wavExtensible = 0xfffe
)

// openWAV reads the chunks of a WAV file in any order. Sizes are not believed: writers of streams put 0 or 0xFFFFFFFF
// there, and a size beyond the end means a file cut short.
func openWAV(raw []byte) (*stream, error) {
	var format, data []byte
	rest := raw[12:]
	for len(rest) >= 8 && (format == nil || data == nil) {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		open := id == "data" && (size >= 0xffffff00 || size == 0 && !chunkFollows(rest))
		body := rest
		if !open && size < int64(len(rest)) {
			body = rest[:size]
		}
		rest = rest[len(body):]
		if len(body)%2 == 1 && len(rest) > 0 {
			rest = rest[1:] // chunks begin at even places
		}
		switch id {
		case "fmt ":
			format = body
		case "data":
			data = body
		}
	}
	if format == nil {
		return nil, unusable("WAV without a format")
	}
	if data == nil {
		return nil, unusable("WAV without sound")
	}
	return wavStream(format, data)
}

// chunkFollows tells an empty chunk from one whose size was never filled in.
func chunkFollows(rest []byte) bool {
	if len(rest) < 8 || int64(binary.LittleEndian.Uint32(rest[4:])) > int64(len(rest)-8) {
		return false
	}
	switch string(rest[:4]) {
	case "fmt ", "fact", "LIST", "JUNK", "bext", "cue ", "id3 ", "PAD ":
		return true
	}
	return false
}

func wavStream(format, data []byte) (*stream, error) {
	if len(format) < 16 {
		return nil, unusable("WAV format of %d octets", len(format))
	}
	le := binary.LittleEndian
	tag, bits := le.Uint16(format), le.Uint16(format[14:])
	if tag == wavExtensible && len(format) >= 26 {
		tag = le.Uint16(format[24:]) // the sub-format begins with the plain tag
	}
	c, ok := wavCodings[wavForm{tag, bits}]
	if !ok {
		return nil, unusable("WAV with format 0x%04x of %d bits", tag, bits)
	}
	rate := le.Uint32(format[4:])
	if rate > maxRate {
		return nil, unusable("sample rate %d", rate)
	}
	return &stream{int(rate), int(le.Uint16(format[2:])), c, bytes.NewReader(data)}, nil
}

// wavForm is a format tag with the bits of a sample.
type wavForm struct{ tag, bits uint16 }

var wavCodings = map[wavForm]coding{
	{wavPCM, 8}:    codingU8,
	{wavPCM, 16}:   codingS16LE,
	{wavPCM, 24}:   codingS24LE,
	{wavPCM, 32}:   codingS32LE,
	{wavFloat, 32}: codingF32LE,
	{wavFloat, 64}: codingF64LE,
	{wavALaw, 8}:   codingALaw,
	{wavULaw, 8}:   codingULaw,
}
