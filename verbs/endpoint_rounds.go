package verbs

import (
	"context"
	"errors"
	"time"

	"pintle/interpreter"
)

// errRoundOver is why a target is not called: its round has no time left.
var errRoundOver = &interpreter.DialError{Status: interpreter.StatusNoAnswer, Code: 487, Cause: noAnswer,
	Reason: "the time for ringing is over"}

// noAnswer is the cause of a call that rang in vain.
const noAnswer = "NO_ANSWER"

// rounds calls the targets, and those of further rounds, until one is bridged.
func (r *ring) rounds(ctx context.Context, g *group) Dialled {
	for targets := r.d.Targets; ; {
		if r.d.RoundTime > 0 {
			r.until = time.Now().Add(r.d.RoundTime)
		}
		out, bridged := r.once(ctx, g, targets)
		if bridged || context.Cause(ctx) != nil || r.d.More == nil || r.declined(out) {
			return out
		}
		if targets = r.d.More(out.DialResult); len(targets) == 0 {
			return out
		}
	}
}

// declined tells whether a party's refusal ends the calling of all.
func (r *ring) declined(out Dialled) bool {
	return r.d.FailOnReject && !out.Answered && declines(out.Code)
}

// once is one round, in the order of the strategy.
func (r *ring) once(ctx context.Context, g *group, targets []Callee) (Dialled, bool) {
	if r.d.Strategy != InTurn {
		return r.round(ctx, g, targets)
	}
	var out, all Dialled
	for i, t := range targets {
		if i > 0 && !r.until.IsZero() && !time.Now().Before(r.until) {
			break // the others are not called at all
		}
		var bridged bool
		out, bridged = r.round(ctx, g, []Callee{t})
		if bridged || context.Cause(ctx) != nil || r.declined(out) {
			return out, bridged
		}
		all.DialResult = moreTelling(all.DialResult, out.DialResult)
	}
	if r.d.MostTelling {
		return all, false
	}
	return out, false
}

// moreTelling is the result of two that says more about the called: that a person declined for all his telephones, that
// a telephone rang in vain, that one was busy, that one refused; then what went wrong on the way. Of equals the first
// counts.
func moreTelling(a, b interpreter.DialResult) interpreter.DialResult {
	if b.Answered && !b.Bridged { // whoever answered would not take the call: a mailbox, for instance
		b.Status, b.Code, b.Cause = interpreter.StatusNoAnswer, 480, noAnswer
	}
	if telling(b) > telling(a) {
		return b
	}
	return a
}

func telling(r interpreter.DialResult) int {
	switch {
	case r.Status == "":
		return 0
	case r.Status == interpreter.StatusCanceled:
		return 1
	case r.Code == 600 || r.Code == 603:
		return 7
	case r.Status == interpreter.StatusNoAnswer && r.Cause == noAnswer:
		return 6
	case r.Status == interpreter.StatusBusy:
		return 5
	case r.Cause == "USER_NOT_REGISTERED" || r.Cause == "SUBSCRIBER_ABSENT":
		return 2
	case r.Code == 408 || r.Code >= 500 || r.Code == 0:
		return 3
	}
	return 4
}

// offline tells whether an attempt failed because a telephone is not there.
func offline(err error) bool {
	var d *interpreter.DialError
	return errors.As(err, &d) &&
		(d.Unreached || d.Cause == "USER_NOT_REGISTERED" || d.Cause == "SUBSCRIBER_ABSENT")
}

// privacy is what the called party is not shown of the caller: what he himself asked for, where it is he who is shown
// (RFC 3323 §5).
func (a *attempt) privacy() interpreter.Privacy {
	if a.r.c.Leg == nil || a.child.From != a.r.c.From {
		return interpreter.PrivacyNone
	}
	return a.r.c.Leg.Info().Privacy
}
