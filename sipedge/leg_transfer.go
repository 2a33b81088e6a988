package sipedge

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

var (
	_ interpreter.Transferable = (*Leg)(nil)
	_ interpreter.Referrer     = (*Leg)(nil)
)

// transferUser is whom the transfers of a leg's party are given to. Its lock is held while it decides.
type transferUser struct {
	mu   sync.Mutex // guards take
	take func(*interpreter.Transfer) error
}

// OnTransfer gives transfers of the leg's party to f until stop returns; the latest f counts.
func (l *Leg) OnTransfer(f func(*interpreter.Transfer) error) (stop func()) {
	u := &transferUser{take: f}
	l.mu.Lock()
	l.transfers = u
	l.mu.Unlock()
	return func() {
		u.mu.Lock()
		u.take = nil
		u.mu.Unlock()
	}
}

// transfer asks whoever holds the leg.
func (l *Leg) transfer(t *interpreter.Transfer) error {
	l.mu.Lock()
	u := l.transfers
	l.mu.Unlock()
	declined := &interpreter.Refusal{Code: 603, Reason: "the call is not connected with anyone"}
	if u == nil {
		return declined
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.take == nil {
		return declined
	}
	return u.take(t)
}

// referring is a REFER of ours whose outcome is waited for. It belongs to the dialog's goroutine.
type referring struct {
	id    uint32 // CSeq number of the REFER
	notes chan note
}

// note is what one NOTIFY told.
type note struct {
	code int  // 0: nothing that can be read
	last bool // the subscription is over
}

// Refer sends REFER and returns when the outcome is known: the refusal, the final NOTIFY, or the end of the leg.
func (l *Leg) Refer(ctx context.Context, to interpreter.ReferTarget) (interpreter.Referred, error) {
	var got interpreter.Referred
	d := l.dialog
	target, err := referTo(to)
	if err != nil {
		return got, err
	}
	r := &referring{notes: make(chan note, 16)} // a peer that tells more than it is read is told so by 200 all the same
	var req *sip.Request
	err = d.do(ctx, func() error {
		if d.state != dialogConfirmed {
			return errDialogOver
		}
		req = d.request(sip.REFER)
		req.AppendHeader(sip.NewHeader("Refer-To", target))
		req.AppendHeader(sip.NewHeader("Referred-By", "<"+d.local.uri.String()+">"))
		r.id = req.CSeq().SeqNo
		d.referring = r
		d.user.note("REFER sent")
		return nil
	})
	if err != nil {
		return got, err
	}
	res, err := d.send(ctx, req)
	if err != nil {
		return got, err
	}
	l.note(itoa(res.StatusCode) + " to REFER received")
	got.Code = res.StatusCode
	if got.Code >= 300 || noSubscriptionIn(res) {
		return got, nil
	}
	for {
		select {
		case n := <-r.notes:
			if n.code != 0 {
				got.Notified, got.Final = n.code, n.code >= 200
			}
			if n.last || got.Final {
				return got, nil
			}
		case <-d.ctx.Done():
			return got, context.Cause(d.ctx)
		case <-ctx.Done():
			return got, context.Cause(ctx)
		}
	}
}

func noSubscriptionIn(res *sip.Response) bool {
	h := res.GetHeader("refer-sub")
	return h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "false")
}

// referTo writes the content of Refer-To: the URI with its headers escaped (RFC 3261 §19.1.1).
func referTo(to interpreter.ReferTarget) (string, error) {
	uri, list := to.URI, to.Headers
	if leg, ok := to.Replaces.(*Leg); ok {
		other := leg.dialog
		if uri == "" {
			uri = other.remote.uri.String()
		}
		list = append([]interpreter.Header{{Name: "Replaces",
			Value: other.callID + ";to-tag=" + other.remoteTag + ";from-tag=" + other.localTag}}, list...)
	}
	plain, _, err := cutHeaders(uri)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("<" + plain)
	for i, h := range list {
		if !plainName(h.Name) || plainValue("header "+h.Name, h.Value) != nil {
			return "", refuse("header "+shorten(h.Name), "not allowed behind a SIP address")
		}
		sep := byte('&')
		if i == 0 {
			sep = '?'
		}
		b.WriteByte(sep)
		b.WriteString(h.Name + "=" + escapeHeader(h.Value))
	}
	b.WriteByte('>')
	return b.String(), nil
}

// escapeHeader writes a value for the header part of a URI: letters, digits and the marks of RFC 3261 §25.1 stay.
func escapeHeader(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
}

// notified answers a NOTIFY of the peer. Only the subscription that our own REFER made is known in a call.
func (d *dialog) notified(req *sip.Request, tx *sip.ServerTx) {
	event := ""
	if h := req.GetHeader("event"); h != nil {
		event = h.Value()
	}
	name, params, _ := strings.Cut(event, ";")
	r := d.referring
	id, given := nameAddr{params: ";" + params}.param("id")
	switch {
	case !strings.EqualFold(strings.TrimSpace(name), "refer"):
		d.edge.respond(tx, d.edge.reply(req, 489, "", sip.NewHeader("Allow-Events", "refer")))
		return
	case r == nil || given && id != itoa(int(r.id)):
		d.edge.respond(tx, d.edge.reply(req, 481, "", explain(481, "no subscription of ours")...))
		return
	}
	n := note{code: fragmentCode(req.Body())}
	if h := req.GetHeader("subscription-state"); h != nil {
		state, _, _ := strings.Cut(h.Value(), ";")
		n.last = strings.EqualFold(strings.TrimSpace(state), "terminated")
	}
	d.edge.respond(tx, d.edge.reply(req, 200, ""))
	if n.code != 0 {
		d.user.note("NOTIFY tells of " + itoa(n.code))
	}
	select {
	case r.notes <- n:
	default:
	}
}

// fragmentCode reads the status line of a message/sipfrag body (RFC 3420); 0: there is none.
func fragmentCode(body []byte) int {
	line, _, _ := strings.Cut(string(body), "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	code, ok := digits(text, 699)
	if !strings.EqualFold(version, "SIP/2.0") || !ok || code < 100 {
		return 0
	}
	return int(code)
}
