package verbs

import (
	"context"
	"errors"
	"time"

	"pintle/interpreter"
)

// Refer asks the caller's own telephone to call someone else.
type Refer struct {
	To    interpreter.ReferTarget
	Limit time.Duration // for the telephone to tell of the outcome; 0: 60 s
}

// Referral is how a Refer ended.
type Referral struct {
	interpreter.Referred
	Status interpreter.CallStatus // in-progress, busy, no-answer, failed, canceled; empty: the telephone told nothing
	Hungup bool                   // the caller left before the outcome was known
}

// referLimit is how long an outcome is waited for.
const referLimit = time.Minute

// Run asks the telephone and returns when it has told of the outcome, or does not in time. A leg that cannot be asked
// gives a *interpreter.Fault 13801. When ctx ends the error is context.Cause(ctx), and Status is canceled where the
// caller left before the outcome was known.
func (r Refer) Run(ctx context.Context, c *interpreter.Call) (Referral, error) {
	l, ok := c.Leg.(interpreter.Referrer)
	if !ok || c.Leg.Info().Answered.IsZero() {
		return Referral{Status: interpreter.StatusFailed}, &interpreter.Fault{Code: interpreter.CodeRefer,
			Msg: "only an answered SIP leg can be referred to " + r.To.URI}
	}
	limit := r.Limit
	if limit <= 0 {
		limit = referLimit
	}
	on, stop := context.WithTimeoutCause(ctx, limit, interpreter.ErrTimeLimit)
	defer stop()
	var out Referral
	var err error
	out.Referred, err = l.Refer(on, r.To)
	out.Status = referStatus(out.Referred)
	if interpreter.CodeOf(err) != 0 {
		return out, err
	}
	if cause := context.Cause(ctx); cause != nil {
		out.Hungup = isHangup(cause)
		if !out.Final {
			out.Status = interpreter.StatusCanceled
		}
		return out, cause
	}
	if err != nil && !errors.Is(err, interpreter.ErrTimeLimit) {
		c.Fault(&interpreter.Fault{Code: interpreter.CodeRefer, Msg: "refer to " + r.To.URI, Err: err})
	}
	return out, nil
}

// referStatus is the word for what the telephone told.
func referStatus(r interpreter.Referred) interpreter.CallStatus {
	switch {
	case r.Code < 200 || r.Code >= 300:
		return interpreter.StatusFailed
	case r.Notified == 0:
		return ""
	case !r.Final:
		return interpreter.StatusNoAnswer
	case r.Notified < 300:
		return interpreter.StatusInProgress
	case r.Notified == 486 || r.Notified == 600:
		return interpreter.StatusBusy
	case r.Notified == 408 || r.Notified == 480 || r.Notified == 487:
		return interpreter.StatusNoAnswer
	default:
		return interpreter.StatusFailed
	}
}
