package sipedge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	probeTime  = 16              // T1 (8 s) for one OPTIONS
	firstProbe = 2               // T1 after a failure; then twice as long each time, up to the trunk's interval
	maxFails   = 2               // probes in a row that put a healthy hop into quarantine; a failed call does at once
	maxRetry   = 5 * time.Minute // longest Retry-After that is obeyed
)

// hop is one address of a trunk and what is known of it.
type hop struct {
	fails  int
	bad    bool
	alive  bool
	since  time.Time
	until  time.Time // end of a quarantine that no probe ends
	why    string
	rtt    time.Duration
	noTCP  time.Time // until then requests of any length go by UDP
	warned bool
}

func (h *hop) quarantined(now time.Time) bool {
	return h.bad && (h.until.IsZero() || now.Before(h.until))
}

// learn notes the addresses of a trunk, as a look-up found them. Those that are gone are forgotten.
func (t *trunk) learn(hops []flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[flow]*hop, len(hops))
	t.order = t.order[:0:0]
	for _, f := range hops {
		if next[f] != nil {
			continue
		}
		if next[f] = t.hops[f]; next[f] == nil {
			next[f] = &hop{}
		}
		t.order = append(t.order, f)
	}
	t.hops = next
}

// locate looks the trunk's addresses up.
func (t *trunk) locate(ctx context.Context) ([]flow, error) {
	hops, err := t.edge.hopsTo(ctx, &t.uri)
	if err == nil {
		t.learn(hops)
	}
	return hops, err
}

// healthy takes out the hops that are in quarantine.
func (t *trunk) healthy(hops []flow) []flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	var good []flow
	for _, f := range hops {
		if h := t.hops[f]; h == nil || !h.quarantined(time.Now()) {
			good = append(good, f)
		}
	}
	return good
}

// failed puts a hop that a call found dead into quarantine; a probe follows at once. A time that the peer asked for is
// kept even when it answers probes.
func (t *trunk) failed(f flow, why error, pause time.Duration) {
	t.mu.Lock()
	h := t.hops[f]
	if h == nil || t.cfg.Ping < 0 && pause == 0 {
		t.mu.Unlock()
		return // without probes nobody would see that it is back
	}
	now := time.Now()
	if !h.bad {
		h.since = now
	}
	h.bad, h.alive, h.why, h.until = true, false, shorten(why.Error()), time.Time{}
	if pause > 0 {
		h.until = now.Add(min(pause, maxRetry))
	}
	t.warn(f, h)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// warn logs the beginning of a quarantine, once.
func (t *trunk) warn(f flow, h *hop) {
	if !h.warned {
		h.warned = true
		t.edge.log.WithField("trunk", t.cfg.ID).WithField("hop", f.remote).WithField("why", h.why).
			Warn("trunk address in quarantine: calls go elsewhere until it answers OPTIONS")
	}
}

// well notes a sign of life.
func (t *trunk) well(f flow, rtt time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hops[f]
	if h == nil {
		return
	}
	h.fails, h.alive = 0, true
	if rtt > 0 {
		h.rtt = rtt
	}
	if h.bad && h.until.After(time.Now()) {
		return // the peer asked for this pause
	}
	if h.warned {
		h.warned = false
		t.edge.log.WithField("trunk", t.cfg.ID).WithField("hop", f.remote).Info("trunk address answers again")
	}
	h.bad, h.why, h.until = false, "", time.Time{}
}

// probing asks every address of a trunk for a sign of life until ctx ends. Without an interval it only looks the
// addresses up, so that calls from there are known.
func (t *trunk) probing(ctx context.Context) {
	every := t.cfg.Ping
	if every == 0 {
		every = defaultPing
	}
	wait := firstProbe * t.edge.t1
	for {
		hops, err := t.locate(ctx)
		if err != nil && ctx.Err() == nil {
			t.edge.log.WithError(err).WithField("trunk", t.cfg.ID).Debug("trunk not found")
		}
		pause := defaultPing
		if every > 0 {
			pause = every
			if t.probeAll(ctx, hops) && err == nil {
				wait = firstProbe * t.edge.t1
			} else {
				pause, wait = min(wait, every), 2*wait
			}
		}
		wake := t.wake
		if every < 0 {
			wake = nil
		}
		timer := time.NewTimer(pause - pause/10 + rand.N(pause/5+1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-wake:
			timer.Stop()
		}
	}
}

// probeAll asks all hops at once and reports whether all are well.
func (t *trunk) probeAll(ctx context.Context, hops []flow) bool {
	var wg sync.WaitGroup
	for _, f := range hops {
		wg.Go(func() { t.probe(ctx, f) })
	}
	wg.Wait()
	return len(t.healthy(hops)) == len(hops)
}

// probe sends OPTIONS to one hop. Any answer but 503 is life: what refuses OPTIONS may carry calls.
func (t *trunk) probe(ctx context.Context, f flow) {
	req := t.outside(sip.OPTIONS, t.uri, 1)
	req.AppendHeader(sip.NewHeader("Accept", acceptedBodies))
	req.SetBody(nil)
	t.edge.address(req, f, 0)
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, probeTime*t.edge.t1)
	defer cancel()
	res, err := t.edge.roundTrip(limited, req)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil && res.StatusCode != 503:
		t.well(f, time.Since(began))
		return
	case err == nil:
		err = errors.New("503 " + shorten(res.Reason))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hops[f]
	if h == nil {
		return
	}
	h.alive = false
	if h.fails++; h.fails >= maxFails || h.bad {
		if !h.bad {
			h.since = time.Now()
		}
		h.bad, h.why = true, "OPTIONS: "+shorten(err.Error())
		t.warn(f, h)
	}
}

// outside builds a request of ours to the trunk outside any dialog.
func (t *trunk) outside(method sip.RequestMethod, uri sip.Uri, seq uint32) *sip.Request {
	e := t.edge
	req := sip.NewRequest(method, uri)
	us := sip.Uri{Scheme: "sip", User: t.cfg.Username, Host: e.host}
	if t.cfg.FromDomain != "" {
		us.Host = t.cfg.FromDomain
	}
	from := &sip.FromHeader{Address: us, Params: sip.NewParams()}
	from.Params.Add("tag", token(8))
	id := sip.CallIDHeader(token(16) + "@" + e.host)
	hops := sip.MaxForwardsHeader(70)
	network, _, _ := transportOf(&t.uri)
	req.AppendHeader(&hops)
	req.AppendHeader(from)
	req.AppendHeader(&sip.ToHeader{Address: plainTo(uri), Params: sip.NewParams()})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(e.contact(network))
	e.common(req)
	return req
}

// offersTCP reports an address of a trunk that takes long requests by TCP.
func (e *Edge) offersTCP(remote string) bool {
	f := flow{"UDP", remote}
	for _, t := range e.allTrunks() {
		if !t.cfg.Streams {
			continue
		}
		t.mu.Lock()
		h := t.hops[f]
		takes := h != nil && time.Now().After(h.noTCP)
		t.mu.Unlock()
		if takes {
			return true
		}
	}
	return false
}

// refusesTCP notes that a connection could not be made, so that requests go by UDP again for a while (RFC 3261
// §18.1.1).
func (t *trunk) refusesTCP(f flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.hops[f]; h != nil {
		h.noTCP = time.Now().Add(maxRetry)
	}
}

// trunkSource reports a source that a trunk calls from.
func (e *Edge) trunkSource(a netip.Addr) bool { return e.trunkAt(a) != nil }
