package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"pintle/interpreter"
)

const (
	maxRedirects = 10
	maxLogins    = 2 // requests of one hop that are repeated with credentials
)

// exchange is one Fetch under way. It is used by one goroutine.
type exchange struct {
	s      *session
	f      interpreter.Fetch
	method string // of the first request
	token  string
	first  target
	over   overrides

	host string // asked last, for messages
	left int    // retries that remain

	location string // where the answer received last redirects to
}

// hop is one request of the exchange: the first, or one that a redirect asked for.
type hop struct {
	method string
	base   *url.URL // as written by the customer
	wire   *url.URL // as sent: with parameters, or the hash of the body
	form   url.Values
	body   []byte
	kind   string // content type of the body
}

// run follows redirects until there is an answer.
func (x *exchange) run(ctx context.Context) (interpreter.Response, error) {
	h := x.firstHop()
	x.s.keys.know(origin(h.base), x.first.user)
	for n := 0; ; n++ {
		a, err := x.ask(ctx, h)
		if err != nil {
			return x.asked(interpreter.Response{URL: h.base.String()}), err
		}
		if !redirects(a.resp) {
			r, unread := x.read(a, h)
			return x.asked(r), unread
		}
		status := a.resp.StatusCode
		a.done()
		if n == maxRedirects {
			return x.asked(interpreter.Response{Status: status, URL: h.base.String()}), tooManyRedirects()
		}
		if h, err = x.follow(h, status, x.location); err != nil {
			return x.asked(interpreter.Response{Status: status}), err
		}
	}
}

func (x *exchange) asked(r interpreter.Response) interpreter.Response {
	r.Asked = x.first.u.String()
	return r
}

// firstHop puts the parameters where the method wants them.
func (x *exchange) firstHop() *hop {
	h := &hop{method: x.method, base: x.first.u, wire: x.first.u}
	switch {
	case x.method == http.MethodGet:
		h.wire = withQuery(h.base, x.f.Params.Encode())
	case x.f.JSON != nil:
		h.body, h.kind = x.f.JSON, "application/json"
		h.wire = withQuery(h.base, "bodySHA256="+BodyHash(h.body))
	default:
		h.form, h.body, h.kind = x.f.Params, []byte(x.f.Params.Encode()), "application/x-www-form-urlencoded; charset=UTF-8"
	}
	return h
}

