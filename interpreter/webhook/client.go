package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"

	"pintle/interpreter"
)

// Limits that hold when Config leaves them zero.
const (
	defaultUserAgent = "TwilioProxy/1.1" // some applications test for it
	defaultConnect   = 5 * time.Second
	defaultFirstByte = 15 * time.Second
	defaultTotal     = 15 * time.Second
	maxTotal         = 60 * time.Second
	defaultMaxBody   = 64 << 10
	maxMaxBody       = 1 << 20
	audioMaxBody     = 50 << 20
	defaultPerHost   = 256
	defaultCache     = 16 << 20
	sessionCache     = 1 << 20
	defaultSetting   = "fetch.allow"
)

// Config says how a Client asks. Its zero value refuses private addresses and verifies certificates.
type Config struct {
	UserAgent string // empty: TwilioProxy/1.1

	AllowPrivate bool    // loopback and private networks may be asked
	Allow        []Allow // networks that may be asked although the policy refuses them
	AllowSetting string  // what Allow is called in the configuration, for messages; empty: fetch.allow

	Connect   time.Duration // name, TCP and TLS of one try; 0: 5 s
	FirstByte time.Duration // until the answer's header, and between two packets; 0: 15 s
	Total     time.Duration // whole exchange when the Fetch names none; 0: 15 s
	MaxBody   int64         // bytes of an answer, audio excepted; 0: 64 KiB, at most 1 MiB
	PerHost   int           // connections to one host at a time; 0: 256
	Cache     int64         // bytes of answers kept for all calls; 0: 16 MiB, negative: none

	Roots       *x509.CertPool // nil: those of the system
	InsecureTLS bool           // certificates are not verified; for development
	Resolver    *net.Resolver  // nil: that of the system; for tests
}

// Client makes guarded HTTP exchanges. It implements interpreter.Web. All methods may be called at the same time.
type Client struct {
	cfg    Config
	policy policy
	tls    *tls.Config
	shared *cache
	vault  vault

	root context.Context //nolint:containedctx // the life of the Client; ends with Close
	end  context.CancelCauseFunc
	work sync.WaitGroup // exchanges and dials

	documents *http.Transport
	nameless  *http.Transport // sends no TLS server name

	mu     sync.Mutex
	closed bool
	others map[string]*http.Transport // by purpose
}

// New makes a Client. Close ends it.
func New(cfg Config) *Client {
	fill(&cfg.UserAgent, defaultUserAgent)
	fill(&cfg.AllowSetting, defaultSetting)
	fill(&cfg.Connect, defaultConnect)
	fill(&cfg.FirstByte, defaultFirstByte)
	fill(&cfg.Total, defaultTotal)
	fill(&cfg.MaxBody, defaultMaxBody)
	fill(&cfg.PerHost, defaultPerHost)
	fill(&cfg.Cache, defaultCache)
	cfg.MaxBody = min(cfg.MaxBody, maxMaxBody)
	c := &Client{
		cfg:    cfg,
		policy: policy{private: cfg.AllowPrivate, allow: cfg.Allow, setting: cfg.AllowSetting},
		tls:    &tls.Config{RootCAs: cfg.Roots, InsecureSkipVerify: cfg.InsecureTLS, MinVersion: tls.VersionTLS12},
		shared: newCache(cfg.Cache),
		others: make(map[string]*http.Transport),
	}
	c.root, c.end = context.WithCancelCause(context.Background())
	c.documents = c.transport(c.dialer(&c.policy))
	c.nameless = c.transport(c.dialer(&c.policy))
	c.nameless.DialTLSContext = c.dialNameless
	return c
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Session makes the Fetcher of one call: its cookies, credentials and private cache end with it.
func (c *Client) Session(a interpreter.Account) interpreter.Fetcher {
	return &session{c: c, account: a, jar: newJar(), cache: newCache(sessionCache),
		keys: keyring{vault: &c.vault, account: a.ID}}
}

// HTTPClient returns the client of one purpose: audio files, a WebSocket handshake. It passes the address policy on
// every connection, follows at most ten redirects, and limits the time to connect, to the first byte and between two
// packets; it limits neither the whole exchange nor the body, which its user has to do. Its errors are *url.Error
// around *interpreter.Fault. Clients of different purposes share no connections; asking twice gives the same pool.
func (c *Client) HTTPClient(purpose string) *http.Client {
	return c.client("for "+purpose, &c.policy)
}

// OperatorClient returns a client without the address policy, for hosts that the operator named in the configuration:
// speech engines, webhooks of the engine itself. It must never be given a URL that came from a document or a caller.
func (c *Client) OperatorClient() *http.Client {
	return c.client("operator", &policy{private: true, allow: everywhere, setting: c.cfg.AllowSetting})
}

func (c *Client) client(key string, p *policy) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.others[key]
	if t == nil {
		t = c.transport(c.dialer(p))
		c.others[key] = t
	}
	return &http.Client{Transport: &plain{c: c, next: t}, CheckRedirect: limitRedirects}
}

// begin counts a piece of work that Close has to wait for; it fails when the Client is closed.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Add(1)
	return true
}

// Close ends all exchanges with interpreter.ErrShutdown, waits for them and for connections in the making, and closes
// idle connections. Bodies that users of HTTPClient still read end with an error.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	idle := []*http.Transport{c.documents, c.nameless}
	for _, t := range c.others {
		idle = append(idle, t)
	}
	c.mu.Unlock()
	c.end(interpreter.ErrShutdown)
	c.work.Wait()
	for _, t := range idle {
		t.CloseIdleConnections()
	}
	return nil
}

// plain prepares the requests of users who know only net/http.
type plain struct {
	c    *Client
	next http.RoundTripper
}

// RoundTrip judges the URL, names the engine, and puts the time limits on.
func (p *plain) RoundTrip(req *http.Request) (*http.Response, error) {
	t, err := parseTarget(req.URL.String())
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	out := req.Clone(req.Context())
	out.URL = t.u
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", p.c.cfg.UserAgent)
	}
	g := guard{next: p.next, root: p.c.root, connect: p.c.cfg.Connect, read: p.c.cfg.FirstByte}
	return g.RoundTrip(out)
}

func limitRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return tooManyRedirects()
	}
	return nil
}
