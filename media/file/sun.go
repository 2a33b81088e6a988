package file

import (
	"bytes"
	"encoding/binary"
)

// openSun reads Sun audio (.au, .snd), what audio/basic often turns out to be.
func openSun(raw []byte) (*stream, error) {
	if len(raw) < 24 {
		return nil, unusable("Sun audio header of %d octets", len(raw))
	}
	be := binary.BigEndian
	start, kind, rate := be.Uint32(raw[4:]), be.Uint32(raw[12:]), be.Uint32(raw[16:])
	if int64(start) > int64(len(raw)) || start < 24 {
		return nil, unusable("Sun audio that begins at %d", start)
	}
	if rate > maxRate {
		return nil, unusable("sample rate %d", rate)
	}
	codings := map[uint32]coding{
		1: codingULaw, 2: codingS8, 3: codingS16BE, 4: codingS24BE, 5: codingS32BE, 6: codingF32BE, 27: codingALaw,
	}
	c, ok := codings[kind]
	if !ok {
		return nil, unusable("Sun audio of encoding %d", kind)
	}
	return &stream{int(rate), int(min(be.Uint32(raw[20:]), 0xffff)), c, bytes.NewReader(raw[start:])}, nil
}
