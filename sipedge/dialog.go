package sipedge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

type dialogState uint8

const (
	dialogEarly     dialogState = iota // INVITE of the peer, no final response yet
	dialogConfirmed                    // 2xx sent or received
	dialogEnded
)

// dialogUser is the leg on top of a dialog. It is told by the dialog's goroutine and must not block.
type dialogUser interface {
	update(s Session) error // what was negotiated is to become live; an error refuses it
	key(digit byte, held time.Duration)
	note(text string) // a milestone, for the trace
}

// party is one end of a dialog as From and To show it.
type party struct {
	display string // escaped for quotes
	uri     sip.Uri
}

// dialog is the SIP relationship of one leg from INVITE to BYE (RFC 3261 §12). One goroutine, run, does everything that
// touches the fields below "owned by run"; all others post work to its inbox.
type dialog struct {
	edge      *Edge
	callID    string
	localTag  string
	remoteTag string
	local     party
	remote    party
	inviteKey string // key of the INVITE that began it, see dialogStore
	sips      bool   // no hop may be in the clear
	viaFlow   bool   // everything goes to flow: the peer is behind NAT
	flow      flow   // where the peer's INVITE, or its 2xx, came from
	hops      int
	log       *logrus.Entry

	box    *inbox
	ctx    context.Context //nolint:containedctx // a dialog is a lifetime; the cause is an *interpreter.Hangup
	cancel context.CancelCauseFunc
	gone   chan struct{} // closed when run has returned

	// owned by run
	user      dialogUser
	state     dialogState
	target    sip.Uri
	routes    []sip.Uri
	localSeq  uint32
	remoteSeq uint32
	neg       negotiation
	invite    *serverInvite
	creds     *credentials
	codecs    []string            // of the trunk; nil: those of the edge
	srtp      SRTP                // of the trunk; zero: that of the edge
	byeLater  *interpreter.Hangup // hang-up that waits for the ACK
	referral  *referral           // REFER of the peer that is carried out
	referring *referring          // REFER of ours
	caller    bool                // the Call-ID is ours
	peer      abilities
	session   sessionTimer

	changes    []*change // wishes of ours, oldest first
	sending    *change   // the one whose request is on its way
	backingOff bool      // after glare
}

func newDialog(e *Edge, callID, localTag string, hops int) *dialog {
	d := &dialog{edge: e, callID: callID, localTag: localTag, hops: hops, box: newInbox(), gone: make(chan struct{})}
	d.log = e.log.WithField("sip_call_id", shorten(callID))
	d.ctx, d.cancel = context.WithCancelCause(context.WithValue(e.ctx, hopsKey{}, hops))
	return d
}

// hopsKey finds in a leg's context how often its call has come through this engine. What is dialled under that context
// inherits it.
type hopsKey struct{}

// begin stores the dialog and starts its goroutine. It reports false when the edge is closing.
func (d *dialog) begin() bool {
	d.edge.dialogs.put(d)
	return d.live()
}

// live starts the goroutine of a dialog that is stored already. What came for it meanwhile waits in its inbox.
func (d *dialog) live() bool {
	if d.edge.spawn(d.run) {
		return true
	}
	d.edge.dialogs.remove(d)
	d.cancel(&interpreter.Hangup{By: interpreter.ByEngine, Code: 503, Reason: "engine is shutting down"})
	close(d.gone)
	return false
}

// run does the dialog's work in order until it is over.
func (d *dialog) run() {
	defer close(d.gone)
	defer d.edge.dialogs.remove(d)
	defer d.box.close()
	defer func() {
		d.cancel(&interpreter.Hangup{By: interpreter.ByEngine, Code: 500, Reason: "dialog ended"})
		d.stopInvite()
		d.session.stop()
	}()
	for {
		work := d.box.take()
		if work == nil {
			return
		}
		d.safely(work)
	}
}

// safely keeps a panic within its own call (R-LIFE-1).
func (d *dialog) safely(work func()) {
	defer func() {
		if p := recover(); p != nil {
			d.log.WithField("panic", shorten(fmt.Sprint(p))).Errorf("panic in dialog: %s", debug.Stack())
			d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 500, Cause: interpreter.CauseOf(500),
				Reason: "internal fault"})
		}
	}()
	work()
}

// do runs f in the dialog's goroutine and waits for it. When ctx ends first, f may still run.
func (d *dialog) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	if !d.box.post(func() { done <- f() }) {
		return errDialogOver
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.gone:
		select {
		case err := <-done:
			return err
		default:
			return errDialogOver
		}
	}
}

// after posts work when the time has come.
func (d *dialog) after(wait time.Duration, work func()) *time.Timer {
	return time.AfterFunc(wait, func() { d.box.post(work) })
}

// end cancels the leg and tells the peer: refusal, CANCEL is not ours to send here, or BYE. It runs in the dialog's
// goroutine; a second call does nothing.
func (d *dialog) end(why *interpreter.Hangup) {
	if d.state == dialogEnded {
		return
	}
	early := d.state == dialogEarly
	d.state = dialogEnded
	d.cancel(why)
	switch {
	case early && d.invite != nil:
		d.refuse(why)
		d.box.close()
	case d.awaitsACK():
		// RFC 3261 §15: no BYE before the ACK came or can no longer come.
		d.byeLater = why
	default:
		d.refuse(&interpreter.Hangup{Code: 487})
		d.bye(why)
	}
}

