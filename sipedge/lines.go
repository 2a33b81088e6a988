package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/audio"
)

var _ interpreter.Lines = (*Edge)(nil)

// Dial calls one target and returns its leg when the far end has answered. Plain numbers go to the trunk that the
// target names, or the default one, and to its next address where one does not respond. The error is an
// *interpreter.DialError; when ctx ends the attempt is cancelled, an answer that crosses is hung up, and
// context.Cause(ctx) returned.
func (e *Edge) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	if o.Progress == nil {
		o.Progress = func(interpreter.Progress) {}
	}
	if !e.enterDial() {
		return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 503, Cause: interpreter.CauseOf(503),
			Reason: "the engine is draining"}
	}
	defer e.wg.Done()
	defer e.dials.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.dialling, func() { cancel(interpreter.ErrShutdown) })()
	if ringers, err := e.registered(to); err != nil {
		return nil, err
	} else if ringers != nil {
		return e.ring(ctx, ringers, ringTime(to.Timeout, o.Timeout), o)
	}
	w, err := e.way(ctx, to)
	if err != nil {
		return nil, dialFault(err)
	}
	return e.dial(ctx, w, to, o)
}

// dial calls one target the one way it has.
func (e *Edge) dial(ctx context.Context, w way, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	a, err := e.prepare(ctx, w, to, o)
	if err != nil {
		return nil, dialFault(err)
	}
	if o.Emit != nil {
		a.leg.Trace(o.Emit)
	}
	stopEarly := a.relayEarly(ctx, o.EarlyTo)
	o.Progress(interpreter.Progress{Status: interpreter.StatusInitiated, CallID: a.dialog.callID})
	forget := e.expectEarly(a)
	err = a.call(ctx)
	forget()
	stopEarly()
	if err != nil {
		a.dialog.cancel(&interpreter.Hangup{By: interpreter.ByEngine, Code: 487, Reason: "not answered"})
		a.leg.audio.Close()
		return nil, err
	}
	a.leg.answered()
	o.Progress(interpreter.Progress{Status: interpreter.StatusInProgress, Code: 200, CallID: a.dialog.callID})
	return a.leg, nil
}

// dialFault gives a refused value or an unreachable target the shape that Dial promises.
func dialFault(err error) error {
	f := &interpreter.DialError{Status: interpreter.StatusFailed, Code: 503, Reason: err.Error(),
		Fault: interpreter.CodeOf(err)}
	switch {
	case errors.Is(err, errTrunkFull), errors.Is(err, errTrunkDead):
		f.Unreached = true
	case errors.Is(err, errNoGateway), errors.Is(err, errTrunkUnknown):
		f.Code, f.Cause = 404, "NO_ROUTE_DESTINATION"
	case f.Fault != 0:
		f.Code = 484
	case errors.Is(err, errDowngrade):
		f.Code, f.Unreached = 480, true
	case errors.Is(err, errTransport):
		f.Code, f.Unreached = 404, true
	}
	if f.Cause == "" {
		f.Cause = interpreter.CauseOf(f.Code)
	}
	return f
}

var errNoGateway = errors.New("no trunk for plain numbers is configured")

// way is how a target is reached: what the INVITE says and where it goes.
type way struct {
	uri             sip.Uri // Request-URI
	to              sip.Uri // To
	headers         []interpreter.Header
	creds           *credentials
	hop             flow
	others          []flow    // further addresses, tried when hop does not respond
	trunk           *trunk    // that carries it; nil: none
	routes          []sip.Uri // in front of the Request-URI: the path of a registered phone
	viaFlow         bool      // the whole dialog goes to hop, whatever its contact says: the peer is behind NAT
	device, account string    // of a registered phone
	srtp            SRTP      // that the target asks for; zero: that of the trunk or the edge
}

// way finds the one of a target that is not a phone of ours.
func (e *Edge) way(ctx context.Context, to interpreter.Target) (way, error) {
	t, err := e.carrier(to)
	if err != nil {
		return way{}, err
	}
	uri, headers, creds, err := t.target(to)
	if err != nil {
		return way{}, err
	}
	wanted := takeDemand(&uri)
	w := way{uri: uri, to: plainTo(uri), headers: headers, creds: creds, trunk: t}
	hops, err := e.passage(ctx, t, &uri)
	if err != nil {
		return w, err
	}
	w.hop, w.others = hops[0], hops[1:]
	return w, w.hold(wanted)
}

