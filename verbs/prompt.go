package verbs

import (
	"context"
	"strings"

	"pintle/interpreter"
)

// AllKeys are the keys of a telephone and the four that military sets and test sets have.
const AllKeys = "0123456789*#ABCD"

// Prompt plays a list of prompts. It answers nothing and asks nothing; the loop has answered the leg.
type Prompt struct {
	Prompts []interpreter.Prompt
	// times the whole list is played; 0 and 1 once; interpreter.Forever: one prompt until it is stopped
	Loop        int
	Terminators string                  // keys that stop it; empty: none
	OnKey       func(interpreter.Digit) // told of every key pressed meanwhile, the stopping one included; may be nil
}

// Prompted is how a list of prompts ended.
type Prompted struct {
	Key string // key that stopped it, or empty
}

// Run plays the list. A prompt that cannot be played is noted on the call, and the next one is played. With neither
// Terminators nor OnKey, keys stay in the leg's queue; else they are taken from it.
func (p Prompt) Run(ctx context.Context, c *interpreter.Call) (Prompted, error) {
	if p.Terminators == "" && p.OnKey == nil {
		return Prompted{}, playList(ctx, c, p.Prompts, p.Loop)
	}
	playing, stop := context.WithCancelCause(ctx)
	var g group
	defer g.Wait()
	defer stop(nil)
	over := make(chan struct{})
	g.Go(func() {
		defer close(over)
		playList(playing, c, p.Prompts, p.Loop) //nolint:errcheck // the cause is looked at below
	})
	for {
		select {
		case <-over:
			return Prompted{}, context.Cause(ctx)
		case d := <-c.Leg.Digits():
			if p.OnKey != nil {
				p.OnKey(d)
			}
			if strings.IndexByte(p.Terminators, d.Key) < 0 {
				continue
			}
			stop(&interpreter.Pressed{Digit: d})
			<-over
			return Prompted{Key: string(d.Key)}, context.Cause(ctx)
		}
	}
}
