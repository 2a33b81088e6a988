package sipedge

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

const (
	maxTries  = 8  // of one change, glare and refusals that ask to come again included
	maxQueued = 16 // changes that wait in one dialog
	glareUnit = 10 * time.Millisecond
)

var errBusy = errors.New("too many changes of one call at once")

// changeKind is what a change of ours is for.
type changeKind uint8

const (
	changeRefresh changeKind = iota // nothing: the call still runs
	changeHold
	changeResume
	changeCodecs
)

// change is one wish of ours in a running call, carried out by re-INVITE (RFC 3261 §14.1) or UPDATE (RFC 3311). It
// belongs to the dialog's goroutine, but for done, which is told once.
type change struct {
	kind   changeKind
	codecs []payload
	done   func(error)

	method  sip.RequestMethod
	req     *sip.Request
	offered bool // req carries an offer
	tries   int
	rounds  int // challenges answered
	banned  map[sip.RequestMethod]bool
}

// abilities are what the far end has told of itself.
type abilities struct {
	update   bool // it takes UPDATE
	reliable bool // and provisional responses that it acknowledges
}

// learn reads Allow and Supported of a message of the far end. A message without Allow says nothing new.
func (d *dialog) learn(m interface{ GetHeaders(string) []sip.Header }) {
	if allow := values(m, "allow"); len(allow) > 0 {
		d.peer.update = listed(allow, "UPDATE")
	}
	if listed(values(m, "supported"), "100rel") || listed(values(m, "require"), "100rel") {
		d.peer.reliable = true
	}
}

// ask queues a change; one is on its way at a time.
func (d *dialog) ask(c *change) {
	switch {
	case d.state == dialogEnded:
		c.done(errDialogOver)
	case d.state != dialogConfirmed:
		c.done(interpreter.ErrUnsupported)
	case len(d.changes) >= maxQueued:
		c.done(errBusy)
	default:
		d.changes = append(d.changes, c)
		d.nextChange()
	}
}

// nextChange begins the oldest change, unless an offer of either side is open.
func (d *dialog) nextChange() {
	for len(d.changes) > 0 && d.sending == nil && d.invite == nil && d.state == dialogConfirmed && !d.backingOff {
		c := d.changes[0]
		body, err := d.prepareChange(c)
		if err == nil && (body != nil || c.kind == changeRefresh) {
			d.dispatch(c, body)
			return
		}
		d.finish(c, err) // it cannot be done, or is so already
	}
}

// prepareChange chooses the method and makes the offer, if the change needs one. Without body and error there is
// nothing to do.
func (d *dialog) prepareChange(c *change) ([]byte, error) {
	neg, able := d.neg.(proposer)
	c.method = sip.INVITE
	if c.banned[sip.INVITE] {
		c.method = sip.UPDATE
	}
	switch {
	case c.kind == changeRefresh && d.peer.update && !c.banned[sip.UPDATE]:
		c.method = sip.UPDATE
		return nil, nil
	case c.kind == changeRefresh && able:
		return neg.repeat(), nil
	case c.kind == changeRefresh:
		return d.neg.offer()
	case !able:
		return nil, interpreter.ErrUnsupported
	case c.kind == changeCodecs:
		return neg.propose(proposal{codecs: c.codecs, hold: neg.holding()}), nil
	case neg.holding() == (c.kind == changeHold):
		return nil, nil
	}
	return neg.propose(proposal{hold: c.kind == changeHold}), nil
}

// finish takes a change out of the queue and tells who asked for it.
func (d *dialog) finish(c *change, err error) {
	for i, have := range d.changes {
		if have == c {
			d.changes = append(d.changes[:i:i], d.changes[i+1:]...)
			break
		}
	}
	c.done(err)
}

// dispatch sends the request of a change.
func (d *dialog) dispatch(c *change, body []byte) {
	req := d.request(c.method)
	d.askTimer(req)
	if body != nil {
		setSDP(req, body)
	}
	c.offered = body != nil
	d.transmit(c, req)
}

func (d *dialog) transmit(c *change, req *sip.Request) {
	c.req, c.tries = req, c.tries+1
	d.sending = c
	d.user.note(string(c.method) + " sent")
	x := d.exchange(req)
	if !d.edge.spawn(func() {
		res, err := x.run()
		d.box.post(func() { d.changed(c, res, err) })
	}) {
		d.sending = nil
		d.finish(c, interpreter.ErrShutdown)
	}
}

// changed takes the end of a request of ours.
func (d *dialog) changed(c *change, res *sip.Response, err error) {
	d.sending = nil
	if d.state == dialogEnded {
		d.finish(c, errDialogOver)
		return
	}
	if err == nil && !res.IsSuccess() {
		d.user.note(itoa(res.StatusCode) + " " + shorten(res.Reason) + " to " + string(c.method) + " received")
		if d.again(c, res) {
			return
		}
	}
	switch neg, able := d.neg.(proposer); {
	case err == nil && res.IsSuccess():
		err = d.agree(c, res)
	case able && c.offered:
		neg.withdraw()
	}
	err = d.judge(c, res, err)
	d.finish(c, err)
	d.nextChange()
}

