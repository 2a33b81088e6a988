package presence

import (
	"slices"
	"strings"
	"time"

	"pintle/interpreter"
)

// call is one live call as watchers of its parties see it.
type call struct {
	id       string
	sides    []Side
	state    interpreter.LampState
	from, to interpreter.Address
	begun    time.Time
}

// CallChanged takes the state of a call; it is what interpreter.Config.States is for. It does not block.
func (b *Board) CallChanged(s interpreter.CallState) {
	var sides []Side
	if !s.Status.Final() && b.opt.Entities != nil {
		sides = b.opt.Entities(s)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.calls[s.Call]
	switch {
	case s.Status.Final():
		if c != nil {
			delete(b.calls, s.Call)
			b.light(c, nil)
		}
		return
	case b.closed:
		return
	case c == nil && len(sides) == 0:
		return
	case c == nil:
		c = &call{id: s.Call, begun: s.Begun}
		b.calls[s.Call] = c
	}
	c.from, c.to = s.From, s.To
	state := interpreter.LampRinging
	if s.Status == interpreter.StatusInProgress {
		state = interpreter.LampBusy
	}
	if state == c.state && slices.Equal(sides, c.sides) {
		return
	}
	c.state = state
	b.light(c, sides)
}

// light moves a call to the entities of its sides and tells the watchers of those it leaves and those it is on.
func (b *Board) light(c *call, sides []Side) {
	before := c.sides
	c.sides = slices.Clone(sides)
	for _, s := range before {
		if e := b.entities[s.Entity]; e != nil {
			delete(e.dialogs, c.id)
		}
	}
	for _, s := range sides {
		b.entityFor(s.Entity).dialogs[c.id] = c
	}
	told := map[string]bool{}
	for _, s := range append(before, sides...) {
		e := b.entities[s.Entity]
		if e == nil || told[s.Entity] {
			continue
		}
		told[s.Entity] = true
		b.changed(e, "")
		b.tidy(e)
	}
	if len(sides) == 0 && len(before) > 0 {
		delete(b.calls, c.id)
	}
}

// Ringing lists the calls, oldest first, that ring at an entity and are not answered: ids of calls made by Dial, or of
// inbound calls. A pickup takes the first.
func (b *Board) Ringing(name string) []string {
	return b.find(name, func(c *call, s Side) bool { return s.Called && c.state == interpreter.LampRinging })
}

// Talking lists the answered calls of an entity, oldest first.
func (b *Board) Talking(name string) []string {
	return b.find(name, func(c *call, _ Side) bool { return c.state == interpreter.LampBusy })
}

func (b *Board) find(name string, match func(*call, Side) bool) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entities[name]
	if e == nil {
		return nil
	}
	var ids []string
	for _, c := range e.ordered() {
		if s, ok := c.sideOf(name); ok && match(c, s) {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// ordered are the calls of an entity, oldest first.
func (e *entity) ordered() []*call {
	list := make([]*call, 0, len(e.dialogs))
	for _, c := range e.dialogs {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *call) int {
		if n := a.begun.Compare(b.begun); n != 0 {
			return n
		}
		return strings.Compare(a.id, b.id)
	})
	return list
}

func (c *call) sideOf(name string) (Side, bool) {
	for _, s := range c.sides {
		if s.Entity == name {
			return s, true
		}
	}
	return Side{}, false
}
