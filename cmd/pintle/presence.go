package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"pintle/interpreter/account"
	"pintle/sipedge"
	"pintle/sipedge/presence"
)

// presenceConfig is what phones may learn by watching lamps.
type presenceConfig struct {
	HideCallers   bool          `yaml:"hide_callers"`  // lamps show that somebody talks, not with whom
	MaxExpires    time.Duration `yaml:"max_expires"`   // longest subscription; longer ones are cut
	Subscriptions int           `yaml:"subscriptions"` // in all
}

// openBoard makes the board of lamps and mailboxes and reads what the last run knew. The SIP edge closes it first; a
// second time does nothing.
func (e *engine) openBoard(ctx context.Context) error {
	c := e.cfg.Presence
	o := presence.Options{Records: e.store, MaxExpires: c.MaxExpires, Total: c.Subscriptions,
		Log: e.log.WithField("c", "presence")}
	if c.HideCallers {
		o.Hide = func(string) bool { return true }
	}
	e.board = presence.New(o)
	e.onClose(e.board.Close)
	return e.board.Load(ctx)
}

// presence is what the SIP edge asks the book about lamps.
func (p phoneBook) presence(b *presence.Board) sipedge.Presence {
	return sipedge.Presence{Board: b, Entities: p.Entities, Watch: p.watch, Members: p.members, Devices: p.Devices,
		Box: p.Box}
}

// watch lets a device watch whatever its realm has. By its own names it means, where messages are asked for, the
// mailbox of its owner.
func (p phoneBook) watch(l sipedge.Login, event presence.Event, entity string) string {
	if event == presence.Messages && slices.Contains(p.Entities(l), entity) {
		if user, realm, _ := strings.Cut(entity, "@"); p.isBox(user, realm) {
			return entity
		}
		if box := p.Box(l); box != "" {
			return box
		}
	}
	return entity
}

func (p phoneBook) isBox(number, realm string) bool {
	v, err := p.book.View(realm)
	if err != nil {
		return false
	}
	_, err = v.Mailbox(number)
	return err == nil
}

// members are the addresses of record of the devices that an entity is a name of.
func (p phoneBook) members(entity string) []string {
	_, realm, _ := strings.Cut(entity, "@")
	v, err := p.book.View(realm)
	if err != nil {
		return nil
	}
	var all []string
	for d := range account.All[*account.Device](v) {
		if a := v.AOR(d); a == entity || a != "" && slices.Contains(v.Entities(d), entity) {
			all = append(all, a)
		}
	}
	return all
}
