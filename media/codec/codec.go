package codec

import (
	"strings"

	"pintle/media"
)

// Dynamic is the PayloadType of an Info without a number assigned by RFC 3551.
const Dynamic uint8 = 255

// Info describes a codec that can be negotiated.
type Info struct {
	Name        string // encoding name of the SDP rtpmap
	PayloadType uint8  // static number of RFC 3551 §6, or Dynamic
	ClockRate   int    // RTP timestamps a second
	SampleRate  int    // samples a second of the frames it takes
	// New makes a codec for one direction of one leg.
	New func() media.Codec
	// Stateful: a payload depends on those before it, so payloads are neither kept nor joined to longer ones.
	Stateful bool
}

// list is in the order of preference. A new codec is one line here.
var list = [...]Info{
	{"PCMU", 0, 8000, 8000, func() media.Codec { return PCMU{} }, false},
	{"PCMA", 8, 8000, 8000, func() media.Codec { return PCMA{} }, false},
	{"L16", Dynamic, 16000, 16000, func() media.Codec { return L16{Rate: 16000} }, false},
	{"L16", Dynamic, 8000, 8000, func() media.Codec { return L16{Rate: 8000} }, false},
	{"opus", Dynamic, opusClock, opusRate, func() media.Codec { return &Opus{} }, true},
}

// All returns every codec in the order of preference. The caller may change the slice.
func All() []Info { return append([]Info(nil), list[:]...) }

// ByName finds a codec by its encoding name, in any case of letters, and its RTP clock rate.
func ByName(name string, clockRate int) (Info, bool) {
	for _, i := range list {
		if i.ClockRate == clockRate && strings.EqualFold(i.Name, name) {
			return i, true
		}
	}
	return Info{}, false
}

// ByPayloadType finds the codec of a static payload type, for SDP without an rtpmap.
func ByPayloadType(pt uint8) (Info, bool) {
	for _, i := range list {
		if pt != Dynamic && i.PayloadType == pt {
			return i, true
		}
	}
	return Info{}, false
}

// codes writes one byte per sample, as far as dst reaches.
func codes(dst []byte, f media.Frame, table []byte, shift uint) int {
	n := min(len(dst), len(f))
	for i, v := range f[:n] {
		dst[i] = table[uint16(v)>>shift]
	}
	return n
}

// samples writes one sample per byte, as far as dst reaches.
func samples(dst media.Frame, b []byte, table *[256]int16) int {
	n := min(len(dst), len(b))
	for i, c := range b[:n] {
		dst[i] = table[c]
	}
	return n
}