// over is the end that the peer brought about: nothing more is sent.
func (d *dialog) over(why *interpreter.Hangup) {
	if d.state != dialogEnded {
		d.state = dialogEnded
		d.cancel(why)
	}
	d.refuse(&interpreter.Hangup{Code: 487})
	d.box.close()
}

// bye sends BYE and closes the inbox when it is answered or given up. The request is repeated with credentials when the
// peer asks.
func (d *dialog) bye(why *interpreter.Hangup) {
	req := d.request(sip.BYE)
	d.user.note("BYE sent")
	if why.By != "" {
		code := why.Code
		if code == 0 {
			code = 200
		}
		req.AppendHeader(reasonHeader(code, why.Reason))
	}
	if !d.edge.spawn(func() {
		defer d.box.close()
		// The dialog's own context has ended; the library gives up after 64*T1 by itself.
		ctx, cancel := context.WithTimeout(d.edge.work, 64*d.edge.t1)
		defer cancel()
		res, err := d.send(ctx, req)
		switch {
		case err != nil:
			d.log.WithError(err).Debug("BYE not answered")
		case res.StatusCode >= 300:
			d.log.WithField("code", res.StatusCode).Debug("BYE refused")
		}
	}) {
		d.box.close()
	}
}

// request builds an in-dialog request: CSeq, route set and target as they are now. It runs in the dialog's goroutine.
func (d *dialog) request(method sip.RequestMethod) *sip.Request {
	d.localSeq++
	return d.build(method, d.localSeq)
}

func (d *dialog) build(method sip.RequestMethod, seq uint32) *sip.Request {
	uri, routes := d.target, d.routes
	strict := len(routes) > 0 && !hasLR(&routes[0])
	if strict {
		// RFC 3261 §12.2.1.1: a strict router takes the Request-URI, the target goes to the end of the route.
		uri = *routes[0].Clone()
		uri.UriParams.Remove("method")
		uri.Headers = nil
		routes = append(append([]sip.Uri(nil), routes[1:]...), d.target)
	}
	req := sip.NewRequest(method, uri)
	for i := range routes {
		req.AppendHeader(&sip.RouteHeader{Address: *routes[i].Clone()})
	}
	from := &sip.FromHeader{DisplayName: d.local.display, Address: *d.local.uri.Clone(), Params: sip.NewParams()}
	from.Params.Add("tag", d.localTag)
	to := &sip.ToHeader{DisplayName: d.remote.display, Address: *d.remote.uri.Clone(), Params: sip.NewParams()}
	if d.remoteTag != "" {
		to.Params.Add("tag", d.remoteTag)
	}
	id := sip.CallIDHeader(d.callID)
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(d.contact())
	if method != sip.ACK {
		d.edge.common(req)
	}
	req.SetBody(nil)
	return req
}

// send addresses an in-dialog request and waits for its final response; a challenge is answered once.
func (d *dialog) send(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	f, err := d.nextHop(ctx, req)
	if err != nil {
		return nil, err
	}
	d.edge.address(req, f, d.hops)
	res, err := d.edge.roundTrip(ctx, req.Clone())
	if err != nil || res.StatusCode != 401 && res.StatusCode != 407 {
		return res, err
	}
	again := req.Clone()
	if !d.creds.authorize(again, res, 0) {
		return res, nil
	}
	seq := make(chan uint32, 1)
	if !d.box.post(func() { d.localSeq++; seq <- d.localSeq }) {
		return res, nil
	}
	select {
	case again.CSeq().SeqNo = <-seq:
	case <-d.gone:
		return res, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	d.edge.address(again, f, d.hops)
	return d.edge.roundTrip(ctx, again)
}

// nextHop decides where an in-dialog request goes: over the stream of the dialog while it lives, to the source of a
// peer behind NAT, else where route set and target say.
func (d *dialog) nextHop(ctx context.Context, req *sip.Request) (flow, error) {
	if d.flow.stream() && d.edge.hasFlow(d.flow) {
		return d.flow, nil
	}
	u := &req.Recipient
	routed := req.Route() != nil
	if routed && hasLR(&req.Route().Address) {
		u = &req.Route().Address
	}
	if !routed && (d.viaFlow || behindNAT(u, d.flow)) {
		return d.flow, nil
	}
	if _, named := u.UriParams.Get("transport"); d.flow.stream() && !named {
		// The connection is gone: a new one of the same kind, not a datagram that the peer may not take.
		u = u.Clone()
		u.UriParams.Add("transport", strings.ToLower(d.flow.network))
	}
	return d.edge.hopTo(ctx, d.securely(u))
}

// hasLR reports a loose router.
func hasLR(u *sip.Uri) bool {
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "lr") {
			return true
		}
	}
	return false
}

// awaitsACK reports whether a 2xx of ours to an INVITE is unconfirmed.
func (d *dialog) awaitsACK() bool {
	return d.invite != nil && d.invite.success != nil
}

// hangup is end for callers outside the dialog's goroutine. It returns when the leg's context has ended.
func (d *dialog) hangup(ctx context.Context, why interpreter.Hangup) error {
	err := d.do(ctx, func() error { d.end(&why); return nil })
	if errors.Is(err, errDialogOver) {
		return nil
	}
	return err
}
