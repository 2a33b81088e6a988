package httpd

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/valyala/fasthttp"

	"pintle/interpreter"
)

// Metrics counts what calls do, from their events, and whatever else is registered. Nothing is labelled by a number or
// a call.
type Metrics struct {
	Registry *prometheus.Registry

	calls     *prometheus.CounterVec
	documents *prometheus.CounterVec
	faults    *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	fetch     prometheus.Histogram
	foreign   prometheus.Counter
}

// NewMetrics returns metrics in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		calls:    counter("pintle_calls_total", "Finished calls by status.", "status"),
		documents: counter("pintle_documents_total",
			"Documents by where they came from (webhook, fallback, last-good, local, inline), and hops of the fallback chain "+
				"(failed).", "result"),
		faults:    counter("pintle_faults_total", "Numbered failures by code.", "code"),
		callbacks: counter("pintle_callbacks_total", "Callbacks by what became of them.", "result"),
		fetch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "pintle_fetch_seconds",
			Help:    "Time of a fetched document.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}}),
		foreign: prometheus.NewCounter(prometheus.CounterOpts{Name: "pintle_media_unauthentic_total",
			Help: "SRTP packets of finished calls dropped for a bad tag, a wrong key, or being seen before."}),
	}
	m.Registry.MustRegister(m.calls, m.documents, m.faults, m.callbacks, m.fetch, m.foreign, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

// Gauge registers a value that goes up and down, read by f at each look. A name can be registered once.
func (m *Metrics) Gauge(name, help string, f func() float64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// Counter registers a value that only grows, read by f at each look. A name can be registered once.
func (m *Metrics) Counter(name, help string, f func() float64) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f))
}

// Observe is an [interpreter.Observer] that counts.
func (m *Metrics) Observe(e interpreter.Event) {
	switch e.Kind {
	case interpreter.EvCDR:
		if r, ok := e.Data.(interpreter.CDR); ok {
			m.calls.WithLabelValues(string(r.Status)).Inc()
			if r.Media != nil {
				m.foreign.Add(float64(r.Media.Unauthentic))
			}
		}
	case interpreter.EvDocument:
		if d, ok := e.Data.(interpreter.DocumentData); ok {
			m.documents.WithLabelValues(d.Source).Inc()
		}
	case interpreter.EvFallback:
		m.documents.WithLabelValues("failed").Inc()
	case interpreter.EvResponse:
		if r, ok := e.Data.(interpreter.ResponseData); ok {
			m.fetch.Observe(r.Took.Seconds())
		}
	case interpreter.EvCallback:
		if r := callbackResult(e.Text); r != "" {
			m.callbacks.WithLabelValues(r).Inc()
		}
	}
	if e.Fault != 0 {
		m.faults.WithLabelValues(faultLabel(e.Fault)).Inc()
	}
}

// serveMetrics answers in the text form that Prometheus reads.
func (s *Server) serveMetrics(ctx *fasthttp.RequestCtx) {
	if !s.cfg.PublicMetrics && !local(ctx) {
		NotFound(ctx)
		return
	}
	families, err := s.metrics.Registry.Gather()
	if err != nil && len(families) == 0 {
		Refuse(ctx, http.StatusInternalServerError, 20500, "Internal error")
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	ctx.SetContentType(string(format))
	enc := expfmt.NewEncoder(ctx, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			s.cfg.Log.WithError(err).Debug("encode metrics")
			return
		}
	}
}
