package sipedge

import (
	"context"

	"pintle/interpreter"
)

var _ interpreter.Holder = (*Leg)(nil)

// Hold puts the far end on hold: it hears what is played, and is heard no more.
func (l *Leg) Hold(ctx context.Context) error { return l.dialog.change(ctx, change{kind: changeHold}) }

// Resume takes the far end back.
func (l *Leg) Resume(ctx context.Context) error {
	return l.dialog.change(ctx, change{kind: changeResume})
}

// Renegotiate offers other codecs. Names that the engine does not speak give ErrUnsupported.
func (l *Leg) Renegotiate(ctx context.Context, codecs []string) error {
	neg, able := l.dialog.neg.(proposer)
	if !able {
		return interpreter.ErrUnsupported
	}
	list, err := neg.named(codecs)
	if err != nil {
		return err
	}
	return l.dialog.change(ctx, change{kind: changeCodecs, codecs: list})
}

// change has a change made and waits for its end.
func (d *dialog) change(ctx context.Context, c change) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	result := make(chan error, 1)
	c.done = func(err error) {
		select {
		case result <- err:
		default: // told once
		}
	}
	if !d.box.post(func() { d.ask(&c) }) {
		return interpreter.ErrCallOver
	}
	select {
	case err := <-result:
		if err != nil && d.ctx.Err() != nil {
			return interpreter.ErrCallOver
		}
		return err
	case <-d.ctx.Done():
		return interpreter.ErrCallOver
	case <-ctx.Done():
		// What is not on its way is not wanted any more.
		d.box.post(func() {
			if d.sending != &c {
				d.finish(&c, context.Cause(ctx))
			}
		})
		return context.Cause(ctx)
	}
}
