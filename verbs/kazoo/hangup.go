package kazoo

import (
	"context"

	"pintle/interpreter"
)

var _ = register(spec{
	name:   "hangup",
	doc:    "Hangs up, whatever flow it stands in; its children never run.",
	decode: func(*data) interpreter.Verb { return Hangup{} },
})

// Hangup ends the call (Kazoo hangup).
type Hangup struct{}

// Run ends the call.
func (Hangup) Run(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
	return interpreter.End(), nil
}
