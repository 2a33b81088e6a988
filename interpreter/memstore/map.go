package memstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/patrickmn/go-cache"
)

// Refusals of a Map.
var (
	// ErrFull is returned by Add when the map holds as much as it may.
	ErrFull = errors.New("map is full")
	// ErrExists is returned by Add for a key that is there.
	ErrExists = errors.New("key exists")
)

// Map is a small map whose entries expire: nonces, idempotency tokens. It holds at most as many entries as it was made
// for and refuses more, since a stranger must not be able to grow it or to push out what others need.
type Map[V any] struct {
	max int

	mu    sync.Mutex // guards what follows
	cache *cache.Cache
	swept time.Time
}

// NewMap returns a map for at most size entries, at least one.
func NewMap[V any](size int) *Map[V] {
	return &Map[V]{max: max(1, size), cache: cache.New(cache.NoExpiration, 0)}
}

// Add puts a new entry in for ttl, 0 for ever. It returns ErrExists or ErrFull, and then changes nothing.
func (m *Map[V]) Add(key string, v V, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.cache.Get(key); ok {
		return ErrExists
	}
	if !m.room() {
		return ErrFull
	}
	m.cache.Set(key, v, forEver(ttl))
	return nil
}

// Set puts an entry in or replaces it. It returns ErrFull when a new entry has no room.
func (m *Map[V]) Set(key string, v V, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.cache.Get(key); !ok && !m.room() {
		return ErrFull
	}
	m.cache.Set(key, v, forEver(ttl))
	return nil
}

// Get returns an entry that has not expired.
func (m *Map[V]) Get(key string) (V, bool) {
	x, ok := m.cache.Get(key)
	v, is := x.(V)
	return v, ok && is
}

// Take returns an entry and removes it: of many callers one gets it.
func (m *Map[V]) Take(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.Get(key)
	m.cache.Delete(key)
	return v, ok
}

// Delete removes an entry.
func (m *Map[V]) Delete(key string) { m.cache.Delete(key) }

// Len counts the entries, expired ones that no sweep has met included.
func (m *Map[V]) Len() int { return m.cache.ItemCount() }

// Sweep frees the memory of expired entries every interval until ctx ends.
func (m *Map[V]) Sweep(ctx context.Context, interval time.Duration) { sweep(ctx, interval, m.cache) }

// room tells whether another entry fits. A full map looks for expired entries itself, but at most once a second:
// the search is linear, and a full map is what an attacker makes.
func (m *Map[V]) room() bool {
	if m.cache.ItemCount() < m.max {
		return true
	}
	now := time.Now()
	if now.Sub(m.swept) < time.Second {
		return false
	}
	m.swept = now
	m.cache.DeleteExpired()
	return m.cache.ItemCount() < m.max
}

func forEver(ttl time.Duration) time.Duration {
	if ttl <= 0 {
		return cache.NoExpiration
	}
	return ttl
}
