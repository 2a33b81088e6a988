package media

import "fmt"

// AnyRate is a source made for one rate that gives frames at the rate of whoever reads it: a leg may change its codec
// while a prompt is played. As long as the rates are the same it costs nothing. It is not safe for concurrent use.
type AnyRate struct {
	src     Source
	encoded EncodedSource // src, if it is one
	rate    int
	to      *Resampled
	last    int // rate of to
}

var _ EncodedSource = (*AnyRate)(nil)

// AtAnyRate returns src, which gives frames at rate.
func AtAnyRate(src Source, rate int) *AnyRate {
	a := &AnyRate{src: src, rate: rate}
	a.encoded, _ = src.(EncodedSource)
	return a
}

// ReadFrame gives the next frame at the rate that the length of dst says.
func (a *AnyRate) ReadFrame(dst Frame) (int, error) {
	rate := len(dst) * 50
	if rate == a.rate {
		return a.src.ReadFrame(dst)
	}
	if rate != a.last {
		to, err := NewResampled(a.src, a.rate, rate)
		if err != nil {
			return 0, err
		}
		a.to, a.last = to, rate
	}
	return a.to.ReadFrame(dst)
}

// ReadEncoded gives what the source has encoded for codecs of its own rate.
func (a *AnyRate) ReadEncoded(c Codec) ([]byte, bool, error) {
	if a.encoded == nil || SampleRate(c) != a.rate {
		return nil, false, nil
	}
	return a.encoded.ReadEncoded(c)
}

// String prints the chain.
func (a *AnyRate) String() string { return fmt.Sprint(a.src) }
