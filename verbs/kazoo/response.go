package kazoo

import (
	"context"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "response",
	doc:  "Refuses the call with a SIP code, after a sound if one is named. An answered call is hung up.",
	fields: []field{
		{name: "code", kind: "integer", required: true, def: "486", doc: "SIP code, 300 to 699"},
		{name: "message", kind: "string", doc: "reason phrase; absent: the standard one of the code"},
		{name: "media", kind: "string", doc: "sound the caller hears before the refusal"},
	},
	decode: func(d *data) interpreter.Verb {
		r := Response{
			// The schema requires the code, but a flow without it has always been refused as busy.
			Code:    int(d.integer("code", bounds{busy, 300, 699})),
			Message: oneLine(d.words("message", "")),
			media:   media{d.words("media", ""), d.r.url},
			dialect: d.r.d,
		}
		if r.Code < 400 {
			v, _ := d.n.data.get("code")
			d.warn("code", v, "%d would send the caller elsewhere; he is refused with %d", r.Code, temporarily)
			r.Code = temporarily
		}
		d.waits = r.media.ref != ""
		return r
	},
})

// SIP codes that stand in for those that cannot be sent.
const (
	busy        = 486
	temporarily = 480
)

// Response refuses the call (Kazoo response).
type Response struct {
	Code    int
	Message string
	media   media
	dialect *Dialect
}

// Run refuses the call. The flow ends with it, since nobody is left to hear a step.
func (r Response) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if err := r.play(ctx, c); err != nil {
		return interpreter.Stop(), err
	}
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: r.Code, Cause: causeOf("", r.Code), Reason: r.Message}
	if !c.Answered().IsZero() {
		why = interpreter.Hangup{By: interpreter.ByFlow, Code: 200}
	}
	if err := c.Hangup(ctx, why); err != nil && context.Cause(ctx) == nil {
		return interpreter.End(), &interpreter.Fault{Code: interpreter.CodeInternal, Msg: "refuse the call", Err: err}
	}
	return interpreter.End(), context.Cause(ctx)
}

// play lets the caller hear the sound, before the answer if there was none. A sound that cannot be had is noted.
func (r Response) play(ctx context.Context, c *interpreter.Call) error {
	if r.media.ref == "" {
		return nil
	}
	p, err := r.dialect.sound(ctx, c, r.media)
	if err == nil {
		err = opened(ctx, c, true)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		c.Fault(err)
		return nil
	}
	_, err = verbs.Prompt{Prompts: []interpreter.Prompt{p}}.Run(ctx, c)
	return err
}

// oneLine makes a text fit for a reason phrase.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
