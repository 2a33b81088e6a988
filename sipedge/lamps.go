package sipedge

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/presence"
)

// Presence is how phones watch lamps and mailboxes. Without a Board, SUBSCRIBE and PUBLISH are refused. The functions
// may be nil; they are asked from many goroutines and must answer from memory.
type Presence struct {
	Board *presence.Board
	// Entities are the names by which a device is watched, the first being its own: user@realm. Nil: its address of
	// record.
	Entities func(l Login) []string
	// Watch says which entity a device means by a name of its own realm; empty refuses it as if nobody had that name.
	// Nil: whatever it names.
	Watch func(l Login, event presence.Event, entity string) string
	// Members are the addresses of record behind an entity: it is there while one of them is registered. Nil: the entity
	// itself.
	Members func(entity string) []string
	// Devices are the addresses of record that are told of a mailbox without having subscribed. Nil: the box itself.
	Devices func(box string) []string
	// Box is the mailbox of a device, whose state it is told when it registers; empty: none. Nil: its address of record,
	// if something waits there.
	Box func(l Login) string
}

// openPresence joins the board with what the edge knows, and goes on with the subscriptions of the last run.
func (e *Edge) openPresence() {
	b := e.cfg.Presence.Board
	if b == nil {
		return
	}
	e.mwi.edge = e
	e.mwi.pending = map[string]string{}
	b.Attach(presence.Options{Entities: e.sides, Reachable: e.reachable, Waiting: e.mwi.changed, Canonical: e.canonical})
	e.spawn(func() {
		n, err := b.Restore(e.work, e.revive)
		if err != nil {
			e.log.WithError(err).Error("subscriptions of the last run not read; phones subscribe again by themselves")
		}
		if n > 0 {
			e.log.WithField("subscriptions", n).Info("went on with the subscriptions of the last run")
		}
	})
}

// closePresence ends the notifications that are under way.
func (e *Edge) closePresence() {
	if b := e.cfg.Presence.Board; b != nil {
		b.Close()
	}
}

// namesOf are the entities of a device.
func (e *Edge) namesOf(l Login) []string {
	if e.cfg.Presence.Entities != nil {
		return e.cfg.Presence.Entities(l)
	}
	return []string{recordOf(l.User, l.Realm)}
}

// sides are the devices that take part in a call: the one that makes it, or the one that is called.
func (e *Edge) sides(s interpreter.CallState) []presence.Side {
	if e.phones == nil {
		return nil
	}
	called := s.Direction != interpreter.Inbound
	a := s.From
	if called {
		a = s.To
	} else if s.Leg.Device == "" {
		return nil
	}
	realm, ok := e.phones.realmOf(&sip.Uri{Host: a.Host}, false)
	if !ok {
		return nil
	}
	l, err := e.phones.accounts.Owner(plainUser(a.User), realm)
	if err != nil && !called {
		l, err = e.phones.accounts.Login(realm, s.Leg.Username) // it hides its address
	}
	if err != nil {
		return nil
	}
	var list []presence.Side
	for _, name := range e.namesOf(l) {
		list = append(list, presence.Side{Entity: name, Called: called})
	}
	return list
}

// reachable reports an entity that has a phone. What is no device, such as a parking slot, always is.
func (e *Edge) reachable(entity string) bool {
	if e.phones == nil {
		return true
	}
	members := []string{entity}
	if e.cfg.Presence.Members != nil {
		members = e.cfg.Presence.Members(entity)
	}
	known := false
	for _, aor := range members {
		user, realm, _ := strings.Cut(aor, "@")
		if _, err := e.phones.accounts.Owner(user, realm); err != nil {
			continue
		}
		if known = true; e.Registered(user, realm) {
			return true
		}
	}
	return !known
}

// canonical writes an entity with its realm where it has one of our addresses.
func (e *Edge) canonical(entity string) string {
	user, host, _ := strings.Cut(entity, "@")
	if e.phones == nil {
		return entity
	}
	if realm, ok := e.phones.realmOf(&sip.Uri{Host: host}, false); ok {
		return recordOf(user, realm)
	}
	return entity
}

// phoneChanged tells the watchers of a phone that came or went, and tells a phone that came of its mailbox.
func (e *Edge) phoneChanged(change RegistrationChange, aor string) {
	b := e.cfg.Presence.Board
	if b == nil || aor == "" || change == Refreshed || change == Rejected || change == Banned || change == Silent {
		return
	}
	user, realm, _ := strings.Cut(aor, "@")
	l, err := e.phones.accounts.Owner(user, realm)
	if err != nil {
		return
	}
	for _, name := range e.namesOf(l) {
		b.Touch(name)
	}
	if change != Registered {
		return
	}
	box := aor
	if e.cfg.Presence.Box != nil {
		box = e.cfg.Presence.Box(l)
	} else if (b.Waiting(aor) == interpreter.Messages{}) {
		return
	}
	if box != "" {
		e.mwi.tell(map[string]string{aor: box})
	}
}

// entityOf is what a device names in a request: an entity of its own realm that it may watch. What does not exist and
// what is not its business look the same.
func (e *Edge) entityOf(l Login, event presence.Event, u *sip.Uri) (string, bool) {
	realm, ok := e.phones.realmOf(u, false)
	if !ok || realm != l.Realm {
		return "", false
	}
	user, _, _ := strings.Cut(u.User, ";")
	name, err := interpreter.Entity(plainUser(user)+"@"+realm, realm)
	if err != nil {
		return "", false
	}
	if e.cfg.Presence.Watch != nil {
		name = e.cfg.Presence.Watch(l, event, name)
	}
	return name, name != ""
}

// owns reports an entity that a device may speak for.
func (e *Edge) owns(l Login, entity string) bool {
	return entity == recordOf(l.User, l.Realm) || slices.Contains(e.namesOf(l), entity)
}