// prepare makes an attempt of a way: identity, headers, media and offer.
func (e *Edge) prepare(ctx context.Context, w way, to interpreter.Target, o interpreter.DialOptions) (
	*attempt, error,
) {
	if to.From != (interpreter.Address{}) {
		o.From = to.From
	}
	from, err := e.identity(o.From)
	if err != nil {
		return nil, err
	}
	a := &attempt{edge: e, uri: w.uri, hop: w.hop, others: w.others, trunk: w.trunk, progress: o.Progress,
		ring: ringTime(to.Timeout, o.Timeout), sign: w.trunk.signTime(to)}
	for _, h := range w.headers {
		header, refused := e.customHeader(h)
		if refused != nil {
			return nil, refused
		}
		a.headers = append(a.headers, header)
	}
	from, identity, err := e.presented(from, w.trunk, to, o)
	if err != nil {
		return nil, err
	}
	a.headers = append(a.headers, identity...)
	hops, _ := ctx.Value(hopsKey{}).(int)
	d := newDialog(e, token(16)+"@"+e.host, token(8), hops)
	if !w.trunk.take(d, false) && !to.Emergency {
		d.cancel(nil)
		return nil, fmt.Errorf("trunk %s: %w", w.trunk.id(), errTrunkFull)
	}
	d.local, d.remote, d.flow, d.target, d.creds = from, party{uri: w.to}, a.hop, w.uri, w.creds
	d.routes, d.viaFlow, d.sips = w.routes, w.viaFlow, isSips(&w.uri) || len(w.routes) > 0 && isSips(&w.routes[0])
	if w.srtp != SRTPDefault {
		d.srtp = w.srtp
	}
	d.caller = true
	a.dialog = d
	info := interpreter.LegInfo{ID: o.ID, CallID: d.callID, Direction: interpreter.OutboundDial, From: o.From,
		To: addressOf("", &d.remote.uri), Started: time.Now(), SourceIP: addrOf(a.hop), Device: w.device,
		Account: w.account, Trunk: w.trunk.id()}
	if info.ID == "" {
		info.ID = interpreter.NewID()
	}
	if a.leg, err = e.newLeg(d, info, overWebSocket(a.hop.network)); err != nil {
		d.cancel(nil)
		return nil, fmt.Errorf("open media: %w", err)
	}
	if a.offer, err = e.firstOffer(d); err != nil {
		d.cancel(nil)
		a.leg.audio.Close()
		return nil, fmt.Errorf("describe media: %w", err)
	}
	return a, nil
}

// target finds the Request-URI, the custom headers and the credentials. A trunk's credentials go to the trunk alone
// (R-AUTH-8): a SIP URI gets none even where it leads there.
func (t *trunk) target(to interpreter.Target) (sip.Uri, []interpreter.Header, *credentials, error) {
	if err := plainValue("target", to.URI); err != nil {
		return sip.Uri{}, nil, nil, err
	}
	if namesHost(to.URI) {
		u, inline, err := targetURI(strings.TrimSpace(to.URI))
		return u, append(inline, to.Headers...), newCredentials(to.Username, to.Password), err
	}
	u, err := t.through(to.URI)
	creds := newCredentials(to.Username, to.Password)
	if creds == nil {
		creds = t.creds()
	}
	return u, append(slices.Clone(t.cfg.Headers), to.Headers...), creds, err
}

// identity is the caller id that is presented.
func (e *Edge) identity(from interpreter.Address) (party, error) {
	display, err := displayName(from.Display)
	if err != nil {
		return party{}, err
	}
	user, err := userPart("caller id", from.User)
	return party{display: display, uri: sip.Uri{Scheme: "sip", User: user, Host: e.host}}, err
}

// plainTo is the To URI of a target: without what only concerns the way there.
func plainTo(u sip.Uri) sip.Uri {
	c := *u.Clone()
	c.UriParams.Remove("transport")
	c.UriParams.Remove("maddr")
	return c
}

func addrOf(f flow) string {
	ap, err := netip.ParseAddrPort(f.remote)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().String()
}

func ringTime(own, general time.Duration) time.Duration {
	for _, d := range []time.Duration{own, general} {
		if d > 0 {
			return min(d, maxRing)
		}
	}
	return defaultRing
}

// relayEarly prepares that the caller hears the far end before it answers. The function returned stops that and waits.
func (a *attempt) relayEarly(ctx context.Context, to interpreter.Leg) (stop func()) {
	hear := a.leg.hear(to)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	started := false
	a.early = func(s Session) {
		if err := a.leg.update(s); err != nil || hear == nil || started {
			return
		}
		started = true
		if !a.edge.spawn(func() {
			defer close(done)
			hear(ctx)
		}) {
			close(done)
		}
	}
	return func() {
		cancel()
		if started {
			<-done
		}
	}
}

// Bridge joins two answered legs, of this edge or with halves of their own, until one of them or ctx ends.
func (e *Edge) Bridge(ctx context.Context, a, b interpreter.Leg, o interpreter.BridgeOptions) error {
	la, ok1 := a.(*Leg)
	lb, ok2 := b.(*Leg)
	if !ok1 || !ok2 {
		return audio.Bridge(ctx, a, b, o)
	}
	return audio.Together(ctx, a, b, func(joined context.Context) error {
		return la.audio.Join(joined, lb.audio, o)
	})
}
