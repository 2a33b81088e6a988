package verbs

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"pintle/interpreter"
)

// attempt is one target being called: its child call, and what became of it.
type attempt struct {
	r       *ring
	to      Callee
	child   *interpreter.Call
	earlyTo interpreter.Leg
	onEarly func(context.Context)

	transfer *interpreter.Transfer // what it is called for; nil: the flow called it
	loan     *interpreter.Handover // the party belongs to another call, and is given back; nil: child is ours

	leg      interpreter.Leg // set when it has answered
	ready    bool            // answered and through its screening
	err      error           // why it is not ready
	finished bool
	result   interpreter.DialResult
	done     chan struct{} // closed when run has returned
}

// newAttempt makes the child call and tells the trace.
func (r *ring) newAttempt(t Callee) *attempt {
	from := r.d.From
	if from == (interpreter.Address{}) {
		from = r.c.From
	}
	if t.Target.From != (interpreter.Address{}) {
		from = t.Target.From
	}
	child := r.c.NewChild(from, addressOf(t.Target), t.Callback)
	for name, v := range t.Vars {
		child.SetVar(name, v)
	}
	r.c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvDial, Text: "dial " + names(t),
		Data: child.ID})
	return &attempt{r: r, to: t, child: child, transfer: r.d.transfer, done: make(chan struct{}),
		result: interpreter.DialResult{ID: child.ID}}
}

// run calls the target, lets it through its screening and says so on ready; a failed attempt is finished at once, one
// that lost is left to finishLosers.
func (a *attempt) run(ctx context.Context, ready chan<- *attempt) {
	defer func() {
		if p := recover(); p != nil {
			a.err = errors.New("internal failure")
			a.finish(a.err)
			close(a.done)
			ready <- a
			panic(p) // the group carries it to the loop of the call
		}
	}()
	a.err = a.call(ctx)
	a.ready = a.err == nil
	if !a.ready && !errors.Is(context.Cause(ctx), interpreter.ErrElsewhere) {
		a.finish(a.err)
	}
	close(a.done)
	ready <- a
}

// call brings the attempt to the point where it can be bridged.
func (a *attempt) call(ctx context.Context) error {
	if err := interpreter.Sleep(ctx, a.to.Target.Delay); err != nil {
		return err
	}
	leg, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if err := a.child.Attach(ctx, leg); err != nil {
		leg.Hangup(context.WithoutCancel(ctx), interpreter.HangupOf(err)) //nolint:errcheck // it is over either way
		return err
	}
	a.leg = leg
	a.child.SetStatus(ctx, interpreter.StatusInProgress)
	on, stop := both(ctx, leg)
	defer stop()
	if a.to.SendDigits != "" {
		if _, err := playOne(on, a.child, interpreter.Prompt{Digits: a.to.SendDigits}); err != nil {
			return err
		}
	}
	if err := a.confirm(on); err != nil {
		return err
	}
	if a.to.Screen != nil {
		if err := a.child.Screen(on, *a.to.Screen); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return context.Cause(leg.Context())
}

// both is the leg's context, ended also by the end of ctx and with its cause. It is made from the leg's, so that
// whoever sees the leg fail sees the cause.
func both(ctx context.Context, leg interpreter.Leg) (context.Context, func()) {
	on, cancel := context.WithCancelCause(leg.Context())
	off := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return on, func() {
		off()
		cancel(nil)
	}
}

// dial calls, and moves the child's status on meanwhile in a goroutine of its own, since a status may wait for the
// store and the edge that reports it must not.
func (a *attempt) dial(ctx context.Context) (interpreter.Leg, error) {
	a.child.SetStatus(ctx, interpreter.StatusInitiated)
	n := newNotes(func(p interpreter.Progress) { a.progress(ctx, p) })
	defer n.close()
	leg, err := a.address(ctx, n)
	for _, t := range a.to.Others {
		if ctx.Err() != nil || !a.goesOn(err) {
			break
		}
		a.child.Emit(interpreter.Event{Lane: interpreter.LaneSIP, Kind: interpreter.EvRetry, Fault: interpreter.CodeOf(err),
			Text: err.Error() + "; trying " + names(Callee{Target: t})})
		a.to.Target = t
		leg, err = a.address(ctx, n)
	}
	if to, ok := a.to.failover.takes(err); ok && ctx.Err() == nil {
		a.child.Emit(interpreter.Event{Lane: interpreter.LaneSIP, Kind: interpreter.EvRetry, Fault: interpreter.CodeOf(err),
			Text: err.Error() + "; forwarded to " + names(to)})
		a.to = to
		leg, err = a.address(ctx, n)
	}
	n.close()
	if err == nil && leg.Context().Err() != nil {
		return nil, context.Cause(leg.Context())
	}
	return leg, err
}

// address calls the address whose turn it is.
func (a *attempt) address(ctx context.Context, n *notes) (interpreter.Leg, error) {
	t := a.to.Target
	if t.Timeout <= 0 {
		t.Timeout = a.r.d.Timeout
	}
	if t.Timeout <= 0 {
		t.Timeout = defaultRing
	}
	if !a.r.until.IsZero() {
		if t.Timeout = min(t.Timeout, time.Until(a.r.until)); t.Timeout <= 0 {
			return nil, errRoundOver
		}
	}
	t.Delay = 0
	if a.to.Prepare != nil {
		a.to.Prepare(a.child, &t)
	}
	o := interpreter.DialOptions{
		ID: a.child.ID, From: a.child.From, Account: payer(a.r.c), Caller: a.r.c.From, Timeout: t.Timeout,
		Device:  caller(a.r.c),
		EarlyTo: a.earlyTo, Progress: n.put, Emit: a.child.Emit, Privacy: a.privacy(), ForwardedBy: a.to.ForwardedBy,
	}
	if a.to.onBehalf != nil {
		o.Device = a.to.onBehalf.device
	}
	if a.transfer != nil {
		o.ReferredBy = a.transfer.ReferredBy
	}
	return a.follow(ctx, t, o)
}

// goesOn tells whether the party's next address is to be tried.
func (a *attempt) goesOn(err error) bool {
	if a.to.GoOn != nil {
		return err != nil && a.to.GoOn(err)
	}
	return unreachable(err)
}

// unreachable tells whether another address of the same party may do better: a server that failed or did not respond
// (RFC 3263 §4.3), but nobody who said no.
func unreachable(err error) bool {
	var d *interpreter.DialError
	return errors.As(err, &d) && (d.Unreached || d.Code == 408 || d.Code >= 500 && d.Code < 600)
}

// progress moves the child on and tells the trace of the call that dials.
func (a *attempt) progress(ctx context.Context, p interpreter.Progress) {
	if p.CallID != "" {
		a.result.CallID = p.CallID
	}
	if p.Status != "" && p.Status != interpreter.StatusInProgress {
		a.child.SetStatus(ctx, p.Status)
	}
	a.transfer.Tell(p.Code)
	if p.Early && a.onEarly != nil {
		a.onEarly(ctx)
	}
	a.child.Emit(interpreter.Event{Lane: interpreter.LaneSIP, Kind: interpreter.EvProgress, Text: progressText(p),
		Data: p})
}

func progressText(p interpreter.Progress) string {
	if p.Early {
		return "sound before the answer"
	}
	return string(p.Status)
}

// finish ends the child of an attempt that was not bridged, and keeps its result.
func (a *attempt) finish(err error) {
	if a.finished {
		return
	}
	a.finished = true
	if a.loan != nil {
		a.loan.Over() // the party is somebody's own
		return
	}
	if err == nil {
		err = interpreter.ErrElsewhere
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.r.c.Leg.Context()), saveTime)
	defer cancel()
	why := interpreter.HangupOf(err)
	a.result.Cause, a.result.Code = why.Cause, why.Code
	if a.leg == nil {
		a.result.Status, a.result.Headers = statusOf(err), why.Headers
		a.child.Finish(ctx, why)
		return
	}
	a.result.Answered, a.result.Status = true, interpreter.StatusCompleted
	a.result.Code = 200
	if a.leg.Context().Err() != nil {
		a.result.Cause = "CALL_REJECTED" // he answered, and then would not talk
	}
	a.result.CallID, a.result.Headers = a.leg.Info().CallID, told(a.leg)
	a.result.Duration = a.child.Since()
	a.child.Finish(ctx, why)
}

