package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// DefaultTrunk is the id of the trunk that carries numbers when a target names none.
const DefaultTrunk = "default"

const (
	maxTrunks    = 1000
	defaultPing  = 30 * time.Second
	trunkExpires = 10 * time.Minute
)

// Trunk is a peer that carries calls to and from the public network. ID and URI are required.
type Trunk struct {
	ID   string // letters, digits, - _ . /
	Name string // for people; empty: the id
	URI  string // sip:host[:port][;transport=tcp]; a host without a port is looked up by SRV

	Username, Password string // digest credentials; they answer this trunk's challenges alone
	Realm              string // the one realm whose challenges are answered; empty: any of this trunk

	Register  bool          // we register there with Username
	Registrar string        // host of the address of record; empty: the host of URI
	Expires   time.Duration // asked for when registering; 0: 10 minutes

	Networks []netip.Prefix // sources of its calls; the addresses of URI count always
	Codecs   []string       // encoding names, best first; empty: those of the edge
	SRTP     SRTP           // zero: the policy of the edge
	Streams  bool           // it takes TCP beside UDP: requests of more than 1300 octets go by TCP
	Identity bool           // it is trusted with, and believed, the identity of callers (RFC 3325)

	FromUser   string // user part of From whatever the caller id; empty: the caller id
	FromDomain string // host part of From; empty: our own
	CallerID   string // number shown when a call brings none; empty: none

	In, Out int                  // calls at once each way; 0: no limit
	Sign    time.Duration        // an attempt that does not ring so soon is given up; 0: never
	Ping    time.Duration        // between OPTIONS; 0: 30 s, below 0: none
	Headers []interpreter.Header // of every INVITE, beside those of the call
}

// TrunkState is what is known of a trunk now.
type TrunkState struct {
	ID, Name, URI string

	Registers  bool
	Registered bool
	Until      time.Time // end of the registration
	Error      string    // of the last registration or probe that failed, empty when the last one was good
	ErrorAt    time.Time

	In, Out int // calls now
	Hops    []HopState
}

// HopState is one address of a trunk.
type HopState struct {
	Network, Address string
	Alive            bool          // it has answered since it last failed
	Quarantined      bool          // it gets no calls until it answers again
	Since            time.Time     // of the quarantine
	Reason           string        // why it failed last
	RTT              time.Duration // of the last OPTIONS
}

// trunk is one trunk at work.
type trunk struct {
	edge  *Edge
	cfg   Trunk
	uri   sip.Uri
	creds func() *credentials // fresh ones for one dialog
	usage *usage
	line  string // names us to the registrar's calls, so that they are known whatever address they come from
	wake  chan struct{}
	done  chan struct{}         // closed when nothing of it runs any more
	stop  func(unregister bool) // returns at once

	mu    sync.Mutex // guards what follows
	hops  map[flow]*hop
	order []flow // of the last look-up
	reg   registration
}

// usage counts the calls of a trunk. It outlives a change of its settings.
type usage struct {
	mu      sync.Mutex // guards in and out
	in, out int
}

// take counts a call in until ctx ends. It reports false when limit, if any, is reached.
func (u *usage) take(ctx context.Context, limit int, inbound bool) bool {
	n := func() *int {
		if inbound {
			return &u.in
		}
		return &u.out
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if limit > 0 && *n() >= limit {
		return false
	}
	*n()++
	context.AfterFunc(ctx, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		*n()--
	})
	return true
}

func (u *usage) counts() (in, out int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.in, u.out
}

// SetTrunks replaces the trunks. Those that stay the same go on untouched; calls go on in any case. When a value is not
// usable nothing changes and the error names the trunk.
func (e *Edge) SetTrunks(list []Trunk) error {
	if len(list) > maxTrunks {
		return fmt.Errorf("%d trunks: at most %d", len(list), maxTrunks)
	}
	e.trunkMu.Lock()
	defer e.trunkMu.Unlock()
	old := map[string]*trunk{}
	for _, t := range e.allTrunks() {
		old[t.cfg.ID] = t
	}
	var next, fresh []*trunk
	seen := map[string]bool{}
	for _, cfg := range list {
		if seen[cfg.ID] {
			return fmt.Errorf("trunk %.40q is there twice", cfg.ID)
		}
		seen[cfg.ID] = true
		if t := old[cfg.ID]; t != nil && reflect.DeepEqual(t.cfg, cfg) {
			next = append(next, t)
			delete(old, cfg.ID)
			continue
		}
		t, err := e.newTrunk(cfg)
		if err != nil {
			return fmt.Errorf("trunk %.40q: %w", cfg.ID, err)
		}
		next, fresh = append(next, t), append(fresh, t)
	}
	e.trunks.Store(&next)
	for _, t := range fresh {
		before := old[t.cfg.ID]
		delete(old, t.cfg.ID)
		if before != nil {
			t.usage = before.usage
			before.stop(!sameBinding(before.cfg, t.cfg))
		}
		e.runTrunk(t, before)
	}
	for _, t := range old {
		t.stop(true)
	}
	return nil
}

// CheckTrunks reports what SetTrunks would refuse.
func CheckTrunks(list []Trunk) error {
	for _, cfg := range list {
		if _, err := new(Edge).newTrunk(cfg); err != nil {
			return fmt.Errorf("trunk %.40q: %w", cfg.ID, err)
		}
	}
	return nil
}