// judge is what a request of ours has come to, once nothing is left to try. A dialog that the far end has lost ends.
func (d *dialog) judge(c *change, res *sip.Response, err error) error {
	switch {
	case errors.Is(err, interpreter.ErrShutdown):
	case err != nil && d.state == dialogConfirmed:
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: interpreter.CauseOf(408),
			Reason: "the far end did not answer our " + string(c.method) + ": " + err.Error()})
	case res != nil && lost(res.StatusCode):
		err = &interpreter.ChangeError{Code: res.StatusCode, Reason: shorten(res.Reason)}
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: res.StatusCode,
			Cause:  interpreter.CauseOf(res.StatusCode),
			Reason: "the far end does not know the call any more: " + itoa(res.StatusCode) + " " + shorten(res.Reason)})
	case err == nil && !res.IsSuccess():
		err = &interpreter.ChangeError{Code: res.StatusCode, Reason: shorten(res.Reason)}
	}
	return err
}

// lost reports a refusal after which the dialog is no more (RFC 3261 §12.2.1.2).
func lost(code int) bool { return code == 408 || code == 481 }

// again repeats a change in another form when the refusal asks for that. It reports false when it is final.
func (d *dialog) again(c *change, res *sip.Response) bool {
	if c.tries >= maxTries {
		return false
	}
	switch code := res.StatusCode; {
	case code == 401 || code == 407:
		return d.authorized(c, res)
	case code == 422 && d.longer(res):
		d.retry(c, 0)
	case code == 491:
		d.retry(c, d.glareWait())
	case code == 500 && res.GetHeader("Retry-After") != nil:
		// RFC 3261 §14.2: our offer came between one of theirs and its answer.
		d.retry(c, min(headerSeconds(res, "retry-after"), 10*time.Second))
	case (code == 405 || code == 501) && d.otherMethod(c):
		d.retry(c, 0)
	default:
		return false
	}
	return true
}

// otherMethod lets a change be made by the other method, once. It reports false when there is none.
func (d *dialog) otherMethod(c *change) bool {
	if len(c.banned) > 0 || c.method == sip.INVITE && !d.peer.update {
		return false
	}
	c.banned = map[sip.RequestMethod]bool{c.method: true}
	if c.method == sip.UPDATE {
		d.peer.update = false
	}
	return true
}

// retry makes the change afresh after a pause: what is to be offered may be another thing then.
func (d *dialog) retry(c *change, wait time.Duration) {
	if neg, able := d.neg.(proposer); able && c.offered {
		neg.withdraw()
	}
	if wait == 0 {
		d.nextChange()
		return
	}
	d.backingOff = true
	d.after(wait, func() {
		d.backingOff = false
		d.nextChange()
	})
}

// glareWait is how long the back-off lasts: the party that made the Call-ID waits longer (RFC 3261 §14.1).
func (d *dialog) glareWait() time.Duration {
	unit := time.Duration(int64(glareUnit) * int64(d.edge.t1) / int64(defaultT1))
	if d.caller {
		return unit * time.Duration(210+rand.IntN(191))
	}
	return unit * time.Duration(1+rand.IntN(200))
}

// authorized repeats a request with credentials: the same offer, the next number.
func (d *dialog) authorized(c *change, res *sip.Response) bool {
	req := c.req.Clone()
	d.localSeq++
	req.CSeq().SeqNo = d.localSeq
	if !d.creds.authorize(req, res, c.rounds) {
		return false
	}
	c.rounds++
	d.transmit(c, req)
	return true
}

// agree takes the 2xx of a change: now, and not before, it becomes live. The ACK has been sent.
func (d *dialog) agree(c *change, res *sip.Response) error {
	if contact := res.Contact(); contact != nil {
		d.target = *contact.Address.Clone()
	}
	d.learn(res)
	d.heardTimer(res)
	if !c.offered {
		return nil
	}
	body, err := sessionBody(contentType(res), res.Body())
	var s Session
	if err == nil {
		s, err = d.neg.accept(body)
	}
	if err == nil {
		err = d.user.update(s)
	}
	if errors.Is(err, errBodyless) && c.kind == changeRefresh {
		return nil // the far end thinks that it has said it all
	}
	if err != nil {
		d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488),
			Reason: "the answer to our " + string(c.method) + " is not usable: " + err.Error()})
	}
	return err
}

// offering reports an offer of ours that waits for its answer.
func (d *dialog) offering() bool { return d.sending != nil && d.sending.offered }