// told are the headers that the party of a leg sent with the answer, and with the hang-up where that was his.
func told(leg interpreter.Leg) []interpreter.Header {
	list := leg.Info().Headers
	var why *interpreter.Hangup
	if errors.As(context.Cause(leg.Context()), &why) {
		list = append(list[:len(list):len(list)], why.Headers...)
	}
	return list
}

// statusOf is the state of an attempt that nobody answered.
func statusOf(err error) interpreter.CallStatus {
	var d *interpreter.DialError
	switch {
	case errors.As(err, &d) && d.Status != "":
		return d.Status
	case errors.As(err, &d):
		return interpreter.StatusOf(d.Code)
	default:
		return interpreter.StatusCanceled
	}
}

// notes carries reports from someone who must not wait to a goroutine that may.
type notes struct {
	mu     sync.Mutex // guards closed
	closed bool
	ch     chan interpreter.Progress
	g      group
}

func newNotes(f func(interpreter.Progress)) *notes {
	// An attempt has three or four steps; a peer that repeats its 180 for ever loses the repetitions.
	n := &notes{ch: make(chan interpreter.Progress, 16)}
	n.g.Go(func() {
		for p := range n.ch {
			f(p)
		}
	})
	return n
}

func (n *notes) put(p interpreter.Progress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	select {
	case n.ch <- p:
	default:
	}
}

// close returns when every report has been worked on.
func (n *notes) close() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.ch)
	}
	n.mu.Unlock()
	n.g.Wait()
}

// addressOf makes the address that a child call shows as its To.
func addressOf(t interpreter.Target) interpreter.Address {
	a := interpreter.Address{User: t.Name, URI: t.URI}
	rest, ok := strings.CutPrefix(t.URI, "sip:")
	if !ok {
		rest, ok = strings.CutPrefix(t.URI, "sips:")
	}
	if !ok {
		a.User, a.URI = t.URI, ""
		return a
	}
	rest, _, _ = strings.Cut(rest, ";")
	user, host, found := strings.Cut(rest, "@")
	if !found {
		user, host = "", rest
	}
	if u, err := url.PathUnescape(user); err == nil {
		user = u
	}
	a.User, a.Host = user, host
	return a
}
