package media

import (
	"io"
	"time"
)

// Silence is a source of digital silence of a given length; the zero value never ends.
type Silence struct {
	For  time.Duration // whole length; 0 means without end
	done time.Duration
}

var _ Source = (*Silence)(nil)

// ReadFrame fills dst with silence.
func (s *Silence) ReadFrame(dst Frame) (int, error) {
	if s.For > 0 && s.done >= s.For {
		return 0, io.EOF
	}
	s.done += FrameDuration
	clear(dst)
	return len(dst), nil
}

// String names the source.
func (s *Silence) String() string { return "silence" }
