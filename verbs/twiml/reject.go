package twiml

import (
	"context"

	"pintle/interpreter"
)

// Reject refuses a call that is not answered yet; it costs its caller nothing.
type Reject struct {
	Code   int // SIP reply
	Reason string
	Status interpreter.CallStatus // state that the call ends in
}

// sipBusy is the SIP reply of reason busy (RFC 3261 §21.4.24).
const sipBusy = 486

var _ = register(spec{
	name:  "Reject",
	doc:   "Reject refuses the call without answering it; after the answer it hangs up.",
	attrs: []attr{{"reason", "rejected", "rejected: the number seems not to exist; busy: it is engaged"}},
	decode: func(r *reader, e *element) interpreter.Verb {
		e.leaf()
		reason := e.enum("reason", codeRejectReason, "rejected", "busy")
		if reason == "busy" {
			return Reject{Code: sipBusy, Reason: reason, Status: interpreter.StatusBusy}
		}
		return Reject{Code: r.opts.RejectCode, Reason: reason, Status: interpreter.StatusNoAnswer}
	},
})

// Run refuses the call.
func (v Reject) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if !c.Answered().IsZero() {
		return interpreter.End(), &interpreter.Fault{Code: schema,
			Msg: "<Reject> came after the call was answered, so it only hangs up; make it the first verb"}
	}
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: v.Code, Status: v.Status,
		Reason: "rejected by the flow: " + v.Reason}
	if err := c.Hangup(ctx, why); err != nil {
		return interpreter.End(), err
	}
	return interpreter.End(), context.Cause(ctx)
}
