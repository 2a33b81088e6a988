package media

import "time"

// FrameDuration is the length of every frame.
const FrameDuration = 20 * time.Millisecond

// MaxFrame is the number of samples of the longest frame (20 ms at 48 kHz).
const MaxFrame = 960

// Frame is 20 ms of mono PCM16 at the rate of its stage. Whoever calls a stage
// owns the memory of the frame.
type Frame []int16

// Source gives frames.
type Source interface {
	// ReadFrame fills dst, whose length is one frame at the source's rate, and
	// returns how many samples it wrote. It never waits: a source that has
	// nothing ready returns fewer, and the caller plays silence for the rest.
	// At the end it returns io.EOF, with the last samples or after them.
	ReadFrame(dst Frame) (int, error)
}

// EncodedSource is a Source that may hold its sound ready encoded, so that one
// prompt played to many legs is encoded once. The tick then copies bytes.
type EncodedSource interface {
	Source
	// ReadEncoded returns the payload of the next 20 ms for c and goes on by
	// one frame, exactly as ReadFrame would. The payload is shared: the caller
	// only reads it, and only until its next call. ok is false when the source
	// has nothing encoded for c (by name and clock rate); it then has not
	// moved and the caller uses ReadFrame. At the end err is io.EOF, with the
	// last payload or after it. It never waits and never encodes.
	ReadEncoded(c Codec) (payload []byte, ok bool, err error)
}

// Sink takes frames. It must not keep f after it returned, and never waits.
type Sink interface {
	WriteFrame(f Frame) error
}

// Codec turns frames into payload bytes and back. One value serves one
// direction of one leg; codecs may keep state and are not safe for concurrent use.
type Codec interface {
	// Name is the encoding name of the SDP rtpmap, such as "PCMU".
	Name() string
	// ClockRate is the rate of RTP timestamps, which is not always the rate
	// of the samples; see SampleRate.
	ClockRate() int
	// Encode writes the payload of f to dst and returns its length; dst has
	// room for two bytes a sample.
	Encode(dst []byte, f Frame) int
	// Decode writes the samples of payload b to dst and returns how many;
	// it writes no more than dst can hold.
	Decode(dst Frame, b []byte) int
}

// Concealer is a Codec that can replace lost packets better than a PLC, because it knows its own past.
type Concealer interface {
	// Conceal writes what takes the place of a lost packet of len(dst) samples; next is the payload of the packet after
	// it, if that has come, else empty. It returns how many samples it wrote; 0: it cannot.
	Conceal(dst Frame, next []byte) int
}

// Hardener is a Codec that can make what it encodes robust against loss.
type Hardener interface {
	// Harden is told which part of the packets the far end has lost lately, 0 to 1.
	Harden(loss float64)
}

// Release gives back what a codec holds, where it holds something. The codec may be used again; it begins anew then.
func Release(c Codec) {
	if r, ok := c.(interface{ Release() }); ok {
		r.Release()
	}
}

// SampleRate returns the rate of the samples c takes and gives. A codec whose
// RTP clock differs from it (G.722, Opus) tells by a method SampleRate() int.
func SampleRate(c Codec) int {
	if s, ok := c.(interface{ SampleRate() int }); ok {
		return s.SampleRate()
	}
	return c.ClockRate()
}

// Samples returns the number of samples that d lasts at rate.
func Samples(rate int, d time.Duration) int {
	return int(int64(rate) * int64(d) / int64(time.Second))
}

// FrameSize returns the number of samples of one frame at rate.
func FrameSize(rate int) int { return Samples(rate, FrameDuration) }

// Mix adds src to dst and limits the sum to 16 bits. The frames have one rate;
// what the shorter one lacks counts as silence.
func Mix(dst, src Frame) {
	for i := range min(len(dst), len(src)) {
		dst[i] = Clip(int32(dst[i]) + int32(src[i]))
	}
}

// Clip limits a sum of samples to 16 bits.
func Clip(v int32) int16 {
	return int16(max(-32768, min(32767, v)))
}
