package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pintle/interpreter"
)

// KindDead is the kind of the records of callbacks that were given up.
const KindDead = "deadletter"

// Dead is a callback that was given up.
type Dead struct {
	interpreter.Post
	Queued   time.Time `json:"queued"`
	GivenUp  time.Time `json:"given_up"`
	Attempts int       `json:"attempts"`
	Code     int       `json:"code,omitempty"` // of the last failure
	Reason   string    `json:"reason"`
}

// DeadLetters returns the callbacks that were given up, newest first, at most limit; 0 means 1000.
func (b *Outbox) DeadLetters(ctx context.Context, limit int) ([]Dead, error) {
	ids, err := b.cfg.Records.List(ctx, KindDead, interpreter.Query{Limit: limit, Newest: true})
	if err != nil {
		return nil, fmt.Errorf("list undelivered callbacks: %w", err)
	}
	list := make([]Dead, 0, len(ids))
	for _, id := range ids {
		var d Dead
		err := b.cfg.Records.Get(ctx, KindDead, id, &d)
		if errors.Is(err, interpreter.ErrNotFound) {
			continue // went to make room
		}
		if err != nil {
			return nil, fmt.Errorf("read undelivered callback: %w", err)
		}
		list = append(list, d)
	}
	return list, nil
}

func (it *item) letter(err error) Dead {
	return Dead{Post: it.Post, Queued: it.Queued, GivenUp: time.Now(), Attempts: it.Attempts,
		Code: interpreter.CodeOf(err), Reason: err.Error()}
}

// bury makes a callback a dead letter.
func (b *Outbox) bury(ctx context.Context, it *item, why error) {
	err := b.cfg.Records.Batch(ctx, []interpreter.Write{
		{Kind: interpreter.KindOutbox, ID: it.ID},
		{Kind: KindDead, ID: it.ID, Value: it.letter(why)},
	})
	if err != nil { // it is tried again after the next start
		b.cfg.Log.WithError(err).WithField("call", it.Call).Error("note a callback that was given up")
	}
	b.buried(it, fmt.Sprintf("callback %s given up after %s: %v", it.What, attempts(it.Attempts), why))
	b.makeRoom(ctx)
}

func (b *Outbox) buried(it *item, text string) {
	b.mu.Lock()
	b.dead++
	b.mu.Unlock()
	b.tell(it, text, interpreter.CodeStatusFailed)
}

// makeRoom deletes the oldest dead letters when there are too many.
func (b *Outbox) makeRoom(ctx context.Context) {
	b.mu.Lock()
	n := b.dead - b.cfg.Dead
	if n > 0 {
		b.dead -= n
	}
	b.mu.Unlock()
	if n <= 0 {
		return
	}
	ids, err := b.cfg.Records.List(ctx, KindDead, interpreter.Query{Limit: n})
	for i := 0; err == nil && i < len(ids); i++ {
		err = b.cfg.Records.Delete(ctx, KindDead, ids[i])
	}
	if err != nil {
		b.cfg.Log.WithError(err).Error("delete old undelivered callbacks")
	}
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
