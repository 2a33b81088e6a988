package browser

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pintle/interpreter"
	"pintle/sipedge/audio"
)

// Leg is one page's call. It implements interpreter.Leg; its sound is that of the half in it.
type Leg struct {
	*audio.Half
	phones *Phones
	page   *page
	peer   *peer
	name   string // of the call in messages

	ctx    context.Context //nolint:containedctx // a leg is a lifetime; the cause is *interpreter.Hangup
	cancel context.CancelCauseFunc
	over   sync.Once

	mu       sync.Mutex // guards what follows
	info     interpreter.LegInfo
	rung     bool
	answered bool
	onHold   bool
}

var (
	_ interpreter.Leg      = (*Leg)(nil)
	_ interpreter.Tracer   = (*Leg)(nil)
	_ interpreter.Preparer = (*Leg)(nil)
	_ interpreter.Measurer = (*Leg)(nil)
	_ audio.Halved         = (*Leg)(nil)
)

// newLeg opens the media of a call and lets the page have it under name.
func (f *Phones) newLeg(p *page, name string, info interpreter.LegInfo) (*Leg, error) {
	l := &Leg{phones: f, page: p, name: name, info: info}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	var err error
	l.peer, err = f.cfg.Media.open(func(reason string) {
		l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: "MEDIA_TIMEOUT", Reason: reason})
	})
	if err != nil {
		l.cancel(err)
		return nil, err
	}
	l.Half = l.peer.Half
	if !p.hold(name, l) {
		l.cancel(errTooManyCalls)
		l.peer.Close()
		return nil, errTooManyCalls
	}
	f.wg.Go(func() {
		<-l.ctx.Done()
		p.drop(name, l)
		l.peer.Close()
	})
	return l, nil
}

// end ends the leg, once, and tells the page.
func (l *Leg) end(why *interpreter.Hangup) {
	l.over.Do(func() {
		l.cancel(why)
		l.page.send(message{Type: typeEnded, Call: l.name, Code: why.Code, By: string(why.By), Reason: why.Reason})
	})
}

// AudioHalf is the half that is joined with those of other legs.
func (l *Leg) AudioHalf() *audio.Half { return l.Half }

// Info is what is known of the leg.
func (l *Leg) Info() interpreter.LegInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

// Context ends with the call; its cause is an *interpreter.Hangup.
func (l *Leg) Context() context.Context { return l.ctx }

// Ring tells the page that it rings.
func (l *Leg) Ring(context.Context) error {
	l.mu.Lock()
	was := l.rung || l.answered
	l.rung = true
	l.mu.Unlock()
	if !was {
		l.page.send(message{Type: typeRinging, Call: l.name})
	}
	return context.Cause(l.ctx)
}

// Early waits until sound passes; the page hears it before the answer.
func (l *Leg) Early(ctx context.Context) error { return l.connect(ctx) }

// connect waits for the media, which the page needs before it can hear anything. A leg without media ends.
func (l *Leg) connect(ctx context.Context) error {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(l.ctx, func() { stop(context.Cause(l.ctx)) })()
	err := l.peer.ready(waiting)
	if cause := context.Cause(l.ctx); cause != nil {
		return cause
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: "MEDIA_TIMEOUT", Reason: err.Error()})
		return context.Cause(l.ctx)
	}
	return nil
}

// Answer waits until sound passes and tells the page that it is answered.
func (l *Leg) Answer(ctx context.Context) error {
	l.mu.Lock()
	was := l.answered
	l.mu.Unlock()
	if was {
		return nil
	}
	if err := l.connect(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	was, l.answered = l.answered, true
	if !was {
		l.info.Answered = time.Now()
	}
	l.mu.Unlock()
	if !was {
		l.page.send(message{Type: typeAnswered, Call: l.name})
	}
	return nil
}

// Hangup ends the leg and tells the page why. It returns when the leg's context has ended.
func (l *Leg) Hangup(_ context.Context, why interpreter.Hangup) error {
	l.end(&why)
	return nil
}

// hungUp is the end that the page asked for.
func (l *Leg) hungUp(reason string) {
	l.mu.Lock()
	why := &interpreter.Hangup{By: interpreter.ByCaller, Code: 200, Cause: "NORMAL_CLEARING", Reason: reason}
	if !l.answered {
		why.Code, why.Cause = 487, "ORIGINATOR_CANCEL"
	}
	l.mu.Unlock()
	l.end(why)
}

// press takes keys that came by message, from pages that cannot send them in the sound.
func (l *Leg) press(keys string) error {
	for _, k := range []byte(keys) {
		switch {
		case k >= '0' && k <= '9', k == '*', k == '#', k >= 'A' && k <= 'D':
			l.Key(k, 0)
		default:
			return fmt.Errorf("%w: %q is no key", errMessage, k)
		}
	}
	return nil
}
