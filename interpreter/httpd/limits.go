package httpd

import (
	"bytes"
	"errors"
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// slots is how many clients are told apart at once. The tables are of fixed size, because whoever can invent addresses
// must not be able to fill the memory; two clients that meet in one slot share its allowance.
const slots = 4096

// rates gives each client an allowance of requests a second.
type rates struct {
	per  float64
	seed maphash.Seed

	mu    sync.Mutex // guards slots
	slots [slots]struct {
		tokens float64
		last   time.Time
	}
}

func newRates(perSecond float64) *rates { return &rates{per: perSecond, seed: maphash.MakeSeed()} }

func (r *rates) allow(ip net.IP) bool {
	if r.per < 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &r.slots[slotOf(r.seed, ip)]
	now := time.Now()
	b.tokens += now.Sub(b.last).Seconds() * r.per
	if b.last.IsZero() || b.tokens > r.per {
		b.tokens = r.per
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// slotOf takes the network of an IPv6 client: it has as many addresses as it likes.
func slotOf(seed maphash.Seed, ip net.IP) uint64 {
	a, _ := netip.AddrFromSlice(ip)
	a = a.Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) //nolint:errcheck // the zero prefix stands for what is no address
	return maphash.Comparable(seed, p) % slots
}

// Failed log-ins of one client: so many in so long slow it down for so long.
const (
	loginTries  = 10
	loginWindow = time.Minute
	loginPause  = 10 * time.Minute
)

// logins counts the failed log-ins of each client.
type logins struct {
	seed maphash.Seed

	mu    sync.Mutex // guards slots
	slots [slots]struct {
		n     int
		first time.Time
		until time.Time
	}
}

func newLogins() *logins { return &logins{seed: maphash.MakeSeed()} }

func (l *logins) paused(ip net.IP) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.slots[slotOf(l.seed, ip)].until)
}

func (l *logins) failed(ip net.IP) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, now := &l.slots[slotOf(l.seed, ip)], time.Now()
	if now.Sub(s.first) > loginWindow {
		s.n, s.first = 0, now
	}
	if s.n++; s.n >= loginTries {
		s.until, s.n = now.Add(loginPause), 0
	}
}

// plain tells whether a path, decoded once, is already clean: no dot segments, no doubled or backward slashes, nothing
// that would change if it were decoded again. Other spellings have no honest use, and each layer reads them its own
// way.
func plain(raw []byte) bool {
	if bytes.ContainsAny(raw, "\\") {
		return false
	}
	p, err := url.PathUnescape(string(raw))
	if err != nil || !utf8.ValidString(p) || !strings.HasPrefix(p, "/") || strings.ContainsAny(p, `\%`) {
		return false
	}
	if strings.ContainsFunc(p, unicode.IsControl) {
		return false
	}
	if strings.Count(p, "/") != bytes.Count(raw, []byte("/")) { // a slash was hidden
		return false
	}
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// unreadable answers a request that could not be read.
func unreadable(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &small):
		Refuse(ctx, http.StatusRequestHeaderFieldsTooLarge, 20001, "The header is too large")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		Refuse(ctx, http.StatusRequestEntityTooLarge, 20001, "The body is too large")
	case errors.As(err, &network) && network.Timeout():
		Refuse(ctx, http.StatusRequestTimeout, 20001, "The request took too long")
	default:
		Refuse(ctx, http.StatusBadRequest, 20001, "The request is not valid HTTP")
	}
	ctx.SetConnectionClose()
}
