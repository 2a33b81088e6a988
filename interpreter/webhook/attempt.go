package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"pintle/interpreter"
)

// phase is how far an attempt has come.
type phase int

const (
	waiting   phase = iota // for a free connection
	resolving              // looking the name up
	connecting
	securing // TLS handshake
	asking   // the request is on its way, no byte of the answer came
	hearing  // the header of the answer
	reading  // its body
)

// late is the cause of an attempt that one of its own time limits ended.
type late struct {
	phase phase
	limit time.Duration
}

// Error says what took too long.
func (l *late) Error() string {
	what := map[phase]string{
		waiting: "no free connection", resolving: "no answer from the resolver", connecting: "no connection",
		securing: "no end of the TLS handshake", asking: "no answer", hearing: "no complete header", reading: "no more data",
	}[l.phase]
	return fmt.Sprintf("%s within %v", what, l.limit)
}

// guard makes single attempts: it limits the time to connect, to the header of the answer, and between two reads of
// the body, and turns errors into failures with a code. next must not be shared with users of other limits' errors.
type guard struct {
	next    http.RoundTripper
	root    context.Context //nolint:containedctx // the life of the Client
	connect time.Duration
	read    time.Duration
}

// RoundTrip makes one attempt.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	a := &attempt{guard: g, host: req.URL.Host, outer: req.Context()}
	a.ctx, a.cancel = context.WithCancelCause(req.Context())
	a.unlink = context.AfterFunc(g.root, func() { a.cancel(interpreter.ErrShutdown) })
	a.timer = time.AfterFunc(g.connect, a.expire)
	ctx := httptrace.WithClientTrace(a.ctx, a.trace())
	resp, err := g.next.RoundTrip(req.WithContext(ctx)) //nolint:contextcheck // made from the request's, above
	a.timer.Stop()
	if err != nil {
		err = a.explain(err)
		a.end()
		return nil, err
	}
	a.enter(reading)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// The body is the connection itself now, and no longer bound to the request.
		a.end()
		return resp, nil
	}
	resp.Body = &watched{body: resp.Body, a: a}
	return resp, nil
}

// attempt is one try of one request.
type attempt struct {
	*guard
	host   string
	outer  context.Context //nolint:containedctx // of the request, to tell its end from ours
	ctx    context.Context //nolint:containedctx // an attempt is a lifetime
	cancel context.CancelCauseFunc
	unlink func() bool
	timer  *time.Timer

	mu    sync.Mutex
	phase phase
	got   bool // a connection was got; what dials for others still report is ignored
}

func (a *attempt) enter(p phase) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.got && p < asking {
		return
	}
	a.phase = p
}

func (a *attempt) at() phase {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.phase
}

// trace follows the attempt; the transport may begin it anew when a kept connection turns out to be dead.
func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			a.mu.Lock()
			a.got, a.phase = false, waiting
			a.mu.Unlock()
			a.timer.Reset(a.connect)
		},
		DNSStart:          func(httptrace.DNSStartInfo) { a.enter(resolving) },
		DNSDone:           func(httptrace.DNSDoneInfo) { a.enter(connecting) },
		ConnectStart:      func(string, string) { a.enter(connecting) },
		TLSHandshakeStart: func() { a.enter(securing) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				a.enter(connecting)
			}
		},
		GotConn: func(httptrace.GotConnInfo) {
			a.mu.Lock()
			a.got, a.phase = true, asking
			a.mu.Unlock()
			a.timer.Reset(a.read)
		},
		GotFirstResponseByte: func() { a.enter(hearing) },
	}
}

func (a *attempt) expire() {
	p := a.at()
	limit := a.read
	if p < asking {
		limit = a.connect
	}
	a.cancel(&late{phase: p, limit: limit})
}

// explain finds out why the attempt ended. The end of the request's own context is returned as it is.
func (a *attempt) explain(err error) error {
	if a.outer.Err() != nil {
		return a.outer.Err()
	}
	if cause := context.Cause(a.ctx); cause != nil {
		err = cause
	}
	return classify(err, a.at(), a.host)
}

func (a *attempt) end() {
	a.timer.Stop()
	a.unlink()
	a.cancel(nil)
}

// watched is a body whose every read has the attempt's time limit.
type watched struct {
	body io.ReadCloser
	a    *attempt
}

// Read waits for data, but not longer than the attempt's limit.
func (w *watched) Read(p []byte) (int, error) {
	w.a.timer.Reset(w.a.read)
	n, err := w.body.Read(p)
	w.a.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = w.a.explain(err)
	}
	return n, err
}

// Close gives the connection back when the body was read to its end, else closes it.
func (w *watched) Close() error {
	err := w.body.Close()
	w.a.end()
	return err
}
