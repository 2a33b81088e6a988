package httpd

import (
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

// Health is how the engine is.
type Health struct {
	Calls    int   // live
	Draining bool  // it stops: send new calls elsewhere
	Problem  error // what keeps it from taking calls; nil: nothing
}

type health struct {
	Status   string  `json:"status"` // ok, draining, failing
	Version  string  `json:"version"`
	Uptime   float64 `json:"uptime_seconds"`
	Calls    int     `json:"calls"`
	Draining bool    `json:"draining"`
	Problem  string  `json:"problem,omitempty"`
}

// health answers 200 while calls are taken and 503 otherwise.
func (s *Server) health(ctx *fasthttp.RequestCtx) {
	if !s.cfg.PublicHealth && !local(ctx) {
		NotFound(ctx)
		return
	}
	h := s.cfg.Health()
	status, r := http.StatusOK, health{Status: "ok", Version: s.cfg.Version, Calls: h.Calls, Draining: h.Draining,
		Uptime: time.Since(s.begun).Round(time.Millisecond).Seconds()}
	if h.Draining {
		status, r.Status = http.StatusServiceUnavailable, "draining"
	}
	if h.Problem != nil {
		status, r.Status, r.Problem = http.StatusServiceUnavailable, "failing", h.Problem.Error()
	}
	JSON(ctx, status, r)
}

// local tells whether the client is on this machine, and not merely a proxy that is.
func local(ctx *fasthttp.RequestCtx) bool {
	if fromControl(ctx) {
		return true
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if len(ctx.Request.Header.Peek(name)) > 0 {
			return false
		}
	}
	return ctx.RemoteIP().IsLoopback()
}
