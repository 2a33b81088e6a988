package browser

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"pintle/interpreter"
)

const (
	defaultRing = 60 * time.Second
	maxRing     = 10 * time.Minute
	repliesKept = 64 // of one ring that nobody has looked at
)

// ring is one attempt to reach a client: all its pages ring, those too that connect meanwhile, and the first that
// accepts has the call.
type ring struct {
	name    string
	invite  message
	replies chan reply

	mu    sync.Mutex // guards what follows
	pages []*page
}

// joined adds a page that rings.
func (r *ring) joined(p *page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pages = append(r.pages, p)
}

func (r *ring) all() []*page {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pages)
}

// reply is what a page said.
type reply struct {
	page *page
	m    message
}

// reply passes on what a page said. It never waits: there is room for one word of each page, further ones are dropped.
func (r *ring) reply(p *page, m message) {
	select {
	case r.replies <- reply{p, m}:
	default:
	}
}

func (p *page) ringing(name string) *ring {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rings[name]
}

// remind tells a page that has come back what rings it.
func (p *page) remind() {
	p.mu.Lock()
	var list []*ring
	for _, r := range p.rings {
		list = append(list, r)
	}
	p.mu.Unlock()
	for _, r := range list {
		p.send(r.invite)
	}
}

// alert lets a page ring; false: it has left.
func (p *page) alert(r *ring) bool {
	p.mu.Lock()
	gone := p.gone
	if !gone {
		p.rings[r.name] = r
	}
	p.mu.Unlock()
	if !gone {
		p.send(r.invite)
	}
	return !gone
}

// quiet ends the ringing of a page; said is sent unless it is empty.
func (p *page) quiet(r *ring, said message) {
	p.mu.Lock()
	_, had := p.rings[r.name]
	delete(p.rings, r.name)
	p.mu.Unlock()
	if had && said.Type != "" {
		p.send(said)
	}
}

// Dial rings every page of the client that to names (client:name) and returns the leg of the first that accepts, when
// sound passes. The error is an *interpreter.DialError, or context.Cause(ctx).
func (f *Phones) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	if o.Progress == nil {
		o.Progress = func(interpreter.Progress) {}
	}
	identity := strings.TrimPrefix(to.URI, scheme)
	callID := secret() + "@browser"
	r := &ring{name: interpreter.NewID(), replies: make(chan reply, repliesKept)}
	r.invite = message{Type: typeIncoming, Call: r.name, From: o.From.User, Display: o.From.Display,
		Params: paramsOf(to.Headers)}
	defer f.rung(identity, r)
	if !f.ring(identity, r) {
		return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 480, Cause: interpreter.CauseOf(480),
			Reason: "no page of client " + identity + " is connected", Fault: interpreter.CodeNotRegistered, Unreached: true}
	}
	o.Progress(interpreter.Progress{Status: interpreter.StatusInitiated, CallID: callID})
	o.Progress(interpreter.Progress{Status: interpreter.StatusRinging, Code: 180, CallID: callID})
	won, err := r.wait(ctx, ringTime(to.Timeout, o.Timeout))
	said := ended(r.name, ctx, err)
	f.rung(identity, r)
	for _, p := range r.all() {
		if p == won.page {
			p.quiet(r, message{})
		} else {
			p.quiet(r, said)
		}
	}
	if err != nil {
		var refused *interpreter.DialError
		if errors.As(err, &refused) {
			refused.CallID = callID
		}
		return nil, err
	}
	info := interpreter.LegInfo{ID: o.ID, CallID: callID, Direction: interpreter.OutboundDial, From: o.From,
		To: clientAddress(identity), Started: time.Now()}
	if info.ID == "" {
		info.ID = interpreter.NewID()
	}
	l, err := f.connect(ctx, won, r.name, info, o.Emit)
	if err != nil {
		return nil, err
	}
	o.Progress(interpreter.Progress{Status: interpreter.StatusInProgress, Code: 200, CallID: callID})
	return l, nil
}

// ended is what pages that did not get the call are told.
func ended(name string, ctx context.Context, err error) message { //nolint:revive // ctx is only asked why it ended
	m := message{Type: typeEnded, Call: name, Code: 487, By: string(interpreter.ByEngine)}
	switch {
	case err == nil:
		m.Code, m.Reason = 200, "answered elsewhere"
	case errors.Is(context.Cause(ctx), interpreter.ErrElsewhere):
		m.Code, m.Reason = 200, "answered elsewhere"
	case ctx.Err() != nil:
		m.By, m.Reason = string(interpreter.ByCaller), "the caller gave up"
	default:
		m.Reason = "it rang long enough"
	}
	return m
}

// wait returns the first page that accepts.
func (r *ring) wait(ctx context.Context, limit time.Duration) (reply, error) {
	over := time.NewTimer(limit)
	defer over.Stop()
	said := map[*page]bool{}
	refused := &interpreter.DialError{Status: interpreter.StatusFailed, Code: 480, Cause: interpreter.CauseOf(480),
		Reason: "every page left"}
	for {
		select {
		case w := <-r.replies:
			if said[w.page] {
				continue
			}
			if w.m.Type == typeAccept {
				return w, nil
			}
			said[w.page] = true
			switch w.m.Reason {
			case "gone":
			case "busy":
				refused = declined(486, "the client is busy")
			default:
				refused = declined(603, "the client declined")
			}
			if len(said) == len(r.all()) {
				return reply{}, refused
			}
		case <-over.C:
			return reply{}, &interpreter.DialError{Status: interpreter.StatusNoAnswer, Code: 487, Cause: "NO_ANSWER",
				Reason: "nobody answered in time"}
		case <-ctx.Done():
			return reply{}, context.Cause(ctx)
		}
	}
}

func declined(code int, reason string) *interpreter.DialError {
	return &interpreter.DialError{Status: interpreter.StatusOf(code), Code: code, Cause: interpreter.CauseOf(code),
		Reason: reason}
}

// connect gives the winner its media.
func (f *Phones) connect(ctx context.Context, won reply, name string, info interpreter.LegInfo,
	emit func(interpreter.Event)) (interpreter.Leg, error) {
	failed := func(code int, err error) error {
		return &interpreter.DialError{Status: interpreter.StatusFailed, Code: code, Cause: interpreter.CauseOf(code),
			Reason: err.Error(), CallID: info.CallID}
	}
	l, err := f.newLeg(won.page, name, info)
	if err != nil {
		won.page.send(message{Type: typeEnded, Call: name, Code: 503, By: string(interpreter.ByEngine), Reason: err.Error()})
		return nil, failed(503, err)
	}
	if emit != nil {
		l.Trace(emit)
	}
	if err := l.describe(ctx, won.m.SDP); err != nil {
		l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488),
			Reason: err.Error()})
		return nil, failed(488, err)
	}
	if err := l.Answer(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 487, Reason: "the caller gave up"})
			return nil, cause
		}
		return nil, failed(408, err)
	}
	return l, nil
}

func ringTime(own, general time.Duration) time.Duration {
	for _, d := range []time.Duration{own, general} {
		if d > 0 {
			return min(d, maxRing)
		}
	}
	return defaultRing
}
