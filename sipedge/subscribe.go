package sipedge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/sipedge/presence"
)

const (
	defaultSubscription = time.Hour // where a SUBSCRIBE or PUBLISH names no expiry
	maxExpires          = 1<<32 - 1
	maxEventID          = 64
)

// subscribe answers a SUBSCRIBE that begins a dialog (RFC 6665 §4.2.1).
func (e *Edge) subscribe(req *sip.Request, tx *sip.ServerTx) {
	l, ok := e.watcher(req, tx)
	if !ok {
		return
	}
	r, res := e.subscription(req, l)
	if res != nil {
		e.respond(tx, res)
		return
	}
	w := e.watcherOf(req)
	sub, err := e.cfg.Presence.Board.Subscribe(e.work, r, w)
	if err != nil {
		e.respond(tx, e.refuseWatcher(req, err))
		return
	}
	e.respond(tx, e.subscribed(req, sub))
	sub.Start()
}

// watcher is the device that sends a SUBSCRIBE or PUBLISH; when it reports false the request has been answered.
func (e *Edge) watcher(req *sip.Request, tx *sip.ServerTx) (Login, bool) {
	if e.cfg.Presence.Board == nil || e.phones == nil {
		e.refuseMethod(req, tx)
		return Login{}, false
	}
	return e.authenticate(req, tx)
}

// subscription reads what a SUBSCRIBE asks for, or gives the refusal.
func (e *Edge) subscription(req *sip.Request, l Login) (presence.Request, *sip.Response) {
	r := presence.Request{ID: subscriptionID(req), Watcher: l.Device}
	if e.draining.Load() {
		return r, e.reply(req, 503, "", retryAfter(), because(whyDraining))
	}
	var ok bool
	if r.Event, r.EventID, ok = eventOf(req); !ok {
		return r, e.reply(req, 489, "", sip.NewHeader("Allow-Events", presence.Allowed))
	}
	if r.Entity, ok = e.entityOf(l, r.Event, &req.Recipient); !ok {
		return r, e.reply(req, 404, "")
	}
	if r.Expires, ok = expiresOf(req); !ok {
		return r, e.reply(req, 400, "Malformed Expires")
	}
	if kind := contentOf[r.Event]; !accepts(req, kind) {
		return r, e.reply(req, 406, "", sip.NewHeader("Accept", kind))
	}
	if req.Contact() == nil {
		return r, e.reply(req, 400, "Missing Contact")
	}
	return r, nil
}

var contentOf = map[presence.Event]string{presence.Dialog: presence.ContentDialog,
	presence.Presence: presence.ContentPresence, presence.Messages: presence.ContentMessages}

// resubscribe answers a SUBSCRIBE within the dialog of a subscription. It reports false when there is none.
func (e *Edge) resubscribe(req *sip.Request, tx *sip.ServerTx) bool {
	board := e.cfg.Presence.Board
	if req.Method != sip.SUBSCRIBE || board == nil {
		return false
	}
	sub := board.Subscription(subscriptionID(req))
	if sub == nil {
		return false
	}
	w, ok := sub.Sender().(*watcher)
	if tag, _ := req.From().Params.Get("tag"); !ok || tag != w.remoteTag {
		return false
	}
	l, ok := e.authenticate(req, tx)
	if !ok {
		return true
	}
	if res := e.refreshed(req, l, sub, w); res != nil {
		e.respond(tx, res)
		return true
	}
	e.respond(tx, e.subscribed(req, sub))
	sub.Start()
	return true
}

// refreshed lengthens or ends a subscription, or gives the refusal, which changes nothing (RFC 6665 §4.2.1.4).
func (e *Edge) refreshed(req *sip.Request, l Login, sub *presence.Subscription, w *watcher) *sip.Response {
	r := sub.Request()
	if l.Device != r.Watcher {
		return e.reply(req, 403, "", because("the subscription is another device's"))
	}
	if event, id, ok := eventOf(req); !ok || event != r.Event || id != r.EventID {
		return e.reply(req, 481, "")
	}
	asked, ok := expiresOf(req)
	if !ok {
		return e.reply(req, 400, "Malformed Expires")
	}
	granted, err := e.cfg.Presence.Board.Grant(asked)
	if err != nil {
		return e.refuseWatcher(req, err)
	}
	if !w.refresh(req) {
		return e.reply(req, 500, "CSeq Out Of Order")
	}
	if !sub.Refresh(e.work, granted) {
		return e.reply(req, 481, "")
	}
	return nil
}

// subscribed is the 200 of a SUBSCRIBE.
func (e *Edge) subscribed(req *sip.Request, sub *presence.Subscription) *sip.Response {
	left := int((sub.Left() + time.Second/2) / time.Second)
	return e.reply(req, 200, "", e.contact(strings.ToUpper(req.Transport())), sip.NewHeader("Expires", itoa(left)),
		sip.NewHeader("Allow-Events", presence.Allowed))
}

// refuseWatcher is the answer to what the board did not take.
func (e *Edge) refuseWatcher(req *sip.Request, err error) *sip.Response {
	switch {
	case errors.Is(err, presence.ErrTooBrief):
		least := int(e.cfg.Presence.Board.MinExpires() / time.Second)
		return e.reply(req, 423, "", sip.NewHeader("Min-Expires", itoa(least)))
	case errors.Is(err, presence.ErrNoMatch):
		return e.reply(req, 412, "")
	case errors.Is(err, presence.ErrDocument):
		return e.reply(req, 400, "Document Cannot Be Read", warning(err))
	case errors.Is(err, presence.ErrFull), errors.Is(err, presence.ErrClosed):
		return e.reply(req, 503, "", retryAfter(), warning(err))
	}
	return e.reply(req, 500, "")
}

// subscriptionID names the subscription of a dialog. The local tag in it cannot be guessed.
func subscriptionID(req *sip.Request) string {
	sum := sha256.Sum256([]byte(dialogKey(req.CallID().Value(), toTag(req))))
	return hex.EncodeToString(sum[:16])
}

// eventOf reads the Event header (RFC 6665 §8.2.1); its id parameter is part of the subscription's name.
func eventOf(req *sip.Request) (event presence.Event, id string, ok bool) {
	h := req.GetHeader("event")
	if h == nil {
		h = req.GetHeader("o") // the compact form
	}
	if h == nil {
		return "", "", false
	}
	parts := strings.Split(h.Value(), ";")
	event = presence.Event(strings.ToLower(strings.TrimSpace(parts[0])))
	for _, p := range parts[1:] {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), "id") {
			id = strings.TrimSpace(v)
		}
	}
	return event, id, event.Known() && len(id) <= maxEventID && (id == "" || isToken(id))
}

// expiresOf reads the Expires header.
func expiresOf(req *sip.Request) (time.Duration, bool) {
	h := req.GetHeader("expires")
	if h == nil {
		return defaultSubscription, true
	}
	n, ok := digits(strings.TrimSpace(h.Value()), maxExpires)
	return time.Duration(n) * time.Second, ok
}

// accepts reports whether the peer takes a content type; without an Accept header it does.
func accepts(req *sip.Request, kind string) bool {
	list := req.GetHeaders("accept")
	for _, h := range list {
		for part := range strings.SplitSeq(h.Value(), ",") {
			t, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(t)) {
			case kind, "application/*", "*/*":
				return true
			}
		}
	}
	return len(list) == 0
}
