package codec

import (
	"sync"

	"github.com/thesyncim/gopus"

	"pintle/media"
)

// How Opus legs encode: speech at 16 kHz, whatever the RTP clock says (RFC 7587 §4.1). Redundancy is sent once the far
// end tells of loss: it costs a fifth more of the CPU and an octet a packet, and brings lost speech 7 dB nearer to the
// original.
const (
	opusClock      = 48000
	opusRate       = 16000
	opusBitrate    = 24000
	opusComplexity = 5
	opusSeldom     = 0.01 // part of packets that may be lost without redundancy
	opusOften      = 0.1  // from here on there is more of it
	opusLossy      = 10   // percent that the encoder is told; below, it would send no redundancy at this bit rate
	opusLossiest   = 20
	opusLongest    = opusRate * 120 / 1000
)

// Opus is RFC 6716 in mono at 16 kHz samples. It keeps state, so a payload means nothing without those before it. Its
// instances come from a pool; Release gives them back.
type Opus struct {
	enc   *gopus.Encoder
	dec   *gopus.Decoder
	pcm   [opusLongest]int16   // a packet may be longer than the room that is left
	floor [opusLongest]float32 // of redundancy
	loss  int                  // percent that the encoder is told
}

var (
	_ media.Codec     = (*Opus)(nil)
	_ media.Concealer = (*Opus)(nil)
	_ media.Hardener  = (*Opus)(nil)
)

// The instances of legs that have ended; making one costs more than a second of its work.
var (
	opusEncoders = sync.Pool{New: func() any { return newOpusEncoder() }}
	opusDecoders = sync.Pool{New: func() any { return newOpusDecoder() }}
)

func newOpusEncoder() *gopus.Encoder {
	e, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: opusRate, Channels: 1,
		Application: gopus.ApplicationVoIP})
	if err != nil {
		return nil // the constants above are ones that it takes; the leg would be silent
	}
	for _, err := range []error{e.SetBitrate(opusBitrate), e.SetComplexity(opusComplexity), e.SetInBandFEC(1)} {
		if err != nil {
			return nil
		}
	}
	return e
}

func newOpusDecoder() *gopus.Decoder {
	d, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(opusRate, 1))
	if err != nil {
		return nil
	}
	return d
}

// Name returns "opus", as RFC 7587 writes it.
func (*Opus) Name() string { return "opus" }

// ClockRate returns 48000, which RTP timestamps of Opus count at any sample rate (RFC 7587 §4.1).
func (*Opus) ClockRate() int { return opusClock }

// SampleRate returns 16000.
func (*Opus) SampleRate() int { return opusRate }

// Encode writes the packet of one frame; its length varies. It is 0 when there is no room.
func (o *Opus) Encode(dst []byte, f media.Frame) int {
	if o.enc == nil {
		o.enc, _ = opusEncoders.Get().(*gopus.Encoder)
		o.expect()
	}
	if o.enc == nil {
		return 0
	}
	n, err := o.enc.EncodeInt16(f, dst)
	if err != nil {
		return 0
	}
	return n
}

// Decode writes the samples of a packet of up to 120 ms. A packet that cannot be read gives none.
func (o *Opus) Decode(dst media.Frame, b []byte) int {
	if len(b) == 0 || !o.decoder() {
		return 0
	}
	n, err := o.dec.DecodeInt16(b, o.pcm[:])
	if err != nil {
		return 0
	}
	return copy(dst, o.pcm[:n])
}

// Conceal writes what takes the place of a lost packet of len(dst) samples: from the redundancy in next where that
// packet has come already, else a continuation of what was heard. It is 0 where nothing was heard yet.
func (o *Opus) Conceal(dst media.Frame, next []byte) int {
	if o.dec == nil {
		return 0
	}
	if len(next) > 0 && len(dst) <= len(o.floor) {
		n, err := o.dec.DecodeWithFEC(next, o.floor[:len(dst)], true)
		if err == nil && n > 0 {
			n = min(n, len(dst))
			for i, v := range o.floor[:n] {
				dst[i] = media.Clip(int32(v * 32767))
			}
			return n
		}
	}
	n, err := o.dec.DecodeInt16(nil, o.pcm[:min(len(dst), len(o.pcm))])
	if err != nil {
		return 0
	}
	return copy(dst, o.pcm[:n])
}

// Harden adds redundancy to what is encoded from now on. Once there is some it stays: loss comes in waves.
func (o *Opus) Harden(loss float64) {
	percent := 0
	switch {
	case loss >= opusOften:
		percent = opusLossiest
	case loss >= opusSeldom:
		percent = opusLossy
	}
	if percent > o.loss {
		o.loss = percent
		o.expect()
	}
}

func (o *Opus) expect() {
	if o.enc != nil {
		_ = o.enc.SetPacketLoss(o.loss) // it takes 0 to 100
	}
}

func (o *Opus) decoder() bool {
	if o.dec == nil {
		o.dec, _ = opusDecoders.Get().(*gopus.Decoder)
	}
	return o.dec != nil
}

// Release gives the instances back for other legs. The codec may be used again: it then begins anew.
func (o *Opus) Release() {
	if o.enc != nil {
		o.loss = 0
		o.expect()
		o.enc.Reset()
		opusEncoders.Put(o.enc)
		o.enc = nil
	}
	if o.dec != nil {
		o.dec.Reset()
		opusDecoders.Put(o.dec)
		o.dec = nil
	}
}
