package sipedge

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

const maxHops = 3 // times one call may come through this engine

// Calls is who takes the calls that come in; the engine's router and call manager behind it.
type Calls interface {
	// Route says how a call begins. interpreter.ErrNotFound refuses it with 404.
	Route(l interpreter.LegInfo) (interpreter.Start, error)
	// Start runs the call and returns at once. interpreter.ErrOverload refuses it with 503, any other error with 500.
	Start(leg interpreter.Leg, s interpreter.Start) error
}

// inbound takes an INVITE that begins a dialog. It returns when the call runs or is refused; the transaction lives on
// by itself.
func (e *Edge) inbound(req *sip.Request, tx *sip.ServerTx) {
	e.respond(tx, e.reply(req, 100, ""))
	key, res := e.admit(req)
	if res != nil {
		e.respond(tx, res)
		return
	}
	login, res := e.caller(req)
	if res != nil {
		e.dialogs.forgetInvite(key)
		e.respond(tx, res)
		return
	}
	info := identified(infoOf(req), login)
	if login.Device == "" {
		carrier := e.trunkOf(req)
		carrier.called(&info)
		carrier.believe(&info, req)
	}
	replaces, res := e.replacing(req, info)
	if res != nil {
		e.dialogs.forgetInvite(key)
		e.respond(tx, res)
		return
	}
	var start interpreter.Start
	var err error
	if replaces == "" {
		start, err = e.route(info, req)
	}
	if errors.Is(err, errStranger) {
		e.dialogs.forgetInvite(key)
		e.respond(tx, e.challengeStranger(req))
		return
	}
	if err != nil {
		e.dialogs.forgetInvite(key)
		e.respond(tx, e.reply(req, refusalCode(err), "", retryHeader(refusalCode(err))...))
		return
	}
	d := e.dialogFor(req, key)
	d.viaFlow = phoneBehindNAT(req, info)
	leg, res := e.receive(d, info, req, tx)
	if res != nil {
		e.dialogs.forgetInvite(key)
		e.respond(tx, res)
		return
	}
	if replaces != "" {
		e.takeOver(leg, replaces)
		return
	}
	// Ringing before the customer is asked: they hear it while the document is fetched.
	if err = leg.Ring(e.work); err == nil {
		err = e.cfg.Calls.Start(leg, start)
	}
	if err != nil {
		code := refusalCode(err)
		_ = leg.Hangup(e.work, interpreter.Hangup{By: interpreter.ByEngine, Code: code, Cause: interpreter.CauseOf(code),
			Reason: phrase(code)})
	}
}

// retryHeader goes with 503 alone.
func retryHeader(code int) []sip.Header {
	if code != 503 {
		return nil
	}
	return []sip.Header{retryAfter()}
}

// admit refuses what needs neither dialog nor media to be refused. key is the claim on the INVITE.
func (e *Edge) admit(req *sip.Request) (key string, refused *sip.Response) {
	if e.draining.Load() {
		return "", e.reply(req, 503, "", retryAfter(), because(whyDraining))
	}
	if e.hopsOf(req) >= maxHops {
		return "", e.reply(req, 482, "", because("this call has come through this engine too often"))
	}
	if m := req.MaxForwards(); m != nil && *m == 0 {
		return "", e.reply(req, 483, "")
	}
	if refused = e.sipsInClear(req); refused != nil {
		return "", refused
	}
	source := sourceOf(req)
	if !e.trusted(source) && !e.callers.allow(source, time.Now()) ||
		!e.arrivals.allow(netip.IPv4Unspecified(), time.Now()) {
		return "", e.reply(req, 503, "", retryAfter(), because(whyRate))
	}
	if h := req.GetHeader("accept"); h != nil && !acceptsSDP(req) {
		return "", e.reply(req, 406, "")
	}
	if refused = e.tooShort(req); refused != nil {
		return "", refused
	}
	from, _ := req.From().Params.Get("tag")
	branch, _ := req.Via().Params.Get("branch")
	key = req.CallID().Value() + "\x00" + from + "\x00" + itoa(int(req.CSeq().SeqNo))
	if !e.dialogs.claimInvite(key, branch) {
		return "", e.reply(req, 482, "Merged Request")
	}
	return key, nil
}

