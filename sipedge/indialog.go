package sipedge

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/media/dtmf"
)

// handle does one request of the peer within the dialog. It runs in the dialog's goroutine, in the order of the wire.
func (d *dialog) handle(req *sip.Request, tx *sip.ServerTx) {
	seq := req.CSeq().SeqNo
	if d.remoteSeq != 0 && seq <= d.remoteSeq {
		// RFC 3261 §12.2.2; a retransmission would not have come this far.
		d.edge.respond(tx, d.edge.reply(req, 500, "CSeq Out Of Order"))
		return
	}
	d.remoteSeq = seq
	if d.state == dialogEnded {
		code := 481
		if req.Method == sip.BYE {
			code = 200 // both hung up at the same time
		}
		d.edge.respond(tx, d.edge.reply(req, code, ""))
		return
	}
	d.user.note(string(req.Method) + " received")
	switch req.Method {
	case sip.BYE:
		d.edge.respond(tx, d.edge.reply(req, 200, ""))
		d.over(byeCause(req))
	case sip.INVITE:
		d.reinvite(req, tx)
	case sip.UPDATE:
		d.updated(req, tx)
	case sip.INFO:
		d.edge.respond(tx, d.info(req))
	case sip.OPTIONS:
		// Some peers audit calls with it: a call that runs is well, also while we drain.
		d.edge.respond(tx, d.edge.abilities(req))
	case sip.PRACK:
		d.pracked(req, tx)
	case sip.REFER:
		d.referred(req, tx)
	case sip.NOTIFY:
		d.notified(req, tx)
	default:
		d.edge.respond(tx, d.edge.refusal(req, refusedInside))
	}
}

// byeCause says in our words why the peer hung up.
func byeCause(req *sip.Request) *interpreter.Hangup {
	why := &interpreter.Hangup{By: interpreter.ByCaller, Code: 200, Cause: interpreter.CauseOf(200),
		Reason:  "far end hung up",
		Headers: customHeaders(req)}
	if h := req.GetHeader("reason"); h != nil {
		why.Reason += ": " + shorten(h.Value())
	}
	return why
}

// reinvite answers an INVITE within the dialog: hold, resume, new address or codec, or a refresh (RFC 3261 §14.2).
func (d *dialog) reinvite(req *sip.Request, tx *sip.ServerTx) {
	switch {
	case d.state == dialogEarly:
		// The first INVITE has no final answer yet.
		d.edge.respond(tx, d.edge.reply(req, 500, "", retryAfter()))
		return
	case d.invite != nil || d.offering():
		d.edge.respond(tx, d.edge.reply(req, 491, ""))
		return
	}
	if res := d.edge.tooShort(req); res != nil {
		d.edge.respond(tx, res)
		return
	}
	i := &serverInvite{req: req, tx: tx, seq: req.CSeq().SeqNo}
	if res := d.negotiate(i); res != nil {
		d.edge.respond(tx, res)
		return
	}
	d.invite = i
	if !d.watchCancel(i) {
		return
	}
	d.refresh(req)
	if err := d.accept(); err != nil && i.success == nil {
		d.invite = nil
		d.edge.respond(tx, d.edge.reply(req, 488, "", warning(err)))
		d.nextChange()
	}
}

// updated answers UPDATE (RFC 3311): like a re-INVITE, without ACK, and only with an offer that can be answered at
// once.
func (d *dialog) updated(req *sip.Request, tx *sip.ServerTx) {
	if res := d.edge.tooShort(req); res != nil {
		d.edge.respond(tx, res)
		return
	}
	if len(req.Body()) == 0 {
		d.updatedAlone(req, tx)
		return
	}
	if d.offering() {
		d.edge.respond(tx, d.edge.reply(req, 491, ""))
		return
	}
	if i := d.invite; d.state == dialogEarly && i != nil && i.rel.agreed && i.rel.open == nil {
		res := d.offerBeside(i, req)
		if res.IsSuccess() {
			d.refresh(req)
		}
		d.edge.respond(tx, res)
		return
	}
	if d.state == dialogEarly || d.invite != nil {
		// Our answer to the INVITE's offer is not final, or theirs to our late offer is still to come.
		code, extra := 500, []sip.Header{retryAfter()}
		if d.state != dialogEarly && d.invite.late {
			code, extra = 491, nil
		}
		d.edge.respond(tx, d.edge.reply(req, code, "", extra...))
		return
	}
	i := &serverInvite{req: req, tx: tx}
	if res := d.negotiate(i); res != nil {
		d.edge.respond(tx, res)
		return
	}
	if err := d.user.update(*i.session); err != nil {
		d.edge.respond(tx, d.edge.reply(req, 488, "", warning(err)))
		return
	}
	d.refresh(req)
	res := d.edge.reply(req, 200, "", d.contact())
	d.answerTimer(req, res)
	setSDP(res, i.answer)
	d.edge.respond(tx, res)
}

