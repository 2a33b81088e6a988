package twiml

import (
	"context"

	"pintle/interpreter"
)

// Hangup ends the call.
type Hangup struct{}

var _ = register(spec{
	name:    "Hangup",
	doc:     "Hangup ends the call; an unanswered call is answered first.",
	answers: true,
	whisper: true,
	decode: func(_ *reader, e *element) interpreter.Verb {
		e.leaf()
		return Hangup{}
	},
})

// Run ends the call.
func (Hangup) Run(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
	return interpreter.End(), nil
}
