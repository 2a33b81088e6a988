package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/router"
	"github.com/sirupsen/logrus"
	"github.com/valyala/fasthttp"
)

// Config of a Server. Everything has a default.
type Config struct {
	Addr         string      // 127.0.0.1:8080
	TLS          *tls.Config // nil: plain HTTP
	AllowedHosts []string    // names of the Host header that are answered, without port; empty: any
	Version      string      // told by /healthz
	Log          *logrus.Entry

	Health        func() Health // of the engine, for /healthz; nil: always well
	Metrics       *Metrics      // nil: made
	PublicHealth  bool          // /healthz answers clients of other machines
	PublicMetrics bool          // /metrics does

	HeaderTime time.Duration // to read a header; 5 s
	BodyTime   time.Duration // to read a body; 30 s
	IdleTime   time.Duration // of a kept connection; 60 s
	WriteTime  time.Duration // for each piece of an answer to be taken; 30 s
	Body       int           // octets of a body; 1 MiB
	Header     int           // octets of a header; 64 KiB
	Rate       float64       // requests a second of one client; 100. Below 0: unlimited
	Conns      int           // connections of one client; 256
}

// Server answers HTTP.
type Server struct {
	cfg     Config
	metrics *Metrics
	router  *router.Router
	http    *fasthttp.Server
	rate    *rates
	begun   time.Time

	listener net.Listener
	wg       sync.WaitGroup
	serveErr error
	panics   atomic.Uint64

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

// New returns a server that does not listen yet; it answers /healthz and /metrics.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, metrics: cfg.Metrics, router: router.New(), rate: newRates(cfg.Rate), begun: time.Now(),
		conns: map[*conn]struct{}{}}
	// Clients of an API post: a redirect would turn that into a GET, or lose the body.
	s.router.RedirectTrailingSlash, s.router.RedirectFixedPath, s.router.HandleOPTIONS = false, false, false
	s.router.NotFound = func(ctx *fasthttp.RequestCtx) { NotFound(ctx) }
	s.router.MethodNotAllowed = func(ctx *fasthttp.RequestCtx) {
		Refuse(ctx, http.StatusMethodNotAllowed, 20004, "Method not allowed")
	}
	s.http = &fasthttp.Server{
		Handler: s.Serve, ErrorHandler: unreadable, NoDefaultServerHeader: true, CloseOnShutdown: true,
		ReadTimeout: cfg.HeaderTime, IdleTimeout: cfg.IdleTime, MaxRequestBodySize: cfg.Body, ReadBufferSize: cfg.Header,
		// The time for a header has been kept when it is here; the body has a time of its own.
		HeaderReceived: func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
			return fasthttp.RequestConfig{ReadTimeout: cfg.BodyTime}
		},
		Concurrency: 4096, MaxConnsPerIP: cfg.Conns, TCPKeepalive: true, Logger: quiet{cfg.Log},
	}
	s.metrics.Counter("pintle_http_panics_total", "Handlers that panicked.",
		func() float64 { return float64(s.panics.Load()) })
	s.Handle(http.MethodGet, "/healthz", s.health)
	s.Handle(http.MethodGet, "/metrics", s.serveMetrics)
	return s
}

func (c Config) withDefaults() Config {
	set := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&c.HeaderTime, 5*time.Second)
	set(&c.BodyTime, 30*time.Second)
	set(&c.IdleTime, time.Minute)
	set(&c.WriteTime, 30*time.Second)
	count := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	count(&c.Body, 1<<20)
	count(&c.Header, 64<<10)
	count(&c.Conns, 256)
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.Health == nil {
		c.Health = func() Health { return Health{} }
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics()
	}
	if c.Log == nil {
		l := logrus.New()
		l.SetLevel(logrus.PanicLevel)
		c.Log = logrus.NewEntry(l)
	}
	return c
}

