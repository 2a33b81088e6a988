package file

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// Defaults of a Cache.
const (
	DefaultDiskBytes   = 1 << 30
	DefaultMemoryBytes = 128 << 20
	DefaultFetchLimit  = 30 * time.Second
)

// CacheOptions configure a Cache. The client is required; zero values of the rest mean the defaults above.
type CacheOptions struct {
	// Client makes the requests. Address policy, redirects and identity are its business.
	Client *http.Client
	// Dir keeps what was fetched over restarts, by the hash of the URL. Without it memory alone is used.
	Dir         string
	DiskBytes   int64
	MemoryBytes int64 // decoded sound, together with what is derived from it about three times as much at worst
	MaxBytes    int64
	MaxDuration time.Duration
	FetchLimit  time.Duration
}

// Cache gives the sound behind URLs. Files are fetched once however many legs ask, kept while their server allows it
// (RFC 9111), asked for again by their validators, and played stale when the server fails. What has neither
// validators nor a lifetime is fetched for every call. A Cache is safe for concurrent use.
type Cache struct {
	o       CacheOptions
	flights *flights
	disk    *disk // nil without a directory
	index   *otter.Cache[string, *entry]
	clips   *otter.Cache[string, held]
}

// entry is a file that may be kept.
type entry struct {
	size int64
	body string // file name; empty when it lives in memory alone

	mu    sync.Mutex
	meta  meta
	noted time.Time // meta.Expires as it was written down
}

// held is a decoded entry. The entry tells whether it is still the current one.
type held struct {
	clip *Clip
	of   *entry
}

// NewCache returns a cache and takes over what is in its directory, which it creates if need be.
func NewCache(o CacheOptions) (*Cache, error) {
	if o.Client == nil {
		return nil, errors.New("audio cache: no HTTP client")
	}
	o = o.withDefaults()
	c := &Cache{o: o, flights: newFlights()}
	inline := func(f func()) { f() } // no goroutines of the index, so that Close has nothing to wait for
	var err error
	c.index, err = otter.New(&otter.Options[string, *entry]{
		MaximumWeight: uint64(o.DiskBytes),
		Weigher:       func(_ string, e *entry) uint32 { return uint32(min(e.size, 1<<31)) + 512 },
		Executor:      inline,
		OnDeletion:    func(d otter.DeletionEvent[string, *entry]) { c.disk.remove(d.Value.body) },
	})
	if err != nil {
		return nil, fmt.Errorf("audio cache: %w", err)
	}
	c.clips, err = otter.New(&otter.Options[string, held]{
		MaximumWeight: uint64(o.MemoryBytes),
		Weigher:       func(_ string, h held) uint32 { return uint32(min(h.clip.Bytes(), 1<<31)) + 512 },
		Executor:      inline,
	})
	if err != nil {
		return nil, fmt.Errorf("audio cache: %w", err)
	}
	if o.Dir == "" {
		return c, nil
	}
	if c.disk, err = openDisk(o.Dir); err != nil {
		return nil, fmt.Errorf("audio cache: %w", err)
	}
	if err := c.disk.scan(func(key string, e *entry) { c.index.Set(key, e) }); err != nil {
		return nil, errors.Join(fmt.Errorf("audio cache: %w", err), c.disk.close())
	}
	return c, nil
}

func (o CacheOptions) withDefaults() CacheOptions {
	if o.DiskBytes <= 0 {
		o.DiskBytes = DefaultDiskBytes
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = DefaultMemoryBytes
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.FetchLimit <= 0 {
		o.FetchLimit = DefaultFetchLimit
	}
	return o
}

// Get returns the sound behind a URL. It waits for the network unless a fresh copy is in memory; when ctx ends it
// returns the cause at once. Errors of the file are those of Code; others come from the client.
func (c *Cache) Get(ctx context.Context, rawURL string) (*Clip, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("fetch audio: %w", err)
	}
	u.Fragment, u.RawFragment = "", ""
	key := checksum([]byte(u.String()))
	if clip := c.inMemory(key); clip != nil {
		return clip, nil
	}
	clip, err := c.flights.do(ctx, key, func(ctx context.Context) (*Clip, error) { return c.obtain(ctx, key, u) })
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", u.Redacted(), err)
	}
	return clip, nil
}

func (c *Cache) inMemory(key string) *Clip {
	h, ok := c.clips.GetIfPresent(key)
	if !ok {
		return nil
	}
	if e, ok := c.index.GetIfPresent(key); !ok || e != h.of || !e.fresh(time.Now()) {
		return nil
	}
	return h.clip
}

// obtain finds the sound in memory, on disk or at its server. One at a time for each key.
func (c *Cache) obtain(ctx context.Context, key string, u *url.URL) (*Clip, error) {
	e, clip := c.kept(key)
	if clip != nil && e.fresh(time.Now()) {
		return clip, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.FetchLimit)
	defer cancel()
	got, err := c.fetch(ctx, u, e)
	switch {
	case err != nil && clip != nil && e.mayBeStale(err, time.Now()):
		return clip, nil
	case err != nil:
		return nil, err
	case got.unchanged && clip != nil:
		if e.refresh(got.meta, time.Now()) {
			c.disk.note(e)
		}
		return clip, nil
	}
	fresh, err := decode(got.body, Hint{Name: name(u), ContentType: got.meta.ContentType, MaxDuration: c.maxDuration()})
	if err != nil {
		return nil, err
	}
	if got.storable {
		c.keep(key, got, fresh)
	} else {
		c.index.Invalidate(key)
		c.clips.Invalidate(key)
	}
	return fresh, nil
}

func (c *Cache) maxDuration() time.Duration {
	if c.o.MaxDuration > 0 {
		return c.o.MaxDuration
	}
	return DefaultMaxDuration
}

// kept returns what is there for a key, fresh or not, decoded. A copy that cannot be read any more is dropped.
func (c *Cache) kept(key string) (*entry, *Clip) {
	e, ok := c.index.GetIfPresent(key)
	if !ok {
		return nil, nil
	}
	if h, ok := c.clips.GetIfPresent(key); ok && h.of == e {
		return e, h.clip
	}
	if body, err := c.disk.read(e); err == nil {
		m := e.copyMeta()
		clip, err := decode(body, Hint{Name: m.Name, ContentType: m.ContentType, MaxDuration: c.maxDuration()})
		if err == nil {
			c.clips.Set(key, held{clip, e})
			return e, clip
		}
	}
	c.index.Invalidate(key)
	return nil, nil
}

// keep stores a copy. A disk that is full or broken costs the copy, not the call.
func (c *Cache) keep(key string, got fetched, clip *Clip) {
	e := &entry{size: int64(len(got.body)), meta: got.meta}
	e.meta.Name = clip.name
	if c.disk != nil {
		if err := c.disk.write(key, e, got.body); err != nil {
			return
		}
	}
	c.index.Set(key, e)
	c.clips.Set(key, held{clip, e})
}

// Close ends all fetching, waits for it and closes the directory.
func (c *Cache) Close() error {
	c.flights.close()
	c.index.CleanUp()
	return c.disk.close()
}

// name shortens a URL to what traces show.
func name(u *url.URL) string {
	if u.Path == "" || u.Path == "/" {
		return u.Host
	}
	for i := len(u.Path) - 2; i >= 0; i-- {
		if u.Path[i] == '/' {
			return u.Path[i+1:]
		}
	}
	return u.Path
}
