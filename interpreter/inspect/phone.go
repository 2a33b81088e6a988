package inspect

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

//go:embed static
var static embed.FS

const (
	maxTokenRequest = 4 << 10
	// policy lets the page load nothing from elsewhere and nobody put it into a frame.
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// Phone is the browser phone: the page, tokens for it, and the WebSocket by which pages are signalled.
type Phone struct {
	// Issue makes a token for an identity; an error is told to the client with 400.
	Issue func(identity string, life time.Duration) (token string, expires time.Time, err error)
	// Serve speaks with one page until its socket or ctx ends.
	Serve func(ctx context.Context, s Socket, source netip.Addr)
	Auth  *httpd.Auth
	// Origins may open the WebSocket besides the server's own: "https://app.example.com".
	Origins []string
	// Local gives tokens to pages on this machine without asking for the account. Only for a server that listens on
	// loopback and has no proxy in front.
	Local bool
}

// Register adds the routes to a server.
func (p *Phone) Register(s *httpd.Server) {
	s.Handle(http.MethodGet, "/phone", p.file("phone.html", "text/html; charset=utf-8"))
	s.Handle(http.MethodGet, "/phone/phone.js", p.file("phone.js", "text/javascript; charset=utf-8"))
	s.Handle(http.MethodGet, "/phone/phone.css", p.file("phone.css", "text/css; charset=utf-8"))
	s.Handle(http.MethodPost, "/v1/phone/tokens", p.Auth.Require(p.issue))
	s.Handle(http.MethodPost, "/v1/phone/local", p.local)
	s.Handle(http.MethodGet, "/v1/phone", p.socket)
}

func (p *Phone) file(name, kind string) fasthttp.RequestHandler {
	body, err := static.ReadFile(path.Join("static", name))
	return func(ctx *fasthttp.RequestCtx) {
		if err != nil { // a file of the program is missing in it, which a test would have found
			httpd.NotFound(ctx)
			return
		}
		h := &ctx.Response.Header
		h.SetContentType(kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "microphone=(self), camera=()")
		h.Set("Cache-Control", "no-cache")
		ctx.SetBody(body)
	}
}

// issue makes a token for the account's own application.
func (p *Phone) issue(ctx *fasthttp.RequestCtx) {
	var asked struct {
		Identity string `json:"identity"`
		TTL      int    `json:"ttl"` // seconds
	}
	body := ctx.PostBody()
	if len(body) > maxTokenRequest || json.Unmarshal(body, &asked) != nil {
		httpd.Refuse(ctx, http.StatusBadRequest, 20001, `Send JSON: {"identity": "alice", "ttl": 3600}`)
		return
	}
	p.give(ctx, asked.Identity, time.Duration(min(max(asked.TTL, 0), 24*60*60))*time.Second)
}

func (p *Phone) give(ctx *fasthttp.RequestCtx, identity string, life time.Duration) {
	token, expires, err := p.Issue(identity, life)
	if err != nil {
		httpd.Refuse(ctx, http.StatusBadRequest, 20001, err.Error())
		return
	}
	ctx.Response.Header.Set("Cache-Control", "no-store")
	httpd.JSON(ctx, http.StatusCreated, map[string]string{"identity": identity, "token": token,
		"expires": expires.UTC().Format(time.RFC3339)})
}

// local makes a token for a page on this machine. The checks are against pages of strangers in the same browser: their
// Origin differs, and by DNS rebinding the Host does.
func (p *Phone) local(ctx *fasthttp.RequestCtx) {
	host, origin := string(ctx.Host()), string(ctx.Request.Header.Peek("Origin"))
	switch {
	case !p.Local, !ctx.RemoteIP().IsLoopback(), !loopbackHost(host), !sameOrigin(origin, host),
		forwarded(&ctx.Request.Header):
		httpd.Refuse(ctx, http.StatusForbidden, 20403,
			"Tokens without the account's auth token are for pages on this machine alone; ask /v1/phone/tokens")
		return
	}
	var asked struct {
		Identity string `json:"identity"`
	}
	body := ctx.PostBody()
	if len(body) > maxTokenRequest || json.Unmarshal(body, &asked) != nil {
		httpd.Refuse(ctx, http.StatusBadRequest, 20001, `Send JSON: {"identity": "alice"}`)
		return
	}
	p.give(ctx, asked.Identity, 0)
}

func forwarded(h *fasthttp.RequestHeader) bool {
	return len(h.Peek("X-Forwarded-For"))+len(h.Peek("Forwarded"))+len(h.Peek("Via")) > 0
}

func loopbackHost(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback()
}

func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host)
}

// allowed tells whether a page of this Origin may open the WebSocket. One that sends none is refused too: it is no
// browser, or one that hides where the page is from.
func (p *Phone) allowed(origin, host string) bool {
	if sameOrigin(origin, host) {
		return true
	}
	for _, o := range p.Origins {
		if origin != "" && strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}

var errSocket = errors.New("the WebSocket has ended")
