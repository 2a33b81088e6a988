package main

import (
	"context"
	"time"

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
