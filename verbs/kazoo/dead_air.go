package kazoo

import (
	"context"

	"pintle/interpreter"
)

var (
	_ = register(spec{
		name:    "dead_air",
		doc:     "Answers and keeps the caller in silence until he hangs up; its children never run.",
		answers: true,
		waits:   true,
		decode:  func(*data) interpreter.Verb { return Wait{} },
	})
	_ = register(spec{
		name:   "wait_for_hangup",
		doc:    "Waits until the caller hangs up, without answering; its children never run.",
		waits:  true,
		decode: func(*data) interpreter.Verb { return Wait{} },
	})
)

// Wait waits for the end of the leg (Kazoo dead_air, wait_for_hangup).
type Wait struct{}

// Run returns when the caller has hung up, the call has reached its length, or the document is replaced.
func (Wait) Run(ctx context.Context, _ *interpreter.Call) (interpreter.Outcome, error) {
	<-ctx.Done()
	return interpreter.End(), context.Cause(ctx)
}
