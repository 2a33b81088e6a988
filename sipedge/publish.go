package sipedge

import (
	"mime"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/sipedge/presence"
)

const etagLength = 8

// publish answers a PUBLISH (RFC 3903 §6): a device says its own state.
func (e *Edge) publish(req *sip.Request, tx *sip.ServerTx) {
	l, ok := e.watcher(req, tx)
	if !ok {
		return
	}
	p, res := e.publication(req, l)
	if res != nil {
		e.respond(tx, res)
		return
	}
	granted, err := e.cfg.Presence.Board.Publish(p)
	if err != nil {
		e.respond(tx, e.refuseWatcher(req, err))
		return
	}
	res = e.reply(req, 200, "", sip.NewHeader("Expires", itoa(int(granted/time.Second))))
	res.AppendHeader(sip.NewHeader("SIP-ETag", p.NewTag))
	e.respond(tx, res)
}

// publication reads what a PUBLISH says, or gives the refusal.
func (e *Edge) publication(req *sip.Request, l Login) (presence.Publication, *sip.Response) {
	p := presence.Publication{NewTag: token(etagLength), Body: req.Body()}
	var ok bool
	if p.Event, _, ok = eventOf(req); !ok || p.Event == presence.Messages {
		return p, e.reply(req, 489, "", sip.NewHeader("Allow-Events", "dialog, presence"))
	}
	if p.Entity, ok = e.entityOf(l, p.Event, &req.Recipient); !ok || !e.owns(l, p.Entity) {
		return p, e.reply(req, 403, "", because("a device publishes its own state alone"))
	}
	if p.Expires, ok = expiresOf(req); !ok {
		return p, e.reply(req, 400, "Malformed Expires")
	}
	if h := req.GetHeader("sip-if-match"); h != nil {
		if p.Tag = strings.TrimSpace(h.Value()); !isToken(p.Tag) {
			return p, e.reply(req, 412, "")
		}
	}
	if len(p.Body) > 0 {
		kind, _, err := mime.ParseMediaType(contentType(req))
		if err != nil || kind != contentOf[p.Event] {
			return p, e.reply(req, 415, "", sip.NewHeader("Accept", contentOf[p.Event]))
		}
	}
	return p, nil
}
