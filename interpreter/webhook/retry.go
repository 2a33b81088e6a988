package webhook

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"pintle/interpreter"
)

// The wait before another try: short, because somebody listens to silence.
const (
	minWait = 100 * time.Millisecond
	maxWait = 300 * time.Millisecond
)

// send makes a request with its retries. All defaults of the library are replaced: its policy repeats POST and waits
// for seconds, and its log would show URLs.
func (x *exchange) send(req *http.Request, body []byte) (*http.Response, error) {
	c := x.s.c
	g := &guard{next: c.documents, root: c.root, connect: x.over.connect, read: x.over.read}
	if x.over.noSNI {
		g.next = c.nameless
	}
	rc := &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &oneHop{guard: g, x: x},
			Jar:       x.s.jar,
		},
		RetryMax:   x.left,
		CheckRetry: x.again,
		Backoff: func(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
			return minWait + rand.N(maxWait-minWait)
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	rr, err := retryablehttp.FromRequest(req)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		if err := rr.SetBody(body); err != nil {
			return nil, err
		}
	}
	return rc.Do(rr) //nolint:bodyclose // the caller reads and closes it
}

// oneHop keeps two things from net/http and the library: the Location, which would be followed, or shown in an error;
// and the pool, whose idle connections would be closed for everybody after a failure.
type oneHop struct {
	guard *guard
	x     *exchange
}

// RoundTrip makes one attempt.
func (o *oneHop) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.guard.RoundTrip(req)
	if err == nil && redirects(resp) {
		o.x.location = resp.Header.Get("Location")
		resp.Header.Del("Location")
	}
	return resp, err
}

// again decides after each try whether there is another.
func (x *exchange) again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil || x.left == 0 {
		return false, nil //nolint:nilerr // no further try: the library returns err itself
	}
	why, code := "", 0
	var f *failure
	switch {
	case errors.As(err, &f):
		if f.class&x.over.on == 0 {
			return false, nil
		}
		why, code = f.fault.Msg, f.fault.Code
	case err != nil:
		return false, nil //nolint:nilerr // as above
	case resp.StatusCode/100 == 5 && x.over.on&on5xx != 0,
		resp.StatusCode/100 == 4 && x.over.on&on4xx != 0 && !x.loginAsked(resp):
		why, code = "answer "+statusText(resp.StatusCode), interpreter.CodeRetrieval
		// The library would read the rest of the body first, however slowly it comes.
		resp.Body.Close()
		resp.Body = http.NoBody
	default:
		return false, nil
	}
	x.emit(interpreter.EvRetry, code, fmt.Sprintf("try %d failed: %s; trying again", x.tries(), why))
	x.left--
	return true, nil
}

// loginAsked tells whether a 401 will be answered with credentials instead of a retry.
func (x *exchange) loginAsked(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && resp.Request.Header.Get("Authorization") == "" &&
		x.s.keys.knows(origin(resp.Request.URL))
}

func statusText(code int) string {
	if t := http.StatusText(code); t != "" {
		return fmt.Sprintf("%d %s", code, t)
	}
	return fmt.Sprint(code)
}
