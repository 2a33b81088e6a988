package verbs

import (
	"context"
	"errors"
	"sync"
	"time"

	"pintle/interpreter"
)

// side is a place in a conversation.
type side int

const (
	callerSide side = iota
	calleeSide
)

// asked is the cause of a conversation's end that a party asked for: a transfer.
type asked struct {
	t  *interpreter.Transfer
	by side
}

func (a *asked) Error() string {
	if a.by == callerSide {
		return a.t.Error() + " by caller"
	}
	return a.t.Error() + " by callee"
}

// swapped is the cause of a conversation's end in which another party takes the place of one.
type swapped struct {
	h   interpreter.Handover
	old side
}

func (s *swapped) Error() string { return "another party takes over" }

// errWithdrawn is the cause of a conversation's end whose borrowed party is wanted elsewhere, or has gone.
var errWithdrawn = errors.New("the other party has left")

// whyTransferred is how the leg of a party ends that handed its conversation on.
func whyTransferred(t *interpreter.Transfer) interpreter.Hangup {
	return interpreter.Hangup{By: interpreter.ByCaller, Code: 200, Cause: t.Cause(), Reason: t.Error()}
}

// listen lets both parties of a conversation ask for transfers, and others take their places, until stop is called.
// What is accepted parts the conversation with its cause; only one cause does.
func (r *ring) listen(on context.Context, a *attempt, part context.CancelCauseFunc) (stop func()) {
	claim := func(cause error) bool {
		part(cause)
		return errors.Is(context.Cause(on), cause)
	}
	var stops []func()
	for by, c := range []*interpreter.Call{callerSide: r.c, calleeSide: a.child} {
		by := side(by)
		if l, ok := c.Leg.(interpreter.Transferable); ok {
			stops = append(stops, l.OnTransfer(func(t *interpreter.Transfer) error {
				if err := r.permit(t, c); err != nil {
					return err
				}
				if !claim(&asked{t, by}) {
					return &interpreter.Refusal{Code: 481, Reason: "the conversation is over"}
				}
				return nil
			}))
		}
		stops = append(stops, c.Sit(func(h interpreter.Handover) bool { return claim(&swapped{h, by}) }))
	}
	if a.loan != nil {
		off := context.AfterFunc(a.loan.Ctx, func() { part(errWithdrawn) })
		stops = append(stops, func() { off() })
	}
	return func() {
		for _, f := range stops {
			f()
		}
	}
}

// permit refuses what neither the flow nor the operator provides for.
func (r *ring) permit(t *interpreter.Transfer, c *interpreter.Call) error {
	if r.d.Refer != nil || c.MayTransfer(c.Leg.Info()) {
		return nil
	}
	r.c.Fault(&interpreter.Fault{Code: interpreter.CodeTransfer,
		Msg: t.Error() + " was declined: this party may not transfer, and the Dial has no referUrl"})
	return &interpreter.Refusal{Code: 603, Reason: "transfers are not allowed to this party"}
}

// handOver does what a conversation was parted for. It returns the attempt that the caller is joined with next, or nil
// when his Dial is over.
func (r *ring) handOver(ctx context.Context, a *attempt, cause error, out *Dialled) *attempt {
	var t *asked
	var s *swapped
	a.result.Cause = "NORMAL_CLEARING"
	out.DialResult = a.result
	switch {
	case errors.As(cause, &s):
		return r.swap(ctx, a, s)
	case !errors.As(cause, &t):
		a.part(ctx, whyParted(ctx, cause))
		return nil
	case t.t.Replaces != "" && r.d.Refer == nil:
		return r.attended(ctx, a, t)
	}
	by := a.leg
	if t.by == callerSide {
		by = r.c.Leg
	}
	next, to, err := r.destination(by.Info(), t.t)
	switch {
	case err != nil:
		r.c.Fault(err)
		return r.back(ctx, a, t.t, codeOf(err))
	case next != nil && t.by == calleeSide:
		out.Next = next
		r.dismiss(ctx, a, t.t)
		return nil
	case next != nil:
		r.runOn(a, next)
		r.leave(ctx, t.t)
		return nil
	case t.by == calleeSide:
		return r.callInstead(ctx, a, t.t, to, out)
	default:
		return r.callFor(ctx, a, t.t, to)
	}
}