// updatedAlone answers an UPDATE without an offer.
func (d *dialog) updatedAlone(req *sip.Request, tx *sip.ServerTx) {
	d.refresh(req)
	res := d.edge.reply(req, 200, "", d.contact())
	if d.state == dialogConfirmed {
		d.answerTimer(req, res)
	}
	d.edge.respond(tx, res)
}

// negotiate reads the offer of an INVITE or UPDATE and prepares our side. It gives the refusal when that is impossible.
func (d *dialog) negotiate(i *serverInvite) *sip.Response {
	body, err := sessionBody(contentType(i.req), i.req.Body())
	if errors.Is(err, errBodyless) {
		i.late = true
		if i.answer, err = d.neg.offer(); err != nil {
			return d.edge.reply(i.req, 488, "", warning(err))
		}
		return nil
	}
	if err != nil {
		return d.edge.reply(i.req, 415, "", sip.NewHeader("Accept", acceptedBodies))
	}
	answer, s, err := d.neg.answer(body)
	if err != nil {
		return d.edge.reply(i.req, 488, "", warning(err))
	}
	i.answer, i.session = answer, &s
	return nil
}

// refresh takes the peer's new Contact as target, and the way its request came as flow.
func (d *dialog) refresh(req *sip.Request) {
	if c := req.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	d.learn(req)
	now := flow{strings.ToUpper(req.Transport()), req.Source()}
	if now != d.flow {
		d.edge.dialogs.onFlow(d.flow, -1)
		d.edge.dialogs.onFlow(now, 1)
		d.flow = now
	}
}

// watchCancel has a CANCEL of the INVITE posted to the inbox. It reports false when it was cancelled already. The
// transaction outlives a short call by half a minute and shall not keep its dialog, nor its audio, in memory: what it
// holds leads to the dialog only while that lives.
func (d *dialog) watchCancel(i *serverInvite) bool {
	var owner atomic.Pointer[dialog]
	owner.Store(d)
	context.AfterFunc(d.ctx, func() { owner.Store(nil) })
	told := i.tx.OnCancel(func(r *sip.Request) {
		reason := ""
		if h := r.GetHeader("reason"); h != nil {
			reason = h.Value()
		}
		// Under the transaction's lock: nothing may be done here but to post.
		live := owner.Load()
		if live == nil {
			return
		}
		live.box.post(func() {
			if live.invite == i {
				live.cancelled(reason)
			}
		})
	})
	if !told {
		d.cancelled("")
	}
	return told
}

// info takes keys signalled by INFO. A body of another kind is refused, an empty one is a keep-alive.
func (d *dialog) info(req *sip.Request) *sip.Response {
	if len(req.Body()) == 0 {
		return d.edge.reply(req, 200, "")
	}
	key, held, err := dtmf.ParseInfo(contentType(req), req.Body())
	switch {
	case errors.Is(err, dtmf.ErrContentType):
		return d.edge.reply(req, 415, "", sip.NewHeader("Accept", "application/dtmf-relay, application/dtmf"))
	case err != nil:
		return d.edge.reply(req, 400, "No Key In Body")
	}
	d.user.key(key, held)
	return d.edge.reply(req, 200, "")
}

// warning carries the reason of a 488 (RFC 3261 §20.43). The text is ours, about values that were shortened and quoted.
func warning(err error) sip.Header {
	return sip.NewHeader("Warning", `399 pintle "`+escapeQuoted(shorten(err.Error()))+`"`)
}
