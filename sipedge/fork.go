package sipedge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/registrar"
)

// Ringer is one way to ring a registered user: one of its phones, or a leg of another kind, such as a browser page. It
// behaves like interpreter.Lines.Dial.
type Ringer func(ctx context.Context, o interpreter.DialOptions) (interpreter.Leg, error)

// Others gives further ways to ring a user of one of our realms, to be rung together with its phones of the highest q.
type Others func(user, realm string) []Ringer

var errElsewhere = errors.New("answered elsewhere")

// registered finds the ways to ring a target that is a user of ours: groups of phones, the most wanted first (RFC 3261
// §16.6). nil means that the target is somebody else's.
func (e *Edge) registered(to interpreter.Target) ([][]Ringer, error) {
	p := e.phones
	text := strings.TrimSpace(to.URI)
	if p == nil || plainValue("target", text) != nil || !strings.Contains(text, "@") {
		return nil, nil //nolint:nilerr // said by whoever calls it
	}
	u, inline, err := targetURI(text)
	if err != nil {
		return nil, nil //nolint:nilerr // said by whoever calls it
	}
	realm, ok := p.realmOf(&u, true)
	if !ok {
		return nil, nil
	}
	user := plainUser(u.User)
	l, err := p.accounts.Owner(user, realm)
	if err != nil {
		if _, named := p.accounts.Realm(strings.ToLower(u.Host)); !named {
			return nil, nil // our own address is no name of a domain: perhaps it is a number
		}
		return nil, unreachable(404, "UNALLOCATED_NUMBER", "nobody has the address "+user+"@"+realm)
	}
	if !l.Enabled {
		return nil, unreachable(480, notRegistered, "the device of "+user+"@"+realm+" is switched off")
	}
	groups := p.groups(user, realm, to, inline)
	if groups == nil {
		return nil, unreachable(480, notRegistered, "no phone of "+user+"@"+realm+" is registered")
	}
	return groups, nil
}

const notRegistered = "USER_NOT_REGISTERED"

func unreachable(code int, cause, reason string) error {
	return &interpreter.DialError{Status: interpreter.StatusOf(code), Code: code, Cause: cause, Reason: reason,
		Unreached: true}
}

// groups sorts the ways to a user by q.
func (p *phones) groups(user, realm string, to interpreter.Target, inline []interpreter.Header) [][]Ringer {
	to.Headers, to.Timeout = append(inline, to.Headers...), 0 // the groups share the ring time
	var groups [][]Ringer
	q := -1
	for _, b := range p.table.Lookup(recordOf(user, realm)) {
		if b.Q != q {
			q, groups = b.Q, append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], p.ringer(b, user, to))
	}
	if p.edge.cfg.Others == nil {
		return groups
	}
	if more := p.edge.cfg.Others(user, realm); len(more) > 0 {
		if groups == nil {
			groups = append(groups, nil)
		}
		groups[0] = append(groups[0], more...)
	}
	return groups
}

// ringer rings one phone.
func (p *phones) ringer(b registrar.Binding, user string, to interpreter.Target) Ringer {
	return func(ctx context.Context, o interpreter.DialOptions) (interpreter.Leg, error) {
		w, err := p.wayTo(ctx, &b, user)
		if err == nil {
			err = w.hold(demandOf(to.URI))
		}
		if err != nil {
			f := unreachable(480, notRegistered, "the phone of "+b.AOR+" cannot be reached: "+err.Error())
			return nil, f
		}
		if to.User != "" {
			if w.uri.User, err = userPart("user", to.User); err != nil {
				return nil, err
			}
		}
		w.headers, w.creds = to.Headers, newCredentials(to.Username, to.Password)
		return p.edge.dial(ctx, w, to, o)
	}
}

// wayTo is how a phone is reached: through its path (RFC 3327 §5.3), over its connection, back through its NAT, or at
// its contact.
func (p *phones) wayTo(ctx context.Context, b *registrar.Binding, user string) (way, error) {
	w := way{device: b.Device, account: b.Account}
	if err := sip.ParseUri(b.Contact, &w.uri); err != nil {
		return w, err
	}
	_, realm, _ := strings.Cut(b.AOR, "@")
	w.to = sip.Uri{Scheme: "sip", User: w.uri.User, Host: bracketed(realm)}
	if escaped, err := userPart("user", user); err == nil {
		w.to.User = escaped
	}
	for _, text := range b.Path {
		var u sip.Uri
		if err := sip.ParseUri(text, &u); err != nil {
			return w, err
		}
		w.routes = append(w.routes, u)
	}
	var err error
	switch {
	case b.Stream() && (b.NAT || p.edge.hasFlow(flow{b.Network, b.Source})):
		if !p.edge.hasFlow(flow{b.Network, b.Source}) {
			return w, errors.New("its connection is closed")
		}
		w.hop, w.viaFlow = flow{b.Network, b.Source}, b.NAT
	case len(w.routes) > 0:
		w.hop, err = p.edge.hopTo(ctx, &w.routes[0])
	case b.NAT:
		w.hop, w.viaFlow = flow{b.Network, b.Source}, true
	default:
		w.hop, err = p.edge.hopTo(ctx, &w.uri)
	}
	return w, err
}

