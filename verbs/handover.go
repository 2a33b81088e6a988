package verbs

import (
	"context"
	"time"

	"pintle/interpreter"
)

// until is ctx, ended also by the end of other and with its cause.
func until(ctx, other context.Context) (context.Context, func()) {
	on, cancel := context.WithCancelCause(ctx)
	off := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return on, func() {
		off()
		cancel(nil)
	}
}

// remaining is what is left of the time limit of the conversation; 0: no limit.
func (r *ring) remaining() time.Duration {
	if r.ends.IsZero() {
		return 0
	}
	return max(time.Until(r.ends), time.Millisecond)
}

// connected notes that the party is about to be joined with the caller.
func (a *attempt) connected() {
	a.result.Answered, a.result.Status, a.result.Code = true, interpreter.StatusCompleted, 200
	a.result.CallID = a.leg.Info().CallID
}

// part ends an attempt that was joined: its child has ended when it returns, or the party that was borrowed is free.
func (a *attempt) part(ctx context.Context, why interpreter.Hangup) {
	if a.finished {
		return
	}
	a.finished = true
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	a.result.Cause = "NORMAL_CLEARING"
	if a.loan == nil {
		a.child.Finish(after, why)
		return
	}
	if why.Cause == interpreter.CauseBlind || why.Cause == interpreter.CauseAttended {
		a.leg.Hangup(after, why) //nolint:errcheck // it left by its own wish
	}
	a.loan.Over()
}
