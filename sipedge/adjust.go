package sipedge

import "net/netip"

// Adjustable are the settings that may change while calls run, beside the trunks (SetTrunks).
type Adjustable struct {
	Peers      []netip.Prefix // see Config.Peers
	NewCalls   int            // see Config.NewCalls
	TotalCalls int            // see Config.TotalCalls
}

// Adjust changes settings; calls go on.
func (e *Edge) Adjust(a Adjustable) {
	peers := append([]netip.Prefix(nil), a.Peers...)
	e.peers.Store(&peers)
	if a.NewCalls == 0 {
		a.NewCalls = callerRate
	}
	if a.TotalCalls == 0 {
		a.TotalCalls = arrivalRate
	}
	e.callers.set(float64(a.NewCalls), 2*float64(a.NewCalls))
	e.arrivals.set(float64(a.TotalCalls), 2*float64(a.TotalCalls))
}

// set changes what sources are allowed from now on.
func (b *buckets) set(rate, burst float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate, b.burst = rate, burst
}
