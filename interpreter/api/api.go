package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// maxPage is how many rows one answer holds.
const maxPage = 1000

// API is the native interface. Every function may be asked from many goroutines at once; all are required.
type API struct {
	Auth   *httpd.Auth
	Status func() Status
	Phones func() []Phone // in a steady order
	Trunks func() []Trunk
	// Reload reads the configuration again. Its error is of type [Problems] when the configuration is bad; then nothing
	// has changed.
	Reload func() (Reloaded, error)
	// SelfTest answers for a while the calls to a number that it makes up, by calling back an address; the engine's
	// operator alone may ask for it. The error is told to him.
	SelfTest func(callBack string) (SelfTest, error)
	// Ready tells whether calls are taken; until then everything is answered 503.
	Ready func() bool
}

// Register adds the routes to a server.
func (a *API) Register(s *httpd.Server) {
	for _, r := range []struct {
		method, path string
		h            fasthttp.RequestHandler
	}{
		{http.MethodGet, "/v1/status", a.status},
		{http.MethodGet, "/v1/phones", a.phones},
		{http.MethodGet, "/v1/trunks", a.trunks},
		{http.MethodPost, "/v1/reload", a.reload},
		{http.MethodPost, "/v1/selftest", a.selfTest},
	} {
		s.Handle(r.method, r.path, a.Auth.Require(a.ready(r.h)))
	}
}

// ready keeps requests away until the engine is complete.
func (a *API) ready(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("Cache-Control", "no-store")
		if !a.Ready() {
			ctx.Response.Header.Set("Retry-After", "1")
			httpd.Refuse(ctx, http.StatusServiceUnavailable, 20500, "The engine is starting; ask again in a second")
			return
		}
		next(ctx)
	}
}

// pageOf cuts the page that a request asks for out of n rows: from, to, and the number of the next page, -1 for none.
// It reports false when it has refused the request.
func pageOf(ctx *fasthttp.RequestCtx, n int) (from, to, next int, ok bool) {
	page, size := 0, maxPage
	for _, q := range []struct {
		name      string
		into      *int
		low, high int
	}{{"page", &page, 0, 1 << 20}, {"page_size", &size, 1, maxPage}} {
		text := string(ctx.QueryArgs().Peek(q.name))
		if text == "" {
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < q.low || v > q.high {
			httpd.Refuse(ctx, http.StatusBadRequest, 20001, q.name+": give a number from "+strconv.Itoa(q.low)+" to "+
				strconv.Itoa(q.high))
			return 0, 0, 0, false
		}
		*q.into = v
	}
	from = min(page*size, n)
	to, next = min(from+size, n), -1
	if to < n {
		next = page + 1
	}
	return from, to, next, true
}

// moment is a time as the interface writes it; nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}
