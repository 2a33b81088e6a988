package sipedge

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// ringAgain is when a provisional is repeated, so that no proxy gives up (RFC 3261 §13.3.1.1).
const ringAgain = 60 * time.Second

// serverInvite is an INVITE of the peer, initial or re-INVITE, from its arrival until the ACK of our 2xx. It belongs to
// the dialog's goroutine.
type serverInvite struct {
	req     *sip.Request
	tx      *sip.ServerTx
	seq     uint32
	initial bool
	late    bool     // it brought no offer: ours goes into the 2xx, the answer comes with the ACK
	answer  []byte   // our description for the response
	session *Session // what the answer agreed upon
	live    bool     // session is in use already: sound before the answer
	success *sip.Response
	wait    time.Duration // until the 2xx is sent again
	until   time.Time     // when waiting for the ACK ends
	timer   *time.Timer
	last    *sip.Response // provisional sent last
	code    int           // its code
	began   time.Time
	rel     reliable
}

func (i *serverInvite) stop() {
	i.rel.stop()
	i.stopRinging()
}

func (i *serverInvite) stopRinging() {
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
}

// stopInvite ends the timers of the pending INVITE.
func (d *dialog) stopInvite() {
	if d.invite != nil {
		d.invite.stop()
	}
}

// provisional sends 180, or 183 with our description, and goes on repeating it.
func (d *dialog) provisional(code int) error {
	i := d.invite
	if d.state != dialogEarly || i == nil {
		return errState
	}
	if d.asksReliable(i, code) {
		return d.ringReliably(code)
	}
	res := d.edge.reply(i.req, code, "", d.contact())
	if code == 183 && i.answer != nil {
		setSDP(res, i.answer)
	}
	i.last, i.code = res, code
	d.user.note(itoa(code) + " " + phrase(code) + " sent")
	i.stopRinging()
	i.timer = d.after(ringAgain, d.ringOn)
	return i.tx.Respond(res)
}

func (d *dialog) ringOn() {
	i := d.invite
	if d.state != dialogEarly || i == nil || i.code == 0 {
		return
	}
	if time.Since(i.began) > maxRing {
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 480, Cause: interpreter.CauseOf(480),
			Reason: "nobody answered the call"})
		return
	}
	if d.asksReliable(i, i.code) {
		_ = d.ringReliably(i.code) // RFC 3262 §3: a new one, with a number of its own
		return
	}
	_ = i.tx.Respond(i.last) // the next one comes in a minute
	i.timer = d.after(ringAgain, d.ringOn)
}

// accept sends the 2xx of the pending INVITE and repeats it until the ACK. What was negotiated becomes live first.
func (d *dialog) accept() error {
	i := d.invite
	if i == nil || i.success != nil {
		return errState
	}
	if err := d.goLive(i); err != nil {
		return err
	}
	res := d.edge.reply(i.req, 200, "", d.contact())
	res.AppendHeader(sip.NewHeader("Accept", acceptedBodies))
	d.answerTimer(i.req, res)
	if i.rel.agreed {
		i.late = false // RFC 6337 §2.2: all was said in the provisional
	} else {
		setSDP(res, i.answer)
	}
	i.stop()
	i.rel.silent = true
	i.success = res
	d.user.note("200 OK sent")
	i.wait = d.edge.t1
	i.until = time.Now().Add(64 * d.edge.t1)
	i.timer = d.after(i.wait, d.acceptAgain)
	if d.state == dialogEarly {
		d.state = dialogConfirmed
	}
	return i.tx.Respond(res)
}

// goLive puts what was negotiated to use, once.
func (d *dialog) goLive(i *serverInvite) error {
	if i.session == nil || i.live {
		return nil
	}
	if err := d.user.update(*i.session); err != nil {
		return err
	}
	i.live = true
	return nil
}

// acceptAgain repeats the 2xx: T1 doubling to T2, on every transport, until the ACK or 64*T1 (RFC 3261 §13.3.1.4).
func (d *dialog) acceptAgain() {
	i := d.invite
	if i == nil || i.success == nil {
		return
	}
	if !time.Now().Before(i.until) {
		d.invite = nil
		why := &interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: interpreter.CauseOf(408),
			Reason: "no ACK to our answer"}
		if d.byeLater != nil {
			d.bye(d.byeLater)
			return
		}
		d.end(why)
		return
	}
	_ = i.tx.Respond(i.success) // lost or not, the next repetition follows
	i.wait = min(2*i.wait, d.edge.t2)
	i.timer = d.after(i.wait, d.acceptAgain)
}

// acked takes an ACK. It belongs to the INVITE with its CSeq number, whatever else has come in between.
func (d *dialog) acked(ack *sip.Request) {
	i := d.invite
	if i == nil || i.success == nil || ack.CSeq().SeqNo != i.seq {
		return
	}
	i.stop()
	d.invite = nil
	d.user.note("ACK received")
	if d.byeLater != nil {
		d.bye(d.byeLater)
		return
	}
	defer d.nextChange()
	if !i.late {
		return
	}
	body, err := sessionBody(contentType(ack), ack.Body())
	var s Session
	if err == nil {
		s, err = d.neg.accept(body)
	}
	if err == nil {
		err = d.user.update(s)
	}
	if err != nil {
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488),
			Reason: "the answer in the ACK is not usable"})
	}
}

// refuse gives the pending INVITE a final answer other than 2xx, if it has none.
func (d *dialog) refuse(why *interpreter.Hangup) {
	i := d.invite
	if i == nil || i.success != nil {
		return
	}
	i.stop()
	d.invite = nil
	code := why.Code
	if code < 300 || code > 699 {
		code = 480
		if why.By == interpreter.ByEngine {
			code = 500
		}
	}
	res := d.edge.reply(i.req, code, "")
	d.user.note(itoa(code) + " " + phrase(code) + " sent")
	if code == 503 {
		res.AppendHeader(retryAfter())
	}
	if why.By != "" {
		res.AppendHeader(reasonHeader(code, why.Reason))
	}
	d.edge.respond(i.tx, res)
}

// cancelled is the CANCEL of the pending INVITE; the library has sent 200 and 487 already.
func (d *dialog) cancelled(reason string) {
	i := d.invite
	if i == nil || i.success != nil {
		return
	}
	i.stop()
	d.invite = nil
	d.user.note("CANCEL received")
	if !i.initial {
		d.nextChange()
		return
	}
	why := &interpreter.Hangup{By: interpreter.ByCaller, Code: 487, Cause: interpreter.CauseOf(487),
		Reason: "caller hung up before the answer"}
	if reason != "" {
		why.Reason += ": " + shorten(reason)
	}
	d.over(why)
}

// setSDP puts our description into a message.
func setSDP(m sip.Message, body []byte) {
	if len(body) == 0 {
		return
	}
	t := sip.ContentTypeHeader(mediaTypeSDP)
	m.AppendHeader(&t)
	m.SetBody(body)
}

func contentType(m interface{ GetHeader(string) sip.Header }) string {
	if h := m.GetHeader("content-type"); h != nil {
		return h.Value()
	}
	return ""
}
