package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStopped is the error of a playback that was stopped or replaced before its end.
var ErrStopped = errors.New("playback stopped")

// Swap is a source whose own source can be exchanged at any time, from any
// goroutine. It never ends; without a source it gives nothing, which is silence.
// The zero value is ready.
type Swap struct {
	mu  sync.Mutex // held while the present source is read, so that Play returns only when the old one is not in use
	cur *Playback
}

var _ EncodedSource = (*Swap)(nil)

// Playback is one source while a Swap plays it.
type Playback struct {
	swap    *Swap
	src     Source
	encoded EncodedSource
	done    chan struct{}
	err     error // set before done is closed
	frames  atomic.Int64
}

// Play replaces the present source by src. When it returns, the former source
// is no longer read and its Playback is done. src must not call the Swap.
func (s *Swap) Play(src Source) *Playback {
	p := &Playback{swap: s, src: src, done: make(chan struct{})}
	p.encoded, _ = src.(EncodedSource)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(ErrStopped)
	s.cur = p
	return p
}

// Stop ends the present playback, if there is one.
func (s *Swap) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(ErrStopped)
}

// Playing reports whether a source is set.
func (s *Swap) Playing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur != nil
}

// ReadFrame reads the present source. Its end is reported by its Playback, never here.
func (s *Swap) ReadFrame(dst Frame) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil {
		return 0, nil
	}
	n, err := s.cur.src.ReadFrame(dst)
	s.account(n > 0, err)
	return n, nil
}

// ReadEncoded reads the present source encoded, if it can do that for c.
func (s *Swap) ReadEncoded(c Codec) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || s.cur.encoded == nil {
		return nil, false, nil
	}
	b, ok, err := s.cur.encoded.ReadEncoded(c)
	if !ok && err == nil {
		return nil, false, nil
	}
	s.account(len(b) > 0, err)
	return b, ok, nil
}

func (s *Swap) account(sound bool, err error) {
	if sound {
		s.cur.frames.Add(1)
	}
	if err != nil {
		s.end(err)
	}
}

// end finishes the present playback; s.mu is held.
func (s *Swap) end(err error) {
	if s.cur == nil {
		return
	}
	if !errors.Is(err, io.EOF) {
		s.cur.err = err
	}
	close(s.cur.done)
	s.cur = nil
}

// String prints the chain, such as "switch <- file(menu.wav)".
func (s *Swap) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil {
		return "switch <- nothing"
	}
	return fmt.Sprintf("switch <- %v", s.cur.src)
}

// Done is closed when the source has ended, failed, or was stopped or replaced.
func (p *Playback) Done() <-chan struct{} { return p.done }

// Err returns nil when the source was played to its end or still plays,
// ErrStopped when it was stopped or replaced, else the source's own error.
func (p *Playback) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Played returns how much of the source was read.
func (p *Playback) Played() time.Duration { return time.Duration(p.frames.Load()) * FrameDuration }

// Stop ends this playback; another one that replaced it goes on. When it
// returns the source is no longer read.
func (p *Playback) Stop() {
	p.swap.mu.Lock()
	defer p.swap.mu.Unlock()
	if p.swap.cur == p {
		p.swap.end(ErrStopped)
	}
}

// Wait waits for the end and returns Err. When ctx ends first it stops the
// playback and returns the cause.
func (p *Playback) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.Stop()
		return context.Cause(ctx)
	}
}
