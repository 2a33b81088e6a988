package memstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/patrickmn/go-cache"

	"pintle/interpreter"
)

// Records is a store of records in memory. Values are kept encoded, so a reader never shares memory with a writer.
type Records struct {
	mu    sync.RWMutex // guards what follows: a batch is seen whole or not at all
	cache *cache.Cache
	seq   uint64
}

var _ interpreter.Records = (*Records)(nil)

type entry struct {
	kind, id string
	seq      uint64
	value    []byte
}

// NewRecords returns an empty store.
func NewRecords() *Records { return &Records{cache: cache.New(cache.NoExpiration, 0)} }

// Get decodes a record into v, or returns ErrNotFound.
func (r *Records) Get(ctx context.Context, kind, id string, v any) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("get %s %s: %w", kind, id, err)
	}
	r.mu.RLock()
	e, ok := r.find(kind, id)
	r.mu.RUnlock()
	if !ok {
		return fmt.Errorf("get %s %s: %w", kind, id, interpreter.ErrNotFound)
	}
	if err := json.Unmarshal(e.value, v); err != nil {
		return fmt.Errorf("decode %s %s: %w", kind, id, err)
	}
	return nil
}

// Put writes a record. A ttl of 0 keeps it.
func (r *Records) Put(ctx context.Context, kind, id string, v any, ttl time.Duration) error {
	if v == nil {
		return fmt.Errorf("put %s %s: %w", kind, id, errNoValue)
	}
	return r.Batch(ctx, []interpreter.Write{{Kind: kind, ID: id, Value: v, TTL: ttl}})
}

// Delete removes a record; one that is not there is no error.
func (r *Records) Delete(ctx context.Context, kind, id string) error {
	return r.Batch(ctx, []interpreter.Write{{Kind: kind, ID: id}})
}

// Batch writes all or nothing.
func (r *Records) Batch(ctx context.Context, writes []interpreter.Write) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	values := make([][]byte, len(writes))
	for i, w := range writes {
		if w.Kind == "" || w.ID == "" {
			return fmt.Errorf("write %s %s: %w", w.Kind, w.ID, errNoName)
		}
		if w.Value == nil {
			continue
		}
		b, err := json.Marshal(w.Value)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", w.Kind, w.ID, err)
		}
		values[i] = b
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range writes {
		if w.Value == nil {
			r.cache.Delete(key(w.Kind, w.ID))
			continue
		}
		e := entry{kind: w.Kind, id: w.ID, value: values[i]}
		if old, ok := r.find(w.Kind, w.ID); ok {
			e.seq = old.seq
		} else {
			r.seq++
			e.seq = r.seq
		}
		ttl := w.TTL
		if ttl <= 0 {
			ttl = cache.NoExpiration
		}
		r.cache.Set(key(w.Kind, w.ID), e, ttl)
	}
	return nil
}

// List returns ids in order of their first write. It looks at every record, which is right for tests and scenarios.
func (r *Records) List(ctx context.Context, kind string, q interpreter.Query) ([]string, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	r.mu.RLock()
	var list []entry
	for _, item := range r.cache.Items() {
		if e, ok := item.Object.(entry); ok && e.kind == kind {
			list = append(list, e)
		}
	}
	r.mu.RUnlock()
	sort.Slice(list, func(i, j int) bool { return (list[i].seq < list[j].seq) != q.Newest })
	if q.After != "" {
		at := 0
		for at < len(list) && list[at].id != q.After {
			at++
		}
		if at == len(list) {
			return nil, fmt.Errorf("list %s after %s: %w", kind, q.After, interpreter.ErrNotFound)
		}
		list = list[at+1:]
	}
	limit := q.Limit
	if limit <= 0 {
		limit = listLimit
	}
	list = list[:min(limit, len(list))]
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.id
	}
	return ids, nil
}

// Sweep frees the memory of expired records every interval until ctx ends.
func (r *Records) Sweep(ctx context.Context, interval time.Duration) {
	sweep(ctx, interval, r.cache)
}

func (r *Records) find(kind, id string) (entry, bool) {
	v, ok := r.cache.Get(key(kind, id))
	if !ok {
		return entry{}, false
	}
	e, ok := v.(entry)
	return e, ok
}

// listLimit is how many ids a List without a limit gives.
const listLimit = 1000

var (
	errNoValue = errors.New("no value")
	errNoName  = errors.New("a record needs a kind and an id")
)

func key(kind, id string) string { return kind + "\x00" + id }

func sweep(ctx context.Context, interval time.Duration, c *cache.Cache) {
	for interpreter.Sleep(ctx, interval) == nil {
		c.DeleteExpired()
	}
}
