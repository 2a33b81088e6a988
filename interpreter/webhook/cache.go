package webhook

import (
	"container/list"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// entry is an answer that may be used again.
type entry struct {
	key     string
	status  int
	header  http.Header
	body    []byte
	expires time.Time // until then it needs no question
}

func (e *entry) size() int64 { return int64(len(e.key)+len(e.body)) + 1024 }

func (e *entry) fresh() bool { return time.Now().Before(e.expires) }

// cache keeps the answers used last, within a number of bytes. Nothing waits while it is locked.
type cache struct {
	most int64

	mu    sync.Mutex
	used  int64
	order *list.List // of *entry, the one used last in front
	byKey map[string]*list.Element
}

func newCache(most int64) *cache {
	return &cache{most: most, order: list.New(), byKey: make(map[string]*list.Element)}
}

func (c *cache) get(key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[key]
	if el == nil {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*entry) //nolint:forcetypeassert // the list holds nothing else
}

func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.byKey[e.key])
	if e.size() > c.most/4 {
		return
	}
	c.byKey[e.key] = c.order.PushFront(e)
	c.used += e.size()
	for c.used > c.most {
		c.drop(c.order.Back())
	}
}

func (c *cache) remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.byKey[key])
}

func (c *cache) drop(el *list.Element) {
	if el == nil {
		return
	}
	e := c.order.Remove(el).(*entry) //nolint:forcetypeassert // the list holds nothing else
	delete(c.byKey, e.key)
	c.used -= e.size()
}

// directives are those of Cache-Control (RFC 9111 §5.2.2), names in lower case.
type directives map[string]string

func cacheControl(h http.Header) directives {
	d := make(directives)
	for _, line := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			d[strings.ToLower(name)] = strings.Trim(value, `"`)
		}
	}
	return d
}

func (d directives) has(name string) bool {
	_, ok := d[name]
	return ok
}

// storable tells whether an answer may be kept at all: it is complete, its owner does not forbid it, it does not
// depend on what changes between requests, and there is a reason to think it useful.
func storable(status int, h http.Header) bool {
	if status != http.StatusOK && status != http.StatusNonAuthoritativeInfo {
		return false
	}
	if cacheControl(h).has("no-store") {
		return false
	}
	for _, line := range h.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			// These are the same in all our requests.
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "", "accept-encoding", "user-agent", "accept":
			default:
				return false
			}
		}
	}
	return h.Get("ETag") != "" || h.Get("Last-Modified") != "" || lifetime(h, ownAge...) > 0
}

// shareable tells whether an answer may also serve other calls (RFC 9111 §3, as a shared cache), provided that its
// request carried neither credentials nor cookies.
func shareable(h http.Header) bool {
	return !cacheControl(h).has("private") && len(h.Values("Set-Cookie")) == 0
}

// The directives that set how long an answer is fresh, the first one found wins.
var (
	ownAge    = []string{"max-age"}
	sharedAge = []string{"s-maxage", "max-age"}
)

// lifetime is how long an answer is fresh from now on (RFC 9111 §4.2). Nothing is guessed.
func lifetime(h http.Header, ages ...string) time.Duration {
	d := cacheControl(h)
	if d.has("no-cache") {
		return 0
	}
	age, _ := strconv.ParseUint(h.Get("Age"), 10, 31)
	for _, name := range ages {
		if v, ok := d[name]; ok {
			n, err := strconv.ParseUint(v, 10, 31)
			if err != nil || n <= age {
				return 0
			}
			return time.Duration(n-age) * time.Second
		}
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		date = time.Now()
	}
	return max(0, expires.Sub(date)-time.Duration(age)*time.Second)
}
