package verbs

import (
	"cmp"
	"net/url"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// headers are those of the INVITE to an endpoint: its own, then those of the telephone that calls, then those of the
// flow; of one name the last counts.
func (p *planner) headers(e account.Endpoint) []interpreter.Header {
	list := e.Headers()
	if p.from != nil {
		list = append(list, p.from.HeadersOut()...)
	}
	return lastOfEach(append(list, p.e.Headers...))
}

func lastOfEach(list []interpreter.Header) []interpreter.Header {
	var out []interpreter.Header
	at := map[string]int{}
	for _, h := range list {
		name := strings.ToLower(h.Name)
		if i, twice := at[name]; twice {
			out[i] = h
			continue
		}
		at[name] = len(out)
		out = append(out, h)
	}
	return out
}

// alert is how the telephone rings: as the flow says, else as its own settings do.
func (p *planner) alert(e account.Endpoint) string {
	tone := p.e.Ringtones.External
	if p.caller.Inside() {
		tone = p.e.Ringtones.Internal
	}
	if tone = cmp.Or(tone, p.e.Alert); tone != "" {
		return tone
	}
	return e.Alert(p.caller)
}

// shown is the caller that the called party sees. Towards telephones a call of the account shows the internal caller
// id, one from outside shows itself; towards the public network, External, the external one.
func (p *planner) shown(w way, as account.Attribute) interpreter.Address {
	if p.e.Anonymous && as == account.Internal {
		return Anonymous()
	}
	own := p.c.From
	q := p.e.Caller
	q.As, q.Own = as, account.Identity{Name: own.Display, Number: own.User}
	switch {
	case w.as != nil && !w.keep:
		q.From, q.Forwarded = w.as, true
	case w.as != nil && as == account.External:
		q.Retain = true
	case p.from != nil:
		q.From = p.v.Merge(p.from)
	}
	id := p.v.CallerID(q)
	if id == q.Own {
		return own
	}
	a := interpreter.Address{Display: id.Name, User: id.Number, Host: own.Host}
	if q.From != nil && p.v.Account().Realm != "" {
		a.Host = p.v.Account().Realm
	}
	return a
}

// Anonymous is a caller who is not shown (RFC 3323 §4.1.1.3).
func Anonymous() interpreter.Address {
	return interpreter.Address{Display: "Anonymous", User: "anonymous", Host: "anonymous.invalid",
		URI: "sip:anonymous@anonymous.invalid"}
}

// privacy is what a called party is not shown of the caller.
func (p *planner) privacy(w way) interpreter.Privacy {
	switch {
	case p.e.Anonymous:
		return interpreter.PrivacyFull
	case w.as == nil || w.keep:
		return p.leg.Privacy
	case w.as.Privacy == "none":
		return interpreter.PrivacyNone
	}
	return interpreter.Privacy(w.as.Privacy)
}

// userOf is the user part of the Request-URI towards a telephone; empty: what it has registered with.
func (p *planner) userOf(e account.Endpoint) string {
	switch {
	case p.e.User != "":
		return p.e.User
	case e.Device == nil:
		return ""
	case e.Device.SIP.StaticInvite != "":
		return e.Device.SIP.StaticInvite
	}
	s := e.Device.SIP
	var f number.Format
	switch s.InviteFormat {
	case "username":
		return s.Username
	case "npan":
		f = number.NPAN
	case "1npan":
		f = number.OneNPAN
	case "e164":
		f = number.E164
	case "strip_plus":
		f = number.StripPlus
	default:
		return ""
	}
	n := s.Number
	if n == "" {
		n = p.leg.Request.User
	}
	if full, ok := p.e.Plan.E164(n); ok {
		n = p.e.Plan.Write(full, f)
	}
	return n
}

// WithUser replaces the user part of a SIP address.
func WithUser(uri, user string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri
	}
	if _, host, found := strings.Cut(rest, "@"); found {
		rest = host
	}
	return scheme + ":" + url.PathEscape(user) + "@" + rest
}
