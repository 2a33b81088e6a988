package sipedge

import (
	"context"
	"strings"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// TakeOver is implemented by Calls that let a telephone take a call over from another one (INVITE with Replaces).
type TakeOver interface {
	// TakeOver puts leg in the place of the leg with that id and returns at once. interpreter.ErrNotFound: nobody can be
	// replaced there.
	TakeOver(leg interpreter.Leg, id string) error
}

// replaced is a Replaces value taken apart (RFC 3891 §6.1).
type replaced struct {
	callID, to, from string
	early            bool
}

// parseReplaces reads a value. All of Call-ID and both tags are needed.
func parseReplaces(value string) (replaced, bool) {
	parts := strings.Split(value, ";")
	r := replaced{callID: strings.TrimSpace(parts[0])}
	for _, p := range parts[1:] {
		name, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			r.to = strings.TrimSpace(v)
		case "from-tag":
			r.from = strings.TrimSpace(v)
		case "early-only":
			r.early = true
		}
	}
	return r, r.callID != "" && r.to != "" && r.from != "" && !hasControl(value)
}

// named finds the dialog that a Replaces value names: to-tag is ours, from-tag the peer's (RFC 3891 §3). Some
// telephones have them the other way round.
func (e *Edge) named(value string) *dialog {
	r, ok := parseReplaces(value)
	if !ok {
		return nil
	}
	for _, tags := range [2][2]string{{r.to, r.from}, {r.from, r.to}} {
		if d := e.dialogs.get(r.callID, tags[0]); d != nil && d.remoteTag == tags[1] {
			return d
		}
	}
	return nil
}

// replacing decides on an INVITE with Replaces. The leg it may replace is given by id; empty and without refusal means
// that the INVITE replaces nobody.
func (e *Edge) replacing(req *sip.Request, info interpreter.LegInfo) (id string, refused *sip.Response) {
	list := req.GetHeaders("replaces")
	if len(list) == 0 {
		return "", nil
	}
	no := func(code int, why string) (string, *sip.Response) {
		return "", e.reply(req, code, "", explain(code, why)...)
	}
	r, ok := parseReplaces(list[0].Value())
	d := e.named(list[0].Value())
	switch {
	case len(list) > 1 || !ok:
		return no(400, "Replaces is malformed")
	case d == nil:
		return e.pickedUp(req, r, info)
	}
	leg, ok := d.user.(*Leg)
	if _, can := e.cfg.Calls.(TakeOver); !can || !ok {
		return no(481, "no call is to be replaced there")
	}
	old := leg.Info()
	switch {
	case !e.mayReplace(req, info, old):
		return no(403, "this call belongs to someone else")
	case d.ctx.Err() != nil:
		return no(603, "the call has ended")
	case old.Answered.IsZero():
		return no(481, "a call that is not answered cannot be replaced")
	case r.early:
		return no(486, "the call has been answered")
	}
	return old.ID, nil
}

// mayReplace lets telephones of the same account replace each other, and peers whom the operator trusts.
func (e *Edge) mayReplace(req *sip.Request, by, old interpreter.LegInfo) bool {
	if by.Account != "" || old.Account != "" {
		return by.Account == old.Account
	}
	return e.known(req) || by.SourceIP != "" && by.SourceIP == old.SourceIP
}

// takeOver hands an inbound leg to whoever puts it in the place of another one.
func (e *Edge) takeOver(leg *Leg, id string) {
	t, ok := e.cfg.Calls.(TakeOver)
	err := interpreter.ErrNotFound
	if ok {
		err = t.TakeOver(leg, id)
	}
	if err != nil {
		code := 481
		if refusalCode(err) == 503 {
			code = 503
		}
		_ = leg.Hangup(context.WithoutCancel(e.work), interpreter.Hangup{By: interpreter.ByEngine, Code: code,
			Cause: interpreter.CauseOf(code), Reason: "the call to be replaced has ended, or someone else was faster"})
	}
}
