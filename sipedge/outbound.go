package sipedge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

const (
	defaultRing = 60 * time.Second
	maxRing     = 10 * time.Minute
	maxRounds   = maxChallenges + 1 // INVITEs of one attempt: the first, and one for each challenge
)

// attempt is one outgoing INVITE with everything that may come of it: provisionals of several phones, one winner, late
// winners.
type attempt struct {
	edge     *Edge
	dialog   *dialog // becomes a dialog with the first 2xx
	leg      *Leg
	uri      sip.Uri
	trunk    *trunk        // that carries it; nil: none
	hop      flow          // changed under mu
	others   []flow        // further addresses of the target, best first
	sign     time.Duration // in which it should ring; 0: no limit
	headers  []sip.Header
	offer    []byte
	ring     time.Duration
	progress func(interpreter.Progress)
	early    func(Session) // sound before the answer; may be called again when the source changes
	rung     bool
	hasEarly bool

	mu     sync.Mutex
	seq    uint32       // of the INVITE that counts: earlier ones went to addresses that were given up
	winner string       // To tag of the 2xx that was taken
	ack    *sip.Request // its ACK, to be repeated
	losers map[string]bool
	over   bool                    // cancelled or failed: any 2xx is a loser
	forks  map[string]*earlyDialog // early dialogs by To tag
}

// outcome is how one INVITE transaction ended: with a final response, or with the reason we gave it up for.
type outcome struct {
	res *sip.Response
	err error
}

var (
	errRingTime = errors.New("nobody answered in time")
	errNoAnswer = errors.New("no response at all")
)

// call sends the INVITE, with credentials again when it is challenged, and returns when it is answered or over. The
// error is a *interpreter.DialError, or context.Cause(ctx).
func (a *attempt) call(ctx context.Context) error {
	for round := 0; ; round++ {
		req := a.invite()
		end := a.transact(ctx, req)
		switch {
		case a.elsewhere(ctx, req, end):
			round = -1
			continue
		case end.err != nil:
			return a.failed(ctx, end)
		case end.res.IsSuccess():
			return nil
		case end.res.StatusCode == 422 && round < maxRounds-1 && a.dialog.longer(end.res):
			continue
		case (end.res.StatusCode == 401 || end.res.StatusCode == 407) && round < maxRounds-1:
			again := req.Clone()
			if a.dialog.creds.authorize(again, end.res, round) {
				a.keepAuth(again)
				continue
			}
		}
		return a.failed(ctx, end)
	}
}

// keepAuth carries the answered challenges over into the next INVITE: a proxy and the phone behind it may both ask.
func (a *attempt) keepAuth(req *sip.Request) {
	kept := a.headers[:0:0]
	for _, h := range a.headers {
		if h.Name() != "Authorization" && h.Name() != "Proxy-Authorization" {
			kept = append(kept, h)
		}
	}
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if h := req.GetHeader(name); h != nil {
			kept = append(kept, h)
		}
	}
	a.headers = kept
}

func (a *attempt) invite() *sip.Request {
	d := a.dialog
	d.localSeq++
	a.mu.Lock()
	a.seq = d.localSeq
	a.mu.Unlock()
	req := d.build(sip.INVITE, d.localSeq)
	for _, h := range a.headers {
		req.AppendHeader(sip.HeaderClone(h))
	}
	d.askTimer(req)
	setSDP(req, a.offer)
	a.edge.address(req, a.hop, d.hops)
	return req
}

// transact runs one INVITE client transaction until its final response, or until it was given up. A transaction that
// was given up goes on in the background: only a response shows whether there is something to cancel.
func (a *attempt) transact(ctx context.Context, req *sip.Request) outcome {
	tx, err := a.edge.start(ctx, req)
	if err != nil {
		return outcome{err: err}
	}
	a.leg.note("INVITE sent to " + req.Destination())
	tx.OnRetransmission(func(res *sip.Response) { _ = a.success(req, res.Clone()) })
	// One result is taken; what the background finds out later concerns nobody.
	result := make(chan outcome, 1)
	c := &cancelling{attempt: a, req: req, tell: func(o outcome) {
		select {
		case result <- o:
		default:
		}
	}}
	if !a.edge.spawn(func() { c.tell(a.follow(ctx, tx, c)) }) {
		tx.Terminate()
		return outcome{err: interpreter.ErrShutdown}
	}
	return <-result
}

