package verbs

import (
	"context"
	"strings"
	"time"

	"pintle/interpreter"
)

// TypeAhead says what becomes of keys pressed before a collection began.
type TypeAhead int

// The two ways with keys pressed too early.
const (
	DropTyped TypeAhead = iota // they are thrown away (TwiML <Gather>)
	KeepTyped                  // they count, and the prompts are not played (Kazoo)
)

// Collect plays prompts and collects keys. The first key stops the prompts at once and counts. While prompts play no
// time limit runs; after them FirstDigit runs, and from the first key on InterDigit, restarted by every key.
type Collect struct {
	Prompts    []interpreter.Prompt
	Loop       int           // times the prompts are played; 0 and 1 once
	Max        int           // keys after which it is over; 0: no such limit
	FirstDigit time.Duration // limit for the first key after the prompts; 0: it does not wait
	InterDigit time.Duration // limit for each further key; 0: FirstDigit
	Finish     string        // keys that end it and are not kept; empty: none
	TypeAhead  TypeAhead
	Early      string // keys collected before, which count first; with any of them no prompt is played
}

// Collected is what came of a collection.
type Collected struct {
	Digits    string
	FinishKey string // key of Finish that ended it, or empty
	TimedOut  bool   // a time limit ended it
}

// Run collects. A finish key ends it at any time, also before any other key, and is looked at before Max. When ctx
// ends, the keys collected so far come back with context.Cause(ctx).
func (k Collect) Run(ctx context.Context, c *interpreter.Call) (Collected, error) {
	if k.TypeAhead == DropTyped {
		Drop(c.Leg)
	}
	var got Collected
	for i := range len(k.Early) {
		if k.add(&got, k.Early[i]) {
			return got, context.Cause(ctx)
		}
	}
	wait := k.FirstDigit
	if k.Early == "" {
		key, err := k.duringPrompts(ctx, c)
		switch {
		case err != nil:
			return got, err
		case key != "" && k.add(&got, key[0]):
			return got, nil
		case key != "":
			wait = k.interDigit()
		}
	}
	for {
		d, ok, err := nextKey(ctx, c.Leg, wait)
		if err != nil {
			return got, err
		}
		if !ok {
			got.TimedOut = true
			return got, nil
		}
		if k.add(&got, d.Key) {
			return got, nil
		}
		wait = k.interDigit()
	}
}

// duringPrompts plays the prompts until the first key, which it returns, or to their end.
func (k Collect) duringPrompts(ctx context.Context, c *interpreter.Call) (string, error) {
	select {
	case d := <-c.Leg.Digits():
		return string(d.Key), context.Cause(ctx)
	default:
	}
	p, err := Prompt{Prompts: k.Prompts, Loop: k.Loop, Terminators: AllKeys}.Run(ctx, c)
	return p.Key, err
}

func (k Collect) interDigit() time.Duration {
	if k.InterDigit > 0 {
		return k.InterDigit
	}
	return k.FirstDigit
}

// add counts a key and tells whether the collection is over.
func (k Collect) add(got *Collected, key byte) bool {
	if strings.IndexByte(k.Finish, key) >= 0 {
		got.FinishKey = string(key)
		return true
	}
	got.Digits += string(key)
	return k.Max > 0 && len(got.Digits) >= k.Max
}

// nextKey waits for a key for at most wait. A key that is there already, or comes with the last instant, counts.
func nextKey(ctx context.Context, l interpreter.Collector, wait time.Duration) (interpreter.Digit, bool, error) {
	if err := context.Cause(ctx); err != nil {
		return interpreter.Digit{}, false, err
	}
	if d, ok := pending(l); ok || wait <= 0 {
		return d, ok, nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case d := <-l.Digits():
		return d, true, nil
	case <-ctx.Done():
		return interpreter.Digit{}, false, context.Cause(ctx)
	case <-t.C:
		d, ok := pending(l)
		return d, ok, nil
	}
}

func pending(l interpreter.Collector) (interpreter.Digit, bool) {
	select {
	case d := <-l.Digits():
		return d, true
	default:
		return interpreter.Digit{}, false
	}
}

// Drop throws away the keys that wait in a leg's queue.
func Drop(l interpreter.Collector) { Typed(l) }

// Typed takes the keys that wait in a leg's queue, oldest first.
func Typed(l interpreter.Collector) string {
	var s strings.Builder
	for {
		d, ok := pending(l)
		if !ok {
			return s.String()
		}
		s.WriteByte(d.Key)
	}
}
