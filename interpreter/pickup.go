package interpreter

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// hold keeps the place for one newcomer, so that of two who come at once one is told no before it is answered. It
// reports false while somebody else holds it, or when it is gone.
func (s *seat) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.take == nil || s.held {
		return false
	}
	s.held = true
	return true
}

func (s *seat) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
}

// reserve holds the place of the call with that id for one newcomer.
func (m *Manager) reserve(id string) (*seat, error) {
	m.mu.Lock()
	s := m.seats[id]
	m.mu.Unlock()
	if s == nil || !s.hold() {
		return nil, ErrNotFound
	}
	return s, nil
}

// TakePlace answers the call and puts its party in the place of the call with that id: one that rings and is answered
// by this party now, or one that talks and is dropped. It returns nil when that conversation is over or this party has
// left. ErrNotFound: there is nobody to be replaced, or someone else was faster; the call is answered then only if
// that showed at the last moment. Another error is that of the answer.
func (c *Call) TakePlace(ctx context.Context, id string) error {
	s, err := c.m.reserve(id)
	if err != nil {
		return err
	}
	return c.takePlace(ctx, s)
}

func (c *Call) takePlace(ctx context.Context, s *seat) error {
	defer s.release()
	if err := c.Answer(ctx); err != nil {
		return err
	}
	over := make(chan struct{})
	done := sync.OnceFunc(func() { close(over) })
	if !s.give(Handover{Call: c, Ctx: ctx, Over: done}) {
		return ErrNotFound
	}
	<-over
	return nil
}

// Phone is a telephone whose calls can be looked for.
type Phone struct {
	Record string // address of record: user@host
	Device string // id of the device, as in LegInfo; may be empty
}

// Ringing lists the ids of calls, oldest first, that ring at a telephone and can be picked up.
func (c *Call) Ringing(p Phone) []string {
	return c.m.places(func(x *Call) bool { return x.ringsAt(p) })
}

// Talking lists the ids of answered calls, oldest first, whose party is a telephone that can be replaced.
func (c *Call) Talking(p Phone) []string {
	return c.m.places(func(x *Call) bool { return x != c && x.talksAt(p) })
}

// places finds the calls that have a place which match approves.
func (m *Manager) places(match func(*Call) bool) []string {
	var found []*Call
	m.mu.Lock()
	for _, s := range m.seats {
		found = append(found, s.call)
	}
	m.mu.Unlock()
	found = slices.DeleteFunc(found, func(c *Call) bool { return !match(c) })
	slices.SortFunc(found, func(a, b *Call) int { return a.begun.Compare(b.begun) })
	ids := make([]string, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	return ids
}

// ringsAt tells of a call that was dialled to a telephone and rings there.
func (c *Call) ringsAt(p Phone) bool {
	s := c.Status()
	return c.Direction == OutboundDial && (s == StatusInitiated || s == StatusRinging) && c.To.is(p.Record)
}

// talksAt tells of an answered call with a telephone: dialled to its address, or made by it. A caller is known by its
// login alone, since anyone may write any From.
func (c *Call) talksAt(p Phone) bool {
	switch {
	case c.Status() != StatusInProgress:
		return false
	case c.Direction == OutboundDial:
		return c.To.is(p.Record)
	}
	return p.Device != "" && c.Leg.Info().Device == p.Device
}

// is compares an address with an address of record: the user part as it stands, the host in any case.
func (a Address) is(aor string) bool {
	user, host, _ := strings.Cut(aor, "@")
	own := a.Host
	if i := strings.LastIndexByte(own, ':'); i > strings.LastIndexByte(own, ']') {
		own = own[:i] // with a port
	}
	return user != "" && a.User == user && strings.EqualFold(own, host)
}
