package sipedge

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// Reliable provisional responses of ours (RFC 3262): each is repeated until its PRACK, and one is on its way at a time.

// reliable is what a pending INVITE knows of them. It belongs to the dialog's goroutine.
type reliable struct {
	seq    uint32
	open   *sip.Response // waits for its PRACK; nil: none
	sdp    bool          // it carries our description
	agreed bool          // a description of ours was acknowledged: the final response needs none
	wait   time.Duration
	until  time.Time
	timer  *time.Timer
	next   int         // code that is to follow, 0: none
	accept func(error) // the 2xx that waits for the PRACK; told when it is sent
	silent bool        // open is not repeated any more: the final response has gone out
}

func (r *reliable) stop() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// asksReliable reports whether a provisional of the pending INVITE is to be sent reliably: the peer insists, or can and
// we were asked to, or our offer goes with it.
func (d *dialog) asksReliable(i *serverInvite, code int) bool {
	switch {
	case !i.initial || code == 100:
		return false
	case listed(values(i.req, "require"), "100rel"):
		return true
	case !d.peer.reliable:
		return false
	}
	return d.edge.cfg.Reliable || i.late && code == 183
}

// ringReliably sends a provisional that needs a PRACK, or keeps it until the one before has its own.
func (d *dialog) ringReliably(code int) error {
	i := d.invite
	r := &i.rel
	if r.open != nil {
		r.next = max(r.next, code) // sound matters more than ringing
		return nil
	}
	if r.seq == 0 {
		r.seq = 1 + rand.Uint32N(1<<31-1) // RFC 3262 §3
	} else {
		r.seq++
	}
	res := d.edge.reply(i.req, code, "", d.contact(), sip.NewHeader("Require", "100rel"),
		sip.NewHeader("RSeq", itoa(int(r.seq))), sip.NewHeader("Allow", allowedMethods))
	// RFC 3261 §13.2.1: to an INVITE without offer, ours goes with the first reliable response.
	r.sdp = (code == 183 || i.late) && !r.agreed && i.answer != nil
	if r.sdp {
		setSDP(res, i.answer)
	}
	r.open, r.wait, r.until = res, d.edge.t1, time.Now().Add(64*d.edge.t1)
	r.stop()
	r.timer = d.after(r.wait, func() { d.ringReliablyAgain(i, res) })
	i.code = code
	d.user.note(itoa(code) + " " + phrase(code) + " sent, PRACK awaited")
	i.stopRinging()
	i.timer = d.after(ringAgain, d.ringOn)
	return i.tx.Respond(res)
}

// ringReliablyAgain repeats a provisional: T1, doubling without end, until 64*T1; then the call is refused.
func (d *dialog) ringReliablyAgain(i *serverInvite, res *sip.Response) {
	r := &i.rel
	if d.invite != i || r.open != res || r.silent {
		return
	}
	if !time.Now().Before(r.until) {
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 504, Cause: interpreter.CauseOf(504),
			Reason: "no PRACK for our provisional response"})
		return
	}
	_ = i.tx.Respond(res) // lost or not, the next repetition follows
	r.wait *= 2
	r.timer = d.after(min(r.wait, time.Until(r.until)+time.Millisecond), func() { d.ringReliablyAgain(i, res) })
}

// rack is the value of RAck: which provisional of which request.
type rack struct {
	rseq, cseq uint32
	method     string
}

func parseRAck(value string) (rack, bool) {
	f := strings.Fields(value)
	if len(f) != 3 || !isToken(f[2]) {
		return rack{}, false
	}
	rseq, ok1 := digits(f[0], 1<<32-1)
	cseq, ok2 := digits(f[1], maxCSeq)
	return rack{uint32(rseq), uint32(cseq), f[2]}, ok1 && ok2
}

// pracked takes the PRACK of the peer. Its body is the answer to the offer in our provisional, or a further offer.
func (d *dialog) pracked(req *sip.Request, tx *sip.ServerTx) {
	h := req.GetHeader("rack")
	if h == nil {
		d.edge.respond(tx, d.edge.reply(req, 400, "Missing RAck"))
		return
	}
	a, ok := parseRAck(h.Value())
	i := d.invite
	switch {
	case !ok:
		d.edge.respond(tx, d.edge.reply(req, 400, "Malformed RAck"))
		return
	case i == nil || i.rel.open == nil || a != rack{i.rel.seq, i.seq, "INVITE"}:
		d.edge.respond(tx, d.edge.reply(req, 481, ""))
		return
	}
	res, fatal := d.prackBody(i, req)
	d.edge.respond(tx, res)
	if fatal != nil {
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488),
			Reason: "the description in the PRACK is not usable: " + fatal.Error()})
		return
	}
	if !res.IsSuccess() {
		return
	}
	r := &i.rel
	r.stop()
	r.agreed = r.agreed || r.sdp
	r.open, r.sdp = nil, false
	next, accept := r.next, r.accept
	r.next, r.accept = 0, nil
	switch {
	case accept != nil:
		accept(d.accept())
	case next != 0:
		_ = d.provisional(next) // the network's fault: what is lost is repeated
	}
}

// prackBody reads the body of a PRACK and gives the response to it. fatal says that the call cannot go on.
func (d *dialog) prackBody(i *serverInvite, req *sip.Request) (res *sip.Response, fatal error) {
	fine := d.edge.reply(req, 200, "")
	if i.late && i.rel.sdp {
		body, err := sessionBody(contentType(req), req.Body())
		if err == nil {
			err = d.takeAnswer(i, body)
		}
		if err != nil {
			return d.edge.reply(req, 488, "", warning(err)), err
		}
		return fine, nil
	}
	switch {
	case len(req.Body()) == 0:
		return fine, nil
	case !i.rel.agreed && !i.rel.sdp || i.success != nil:
		return d.edge.reply(req, 500, "", retryAfter()), nil // an offer on top of an open one
	}
	return d.offerBeside(i, req), nil
}

// takeAnswer makes live what the peer has answered to the offer of a late INVITE.
func (d *dialog) takeAnswer(i *serverInvite, body []byte) error {
	s, err := d.neg.accept(body)
	if err == nil {
		err = d.user.update(s)
	}
	if err == nil {
		i.session, i.live, i.late = &s, true, false
	}
	return err
}

// offerBeside answers an offer that came in PRACK or UPDATE while the INVITE is pending and its own offer is answered.
func (d *dialog) offerBeside(i *serverInvite, req *sip.Request) *sip.Response {
	beside := &serverInvite{req: req}
	if res := d.negotiate(beside); res != nil {
		return res
	}
	if err := d.user.update(*beside.session); err != nil {
		return d.edge.reply(req, 488, "", warning(err))
	}
	i.session, i.answer, i.live = beside.session, beside.answer, true
	res := d.edge.reply(req, 200, "", d.contact())
	setSDP(res, beside.answer)
	return res
}

// acceptReady sends the 2xx, or has it sent when the PRACK comes that must come before (RFC 3262 §3). told is called
// once, with the result of sending.
func (d *dialog) acceptReady(told func(error)) {
	i := d.invite
	if i != nil && i.rel.open != nil && i.rel.sdp && i.success == nil {
		before := i.rel.accept
		i.rel.accept = func(err error) {
			if before != nil {
				before(err)
			}
			told(err)
		}
		return
	}
	told(d.accept())
}
