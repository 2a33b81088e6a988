package media

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Concat plays sources one after the other without a gap between them. It is
// not safe for concurrent use.
type Concat struct {
	sources []Source
	at      int
}

var _ EncodedSource = (*Concat)(nil)

// NewConcat returns a source that plays the given ones in order.
func NewConcat(sources ...Source) *Concat { return &Concat{sources: sources} }

// ReadFrame reads from the present source; the next one begins with the next frame.
func (c *Concat) ReadFrame(dst Frame) (int, error) {
	for c.at < len(c.sources) {
		n, err := c.sources[c.at].ReadFrame(dst)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		c.at++
		if n > 0 && c.at < len(c.sources) {
			return n, nil
		}
		if n > 0 {
			return n, io.EOF
		}
	}
	return 0, io.EOF
}

// ReadEncoded gives the encoded payload of the present source, if it has one.
func (c *Concat) ReadEncoded(codec Codec) ([]byte, bool, error) {
	for c.at < len(c.sources) {
		e, ok := c.sources[c.at].(EncodedSource)
		if !ok {
			return nil, false, nil
		}
		p, ok, err := e.ReadEncoded(codec)
		if err == nil {
			return p, ok, nil
		}
		if !errors.Is(err, io.EOF) {
			return p, ok, err
		}
		c.at++
		if len(p) == 0 {
			continue
		}
		if c.at == len(c.sources) {
			return p, ok, io.EOF
		}
		return p, ok, nil
	}
	return nil, true, io.EOF
}

// String lists the sources that are still to be heard.
func (c *Concat) String() string {
	var names []string
	for _, s := range c.sources[c.at:] {
		names = append(names, fmt.Sprint(s))
	}
	return strings.Join(names, ", ")
}
