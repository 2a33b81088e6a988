package browser

import (
	"context"

	"pintle/interpreter"
)

var _ interpreter.Holder = (*Leg)(nil)

// Quality is what was measured of the sound, both ways.
func (l *Leg) Quality() interpreter.Quality { return l.peer.Quality() }

// Hold tells the page that it is not heard any more: it silences its microphone, and goes on hearing what is played.
func (l *Leg) Hold(ctx context.Context) error {
	return l.held(ctx, message{Type: typeHold, Held: true})
}

// Resume ends Hold.
func (l *Leg) Resume(ctx context.Context) error { return l.held(ctx, message{Type: typeHold}) }

func (l *Leg) held(ctx context.Context, m message) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if l.ctx.Err() != nil {
		return interpreter.ErrCallOver
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.answered {
		return interpreter.ErrUnsupported
	}
	if l.onHold != m.Held {
		l.onHold = m.Held
		m.Call = l.name
		l.page.send(m)
	}
	return nil
}

// Renegotiate gives ErrUnsupported: the page makes the offers, and the browser has chosen the codec it likes best.
func (*Leg) Renegotiate(context.Context, []string) error { return interpreter.ErrUnsupported }