// follow reads the transaction to its end. There is no limit on provisionals.
func (a *attempt) follow(ctx context.Context, tx *sip.ClientTx, c *cancelling) outcome {
	ring := time.NewTimer(a.ring)
	defer ring.Stop()
	patience := a.patience()
	defer patience.stop()
	defer c.stop()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return a.final(res, c)
			}
			c.alive()
			a.provisional(c, res)
		case <-ticks(patience.silent):
			if !c.heard {
				c.begin(errNoAnswer, reasonHeader(408, "No response"))
			}
		case <-ticks(patience.sign):
			if !a.rung {
				c.begin(errSign, reasonHeader(408, "No sign of ringing"))
			}
		case <-tx.Done():
			if c.why != nil {
				return outcome{err: c.why}
			}
			return outcome{err: fmt.Errorf("%w: %w", errNoAnswer, tx.Err())}
		case <-ring.C:
			c.begin(errRingTime, reasonHeader(408, "Ring time is over"))
		case <-ctx.Done():
			c.begin(context.Cause(ctx), cancelReason(ctx))
			// The channel stays ready; from here on only the peer and the timers count.
			ctx = context.WithoutCancel(ctx)
		case <-c.graceOver():
			c.tell(outcome{err: c.why})
			c.grace = nil
		case <-a.edge.work.Done():
			tx.Terminate()
			return outcome{err: interpreter.ErrShutdown}
		case <-c.lifeOver():
			tx.Terminate()
			return outcome{err: c.why}
		}
	}
}

// final takes the last response. The transaction of a 2xx stays for 64*T1 and shows us late winners.
func (a *attempt) final(res *sip.Response, c *cancelling) outcome {
	if res.IsSuccess() {
		if err := a.success(c.req, res.Clone()); err != nil {
			return outcome{err: err}
		}
	}
	return outcome{res: res, err: c.why}
}

// provisional reports ringing and opens early sound, unless the call is being given up.
func (a *attempt) provisional(c *cancelling, res *sip.Response) {
	f, fresh := a.heard(c.req, res)
	if !fresh || c.why != nil || res.StatusCode == 100 {
		return
	}
	early := a.sounds(f, res)
	if a.rung && !early {
		return
	}
	a.rung = true
	a.leg.note(itoa(res.StatusCode) + " " + shorten(res.Reason) + " received")
	a.progress(interpreter.Progress{Status: interpreter.StatusRinging, Code: res.StatusCode, Early: early,
		CallID: a.dialog.callID})
}

// lose declares that no 2xx is wanted any more.
func (a *attempt) lose() {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
}

// success takes one 2xx, from the transaction or as a retransmission: the first makes the dialog, a repetition gets its
// ACK again, every other is a phone that lost and is hung up (RFC 3261 §13.2.2.4).
func (a *attempt) success(invite *sip.Request, res *sip.Response) error {
	tag := toTag(res)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case tag == a.winner && a.ack != nil:
		ack := a.ack.Clone()
		a.edge.spawn(func() { _ = a.edge.write(a.edge.work, ack) })
		return nil
	case a.over || a.ack != nil || invite.CSeq().SeqNo != a.seq:
		a.dismiss(invite, res)
		return nil
	}
	a.winner = tag
	a.leg.learn(customHeaders(res))
	a.leg.note(itoa(res.StatusCode) + " " + shorten(res.Reason) + " received, ACK sent")
	d := a.dialog
	d.adopt(res)
	a.inherit(a.forks[tag])
	d.state = dialogConfirmed
	d.learn(res)
	d.heardTimer(res)
	d.edge.dialogs.put(d) // before the ACK: a BYE may be the very next message
	a.ack = d.ackFor(invite)
	late, unusable := a.answerLate(res, a.ack)
	err := a.acknowledge(d, a.ack)
	switch {
	case err != nil:
	case unusable != nil:
		err = unusable
	case late != nil:
		err = a.leg.update(*late)
	default:
		err = a.settle(res)
	}
	if !d.live() {
		return interpreter.ErrShutdown
	}
	a.leg.watch()
	if err != nil {
		why := interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488), Reason: err.Error()}
		_ = d.hangup(a.edge.work, why)
	}
	return err
}

// settle makes the negotiated session live: the answer in the 2xx, or the one that an earlier 18x brought.
func (a *attempt) settle(res *sip.Response) error {
	f := a.forks[a.winner]
	body, err := sessionBody(contentType(res), res.Body())
	if errors.Is(err, errBodyless) && a.hasEarly || f != nil && f.agreed {
		s, fault := a.preview(f)
		if fault != nil {
			return fault
		}
		return a.leg.update(s)
	}
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	early := a.dialog.neg.agreed()
	s, err := a.dialog.neg.accept(body)
	if err != nil || a.hasEarly && s == early {
		return err
	}
	return a.leg.update(s)
}