func acceptsSDP(req *sip.Request) bool {
	for _, h := range req.GetHeaders("accept") {
		for part := range strings.SplitSeq(h.Value(), ",") {
			kind, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case mediaTypeSDP, "application/*", "*/*":
				return true
			}
		}
	}
	return false
}

// dialogFor makes the dialog of an INVITE, not yet running.
func (e *Edge) dialogFor(req *sip.Request, key string) *dialog {
	d := newDialog(e, req.CallID().Value(), toTag(req), e.hopsOf(req))
	d.inviteKey = key
	d.learn(req)
	d.remoteTag, _ = req.From().Params.Get("tag")
	d.local = party{req.To().DisplayName, *req.To().Address.Clone()}
	d.remote = party{req.From().DisplayName, *req.From().Address.Clone()}
	d.flow = flow{strings.ToUpper(req.Transport()), req.Source()}
	d.sips = wantsSips(req)
	d.remoteSeq = req.CSeq().SeqNo
	d.box.seen = d.remoteSeq
	d.target = d.remote.uri // an RFC 2543 peer may give no Contact
	if c := req.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	for _, h := range req.GetHeaders("record-route") {
		if r, ok := h.(*sip.RecordRouteHeader); ok {
			d.routes = append(d.routes, *r.Address.Clone())
		}
	}
	return d
}

// receive opens the media of an inbound leg, answers its offer in thought, and starts the dialog. It gives the refusal
// if that fails.
func (e *Edge) receive(d *dialog, info interpreter.LegInfo, req *sip.Request, tx *sip.ServerTx) (*Leg, *sip.Response) {
	t := e.trunkByID(info.Trunk)
	if !t.take(d, true) {
		d.cancel(nil)
		return nil, e.reply(req, 503, "", retryAfter(), warning(errTrunkFull))
	}
	d.creds = t.own()
	leg, err := e.newLeg(d, info, wantsWebRTC(req))
	if errors.Is(err, errSDP) {
		d.cancel(nil)
		return nil, e.reply(req, 488, "", warning(err))
	}
	if err != nil {
		d.cancel(nil)
		e.log.WithError(err).Warn("no media for an inbound call")
		return nil, e.reply(req, 503, "", retryAfter())
	}
	i := &serverInvite{req: req, tx: tx, seq: req.CSeq().SeqNo, initial: true, began: time.Now()}
	if res := d.negotiate(i); res != nil {
		d.cancel(nil)
		leg.audio.Close()
		return nil, res
	}
	d.invite = i
	if !d.begin() {
		leg.audio.Close()
		return nil, e.reply(req, 503, "")
	}
	leg.note("INVITE received from " + req.Source())
	leg.watch()
	_ = d.do(e.work, func() error { d.watchCancel(i); return nil })
	return leg, nil
}

// route asks who takes the call. Strangers are let in only where the number says so (R-AUTH-1); they get the same
// answer for a number that does not exist.
func (e *Edge) route(info interpreter.LegInfo, req *sip.Request) (interpreter.Start, error) {
	start, err := e.cfg.Calls.Route(info)
	if info.Trunk == "" && !e.known(req) && info.Device == "" && (err != nil || !start.Public) {
		return start, errStranger
	}
	return start, err
}

var errStranger = errors.New("caller is not known and the number is not public")

func refusalCode(err error) int {
	switch {
	case errors.Is(err, errStranger):
		return 403
	case errors.Is(err, interpreter.ErrNotFound):
		return 404
	case errors.Is(err, interpreter.ErrOverload):
		return 503
	}
	return 500
}

