package registrar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pintle/interpreter"
)

const (
	kindBinding = "binding" // one record per address of record: its bindings
	page        = 1000
	soon        = 200 * time.Millisecond // until a new binding is on its way to the store
	later       = 10 * time.Second       // until a refreshed one is: it is still good when the refresh is lost
	saveTime    = 10 * time.Second
)

// Keeper saves a Table in Records. New bindings and those that went are written within a fifth of a second, many in one
// sweep; refreshes are collected for ten seconds. Nobody waits for the disk.
type Keeper struct {
	Table   *Table
	Records interpreter.Records
	Failed  func(error) // told of writes that failed and will be tried again
}

// Load reads the bindings of the last run. Those on connections are left out unless the phone can be called at its
// contact: the connections are gone.
func (k *Keeper) Load(ctx context.Context) error {
	after := ""
	for {
		ids, err := k.Records.List(ctx, kindBinding, interpreter.Query{After: after, Limit: page})
		if err != nil {
			return fmt.Errorf("read the bindings: %w", err)
		}
		for _, id := range ids {
			var list []*Binding
			err := k.Records.Get(ctx, kindBinding, id, &list)
			if errors.Is(err, interpreter.ErrNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read the bindings of %s: %w", id, err)
			}
			k.Table.restore(id, list)
		}
		if len(ids) < page {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

func (t *Table) restore(aor string, list []*Binding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Now()
	var good []*Binding
	for _, b := range list {
		if b == nil || b.AOR != aor || !b.Expires.After(at) || b.Stream() && (b.NAT || b.RegID > 0) ||
			t.count+len(good) >= t.opts.Total {
			t.dirty[aor] = true
			continue
		}
		b.probe = at // its phone is asked at once: what it says soon is known
		good = append(good, b)
	}
	if good != nil {
		t.replace(aor, good)
	}
}

// Run saves until ctx ends, then once more.
func (k *Keeper) Run(ctx context.Context) {
	short, long := time.NewTicker(soon), time.NewTicker(later)
	defer short.Stop()
	defer long.Stop()
	for {
		select {
		case <-short.C:
			k.save(ctx, k.Table.due(false))
		case <-long.C:
			k.save(ctx, k.Table.due(true))
		case <-ctx.Done():
			k.save(context.WithoutCancel(ctx), k.Table.due(true))
			return
		}
	}
}

// due takes what is to be saved: what changed, or the refreshed as well.
func (t *Table) due(all bool) map[string][]*Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list map[string][]*Binding
	for aor, urgent := range t.dirty {
		if !urgent && !all {
			continue
		}
		if list == nil {
			list = make(map[string][]*Binding)
		}
		list[aor] = append([]*Binding(nil), t.aors[aor]...)
		delete(t.dirty, aor)
	}
	return list
}

func (t *Table) spoil(aor string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirty[aor] = true
}

func (k *Keeper) save(ctx context.Context, due map[string][]*Binding) {
	if len(due) == 0 {
		return
	}
	// A disk that hangs must not keep the engine from ending.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	for aor, list := range due {
		if err := k.write(ctx, aor, list); err != nil {
			k.Table.spoil(aor)
			if k.Failed != nil {
				k.Failed(err)
			}
			if ctx.Err() != nil {
				for rest := range due {
					k.Table.spoil(rest)
				}
				return
			}
		}
	}
}

func (k *Keeper) write(ctx context.Context, aor string, list []*Binding) error {
	if len(list) == 0 {
		if err := k.Records.Delete(ctx, kindBinding, aor); err != nil && !errors.Is(err, interpreter.ErrNotFound) {
			return fmt.Errorf("delete the bindings of %s: %w", aor, err)
		}
		return nil
	}
	last := list[0].Expires
	for _, b := range list {
		if b.Expires.After(last) {
			last = b.Expires
		}
	}
	if err := k.Records.Put(ctx, kindBinding, aor, list, max(time.Until(last), time.Second)); err != nil {
		return fmt.Errorf("save the bindings of %s: %w", aor, err)
	}
	return nil
}
