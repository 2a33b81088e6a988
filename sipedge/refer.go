package sipedge

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

const (
	sipfrag      = "message/sipfrag;version=2.0"
	referExpires = 600 // seconds that the subscription of a REFER lives: the longest time that anything rings
	tellTime     = 2 * time.Second
)

// transferTaker is the user of a dialog whose peer may send REFER.
type transferTaker interface {
	transfer(t *interpreter.Transfer) error
}

// referred answers a REFER within the dialog (RFC 3515). One at a time is carried out.
func (d *dialog) referred(req *sip.Request, tx *sip.ServerTx) {
	refuse := func(code int, reason string) {
		d.edge.respond(tx, d.edge.reply(req, code, "", explain(code, reason)...))
	}
	taker, ok := d.user.(transferTaker)
	switch {
	case d.state == dialogEarly || !ok:
		refuse(603, "only an answered call can be transferred")
		return
	case d.referral != nil && !d.referral.ended:
		refuse(491, "another transfer of this call is under way")
		return
	}
	t, code, why := d.readRefer(req)
	if t == nil {
		refuse(code, why)
		return
	}
	r := &referral{d: d, id: req.CSeq().SeqNo, done: make(chan struct{}), silent: noSubscription(req)}
	t.Progress = func(code int) { d.box.post(func() { r.tell(code) }) }
	t.Done = r.finish
	if err := taker.transfer(t); err != nil {
		var no *interpreter.Refusal
		if !errors.As(err, &no) {
			no = &interpreter.Refusal{Code: 500, Reason: err.Error()}
		}
		refuse(no.Code, no.Reason)
		return
	}
	d.referral = r
	d.user.note("REFER accepted")
	res := d.edge.reply(req, 202, "", d.contact())
	if r.silent {
		res.AppendHeader(sip.NewHeader("Refer-Sub", "false"))
	}
	d.edge.respond(tx, res)
	r.tell(100)
}

// explain says in Reason (RFC 3326) and Warning (RFC 3261 §20.43) why a request is refused.
func explain(code int, reason string) []sip.Header {
	if reason == "" {
		return nil
	}
	return []sip.Header{reasonHeader(code, reason), warning(errors.New(reason))}
}

// noSubscription reports a peer that does not want to be told of the outcome (RFC 4488).
func noSubscription(req *sip.Request) bool {
	h := req.GetHeader("refer-sub")
	return h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "false")
}

// readRefer takes a REFER apart. Without a transfer, code and why say what is wrong with it.
func (d *dialog) readRefer(req *sip.Request) (t *interpreter.Transfer, code int, why string) {
	list := req.GetHeaders("refer-to")
	if len(list) != 1 {
		return nil, 400, "a REFER has exactly one Refer-To"
	}
	written := list[0].Value()
	n, err := parseNameAddr(written)
	if err != nil || plainValue("Refer-To", written) != nil {
		return nil, 400, "Refer-To is malformed" //nolint:nilerr // code and why say it
	}
	scheme, _, _ := strings.Cut(n.uri, ":")
	base, query, _ := strings.Cut(n.uri, "?")
	var u sip.Uri
	switch strings.ToLower(scheme) {
	case "sip", "sips", "tel":
		if sip.ParseUri(base, &u) != nil {
			return nil, 400, "the URI of Refer-To is malformed" //nolint:nilerr // code and why say it
		}
	default:
		return nil, 416, "only sip, sips and tel can be referred to"
	}
	if m, ok := u.UriParams.Get("method"); ok && !strings.EqualFold(m, "INVITE") {
		return nil, 501, "a REFER may ask for an INVITE alone"
	}
	t = &interpreter.Transfer{Written: strings.ToValidUTF8(written, "\uFFFD"), To: addressOf("", &u)}
	t.To.URI = base
	t.Local = u.Scheme == "tel" || d.edge.ours(&u)
	if h := req.GetHeader("referred-by"); h != nil && plainValue("Referred-By", h.Value()) == nil {
		t.ReferredBy = h.Value()
	}
	if replaces, ok := replacesIn(query); ok {
		if t.Replaces = d.sibling(replaces); t.Replaces == "" {
			return nil, 481, "Replaces names no answered call of yours with this engine"
		}
	}
	return t, 0, ""
}

