package interpreter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// loop is the position of a call in its documents.
type loop struct {
	c      *Call
	left   []*Step // flows left by Enter: the child that goes on
	enters int
	idle   int         // documents in a row without media or waiting
	times  []time.Time // of the latest documents, for the rate
	refuse *Hangup     // how a call that nobody has answered ends when no step is left; nil: as the dialect says
}

// run fetches, parses and runs documents until the call is to be hung up, and returns how; nil means that a verb
// released the leg.
func (c *Call) run(ctx context.Context, r Request) *Hangup {
	l := &loop{c: c}
	req := r
	c.setRunning(true)
	for {
		docCtx, cancel := context.WithCancelCause(ctx)
		c.openDocument(cancel)
		next, why, err := l.document(docCtx, req)
		// A redirect or a hang-up that arrived while a verb finished wins over what that verb decided.
		if cause := c.closeDocument(docCtx, cancel); cause != nil {
			err = cause
		}
		var red *Redirect
		switch {
		case ctx.Err() == nil && errors.As(err, &red): // else it is the redirect of a parent, which ends this one
		case err == nil && next != nil:
			req = *next
			continue
		default:
			if err != nil {
				why = c.endOf(err)
			}
			if red = c.stopRunning(ctx); red == nil {
				return why
			}
		}
		l.left, l.idle, l.refuse = nil, 0, nil
		req = red.Request
	}
}

// openDocument makes the document that begins the one that Redirect replaces. One that was asked for while no
// document ran replaces it at once.
func (c *Call) openDocument(cancel context.CancelCauseFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelDoc = cancel
	if c.redirect != nil {
		cancel(c.redirect)
		c.redirect = nil
	}
}

// closeDocument returns why a document's context has ended, or nil, and ends it. A redirect that comes from now on
// waits for the next document.
func (c *Call) closeDocument(ctx context.Context, cancel context.CancelCauseFunc) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cause := context.Cause(ctx)
	c.cancelDoc = nil
	cancel(nil)
	return cause
}

// stopRunning notes that no document follows, unless a redirect has come meanwhile, which it returns.
func (c *Call) stopRunning(ctx context.Context) *Redirect {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.redirect; r != nil && ctx.Err() == nil {
		c.redirect = nil
		return r
	}
	c.running = false
	return nil
}

func (c *Call) setRunning(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = on
}

// endOf turns the error that ended a call into its hang-up.
func (c *Call) endOf(err error) *Hangup {
	if h, ok := hangupOf(err); ok {
		return h
	}
	h := &Hangup{By: ByEngine, Code: 500, Reason: err.Error(), Fault: CodeOf(err)}
	switch {
	case errors.Is(err, ErrTimeLimit):
		h.Code, h.Reason = 200, "the call reached its time limit"
	case errors.Is(err, ErrShutdown):
		h.Code = 503
	case h.Fault == 0:
		h.Fault = CodeInternal
	}
	return h
}

// document gets one document and runs it. It returns the request of the next one, or how the call ends.
func (l *loop) document(ctx context.Context, r Request) (*Request, *Hangup, error) {
	if err := l.guard(ctx); err != nil {
		return nil, nil, err
	}
	if d := l.c.dialect(r.Dialect); r.Method == "" && d != nil {
		r.Method = d.Method() // the last good answer is found by URL and method
	}
	h := &chain{c: l.c, req: r}
	doc, err := h.obtain(ctx)
	for err == nil {
		next, why, failed := l.play(ctx, doc)
		if !fatal(failed) {
			return next, why, failed
		}
		doc, err = h.rescue(ctx, failed)
	}
	return nil, nil, err
}

// play runs the steps of a document.
func (l *loop) play(ctx context.Context, doc *Document) (*Request, *Hangup, error) {
	c := l.c
	c.setDocument(doc, nil)
	step := doc.Root
	for step != nil {
		c.setDocument(doc, step)
		out, err := l.step(ctx, step)
		if cause := context.Cause(ctx); cause != nil {
			return nil, nil, cause
		}
		if err != nil {
			var f *Fault
			if !errors.As(err, &f) {
				return nil, nil, fmt.Errorf("%s: %w", step.Name, err)
			}
			c.Fault(f)
		}
		if out.refuse != nil {
			l.refuse = out.refuse
		}
		switch out.kind {
		case outGoto:
			if out.req.Else == "" || step.Children[out.req.Else] == nil {
				l.left = nil // the next document replaces the flows that Enter left, too
				return l.follow(doc, out.req), nil, nil
			}
			return l.gotoElse(ctx, doc, step, out.req)
		case outEnd:
			return nil, &Hangup{By: ByFlow, Code: 200}, nil
		case outRelease:
			return nil, nil, nil
		case outContinue, outBranch, outEnter, outStop:
		}
		if step, err = l.next(step, out); err != nil {
			return nil, nil, err
		}
	}
	return l.atEnd(ctx, doc)
}

