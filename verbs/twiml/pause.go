package twiml

import (
	"context"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

// Pause waits in silence, then goes on with the next verb.
type Pause struct{ For time.Duration }

var _ = register(spec{
	name:    "Pause",
	doc:     "Pause waits in silence, then goes on with the next verb; as the first verb it delays the answer.",
	attrs:   []attr{{"length", "1", "seconds to wait"}},
	inside:  []string{response, "Gather", "Prompt"},
	waits:   true,
	whisper: true,
	decode:  func(_ *reader, e *element) interpreter.Verb { return decodePause(e) },
})

// maxPause is a day; the call's own limit is shorter.
const maxPause = 24 * 60 * 60

func decodePause(e *element) Pause {
	e.leaf()
	return Pause{For: e.seconds("length", bounds{code: codePauseLength, min: 0, max: maxPause})}
}

// Run waits, and stops at once when the call is redirected or hangs up.
func (p Pause) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	return interpreter.Continue(), verbs.Pause{For: p.For}.Run(ctx, c)
}

func (p Pause) idle() bool { return p.For == 0 }
