package rtpio

import (
	"context"
	"time"
)

// handshakesKept is how many results wait for a reader; further ones are dropped, but counted.
const handshakesKept = 4

// Handshake is how one attempt to agree on keys by DTLS ended.
type Handshake struct {
	Suite Suite
	Err   error // nil: packets are protected by Suite from now on
}

// Handshakes tells how attempts to agree on keys end. After a failure another attempt follows.
func (s *Stream) Handshakes() <-chan Handshake { return s.shaken }

// Ready waits until packets may be sent: keys were agreed on, or none are needed. It returns at once but while a
// handshake runs. The error is context.Cause(ctx), or ErrClosed.
func (s *Stream) Ready(ctx context.Context) error {
	s.handshakes.Lock()
	a := s.association
	s.handshakes.Unlock()
	if a == nil {
		return nil
	}
	select {
	case <-a.keyed:
		return nil
	case <-a.ctx.Done():
		if s.closing() {
			return ErrClosed
		}
		return nil // another agreement has taken its place
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// agreed installs the keys of a handshake, unless another one has taken its place.
func (s *Stream) agreed(a *association, k Keys) {
	s.handshakes.Lock()
	defer s.handshakes.Unlock()
	if s.association == a && a.ctx.Err() == nil {
		_ = s.useKeys(k, true, time.Now()) // the library made them: they fit their suite
		close(a.keyed)
		s.told(Handshake{Suite: k.Suite})
	}
}

// failed counts an attempt that gave no keys.
func (s *Stream) failed(err error) {
	s.in.mu.Lock()
	s.in.unshaken++
	s.in.mu.Unlock()
	s.told(Handshake{Err: err})
}

func (s *Stream) told(h Handshake) {
	select {
	case s.shaken <- h:
	default:
	}
}

// Secured reports whether packets are protected now, and by which suite.
func (s *Stream) Secured() (Suite, bool) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.in.opener.keys.Suite, s.in.opener.now != nil
}

func newAssociation(s *Stream, far DTLS) *association {
	a := &association{stream: s, far: far, records: newRecords(), keyed: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}
