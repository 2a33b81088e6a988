package httpd

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"pintle/interpreter"
)

// Auth decides who may use the API: the account, by Basic authentication with its SID and its token. A client that
// fails ten times in a minute is refused for ten minutes.
type Auth struct {
	account interpreter.Account
	logins  *logins
}

// NewAuth returns the one authority of an account; all routes share it, and so its count of failures.
func NewAuth(a interpreter.Account) *Auth { return &Auth{account: a, logins: newLogins()} }

// Account is whom a request is for when Allowed says so.
func (a *Auth) Account() interpreter.Account { return a.account }

// Allowed tells whether the request is the account's own, or the operator's by the control socket. If not, it has
// answered 401 or 429.
func (a *Auth) Allowed(ctx *fasthttp.RequestCtx) bool {
	if fromControl(ctx) {
		return true
	}
	if a.paused(ctx) {
		return false
	}
	name, password, ok := basic(string(ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)))
	right := same(name, interpreter.SID("AC", a.account.ID)) & same(password, a.account.Token)
	if ok && right == 1 && a.account.Token != "" {
		return true
	}
	if ok { // asking without credentials is how browsers begin
		a.logins.failed(ctx.RemoteIP())
	}
	unauthorized(ctx)
	return false
}

// Require answers requests that are not the account's own, and passes the others on.
func (a *Auth) Require(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if a.Allowed(ctx) {
			next(ctx)
		}
	}
}

func (a *Auth) paused(ctx *fasthttp.RequestCtx) bool {
	if !a.logins.paused(ctx.RemoteIP()) {
		return false
	}
	ctx.Response.Header.Set("Retry-After", "600")
	Refuse(ctx, http.StatusTooManyRequests, 20429, "Too many failed log-ins")
	return true
}

func unauthorized(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set("WWW-Authenticate", `Basic realm="Pintle"`)
	Refuse(ctx, http.StatusUnauthorized, 20003, "Authenticate")
}

func basic(header string) (name, password string, ok bool) {
	const scheme = "basic "
	if len(header) < len(scheme) || len(header) > 1024 || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(header[len(scheme):]))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(b), ":")
}

// same compares in a time that tells neither content nor length.
func same(got, want string) int {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:])
}
