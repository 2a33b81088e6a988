package kazoo

import (
	"context"

	"pintle/interpreter"
	"pintle/verbs"
)

// refused tells a caller whose call to the public network failed, when the flow has nothing to say about it: a sound
// before the answer, and the SIP code that belongs to the cause.
func (d *Dialect) refused(ctx context.Context, c *interpreter.Call, r interpreter.DialResult) (
	interpreter.Outcome, error,
) {
	cause := failureKeys(r)[0]
	told, _ := verbs.DefaultResponse(cause)
	var p interpreter.Prompt
	var err error
	if told.Prompt != "" {
		p, err = d.prompt(c, told.Prompt)
	} else {
		p = told.Tone
	}
	if err != nil {
		c.Fault(err)
	} else if told.Prompt != "" || told.Tone.Tone != "" {
		if err = opened(ctx, c, true); err == nil {
			_, err = verbs.Prompt{Prompts: []interpreter.Prompt{p}}.Run(ctx, c)
		}
		switch {
		case context.Cause(ctx) != nil:
			return interpreter.Stop(), context.Cause(ctx)
		case err != nil:
			c.Fault(err)
		}
	}
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: told.Code, Cause: cause, Reason: told.Reason}
	switch {
	case !c.Answered().IsZero():
		why.Code, why.Reason = 200, ""
	case why.Code == 0 && r.Code >= 400:
		why.Code = r.Code // no entry, or one without a code: as the carrier said
	case why.Code == 0:
		why.Code = temporarily
	}
	if err := c.Hangup(ctx, why); err != nil && context.Cause(ctx) == nil {
		return interpreter.End(), &interpreter.Fault{Code: interpreter.CodeInternal, Msg: "refuse the call", Err: err}
	}
	return interpreter.End(), context.Cause(ctx)
}