// destination finds out where a blind transfer leads: to a document, or to someone who is called.
func (r *ring) destination(by interpreter.LegInfo, t *interpreter.Transfer) (
	*interpreter.Request, interpreter.Target, error,
) {
	if r.d.Refer != nil {
		req, err := r.d.Refer(t)
		return &req, interpreter.Target{}, err
	}
	d, err := r.c.Destination(by, t)
	if err != nil || d.Start == nil {
		return nil, d.Target, err
	}
	return &d.Start.Request, interpreter.Target{}, nil
}

// codeOf is the SIP code by which a party learns why its transfer failed.
func codeOf(err error) int {
	var no *interpreter.Refusal
	switch {
	case errors.As(err, &no):
		return no.Code
	case errors.Is(err, interpreter.ErrNotFound):
		return 404
	default:
		return 500
	}
}

// back returns the caller to the party he talked with, if that is still there.
func (r *ring) back(ctx context.Context, a *attempt, t *interpreter.Transfer, code int) *attempt {
	t.End(code)
	if ctx.Err() == nil && a.leg.Context().Err() == nil {
		return a
	}
	a.part(ctx, whyParted(ctx, nil))
	return nil
}

// dismiss lets a callee go who handed the caller on.
func (r *ring) dismiss(ctx context.Context, a *attempt, t *interpreter.Transfer) {
	t.End(200)
	a.child.Transferred(t)
	a.part(ctx, whyTransferred(t))
}

// leave ends the leg of a caller who handed his party on. His flow ends with it.
func (r *ring) leave(ctx context.Context, t *interpreter.Transfer) {
	t.End(200)
	r.c.Transferred(t)
	r.hangup(ctx, whyTransferred(t))
}

func (r *ring) hangup(ctx context.Context, why interpreter.Hangup) {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if err := r.c.Leg.Hangup(after, why); err != nil {
		r.c.Log.WithError(err).Info("hang up after a transfer")
	}
}

// callInstead calls the party that the callee names, while the callee waits; the caller hears ringing. When nobody is
// reached he returns to the callee, or his flow goes on with the failure.
func (r *ring) callInstead(
	ctx context.Context, a *attempt, t *interpreter.Transfer, to interpreter.Target, out *Dialled,
) *attempt {
	r.tone = nil
	r.startTone(ctx)
	n := r.newAttempt(Callee{Target: to})
	n.transfer = t
	ready := make(chan *attempt, 1)
	n.run(ctx, ready)
	r.tone.stop()
	if n.ready {
		r.dismiss(ctx, a, t)
		n.connected()
		return n
	}
	if next := r.back(ctx, a, t, n.result.Code); next != nil {
		return next
	}
	if ctx.Err() == nil {
		out.DialResult = n.result
	}
	return nil
}

// callFor calls the party that the caller names on behalf of the callee, who is a call of his own from now on. The
// caller waits for the outcome, and gets the callee back when nobody was reached; when he leaves before, it goes on
// without him.
func (r *ring) callFor(
	ctx context.Context, a *attempt, t *interpreter.Transfer, to interpreter.Target,
) *attempt {
	var w waiting
	up, code := make(chan struct{}), 0
	done := r.adopt(a, func(on context.Context) (returned bool) {
		d := Dial{Targets: []Callee{{Target: to}}, From: a.child.To, Timeout: r.d.Timeout, TimeLimit: r.remaining(),
			transfer: t, joined: func() { close(up) }}
		got, err := d.Run(on, a.child)
		if code = got.Code; !got.Bridged && err == nil && w.claim() {
			return true
		}
		follow(on, a.child, got.Next)
		return false
	})
	select {
	case <-up:
		r.leave(ctx, t)
		return nil
	case <-done:
	case <-ctx.Done():
		if w.claim() { // nobody waits for him any more
			r.c.Transferred(t)
			return nil
		}
		<-done
	}
	select {
	case <-up: // both at once: they have talked already
		r.leave(ctx, t)
		return nil
	default:
		return r.back(ctx, a, t, max(code, 480))
	}
}