// sameBinding tells whether two settings register the same contact, so that the later one only refreshes it.
func sameBinding(a, b Trunk) bool {
	return b.Register && a.URI == b.URI && a.Username == b.Username && a.Registrar == b.Registrar
}

// Trunks tells the state of each trunk, in the order in which they were set.
func (e *Edge) Trunks() []TrunkState {
	var out []TrunkState
	for _, t := range e.allTrunks() {
		out = append(out, t.state())
	}
	return out
}

func (t *trunk) state() TrunkState {
	s := TrunkState{ID: t.cfg.ID, Name: t.cfg.Name, URI: t.cfg.URI, Registers: t.cfg.Register}
	if s.Name == "" {
		s.Name = s.ID
	}
	s.In, s.Out = t.usage.counts()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Registered, s.Until = t.reg.until.After(time.Now()), t.reg.until
	s.Error, s.ErrorAt = t.reg.err, t.reg.errAt
	for _, f := range t.order {
		h := t.hops[f]
		s.Hops = append(s.Hops, HopState{Network: f.network, Address: f.remote, Alive: h.alive, RTT: h.rtt,
			Quarantined: h.quarantined(time.Now()), Since: h.since, Reason: h.why})
		if s.Error == "" && h.why != "" {
			s.Error, s.ErrorAt = h.why, h.since
		}
	}
	return s
}

func (e *Edge) allTrunks() []*trunk {
	if p := e.trunks.Load(); p != nil {
		return *p
	}
	return nil
}

// trunkByID finds a trunk; the default one is the one of that name, else the first.
func (e *Edge) trunkByID(id string) *trunk {
	all := e.allTrunks()
	for _, t := range all {
		if t.cfg.ID == id {
			return t
		}
	}
	if id == DefaultTrunk && len(all) > 0 {
		return all[0]
	}
	return nil
}

func (e *Edge) newTrunk(cfg Trunk) (*trunk, error) {
	if cfg.ID == "" || len(cfg.ID) > 100 || strings.Trim(cfg.ID, idCharacters) != "" {
		return nil, errors.New("its id may hold letters, digits and - _ . / alone")
	}
	u, inline, err := targetURI(cfg.URI)
	switch {
	case err != nil:
		return nil, fmt.Errorf("uri: %w", err)
	case u.User != "" || len(inline) > 0:
		return nil, errors.New("uri: give sip:host or sip:host:port, without a user and headers")
	}
	if _, _, err = transportOf(&u); err != nil {
		return nil, fmt.Errorf("uri: %w", err)
	}
	if err = cfg.check(); err != nil {
		return nil, err
	}
	t := &trunk{edge: e, cfg: cfg, uri: u, usage: &usage{}, line: token(8), wake: make(chan struct{}, 1),
		done: make(chan struct{}), hops: make(map[flow]*hop)}
	t.creds = func() *credentials {
		c := newCredentials(cfg.Username, cfg.Password)
		if c != nil {
			c.realm, c.trunk = cfg.Realm, t
		}
		return c
	}
	if a, err := netip.ParseAddr(strings.Trim(u.Host, "[]")); err == nil {
		t.learn([]flow{place{network: "UDP"}.flow(a, u.Port)})
	}
	return t, nil
}

// check refuses settings that could not go into our requests.
func (t *Trunk) check() error {
	if t.Register && t.Username == "" {
		return errors.New("register needs a username")
	}
	for _, v := range []string{t.Username, t.FromUser, t.CallerID} {
		if _, err := userPart("user", v); err != nil {
			return err
		}
	}
	for _, h := range []string{t.Registrar, t.FromDomain} {
		if h != "" && !validHostPort(bracketed(h)) {
			return fmt.Errorf("%.60q is neither a name nor an address", h)
		}
	}
	for _, h := range t.Headers {
		if !plainName(h.Name) || forbiddenHeaders[strings.ToLower(h.Name)] {
			return fmt.Errorf("header %.40q cannot be set", h.Name)
		}
		if err := plainValue("header "+h.Name, h.Value); err != nil {
			return err
		}
	}
	return nil
}

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"

// runTrunk starts what a trunk does by itself: probes and registration. It begins when the trunk before it is over.
func (e *Edge) runTrunk(t, before *trunk) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(e.work))
	t.stop = func(unregister bool) {
		if unregister {
			cancel(errTrunkGone)
			return
		}
		cancel(errTrunkReplaced)
	}
	off := context.AfterFunc(e.work, func() { cancel(errTrunkReplaced) })
	if !e.spawn(func() {
		defer close(t.done)
		defer off()
		if before != nil {
			<-before.done
		}
		var wg sync.WaitGroup
		wg.Go(func() { t.probing(ctx) })
		if t.cfg.Register {
			wg.Go(func() { t.registering(ctx) })
		}
		wg.Wait()
	}) {
		off()
		cancel(nil)
		close(t.done)
	}
}

var (
	errTrunkGone     = errors.New("the trunk is no longer in use")
	errTrunkReplaced = errors.New("the trunk has other settings now")
)

// endTrunks takes back all registrations and returns when that is done or limit is over.
func (e *Edge) endTrunks(limit time.Duration) {
	e.trunkMu.Lock()
	all := e.allTrunks()
	for _, t := range all {
		t.stop(true)
	}
	e.trunkMu.Unlock()
	late := time.NewTimer(limit)
	defer late.Stop()
	for _, t := range all {
		select {
		case <-t.done:
		case <-late.C:
			return
		}
	}
}
