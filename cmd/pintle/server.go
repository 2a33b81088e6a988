package main

import (
	"context"
	"errors"
	"os"
	"time"

	"pintle/interpreter/httpd"
)

// identify reads, or makes, the account of this engine.
func (e *engine) identify(ctx context.Context) error {
	id, err := httpd.LoadIdentity(ctx, e.store, os.Getenv)
	e.account, e.fresh = id.Account, id.New
	return err
}

// openHTTP starts the HTTP server: recordings, health, metrics. It listens before the first call, so that every URL we
// hand out is right even when the port was taken from the free ones.
func (e *engine) openHTTP(context.Context) error {
	certificates, err := e.openCertificates()
	if err != nil {
		return err
	}
	e.certificates = certificates
	metrics := httpd.NewMetrics()
	e.observers = append(e.observers, metrics.Observe)
	e.http = httpd.New(httpd.Config{Addr: e.cfg.HTTP.Listen, Version: version, Log: e.log, Health: e.health,
		Metrics: metrics, TLS: e.httpsConfig()})
	auth := httpd.NewAuth(e.account)
	sounds := &httpd.Sounds{Records: e.store, Blobs: e.blobs, Auth: auth,
		Links: httpd.NewLinks(e.account.Token)}
	sounds.Register(e.http)
	e.registerPhone(auth)
	e.registerAPI(auth)
	e.gauges(metrics)
	if err := e.http.Start(); err != nil {
		return err
	}
	e.cfg.HTTP.Listen = e.http.Addr()
	e.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := e.http.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			e.report("close HTTP", err)
		}
	})
	return nil
}

// health is what /healthz tells. It may be asked before the engine is complete.
func (e *engine) health() httpd.Health {
	h := httpd.Health{Problem: e.store.Health(), Draining: e.draining.Load()}
	if m := e.running.Load(); m != nil {
		h.Calls = len(m.Calls())
	} else if h.Problem == nil {
		h.Problem = errStarting
	}
	return h
}

var errStarting = errors.New("the engine is starting")

// gauges adds what is measured beside the events of calls.
func (e *engine) gauges(m *httpd.Metrics) {
	m.Gauge("pintle_outbox_pending", "Callbacks not delivered and not given up.",
		func() float64 { return float64(e.outbox.Pending()) })
	m.Counter("pintle_trace_dropped_total", "Trace events that had no room.",
		func() float64 { return float64(e.store.Dropped()) })
	media := func(f func() float64) func() float64 {
		return func() float64 {
			if e.running.Load() == nil {
				return 0
			}
			return f()
		}
	}
	m.Gauge("pintle_media_legs", "Legs that are being sent sound.",
		media(func() float64 { return float64(e.pacers.Stats().Legs) }))
	m.Gauge("pintle_media_slot_lag_seconds", "Greatest delay of a media slot since the last look.",
		media(func() float64 { return e.pacers.Stats().MaxLag.Seconds() }))
	m.Counter("pintle_media_stalls_total", "Times the pacers fell behind and skipped.",
		media(func() float64 { return float64(e.pacers.Stats().Stalls) }))
	m.Counter("pintle_sip_refused_total", "Requests refused before they reached a dialog.",
		media(func() float64 { return float64(e.edge.Counters().Refused) }))
	m.Counter("pintle_toll_refused_total", "Outgoing calls refused by the rules against toll fraud.",
		func() float64 { return float64(e.toll.Refused()) })
	m.Gauge("pintle_trunks_down", "Trunks that are not registered or have no living address.", media(e.trunksDown))
	m.Counter("pintle_sip_limited_total", "Packets dropped by the rate limit of their source.",
		media(func() float64 { return float64(e.edge.Counters().Limited) }))
	m.Counter("pintle_sip_banned_total", "Packets and connections of addresses that guessed passwords.",
		media(func() float64 { return float64(e.edge.Counters().Banned) }))
	m.Gauge("pintle_sip_banned_addresses", "Addresses that are silenced for guessing passwords.",
		media(func() float64 { return float64(e.edge.BannedSources()) }))
	m.Gauge("pintle_browser_pages", "Pages that are connected as browser phones.", media(e.pages))
	m.Gauge("pintle_browser_sessions", "Browsers that have media now.", media(e.browserSessions))
	m.Counter("pintle_sip_handshakes_failed_total", "Connections whose TLS or WebSocket handshake was refused.",
		media(func() float64 { return float64(e.edge.Counters().Handshakes) }))
	for change, n := range e.bindings.all() {
		m.Counter("pintle_sip_registrations_"+string(change)+"_total", registrationHelp[change],
			func() float64 { return float64(n.Load()) })
	}
	m.Gauge("pintle_sip_bindings", "Contacts of registered phones.",
		media(func() float64 { return float64(e.edge.BindingCount()) }))
}