// waiting is decided once: either the party that waits has left, or it gets back what it waits for.
type waiting struct {
	once sync.Once
}

// claim reports whether the decision fell by this call.
func (w *waiting) claim() (first bool) {
	w.once.Do(func() { first = true })
	return first
}

// attended joins the two parties that are left when one party of this conversation hands its partner to the partner of
// its other conversation (RFC 5589 §7). The other conversation does the joining.
func (r *ring) attended(ctx context.Context, a *attempt, t *asked) *attempt {
	over := make(chan struct{})
	done := sync.OnceFunc(func() { close(over) })
	if t.by == calleeSide {
		if err := r.c.Replace(t.t.Replaces, interpreter.Handover{Call: r.c, Ctx: ctx, Over: done}); err != nil {
			return r.back(ctx, a, t.t, 481)
		}
		r.dismiss(ctx, a, t.t)
		<-over
		return nil
	}
	placed := make(chan error, 1)
	r.adopt(a, func(on context.Context) (returned bool) {
		err := a.child.Replace(t.t.Replaces, interpreter.Handover{Call: a.child, Ctx: on, Over: done})
		placed <- err
		if err == nil {
			<-over
		}
		return err != nil
	})
	if err := <-placed; err != nil {
		return r.back(ctx, a, t.t, 481)
	}
	r.leave(ctx, t.t)
	return nil
}

// swap puts a newcomer in the place of one party.
func (r *ring) swap(ctx context.Context, a *attempt, s *swapped) *attempt {
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: 200, Cause: interpreter.CauseAttended, Reason: s.Error()}
	if s.old == calleeSide {
		a.part(ctx, why)
		n := r.newcomer(s.h)
		n.result = a.result
		return n
	}
	// The newcomer plays the caller's part from now on, for a callee who is a call of his own.
	n := &ring{c: s.h.Call, d: Dial{TimeLimit: r.remaining(), Timeout: r.d.Timeout}, began: time.Now()}
	a.r = n
	//nolint:contextcheck // the newcomer's time counts: the callee may be transferred away
	a.child.Adopt(func(context.Context) {
		defer s.h.Over()
		got := n.conversation(s.h.Ctx, a)
		follow(s.h.Ctx, s.h.Call, got.Next)
	})
	r.hangup(ctx, why)
	return nil
}

// adopt lets the callee of a conversation live on by himself while work runs, and parts with him after it, unless it
// says that he has been returned. Then done is closed; until then he belongs to work.
func (r *ring) adopt(a *attempt, work func(on context.Context) (returned bool)) (done <-chan struct{}) {
	end := make(chan struct{})
	a.child.Adopt(func(ctx context.Context) {
		returned := false
		defer func() {
			if !returned {
				a.part(ctx, interpreter.Hangup{By: interpreter.ByFlow, Code: 200})
			}
			close(end)
		}()
		if a.loan != nil {
			on, stop := until(ctx, a.loan.Ctx)
			defer stop()
			ctx = on
		}
		returned = work(ctx)
	})
	return end
}

// runOn lets a document run on the callee: his own call's if one runs there, else one of its own.
func (r *ring) runOn(a *attempt, next *interpreter.Request) {
	r.adopt(a, func(on context.Context) bool {
		follow(on, a.child, next)
		return false
	})
}

// follow runs the document that took over a conversation on the party that is left.
func follow(ctx context.Context, c *interpreter.Call, next *interpreter.Request) {
	if next == nil || ctx.Err() != nil || c.Redirect(*next) == nil {
		return
	}
	c.Continue(ctx, *next)
}
