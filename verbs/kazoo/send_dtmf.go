package kazoo

import (
	"context"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "send_dtmf",
	doc:  "Sends keys to the caller.",
	fields: []field{
		{name: "digits", kind: "string", required: true, doc: "keys to send: 0-9 * # A-D"},
		{name: "duration_ms", kind: "integer", def: "2000", doc: "length of each key in milliseconds"},
	},
	waits: true,
	decode: func(d *data) interpreter.Verb {
		s := SendDTMF{Keys: strings.ToUpper(d.required("digits"))}
		s.Tone = d.duration("duration_ms", time.Millisecond, bounds{2000, 1, maxTone})
		if v, ok := d.n.data.get("digits"); ok && !d.unusable && strings.Trim(s.Keys, verbs.AllKeys) != "" {
			d.fail("digits", v, v.String()+" holds characters that are no keys")
		}
		return s
	},
})

// SendDTMF sends keys (Kazoo send_dtmf).
type SendDTMF struct {
	Keys string
	Tone time.Duration // of each key
}

// maxTone is the longest tone of a key, in milliseconds.
const maxTone = 60000

// Run sends the keys and returns when they are sent. On a call that is not answered nothing is sent.
func (s SendDTMF) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if c.Answered().IsZero() {
		return interpreter.Branch(wildcard), &interpreter.Fault{Code: interpreter.CodeMedia,
			Msg: "send_dtmf: the call is not answered; put an answer node before it"}
	}
	_, err := verbs.Prompt{Prompts: []interpreter.Prompt{{Digits: s.Keys, KeyTone: s.Tone}}}.Run(ctx, c)
	return interpreter.Branch(wildcard), err
}
