package sipedge

import (
	"github.com/emiago/sipgo/sip"
)

// maxForks bounds the phones that may ring for one INVITE of ours.
const maxForks = 64

// earlyDialog is one phone, or what stands for it, that has sent a provisional response to our INVITE: an early dialog
// (RFC 3261 §12.1). It is guarded by attempt.mu.
type earlyDialog struct {
	dialog *dialog // a copy that nobody runs: tags, target, route set, numbers
	rseq   uint32  // of the last reliable provisional, 0: none came
	answer []byte  // the description it sent last, unless a later exchange took its place
	offer  []byte  // the offer it made, where ours was awaited
	agreed bool    // its description came reliably: it is the answer, whatever the 2xx says
}

// heard finds or makes the fork of a provisional response, and reports whether the response is to be looked at: a
// reliable one that came before, or too early, is not (RFC 3262 §4).
func (a *attempt) heard(invite *sip.Request, res *sip.Response) (*earlyDialog, bool) {
	tag := toTag(res)
	if tag == "" {
		return nil, true // an old proxy: nothing but a sign of life
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.forks[tag]
	if f == nil {
		if len(a.forks) >= maxForks {
			return nil, false
		}
		f = &earlyDialog{dialog: a.shadow(invite)}
		f.dialog.adopt(res)
		if a.forks == nil {
			a.forks = make(map[string]*earlyDialog)
		}
		a.forks[tag] = f
	}
	h := res.GetHeader("rseq")
	if h == nil || !listed(values(res, "require"), "100rel") {
		return f, true
	}
	n, ok := digits(h.Value(), 1<<32-1)
	seq := uint32(n)
	if !ok || seq == 0 || f.rseq != 0 && seq != f.rseq+1 {
		return f, false
	}
	f.rseq = seq
	f.dialog.learn(res)
	a.prack(f, invite, a.answerOffer(f, res))
	return f, true
}

// shadow is a dialog of ours that only knows whom it is with.
func (a *attempt) shadow(invite *sip.Request) *dialog {
	d := a.dialog
	return &dialog{edge: a.edge, callID: d.callID, localTag: d.localTag, hops: d.hops, local: d.local, remote: d.remote,
		flow: a.hop, viaFlow: d.viaFlow, sips: d.sips, log: d.log, target: *invite.Recipient.Clone(),
		localSeq: invite.CSeq().SeqNo}
}

// prack acknowledges a reliable provisional; a.mu is held. It takes as long as it takes: the peer repeats until it
// comes. A proxy that wants credentials gets them once.
func (a *attempt) prack(f *earlyDialog, invite *sip.Request, body []byte) {
	req := f.dialog.request(sip.PRACK)
	req.AppendHeader(sip.NewHeader("RAck", itoa(int(f.rseq))+" "+itoa(int(invite.CSeq().SeqNo))+" INVITE"))
	setSDP(req, body)
	a.leg.note("PRACK sent")
	x := f.dialog.exchange(req)
	a.edge.spawn(func() {
		res, err := x.run()
		if err == nil && (res.StatusCode == 401 || res.StatusCode == 407) {
			again := req.Clone()
			if !a.dialog.creds.authorize(again, res, 0) {
				return
			}
			a.mu.Lock()
			f.dialog.localSeq++
			again.CSeq().SeqNo = f.dialog.localSeq
			a.mu.Unlock()
			x.req = again
			res, err = x.run()
		}
		switch {
		case err != nil:
			a.edge.log.WithError(err).Debug("PRACK not answered")
		case !res.IsSuccess():
			a.edge.log.WithField("code", res.StatusCode).Debug("PRACK refused")
		}
	})
}

// sounds takes the description of a provisional response and opens early sound by it. Several phones may send
// different ones; the last counts until a 2xx. A description on top of a reliable answer says nothing (RFC 6337 §2.2).
func (a *attempt) sounds(f *earlyDialog, res *sip.Response) bool {
	body, err := sessionBody(contentType(res), res.Body())
	if err != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.late() {
		return f != nil && f.agreed // heard has answered the offer
	}
	if f != nil && f.agreed && f.answer == nil {
		return false // an UPDATE has changed it since
	}
	s, err := a.dialog.neg.accept(body)
	if err != nil {
		return false
	}
	if f != nil {
		f.answer, f.agreed = append([]byte(nil), body...), f.agreed || res.GetHeader("rseq") != nil
	}
	a.hasEarly = true
	a.early(s)
	return true
}

// inherit gives the dialog that a fork becomes the numbers which its early requests have used; a.mu is held.
func (a *attempt) inherit(f *earlyDialog) {
	if f == nil {
		return
	}
	d := a.dialog
	d.localSeq = max(d.localSeq, f.dialog.localSeq)
	d.remoteSeq = f.dialog.remoteSeq
	d.box.seen = f.dialog.remoteSeq
}

// preview is the session of a fork whose 2xx brings no description, or none that counts; a.mu is held.
func (a *attempt) preview(f *earlyDialog) (Session, error) {
	if f != nil && f.offer != nil {
		_, s, err := a.dialog.neg.answer(f.offer)
		return s, err
	}
	if f == nil || f.answer == nil {
		return a.dialog.neg.agreed(), nil
	}
	return a.dialog.neg.accept(f.answer)
}

// forkOf finds the fork that a request of the far end belongs to.
func (a *attempt) forkOf(req *sip.Request) *earlyDialog {
	tag, _ := req.From().Params.Get("tag")
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.forks[tag]
}

// request answers what the far end asks before it has answered our INVITE: UPDATE (RFC 3311), and little else. It
// reports false when the dialog is confirmed by now, or none of ours.
func (a *attempt) request(req *sip.Request, tx *sip.ServerTx) bool {
	f := a.forkOf(req)
	if f == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	seq := req.CSeq().SeqNo
	switch {
	case a.ack != nil || a.over:
		return false
	case f.dialog.remoteSeq != 0 && seq <= f.dialog.remoteSeq:
		a.edge.respond(tx, a.edge.reply(req, 500, "CSeq Out Of Order"))
		return true
	}
	f.dialog.remoteSeq = seq
	switch req.Method {
	case sip.UPDATE:
		a.edge.respond(tx, a.updated(f, req))
	case sip.INFO, sip.OPTIONS:
		a.edge.respond(tx, a.edge.abilities(req))
	default:
		a.edge.respond(tx, a.edge.reply(req, 481, ""))
	}
	return true
}

// updated answers an UPDATE in an early dialog; a.mu is held. A new offer is taken once ours has its reliable answer.
func (a *attempt) updated(f *earlyDialog, req *sip.Request) *sip.Response {
	if c := req.Contact(); c != nil {
		f.dialog.target = *c.Address.Clone()
	}
	contact := a.dialog.contactBy(a.hop.network)
	if len(req.Body()) == 0 {
		return a.edge.reply(req, 200, "", contact)
	}
	if !f.agreed {
		return a.edge.reply(req, 491, "")
	}
	body, err := sessionBody(contentType(req), req.Body())
	if err != nil {
		return a.edge.reply(req, 415, "", sip.NewHeader("Accept", acceptedBodies))
	}
	answer, s, err := a.dialog.neg.answer(body)
	if err != nil {
		return a.edge.reply(req, 488, "", warning(err))
	}
	a.early(s)
	f.answer, f.offer = nil, nil
	res := a.edge.reply(req, 200, "", contact)
	setSDP(res, answer)
	return res
}

// attemptOf finds the attempt that a request to one of our early dialogs concerns.
func (e *Edge) attemptOf(req *sip.Request) *attempt {
	e.attemptsMu.Lock()
	defer e.attemptsMu.Unlock()
	return e.attempts[dialogKey(req.CallID().Value(), toTag(req))]
}

// expectEarly lets requests of early dialogs find their attempt until the function returned is called.
func (e *Edge) expectEarly(a *attempt) func() {
	key := dialogKey(a.dialog.callID, a.dialog.localTag)
	e.attemptsMu.Lock()
	defer e.attemptsMu.Unlock()
	e.attempts[key] = a
	return func() {
		a.lose() // waits for a request that is being answered
		e.attemptsMu.Lock()
		defer e.attemptsMu.Unlock()
		delete(e.attempts, key)
	}
}