// replacesIn finds the Replaces header among those behind the question mark of a Refer-To URI. All others are ignored:
// a telephone does not choose the headers of our calls.
func replacesIn(query string) (string, bool) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(name, "Replaces") {
			continue
		}
		value, err := url.PathUnescape(value)
		return value, err == nil
	}
	return "", false
}

// ours reports a URI whose host is this engine.
func (e *Edge) ours(u *sip.Uri) bool {
	host := strings.Trim(strings.ToLower(u.Host), "[]")
	if e.cfg.Accounts != nil {
		if _, ok := e.cfg.Accounts.Realm(host); ok {
			return true
		}
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	if port != e.port {
		return false
	}
	if host == strings.ToLower(e.host) || host == strings.ToLower(e.cfg.Advertise) {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == e.local.Addr().Unmap()
}

// sibling finds the other call of this dialog's peer that a Replaces value names, and gives the id of its leg. A call
// of someone else is not found.
func (d *dialog) sibling(replaces string) string {
	other := d.edge.named(replaces)
	if other == nil || other == d {
		return ""
	}
	mine, ok1 := d.user.(*Leg)
	theirs, ok2 := other.user.(*Leg)
	if !ok1 || !ok2 || !sameOwner(mine.Info(), theirs.Info()) {
		return ""
	}
	return theirs.Info().ID
}

// sameOwner reports two legs of one account, or where there is none, of one address.
func sameOwner(a, b interpreter.LegInfo) bool {
	if a.Account != "" || b.Account != "" {
		return a.Account == b.Account
	}
	return a.SourceIP == b.SourceIP && a.SourceIP != ""
}

// referral is what a peer is told of the transfer it asked for: the subscription that a REFER makes (RFC 3515 §2.4.4).
// It belongs to the dialog's goroutine.
type referral struct {
	d      *dialog
	id     uint32 // CSeq number of the REFER
	silent bool   // the peer does not want to be told
	busy   bool   // a NOTIFY waits for its answer
	code   int    // to be told next; 0: nothing new
	said   int    // told last
	ended  bool   // the final code has been told, or cannot be
	done   chan struct{}
}

// finish tells the final code and returns when the peer knows, or cannot be told in time.
func (r *referral) finish(code int) {
	if !r.d.box.post(func() {
		if r.silent {
			r.end()
			return
		}
		r.tell(code)
	}) {
		return
	}
	t := time.NewTimer(tellTime)
	defer t.Stop()
	select {
	case <-r.done:
	case <-r.d.gone:
	case <-r.d.ctx.Done():
	case <-t.C:
	}
}

// tell sends a code, or keeps it until the last NOTIFY is answered. Only the latest counts.
func (r *referral) tell(code int) {
	if r.silent || r.ended || code == r.said || r.code >= 200 {
		return
	}
	r.code = code
	if !r.busy {
		r.next()
	}
}

func (r *referral) next() {
	d, code := r.d, r.code
	if code == 0 || r.ended || d.state == dialogEnded {
		return
	}
	r.code, r.said, r.busy = 0, code, true
	req := d.request(sip.NOTIFY)
	req.AppendHeader(sip.NewHeader("Event", "refer;id="+itoa(int(r.id))))
	state := "active;expires=" + itoa(referExpires)
	if code >= 200 {
		state = "terminated;reason=noresource"
	}
	req.AppendHeader(sip.NewHeader("Subscription-State", state))
	kind := sip.ContentTypeHeader(sipfrag)
	req.AppendHeader(&kind)
	req.SetBody([]byte("SIP/2.0 " + itoa(code) + " " + phrase(code) + "\r\n"))
	d.user.note("NOTIFY sent: " + itoa(code))
	if !d.edge.spawn(func() {
		res, err := d.send(d.ctx, req)
		d.box.post(func() { r.answered(code, res, err) })
	}) {
		r.end()
	}
}

// answered goes on when a NOTIFY has its answer. A peer that knows nothing of the subscription is told no more.
func (r *referral) answered(code int, res *sip.Response, err error) {
	r.busy = false
	if code >= 200 || err != nil || res.StatusCode == 481 || res.StatusCode == 489 || res.StatusCode == 405 {
		r.end()
		return
	}
	r.next()
}

func (r *referral) end() {
	if !r.ended {
		r.ended = true
		close(r.done)
	}
}
