package verbs

import (
	"context"
	"time"

	"pintle/interpreter"
)

// Pause waits in silence (TwiML <Pause>, Kazoo sleep). Keys pressed meanwhile stay in the leg's queue.
type Pause struct{ For time.Duration }

// Run waits, and stops at once when the call is redirected or hung up.
func (p Pause) Run(ctx context.Context, c *interpreter.Call) error {
	end := begin(c, interpreter.Prompt{Silence: p.For})
	err := interpreter.Sleep(ctx, p.For)
	end(err)
	return err
}