// ring rings the groups one after the other, all phones of one at once. The first answer wins; the others are told that
// the call was completed elsewhere.
func (e *Edge) ring(ctx context.Context, groups [][]Ringer, limit time.Duration, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	var worst error
	for i, g := range groups {
		o := o
		o.Timeout = limit / time.Duration(len(groups)-i)
		limit -= o.Timeout
		leg, err := e.ringAll(ctx, g, o)
		if err == nil || ctx.Err() != nil || final(err) {
			return leg, err
		}
		worst = preferred(worst, err)
	}
	return nil, worst
}

// fork is one group that rings.
type fork struct {
	edge *Edge
	opts interpreter.DialOptions

	mu             sync.Mutex // also keeps what Progress is told in order
	initiated, won bool
	rings          bool
}

type ringing struct {
	leg interpreter.Leg
	err error
}

// ringAll rings one group. It returns with the first answer; those who lost are taken down in the background.
func (e *Edge) ringAll(ctx context.Context, g []Ringer, o interpreter.DialOptions) (interpreter.Leg, error) {
	if len(g) == 1 {
		return g[0](ctx, o)
	}
	f := &fork{edge: e, opts: o}
	// Two phones cannot be heard at once: the caller hears our ringback.
	o.EarlyTo, o.Progress = nil, f.progress
	one, cancel := context.WithCancelCause(ctx)
	results := make(chan ringing, len(g)) // nobody waits to be asked
	for _, r := range g {
		if !e.spawn(func() {
			leg, err := r(one, o)
			results <- ringing{leg, err}
		}) {
			results <- ringing{nil, interpreter.ErrShutdown}
		}
	}
	var worst error
	for left := len(g); left > 0; left-- {
		r := <-results
		switch {
		case r.err == nil:
			cancel(errElsewhere)
			f.win(r.leg)
			e.takeDown(results, left-1)
			return r.leg, nil
		case final(r.err) && ctx.Err() == nil:
			cancel(r.err)
			e.takeDown(results, left-1)
			return nil, r.err
		}
		worst = preferred(worst, r.err)
	}
	cancel(nil)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, worst
}

// takeDown hangs up who answered although another one had won.
func (e *Edge) takeDown(results <-chan ringing, left int) {
	if left == 0 {
		return
	}
	e.spawn(func() {
		for range left {
			if r := <-results; r.err == nil {
				_ = r.leg.Hangup(e.work, interpreter.Hangup{By: interpreter.ByEngine, Code: 200,
					Cause: interpreter.CauseOf(200), Reason: "Call completed elsewhere"})
			}
		}
	})
}

// progress tells of the group as of one phone.
func (f *fork) progress(p interpreter.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.won:
	case p.Status == interpreter.StatusInitiated && !f.initiated:
		f.initiated = true
		f.opts.Progress(p)
	case p.Status == interpreter.StatusRinging && !f.rings:
		f.rings, p.Early = true, false
		f.opts.Progress(p)
	}
}

func (f *fork) win(l interpreter.Leg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.won = true
	f.opts.Progress(interpreter.Progress{Status: interpreter.StatusInProgress, Code: 200, CallID: l.Info().CallID})
}

// final reports an answer that speaks for every phone of the user (RFC 3261 §16.7 step 5).
func final(err error) bool {
	var d *interpreter.DialError
	return errors.As(err, &d) && d.Code >= 600
}

// preferred is the error that says more about the user: that a phone rang in vain, then that one was busy or refused,
// then that one could not be reached.
func preferred(a, b error) error {
	if a == nil || rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(err error) int {
	var d *interpreter.DialError
	switch {
	case !errors.As(err, &d):
		return 0
	case d.Cause == "NO_ANSWER":
		return 4
	case d.Code == 486:
		return 3
	case d.Unreached || d.Code == 408 || d.Code >= 500:
		return 1
	}
	return 2
}
