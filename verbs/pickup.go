package verbs

import (
	"context"
	"errors"
	"sync"

	"pintle/interpreter"
)

// Pickup answers for somebody else: the caller of the call takes the place of a telephone that rings, or that talks.
type Pickup struct {
	Phones   []interpreter.Phone // whose calls may be taken; the oldest call of the first counts
	Answered bool                // also calls that were answered: who talks there is dropped. A ringing one goes before
}

// ErrNoCall is the error of a Pickup that finds no call to be taken, or for which others were faster.
var ErrNoCall = errors.New("there is no call to pick up")

// Run answers the caller and returns nil when the conversation that he was put into is over. Of several who pick up
// the same call one gets it; the others get the next one, or ErrNoCall. When ctx ends he leaves the conversation, and
// the error is context.Cause(ctx).
func (p Pickup) Run(ctx context.Context, c *interpreter.Call) error {
	for _, id := range p.calls(c) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvBridge, Text: "pick up", Data: id})
		err := c.TakePlace(ctx, id)
		if errors.Is(err, interpreter.ErrNotFound) {
			continue
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	return ErrNoCall
}

// calls are those that can be taken, in the order in which they are tried.
func (p Pickup) calls(c *interpreter.Call) []string {
	var list []string
	for _, phone := range p.Phones {
		list = append(list, c.Ringing(phone)...)
	}
	if p.Answered {
		for _, phone := range p.Phones {
			list = append(list, c.Talking(phone)...)
		}
	}
	return list
}

// picking lets the calls of one round be picked up while they ring. One newcomer takes the place of them all.
type picking struct {
	mu    sync.Mutex // guards what follows
	over  bool
	by    *attempt // who picked up
	stand []func()
}

// offer lets every attempt be picked up until close is called. Who comes is put into ready, which has a place for him.
func (r *ring) offer(all []*attempt, ready chan<- *attempt) *picking {
	p := &picking{}
	for _, a := range all {
		p.stand = append(p.stand, a.child.Sit(func(h interpreter.Handover) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.over || p.by != nil || h.Call == r.c {
				return false // decided, or a caller who would talk with himself
			}
			p.by = r.newcomer(h)
			ready <- p.by
			return true
		}))
	}
	return p
}

// close decides the round: who picked up is joined with the caller, else who won. It may be nil.
func (p *picking) close(won *attempt) *attempt {
	p.mu.Lock()
	p.over = true
	by := p.by
	p.mu.Unlock()
	for _, stand := range p.stand {
		stand()
	}
	if by != nil {
		return by
	}
	return won
}

// newcomer is a party of another call that takes part in this conversation, and is free again after it.
func (r *ring) newcomer(h interpreter.Handover) *attempt {
	gone := make(chan struct{})
	close(gone)
	return &attempt{r: r, to: Callee{Target: interpreter.Target{Name: h.Call.From.User}}, child: h.Call, leg: h.Call.Leg,
		loan: &h, ready: true, done: gone, result: interpreter.DialResult{ID: h.Call.ID}}
}