// infoOf is what an INVITE says about its caller.
func infoOf(req *sip.Request) interpreter.LegInfo {
	l := interpreter.LegInfo{
		ID: interpreter.NewID(), CallID: req.CallID().Value(), Direction: interpreter.Inbound, Started: time.Now(),
		From: addressOf(req.From().DisplayName, &req.From().Address), To: addressOf(req.To().DisplayName, &req.To().Address),
		Request: addressOf("", &req.Recipient), SourceIP: sourceOf(req).String(), Headers: customHeaders(req),
	}
	l.ForwardedFrom = forwardedFrom(req)
	return l
}

// forwardedFrom is the number that sent the call on: the first Diversion (RFC 5806), or the last but one History-Info
// (RFC 7044).
func forwardedFrom(req *sip.Request) string {
	text := ""
	if h := req.GetHeader("diversion"); h != nil {
		text = splitUnquoted(h.Value(), ',')[0]
	} else {
		var entries []string
		for _, h := range req.GetHeaders("history-info") {
			entries = append(entries, splitUnquoted(h.Value(), ',')...)
		}
		if len(entries) < 2 {
			return ""
		}
		text = entries[len(entries)-2]
	}
	n, err := parseNameAddr(text)
	var u sip.Uri
	if err != nil || sip.ParseUri(n.uri, &u) != nil {
		return ""
	}
	return addressOf("", &u).User
}

// addressOf shows an address as customers see it: escapes of the display name undone, tel: numbers as user part.
func addressOf(display string, u *sip.Uri) interpreter.Address {
	plain := *u.Clone()
	plain.Headers = nil
	a := interpreter.Address{Display: strings.ToValidUTF8(unescapeQuoted(display), "�"), User: plain.User,
		Host: strings.Trim(plain.Host, "[]")}
	plain.UriParams = nil
	a.URI = plain.String()
	if plain.Scheme == "tel" {
		a.User, _, _ = strings.Cut(plain.Raw(), ";")
	}
	// "+4930;phone-context=…@host" is a number with parameters in the user part.
	if plain.Scheme != "tel" {
		a.User, _, _ = strings.Cut(a.User, ";")
	}
	return a
}

func unescapeQuoted(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// customHeaders are those that a customer's application is told: X- headers, User-to-User, Diversion. Broken UTF-8 is
// replaced.
func customHeaders(m interface{ Headers() []sip.Header }) []interpreter.Header {
	var list []interpreter.Header
	for _, h := range m.Headers() {
		name := strings.ToLower(h.Name())
		if strings.HasPrefix(name, "x-") || name == "user-to-user" || name == "diversion" {
			list = append(list, interpreter.Header{Name: h.Name(), Value: strings.ToValidUTF8(h.Value(), "�")})
		}
	}
	return list
}

func sourceOf(m sip.Message) netip.Addr {
	ap, err := netip.ParseAddrPort(m.Source())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// Ring, Early, Answer and Hangup of a leg reach the dialog through these.

func (d *dialog) ring(ctx context.Context) error {
	return d.do(ctx, func() error {
		if d.state != dialogEarly || d.invite == nil {
			return nil
		}
		return d.provisional(180)
	})
}

func (d *dialog) early(ctx context.Context) error {
	return d.do(ctx, func() error {
		i := d.invite
		if d.state != dialogEarly || i == nil {
			return nil
		}
		if i.session == nil {
			if d.asksReliable(i, 183) {
				return d.provisional(183) // our offer; sound begins with the answer in the PRACK
			}
			return interpreter.ErrUnsupported // late offer: nowhere to send sound to
		}
		if err := d.goLive(i); err != nil {
			return err
		}
		return d.provisional(183)
	})
}

func (d *dialog) answer(ctx context.Context) error {
	sent := make(chan error, 2) // one from here, one when the peer was waited for
	if err := d.do(ctx, func() error {
		switch d.state {
		case dialogEnded:
			return errDialogOver
		case dialogEarly:
			d.acceptReady(func(err error) { sent <- err })
		case dialogConfirmed:
			sent <- nil
		}
		return nil
	}); err != nil {
		return err
	}
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.ctx.Done():
		return errDialogOver
	}
}
