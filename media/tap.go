package media

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Tap takes copies of frames from the media path and keeps them in a bounded
// ring for one reader outside of it. A reader that is too slow loses frames,
// which are counted; it never holds up the writer.
type Tap struct {
	size int

	mu      sync.Mutex
	ring    []int16 // slots of size samples
	lost    []int   // frames dropped before each slot
	head    int     // oldest slot
	used    int
	pending int // frames dropped since the newest slot
	dropped uint64
	closed  bool
	ready   chan struct{} // one token: something happened

	from int        // rate of the writer, where it has changed
	to   *Resampler // from there to the rate of the tap
	work Frame
}

var (
	_ Sink   = (*Tap)(nil)
	_ Source = (*Tap)(nil)
)

// NewTap returns a tap for frames at rate that keeps up to depth of sound, at least one frame.
func NewTap(rate int, depth time.Duration) *Tap {
	slots, size := max(1, int(depth/FrameDuration)), FrameSize(rate)
	return &Tap{size: size, ring: make([]int16, slots*size), lost: make([]int, slots), ready: make(chan struct{}, 1)}
}

// WriteFrame keeps a copy of f, cut or padded to a whole frame, or drops and
// counts it when the ring is full. After Close it returns io.ErrClosedPipe.
func (t *Tap) WriteFrame(f Frame) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return io.ErrClosedPipe
	}
	if t.used == len(t.lost) {
		t.pending++
		t.dropped++
		return nil
	}
	i := (t.head + t.used) % len(t.lost)
	slot := t.ring[i*t.size : (i+1)*t.size]
	f = t.convert(f)
	clear(slot[copy(slot, f):])
	t.lost[i], t.pending = t.pending, 0
	t.used++
	t.signal()
	return nil
}

// convert brings a frame of another rate to that of the tap: a leg whose codec changes keeps its recordings. What is no
// whole frame of a usual rate stays as it is; t.mu is held.
func (t *Tap) convert(f Frame) Frame {
	if len(f) == t.size {
		return f
	}
	switch len(f) {
	case 160, 320, 480, 640, 960:
	default:
		return f
	}
	if t.from != len(f) {
		r, err := NewResampler(len(f)*50, t.size*50)
		if err != nil {
			return f
		}
		t.from, t.to, t.work = len(f), r, make(Frame, r.Bound(len(f)))
	}
	return t.work[:t.to.Process(t.work, f)]
}

// Read waits for the next frame, copies it to dst and returns its samples and
// how many frames were lost just before it, so that a recording can stay true
// to time. After Close it gives what is left, then io.EOF. When ctx ends it returns the cause.
func (t *Tap) Read(ctx context.Context, dst Frame) (n, lost int, err error) {
	for {
		t.mu.Lock()
		n, lost = t.take(dst)
		closed := t.closed
		t.mu.Unlock()
		if n > 0 {
			return n, lost, nil
		}
		if closed {
			return 0, 0, io.EOF
		}
		select {
		case <-t.ready:
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		}
	}
}

// ReadFrame gives the next frame if there is one, and io.EOF after Close. It
// never waits, so a tap of one leg can be the source of another.
func (t *Tap) ReadFrame(dst Frame) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, _ := t.take(dst)
	if n == 0 && t.closed {
		return 0, io.EOF
	}
	return n, nil
}

// Trim drops the oldest frames until at most keep are waiting; these do not
// count as dropped. It bounds the delay of a tap that is read by a pacer.
func (t *Tap) Trim(keep int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.used > max(keep, 0) {
		t.head = (t.head + 1) % len(t.lost)
		t.used--
	}
}

// Len returns the number of frames that wait to be read.
func (t *Tap) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Dropped returns how many frames the reader lost by being slow.
func (t *Tap) Dropped() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// Close ends the tap for its writer; the reader gets what is left. It may be called again.
func (t *Tap) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.signal()
	return nil
}

// String names the stage.
func (t *Tap) String() string { return fmt.Sprintf("tap(%d)", t.size*int(time.Second/FrameDuration)) }

// take copies out the oldest slot; t.mu is held.
func (t *Tap) take(dst Frame) (n, lost int) {
	if t.used == 0 {
		return 0, 0
	}
	n = copy(dst, t.ring[t.head*t.size:(t.head+1)*t.size])
	lost = t.lost[t.head]
	t.head = (t.head + 1) % len(t.lost)
	t.used--
	return n, lost
}

func (t *Tap) signal() {
	select {
	case t.ready <- struct{}{}:
	default:
	}
}
