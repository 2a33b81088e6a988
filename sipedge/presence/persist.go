package presence

import (
	"context"
	"encoding/json"
	"time"
)

// KindSubscription is the kind of the records of subscriptions.
const KindSubscription = "subscription"

const versionGap = 10_000 // more than notifications between two refreshes, which are when the record is written

// stored is the record of a subscription.
type stored struct {
	Request
	Until   time.Time       `json:"until"`
	Version int             `json:"version"`
	Dialog  json.RawMessage `json:"dialog"`
}

// save writes the record; a failure costs the watcher a restart's subscription and nothing else.
func (s *Subscription) save(ctx context.Context) {
	if s.b.opt.Records == nil {
		return
	}
	s.b.mu.Lock()
	r := stored{Request: s.req, Until: s.until, Version: s.version}
	ending := s.ending != ""
	s.b.mu.Unlock()
	left := time.Until(r.Until)
	if ending || left <= 0 {
		return
	}
	var err error
	if r.Dialog, err = json.Marshal(s.send.State()); err == nil {
		err = s.b.opt.Records.Put(ctx, KindSubscription, s.req.ID, r, left)
	}
	if err != nil {
		s.b.log.WithError(err).Warn("subscription not stored")
	}
}

// forget deletes the record.
func (s *Subscription) forget() {
	if s.b.opt.Records == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.b.ctx), 5*time.Second)
	defer cancel()
	// Its time to live ends it too.
	_ = s.b.opt.Records.Delete(ctx, KindSubscription, s.req.ID)
}

// Restore goes on with the subscriptions of an earlier process and tells every watcher the state as it is now. revive
// makes the Sender from what Sender.State gave; an error forgets the subscription. It returns how many live on.
func (b *Board) Restore(ctx context.Context, revive func(dialog json.RawMessage) (Sender, error)) (int, error) {
	if b.opt.Records == nil {
		return 0, nil
	}
	n := 0
	var stale []string
	err := b.each(ctx, KindSubscription, func(id string) error {
		var r stored
		if err := b.opt.Records.Get(ctx, KindSubscription, id, &r); err != nil {
			return err
		}
		send, err := revive(r.Dialog)
		if left := time.Until(r.Until); err == nil && left > 0 && r.ID == id && b.resume(r, send, left) {
			n++
			return nil
		}
		stale = append(stale, id)
		return nil
	})
	for _, id := range stale {
		_ = b.opt.Records.Delete(ctx, KindSubscription, id) // its time to live ends it too
	}
	return n, err
}

func (b *Board) resume(r stored, send Sender, left time.Duration) bool {
	b.mu.Lock()
	s, err := b.add(r.Request, send, left)
	if err == nil {
		s.version = r.Version + versionGap
	}
	b.mu.Unlock()
	if err != nil {
		return false
	}
	s.Start()
	return true
}
