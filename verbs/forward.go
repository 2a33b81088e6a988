package verbs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"pintle/interpreter"
)

// Confirm asks whoever answers to press a key before he is joined: it keeps a call from ending in the mailbox of a
// mobile telephone.
type Confirm struct {
	Prompt interpreter.Prompt
	Key    string        // one of these keys takes the call
	Limit  time.Duration // for the key, after the prompt; 0: 7 s
}

// confirmLimit is how long the key is waited for.
const confirmLimit = 7 * time.Second

// errUnconfirmed is the cause of an attempt that ends because nobody pressed the key.
var errUnconfirmed = errors.New("nobody took the call by pressing the key")

// confirm lets the called party press the key. Other keys do nothing.
func (a *attempt) confirm(ctx context.Context) error {
	k := a.to.Confirm
	if k == nil {
		return nil
	}
	got, err := Prompt{Prompts: []interpreter.Prompt{k.Prompt}, Terminators: k.Key}.Run(ctx, a.child)
	if err != nil && interpreter.CodeOf(err) == 0 {
		return err
	}
	if got.Key != "" {
		return nil
	}
	limit := k.Limit
	if limit <= 0 {
		limit = confirmLimit
	}
	for end := time.Now().Add(limit); ; {
		d, ok, err := nextKey(ctx, a.leg, time.Until(end))
		switch {
		case err != nil:
			return err
		case !ok:
			return errUnconfirmed
		case strings.IndexByte(k.Key, d.Key) >= 0:
			return nil
		}
	}
}

// failover is a callee who takes the place of the last telephone of a party, when none of them can be reached.
type failover struct {
	to Callee

	mu   sync.Mutex // guards left
	left int        // telephones of which nothing is known yet, or that were reached
}

// takes gives the callee to the attempt that has failed, if it was the last one that could be of use.
func (f *failover) takes(err error) (Callee, bool) {
	if f == nil || !offline(err) {
		return Callee{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	return f.to, f.left == 0
}

// onBehalf is whose call a leg is that the caller did not ask for: that of who forwards it.
type onBehalf struct {
	device string // id; empty: no telephone's
}

// maxForwards is how many forwards a call follows in a chain.
const maxForwards = 5

// forwards are the objects whose forwards have handed the whole call on to another callflow.
type forwards struct{ by []string }

// notForward says why a forward is not followed; empty: it is.
func notForward(by string, path []string) string {
	if len(path) >= maxForwards {
		return "the call has been forwarded five times"
	}
	for _, p := range path {
		if p == by {
			return "it has forwarded this call already"
		}
	}
	return ""
}
