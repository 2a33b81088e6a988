package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"pintle/interpreter"
)

// session makes the exchanges of one call.
type session struct {
	c       *Client
	account interpreter.Account
	jar     *jar
	keys    keyring
	cache   *cache
}

var _ interpreter.Web = (*Client)(nil)

// errTotal is the cause of a context that the limit of a whole exchange ended.
var errTotal = errors.New("the time for the whole exchange is over")

// Fetch makes one exchange with its retries, logins and redirects. With a *interpreter.Fault it also returns what was
// received, if anything: the status, the header and the beginning of the body.
func (s *session) Fetch(ctx context.Context, f interpreter.Fetch) (interpreter.Response, error) {
	begun := time.Now()
	if err := context.Cause(ctx); err != nil {
		return interpreter.Response{}, err
	}
	if !s.c.begin() {
		return interpreter.Response{}, interpreter.ErrShutdown
	}
	defer s.c.work.Done()
	x, err := s.exchange(f)
	if err != nil {
		return interpreter.Response{}, err
	}
	inner, cancel := context.WithTimeoutCause(ctx, x.over.total, errTotal)
	defer cancel()
	inner, stop := context.WithCancelCause(inner)
	defer stop(nil)
	defer context.AfterFunc(s.c.root, func() { stop(interpreter.ErrShutdown) })()

	resp, err := x.run(inner)
	resp.Tries, resp.Took, resp.Method = x.tries(), time.Since(begun), x.method
	if err == nil {
		return resp, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return resp, cause
	}
	return resp, x.verdict(inner, err)
}

// verdict is the error that the caller of Fetch sees.
func (x *exchange) verdict(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, interpreter.ErrShutdown) || errors.Is(err, interpreter.ErrShutdown) {
		return interpreter.ErrShutdown
	}
	var f *interpreter.Fault
	if errors.As(err, &f) {
		return f
	}
	if cause != nil {
		return &interpreter.Fault{Code: interpreter.CodeConnect, Msg: fmt.Sprintf(
			"%s gave no complete answer within %v; make the application answer faster", x.host, x.over.total)}
	}
	return &interpreter.Fault{Code: interpreter.CodeProtocol, Msg: "the exchange with " + x.host + " failed;" +
		" look at the cause", Err: inner(err)}
}

// exchange decides everything of the exchange that does not depend on answers.
func (s *session) exchange(f interpreter.Fetch) (*exchange, error) {
	t, err := parseTarget(f.URL)
	if err != nil {
		return nil, err
	}
	x := &exchange{s: s, f: f, method: strings.ToUpper(f.Method), token: f.Token, host: t.u.Host, first: t}
	switch x.method {
	case "":
		x.method = http.MethodPost
	case http.MethodGet, http.MethodPost:
	default:
		return nil, unusable("the method " + printable(f.Method, 12) + " is neither GET nor POST; use one of them")
	}
	if x.token == "" {
		x.token = interpreter.NewID()
	}
	x.over = overrides{connect: s.c.cfg.Connect, read: s.c.cfg.FirstByte, total: maxTotal, retries: 1, on: onConnect}
	if f.Purpose == interpreter.ForCallback {
		// The queue that sends callbacks has its own attempts.
		x.over.retries = 0
	}
	for _, w := range x.over.parse(t.fragment) {
		x.emit(interpreter.EvWarning, 0, w)
	}
	x.left = x.over.retries
	total := f.Timeout
	if total <= 0 {
		total = s.c.cfg.Total
	}
	x.over.total = min(x.over.total, total)
	return x, nil
}

func replay(body []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}