// follow completes the request of a Goto with what the asking document lends it.
func (l *loop) follow(doc *Document, r Request) *Request {
	if r.Dialect == "" {
		r.Dialect = doc.Dialect
	}
	r.local = strings.HasPrefix(doc.URL, "file:")
	return &r
}

// gotoElse fetches the next document while the old one is kept: if that fails, the step's own child goes on.
func (l *loop) gotoElse(ctx context.Context, doc *Document, step *Step, r Request) (*Request, *Hangup, error) {
	if err := l.guard(ctx); err != nil {
		return nil, nil, err
	}
	next, err := l.c.attempt(ctx, *l.follow(doc, r))
	if cause := context.Cause(ctx); cause != nil {
		return nil, nil, cause
	}
	if err == nil {
		l.left = nil
		return l.play(ctx, next)
	}
	l.c.Fault(err)
	l.c.hop(fmt.Sprintf("child %q goes on: the request failed", r.Else), CodeOf(err))
	rest := *doc
	rest.Root = step.Children[r.Else]
	return l.play(ctx, &rest)
}

// atEnd ends a document that has no step left. A leg that no step has answered is refused if a Dial reached nobody on
// its behalf; else it is answered where the dialect says so.
func (l *loop) atEnd(ctx context.Context, doc *Document) (*Request, *Hangup, error) {
	why := Hangup{By: ByFlow, Code: 200, Reason: "end of the document"}
	var err error
	switch {
	case l.refuse != nil && l.c.Answered().IsZero():
		why = *l.refuse
	case doc.EndAnswers:
		err = l.c.Answer(ctx)
	}
	why.endOfDocument = true
	return nil, &why, err
}

// next follows a step's outcome to the step that comes now; nil ends the flow.
func (l *loop) next(s *Step, out Outcome) (*Step, error) {
	var n *Step
	switch out.kind {
	case outBranch:
		n = s.Child(out.key)
	case outEnter:
		l.enters++
		if l.enters > l.c.m.cfg.Limits.Enters {
			return nil, &Fault{Code: CodeLoop, Msg: fmt.Sprintf("more than %d flows entered in one call",
				l.c.m.cfg.Limits.Enters)}
		}
		l.left = append(l.left, s.Children["_"])
		n = out.flow
	case outStop:
	default:
		if n = s.Next; n == nil {
			n = s.Children["_"]
		}
	}
	for n == nil && len(l.left) > 0 {
		n = l.left[len(l.left)-1]
		l.left = l.left[:len(l.left)-1]
	}
	return n, nil
}

// step answers the leg if the verb wants it answered, and runs the verb.
func (l *loop) step(ctx context.Context, s *Step) (Outcome, error) {
	c := l.c
	c.Emit(Event{Lane: LaneVerb, Kind: EvVerb, Text: s.Name})
	if s.Answers {
		if err := c.Answer(ctx); err != nil {
			return Outcome{}, fmt.Errorf("answer: %w", err)
		}
	}
	if s.Waits {
		l.idle = 0
	}
	c.Log.WithField("verb", s.Name).WithField("pos", s.Pos.String()).Debug("run")
	out, err := s.Verb.Run(ctx, c)
	c.Emit(Event{Lane: LaneVerb, Kind: EvVerbEnd, Text: out.String()})
	return out, err
}

// guard counts documents and slows a call that asks for them faster than it plays anything.
func (l *loop) guard(ctx context.Context) error {
	lim := l.c.m.cfg.Limits
	l.idle++
	n := l.c.countDocument()
	if n > lim.Documents {
		return l.c.loopFault(fmt.Sprintf("more than %d documents in one call", lim.Documents))
	}
	if l.idle > lim.DocumentsInRow {
		return l.c.loopFault(fmt.Sprintf("%d documents in a row that neither play nor wait", lim.DocumentsInRow))
	}
	now := time.Now()
	if len(l.times) >= lim.DocumentsPerSec {
		wait := l.times[0].Add(time.Second).Sub(now)
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
		l.times = l.times[1:]
	}
	l.times = append(l.times, time.Now())
	return nil
}

func (c *Call) loopFault(msg string) error {
	f := &Fault{Code: CodeLoop, Msg: "flow loop: " + msg}
	c.Fault(f)
	return f
}

func (c *Call) countDocument() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.documents++
	return c.documents
}

func (c *Call) setDocument(d *Document, s *Step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doc, c.step = d, s
}