// redirects tells whether an answer sends us elsewhere.
func redirects(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow makes the next hop. The new URL is judged like any other; credentials are bound to their origin.
func (x *exchange) follow(h *hop, status int, location string) (*hop, error) {
	if location == "" {
		return nil, fail(interpreter.CodeProtocol, 0,
			fmt.Sprintf("%s answered %d without a Location; send one, or another status", h.wire.Host, status), nil)
	}
	ref, err := url.Parse(escapeQuery(location))
	if err != nil {
		return nil, unusable(fmt.Sprintf("%s redirects to something that is no URL;"+
			" correct the Location header", h.wire.Host))
	}
	t, err := parseTarget(h.wire.ResolveReference(ref).String())
	if err != nil {
		return nil, err
	}
	x.s.keys.know(origin(t.u), t.user)
	x.host = t.u.Host
	x.emit(interpreter.EvRetry, 0, fmt.Sprintf("redirect %d -> %s", status, show(t.u)))
	next := &hop{method: h.method, base: t.u, wire: t.u, form: h.form, body: h.body, kind: h.kind}
	switch {
	case h.method == http.MethodGet:
	case status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect:
		if x.f.JSON != nil {
			next.wire = withQuery(t.u, "bodySHA256="+BodyHash(h.body))
		}
	default:
		next.method, next.form, next.body, next.kind = http.MethodGet, nil, nil, ""
		x.emit(interpreter.EvWarning, 0, fmt.Sprintf(
			"redirect %d turned POST into GET and lost the parameters; answer 307 to keep them, or use the final URL", status))
	}
	return next, nil
}

// answered is an answer whose body is still to be read.
type answered struct {
	resp   *http.Response
	cancel context.CancelFunc
	stored *entry // the kept answer that may be used instead
	cached bool   // resp was made from stored
	secret bool   // the request carried credentials or cookies
}

func (a *answered) done() {
	if a.resp.Body != nil {
		a.resp.Body.Close()
	}
	a.cancel()
}

// ask makes the request of a hop, from the cache if it may, and repeats it with credentials when the server asks.
func (x *exchange) ask(ctx context.Context, h *hop) (*answered, error) {
	x.host = h.wire.Host
	stored := x.s.lookup(h, x.f.Header)
	if stored != nil && stored.fresh() {
		resp := &http.Response{StatusCode: stored.status, Header: stored.header.Clone()}
		return &answered{resp: resp, cancel: func() {}, stored: stored, cached: true}, nil
	}
	for logins := 0; ; logins++ {
		one, cancel := context.WithCancel(ctx)
		req, err := x.request(one, h, stored)
		if err != nil {
			cancel()
			return nil, err
		}
		used := req.Header.Get("Authorization")
		secret := used != "" || len(x.s.jar.Cookies(h.wire)) > 0
		resp, err := x.send(req, h.body) //nolint:bodyclose // answered.done closes it
		if err != nil {
			cancel()
			return nil, err
		}
		a := &answered{resp: resp, cancel: cancel, stored: stored, secret: secret}
		if resp.StatusCode != http.StatusUnauthorized || logins == maxLogins {
			return a, nil
		}
		if !x.s.keys.answer(origin(h.wire), used, resp.Header) {
			return a, nil
		}
		a.done()
	}
}

// request makes and signs the request of a hop.
func (x *exchange) request(ctx context.Context, h *hop, stored *entry) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, h.method, h.wire.String(), nil)
	if err != nil {
		return nil, unusable("the request cannot be made from this URL; correct its spelling")
	}
	req.URL = h.wire
	x.headers(req, h)
	if stored != nil {
		if tag := stored.header.Get("ETag"); tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		if when := stored.header.Get("Last-Modified"); when != "" {
			req.Header.Set("If-Modified-Since", when)
		}
	}
	return req, nil
}

func (x *exchange) headers(req *http.Request, h *hop) {
	foreign := origin(h.wire) != origin(x.first.u)
	for name, values := range x.f.Header {
		name = http.CanonicalHeaderKey(name)
		if foreign && (name == "Authorization" || name == "Cookie" || name == "Proxy-Authorization") {
			continue
		}
		req.Header[name] = values
	}
	set := func(name, value string) {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	set("User-Agent", x.s.c.cfg.UserAgent)
	set("Accept", "*/*")
	if h.kind != "" {
		req.Header.Set("Content-Type", h.kind)
	}
	req.Header.Set("I-Twilio-Idempotency-Token", x.token)
	// The transport may repeat a request whose kept connection turns out to be dead, POST included; a nil value tells
	// it so and is not sent.
	req.Header["X-Idempotency-Key"] = nil
	if x.s.account.Token != "" {
		req.Header.Set(SignatureHeader, Sign(x.s.account.Token, h.wire.String(), h.form))
	}
	if auth := x.s.keys.authorize(origin(h.wire), h.method, h.wire.RequestURI(), h.body); auth != "" {
		req.Header.Set("Authorization", auth)
	}
}

// tries is how often the exchange was begun, redirects and logins not counted.
func (x *exchange) tries() int { return 1 + x.over.retries - x.left }

// emit tells the call's trace. Its words are shown to people and hold no secrets.
func (x *exchange) emit(kind string, fault int, text string) {
	if x.f.Emit == nil {
		return
	}
	x.f.Emit(interpreter.Event{Lane: interpreter.LaneHTTP, Kind: kind, Text: text, URL: show(x.first.u), Fault: fault})
}