// acknowledge addresses the ACK once, for its repetitions too, and sends it.
func (a *attempt) acknowledge(d *dialog, ack *sip.Request) error {
	f, err := d.nextHop(a.edge.work, ack)
	if err != nil {
		return err
	}
	a.edge.address(ack, f, d.hops)
	return a.edge.write(a.edge.work, ack.Clone())
}

// dismiss answers the 2xx of a phone that lost, with ACK and BYE, once; repetitions get the ACK alone.
func (a *attempt) dismiss(invite *sip.Request, res *sip.Response) {
	if a.losers == nil {
		a.losers = make(map[string]bool)
	}
	tag := toTag(res)
	first := !a.losers[tag]
	a.losers[tag] = true
	d := newDialog(a.edge, a.dialog.callID, a.dialog.localTag, a.dialog.hops)
	d.local, d.remote, d.flow, d.creds, d.localSeq = a.dialog.local, a.dialog.remote, a.hop, a.dialog.creds,
		invite.CSeq().SeqNo
	d.viaFlow = a.dialog.viaFlow
	d.adopt(res)
	if f := a.forks[tag]; f != nil {
		d.localSeq = max(d.localSeq, f.dialog.localSeq)
	}
	a.edge.spawn(func() {
		defer d.cancel(nil)
		if err := a.acknowledge(d, d.ackFor(invite)); err != nil || !first {
			return
		}
		bye := d.request(sip.BYE)
		bye.AppendHeader(reasonHeader(200, "Call completed elsewhere"))
		ctx, cancel := context.WithTimeout(a.edge.work, 64*a.edge.t1)
		defer cancel()
		d.box.close() // nobody does its work: a challenge of this BYE stays unanswered
		close(d.gone)
		_, _ = d.send(ctx, bye)
	})
}

// adopt completes a dialog with what a 2xx says: remote tag, target and route set (RFC 3261 §12.1.2).
func (d *dialog) adopt(res *sip.Response) {
	d.remoteTag = toTag(res)
	if c := res.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	d.routes = nil
	list := res.GetHeaders("record-route")
	for i := len(list) - 1; i >= 0; i-- {
		if r, ok := list[i].(*sip.RecordRouteHeader); ok {
			d.routes = append(d.routes, *r.Address.Clone())
		}
	}
}

// ackFor builds the ACK of a 2xx to our INVITE: its number, its credentials, the dialog's route.
func (d *dialog) ackFor(invite *sip.Request) *sip.Request {
	ack := d.build(sip.ACK, invite.CSeq().SeqNo)
	sip.CopyHeaders("Authorization", invite, ack)
	sip.CopyHeaders("Proxy-Authorization", invite, ack)
	return ack
}

// failed makes the error of an attempt that nobody answered.
func (a *attempt) failed(ctx context.Context, end outcome) error {
	if end.err != nil && ctx.Err() != nil && errors.Is(end.err, context.Cause(ctx)) {
		return context.Cause(ctx)
	}
	f := &interpreter.DialError{CallID: a.dialog.callID}
	switch {
	case errors.Is(end.err, errRingTime):
		f.Code, f.Status, f.Cause, f.Reason = 487, interpreter.StatusNoAnswer, "NO_ANSWER", "nobody answered in time"
	case errors.Is(end.err, errSign):
		f.Code, f.Status, f.Cause, f.Reason = 408, interpreter.StatusNoAnswer, "PROGRESS_TIMEOUT", errSign.Error()
	case errors.Is(end.err, errNoAnswer):
		f.Code, f.Status, f.Reason = 408, interpreter.StatusNoAnswer, "the far end did not respond"
	case errors.Is(end.err, errSDP):
		f.Code, f.Status, f.Reason = 488, interpreter.StatusFailed, end.err.Error()
	case end.err != nil:
		f.Code, f.Status, f.Reason = 503, interpreter.StatusFailed, end.err.Error()
		f.Fault = interpreter.CodeOf(end.err)
	default:
		f.Code, f.Status, f.Reason = end.res.StatusCode, interpreter.StatusOf(end.res.StatusCode), shorten(end.res.Reason)
		f.Headers, f.Contacts = customHeaders(end.res), contactsOf(end.res, &a.uri)
		if c := end.res.Contact(); end.res.IsRedirection() && c != nil {
			f.Reason += ": moved to " + shorten(c.Address.String())
		}
	}
	if f.Cause == "" {
		f.Cause = interpreter.CauseOf(f.Code)
	}
	return f
}