// Handle registers a handler before Start. The path may hold parameters: /Calls/{call}. The handler must not keep the
// request, nor anything that points into it, when it returns.
func (s *Server) Handle(method, path string, h fasthttp.RequestHandler) {
	s.router.Handle(method, path, h)
}

// Routes lists the registered paths by method: tests ask it so that no route is forgotten.
func (s *Server) Routes() map[string][]string { return s.router.List() }

// Metrics is where others register what they count.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Start listens and serves in the background until Shutdown. The error names the address.
func (s *Server) Start() error {
	ln, err := net.Listen("tcp", s.cfg.Addr) //nolint:noctx // listening does not wait
	if err != nil {
		return fmt.Errorf("listen for HTTP on %s: %w", s.cfg.Addr, err)
	}
	s.listener = &listener{Listener: ln, s: s}
	serve := s.listener
	if s.cfg.TLS != nil {
		serve = tls.NewListener(serve, s.cfg.TLS)
	}
	s.wg.Go(func() { s.serveErr = s.http.Serve(serve) })
	return nil
}

// Addr is where the server listens; with port 0 in the configuration, the port it got.
func (s *Server) Addr() string {
	if s.listener == nil {
		return s.cfg.Addr
	}
	return s.listener.Addr().String()
}

// Shutdown stops listening, lets running requests finish until ctx ends, breaks off the rest, and returns when
// everything has ended.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.listener == nil {
		return nil
	}
	err := s.http.ShutdownWithContext(ctx)
	if err != nil {
		s.breakOff()
		err = s.http.Shutdown()
	}
	s.listener.Close() //nolint:errcheck // closed by the server, unless it had no time to begin
	s.wg.Wait()
	if err = errors.Join(err, s.serveErr); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop HTTP server: %w", err)
	}
	return nil
}

// Close breaks off what runs and returns when everything has ended.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return s.Shutdown(ctx)
}

func (s *Server) breakOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Conn.Close() //nolint:errcheck // it is being broken off
	}
}

// Serve answers one request: the handler of the whole server. Tests call it without a listener.
func (s *Server) Serve(ctx *fasthttp.RequestCtx) {
	defer s.recover(ctx)
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	if !s.rate.allow(ctx.RemoteIP()) {
		ctx.Response.Header.Set("Retry-After", "1")
		Refuse(ctx, http.StatusTooManyRequests, 20429, "Too many requests")
		return
	}
	if !s.hostAllowed(string(ctx.Host())) {
		Refuse(ctx, http.StatusMisdirectedRequest, 20404, "This server does not answer for that host")
		return
	}
	if !plain(ctx.URI().PathOriginal()) {
		Refuse(ctx, http.StatusBadRequest, 20001, "The path is not in its plain form")
		return
	}
	s.router.Handler(ctx)
}

// recover ends the request of a handler that panicked, and nothing else.
func (s *Server) recover(ctx *fasthttp.RequestCtx) {
	p := recover()
	if p == nil {
		return
	}
	s.panics.Add(1)
	// The path without its query: a signed link is a secret.
	s.cfg.Log.WithField("panic", p).WithField("path", string(ctx.Path())).Errorf("handler panicked\n%s", debug.Stack())
	ctx.Response.Reset()
	Refuse(ctx, http.StatusInternalServerError, 20500, "Internal error")
}

func (s *Server) hostAllowed(host string) bool {
	if len(s.cfg.AllowedHosts) == 0 {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, a := range s.cfg.AllowedHosts {
		if strings.EqualFold(host, a) {
			return true
		}
	}
	return false
}

// quiet keeps what fasthttp says about clients' mistakes at the level where nobody is woken by it.
type quiet struct{ log *logrus.Entry }

// Printf logs one line.
func (q quiet) Printf(format string, args ...any) {
	if q.log.Logger.IsLevelEnabled(logrus.DebugLevel) {
		q.log.Debugf("http: "+format, args...)
	}
}
