package sipedge

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// arrive sees every message in the order of the wire, in the goroutine that reads the socket, before the transaction
// layer gives it a goroutine of its own. It sets the To tag of all our answers, keeps the places of in-dialog requests,
// and delivers ACKs.
func (e *Edge) arrive(msg sip.Message) {
	req, ok := msg.(*sip.Request)
	if !ok {
		return
	}
	defer e.survive("arrival of a request")
	tag := toTag(req)
	if tag == "" {
		req.To().Params.Add("tag", e.ownTag(req))
		return
	}
	d := e.dialogOf(req)
	if d == nil {
		return
	}
	switch req.Method {
	case sip.ACK:
		d.box.post(func() { d.acked(req) })
	case sip.CANCEL:
	default:
		d.box.reserve(req.CSeq().SeqNo, orderKey(req), time.Now())
	}
}

func orderKey(req *sip.Request) string {
	return itoa(int(req.CSeq().SeqNo)) + string(req.Method)
}

// serve gets each request once, in a goroutine of its own.
func (e *Edge) serve(req *sip.Request, tx *sip.ServerTx) {
	if !e.enter() {
		tx.Terminate()
		return
	}
	defer e.wg.Done()
	defer func() {
		if p := recover(); p != nil {
			e.log.WithField("panic", shorten(fmt.Sprint(p))).Errorf("panic in handler: %s", debug.Stack())
			e.respond(tx, e.reply(req, 500, ""))
		}
	}()
	if req.Method == sip.ACK {
		tx.Terminate() // delivered by arrive
		return
	}
	if toTag(req) != e.ownTag(req) {
		e.serveDialog(req, tx)
		return
	}
	switch req.Method {
	case sip.INVITE:
		e.inbound(req, tx)
	case sip.REGISTER:
		if e.phones == nil {
			e.refuseMethod(req, tx)
			return
		}
		e.register(req, tx)
	case sip.SUBSCRIBE:
		e.subscribe(req, tx)
	case sip.PUBLISH:
		e.publish(req, tx)
	case sip.OPTIONS:
		e.respond(tx, e.capabilities(req))
	case sip.CANCEL, sip.BYE, sip.INFO, sip.UPDATE, sip.PRACK:
		e.respond(tx, e.reply(req, 481, ""))
	default:
		e.refuseMethod(req, tx)
	}
}

// refuseMethod answers what nobody here does.
func (e *Edge) refuseMethod(req *sip.Request, tx *sip.ServerTx) {
	registered := flow{network: strings.ToUpper(req.Transport())}.stream() && e.busy(req.Source())
	if knownMethods[req.Method] && !e.known(req) && !registered {
		// R-AUTH-1: strangers may do nothing else, and learn nothing from the answer.
		e.respond(tx, e.reply(req, 403, "", explain(403, stranger)...))
		return
	}
	e.respond(tx, e.refusal(req, refusedOutside))
}

// serveDialog passes a request on to its dialog.
func (e *Edge) serveDialog(req *sip.Request, tx *sip.ServerTx) {
	if e.resubscribe(req, tx) {
		return
	}
	d := e.dialogOf(req)
	if a := e.attemptOf(req); d == nil && a != nil && req.Method != sip.CANCEL {
		if a.request(req, tx) {
			return
		}
		d = e.dialogOf(req) // answered this moment
	}
	if d == nil || req.Method == sip.CANCEL || !d.box.fill(orderKey(req), func() { d.handle(req, tx) }) {
		e.respond(tx, e.reply(req, 481, ""))
	}
}

// dialogOf finds the dialog a request with a To tag belongs to. The From tag must be the peer's.
func (e *Edge) dialogOf(req *sip.Request) *dialog {
	d := e.dialogs.get(req.CallID().Value(), toTag(req))
	if d == nil {
		return nil
	}
	if tag, _ := req.From().Params.Get("tag"); tag != d.remoteTag {
		return nil
	}
	return d
}

// ownTag is the To tag that we give a request which brings none; see guard.tag.
func (e *Edge) ownTag(req *sip.Request) string {
	branch, _ := req.Via().Params.Get("branch")
	return e.guard.tag(req.CallID().Value(), branch, itoa(int(req.CSeq().SeqNo)))
}

func toTag(m sip.Message) string {
	tag, _ := m.To().Params.Get("tag")
	return tag
}

// knownMethods are those that exist, whether we do them or not; others are 501.
var knownMethods = map[sip.RequestMethod]bool{
	sip.REGISTER: true, sip.SUBSCRIBE: true, sip.NOTIFY: true, sip.REFER: true, sip.MESSAGE: true, sip.PUBLISH: true,
}

// capabilities answers OPTIONS (RFC 3261 §11.2); while we drain, balancers learn it here.
func (e *Edge) capabilities(req *sip.Request) *sip.Response {
	if e.draining.Load() {
		return e.reply(req, 503, "", retryAfter(), because(whyDraining))
	}
	return e.abilities(req)
}

func (e *Edge) abilities(req *sip.Request) *sip.Response {
	return e.reply(req, 200, "", sip.NewHeader("Accept", acceptedBodies), sip.NewHeader("Accept-Encoding", "identity"),
		sip.NewHeader("Accept-Language", "en"))
}

// survive keeps a panic from ending the goroutine that reads a socket (R-LIFE-1).
func (e *Edge) survive(where string) {
	if p := recover(); p != nil {
		e.log.WithField("panic", shorten(fmt.Sprint(p))).Errorf("panic at %s: %s", where, debug.Stack())
	}
}
