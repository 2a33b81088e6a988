package file

import (
	"context"
	"errors"
	"sync"
)

var errClosed = errors.New("audio files: closed")

// flights lets the first caller for a key start the work and all others wait for the same result. The work goes on as
// long as one of them waits, so that a caller who hangs up takes nothing from the others.
type flights struct {
	base context.Context //nolint:containedctx // the life of all work; ends with close
	end  context.CancelCauseFunc
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	byKey  map[string]*flight
}

type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // guarded by flights.mu
	clip    *Clip
	err     error
}

func newFlights() *flights {
	base, end := context.WithCancelCause(context.Background())
	return &flights{base: base, end: end, byKey: map[string]*flight{}}
}

// do returns the result of f, run by whoever came first with this key. When ctx ends it returns its cause at once.
func (s *flights) do(ctx context.Context, key string, f func(context.Context) (*Clip, error)) (*Clip, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	w := s.byKey[key]
	if w == nil {
		w = s.start(key, f)
	}
	w.waiting++
	s.mu.Unlock()
	select {
	case <-w.done:
		return w.clip, w.err
	case <-ctx.Done():
		s.leave(key, w)
		return nil, context.Cause(ctx)
	}
}

func (s *flights) start(key string, f func(context.Context) (*Clip, error)) *flight {
	ctx, cancel := context.WithCancel(s.base)
	w := &flight{done: make(chan struct{}), cancel: cancel}
	s.byKey[key] = w
	s.work.Go(func() {
		defer cancel()
		w.clip, w.err = f(ctx)
		s.forget(key, w)
		close(w.done)
	})
	return w
}

// leave ends work that nobody waits for any more; who comes next starts anew.
func (s *flights) leave(key string, w *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waiting--; w.waiting > 0 {
		return
	}
	w.cancel()
	if s.byKey[key] == w {
		delete(s.byKey, key)
	}
}

func (s *flights) forget(key string, w *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey[key] == w {
		delete(s.byKey, key)
	}
}

// close ends all work and waits for it.
func (s *flights) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end(errClosed)
	s.work.Wait()
}
