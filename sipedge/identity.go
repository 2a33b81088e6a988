package sipedge

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// anonymous is the From of a caller who is not shown (RFC 3323 §4.1.1.3).
var anonymous = sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}

// presented is who a called party sees, and the headers that go with it: the true caller for trunks that are trusted
// with it alone (RFC 3325 §5), what shall be kept private (RFC 3323), and how the call came to be.
func (e *Edge) presented(from party, t *trunk, to interpreter.Target, o interpreter.DialOptions) (
	party, []sip.Header, error,
) {
	var list []sip.Header
	add := func(name, value string) { list = append(list, sip.NewHeader(name, value)) }
	asserted, err := e.asserted(from, t, to)
	if err != nil {
		return from, nil, err
	}
	if asserted != "" {
		add("P-Asserted-Identity", asserted)
	}
	from = t.present(from)
	if t != nil && to.FromHost != "" {
		if !validHostPort(bracketed(to.FromHost)) {
			return from, nil, refuse("host of From", "neither a name nor an address")
		}
		from.uri.Host = to.FromHost
	}
	if to.Privacy != interpreter.PrivacyNone {
		o.Privacy = to.Privacy
	}
	if to.Emergency {
		o.Privacy = interpreter.PrivacyNone // help has to know whom to call back
	}
	var hidden bool
	if from, hidden = withheld(from, o.Privacy); hidden {
		add("Privacy", "id")
	}
	came, err := e.cameBy(to, o)
	if err != nil {
		return from, nil, err
	}
	ring, err := e.ringing(to)
	return from, append(append(list, came...), ring...), err
}

// withheld is a caller without what shall be kept private. hidden reports that the number is, so that others have to be
// asked to keep it too.
func withheld(from party, p interpreter.Privacy) (shown party, hidden bool) {
	switch p {
	case interpreter.PrivacyFull:
		return party{display: "Anonymous", uri: *anonymous.Clone()}, true
	case interpreter.PrivacyNumber:
		from.uri = *anonymous.Clone()
		return from, true
	case interpreter.PrivacyName:
		from.display = "Anonymous"
	case interpreter.PrivacyNone, interpreter.PrivacyOff: // nothing is hidden
	}
	return from, false
}

// cameBy are the headers that say how the call came to be: who forwarded it (RFC 5806, RFC 7044), who transferred it
// (RFC 3892).
func (e *Edge) cameBy(to interpreter.Target, o interpreter.DialOptions) ([]sip.Header, error) {
	var list []sip.Header
	if o.ForwardedBy.User != "" {
		by, err := e.identity(o.ForwardedBy)
		if err != nil {
			return nil, err
		}
		list = append(list, sip.NewHeader("Diversion", nameAddr{display: by.display, uri: by.uri.String(),
			params: ";reason=unconditional;counter=1"}.String()),
			sip.NewHeader("History-Info", "<"+by.uri.String()+">;index=1, <"+e.historyOf(to)+">;index=1.1;mp=1"))
	}
	if o.ReferredBy != "" {
		n, err := parseNameAddr(o.ReferredBy)
		if err != nil || plainValue("Referred-By", o.ReferredBy) != nil {
			return nil, refuse("Referred-By", "malformed")
		}
		list = append(list, sip.NewHeader("Referred-By", n.String()))
	}
	return list, nil
}

// asserted is the true caller as a trunk is told that is trusted with him (RFC 3325 §9.1); empty: it is told nothing.
func (e *Edge) asserted(from party, t *trunk, to interpreter.Target) (string, error) {
	if t == nil || !t.cfg.Identity {
		return "", nil
	}
	if to.Asserted.User != "" {
		var err error
		if from, err = e.identity(to.Asserted); err != nil {
			return "", err
		}
	}
	if from.uri.User == "" {
		return "", nil
	}
	who := from.uri
	switch {
	case to.Asserted.Host != "" && validHostPort(bracketed(to.Asserted.Host)):
		who.Host = to.Asserted.Host
	case t.cfg.FromDomain != "":
		who.Host = t.cfg.FromDomain
	}
	return nameAddr{display: from.display, uri: who.String()}.String(), nil
}

// historyOf is the entry of the party that is called now (RFC 7044 §5).
func (e *Edge) historyOf(to interpreter.Target) string {
	if u, _, err := targetURI(strings.TrimSpace(to.URI)); err == nil && namesHost(to.URI) {
		u = plainTo(u)
		return u.String()
	}
	user, err := userPart("number", to.URI)
	if err != nil {
		user = ""
	}
	return (&sip.Uri{Scheme: "sip", User: user, Host: e.host}).String()
}

const maxAlert = 256

// noSound stands for the URI that Alert-Info must have where only its parameter counts.
const noSound = "<http://127.0.0.1>"

// ringing are the headers for a distinctive ring and for telephones that shall answer by themselves: no two makers
// look at the same one.
func (e *Edge) ringing(to interpreter.Target) ([]sip.Header, error) {
	var list []sip.Header
	if to.Alert != "" {
		value, err := alertInfo(to.Alert)
		if err != nil {
			return nil, err
		}
		list = append(list, sip.NewHeader("Alert-Info", value))
	}
	if to.AutoAnswer {
		list = append(list, sip.NewHeader("Call-Info", "<sip:"+e.host+">;answer-after=0"),
			sip.NewHeader("Alert-Info", noSound+";info=alert-autoanswer;delay=0"),
			sip.NewHeader("Answer-Mode", "Auto")) // RFC 5373
	}
	return list, nil
}

// alertInfo writes a ring as RFC 3261 §20.4 has it: a URI in brackets, whose parameters stay, or a name as the
// parameter that telephones look for.
func alertInfo(text string) (string, error) {
	if err := plainValue("ringtone", text); err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	name := strings.TrimPrefix(text, "info=")
	switch {
	case len(text) > maxAlert:
		return "", refuse("ringtone", "longer than 256 octets")
	case isToken(name):
		return noSound + ";info=" + name, nil
	case !strings.HasPrefix(text, "<"):
		text = "<" + text + ">"
	}
	n, err := parseNameAddr(text)
	if err != nil || n.display != "" {
		return "", refuse("ringtone", "neither a name nor a URI")
	}
	return n.String(), nil
}

// believe takes the identity of a caller from a trunk that is trusted with it (RFC 3325 §4); from all others such
// headers say nothing, and go no further.
func (t *trunk) believe(info *interpreter.LegInfo, req *sip.Request) {
	if t == nil || !t.cfg.Identity {
		return
	}
	for _, name := range []string{"p-asserted-identity", "remote-party-id"} {
		h := req.GetHeader(name)
		if h == nil {
			continue
		}
		n, err := parseNameAddr(splitUnquoted(h.Value(), ',')[0])
		var u sip.Uri
		if err != nil || sip.ParseUri(n.uri, &u) != nil {
			continue
		}
		info.From = addressOf(n.display, &u)
		if v, ok := n.param("privacy"); ok && v != "off" {
			info.Privacy = interpreter.PrivacyFull
		}
		break
	}
	for _, h := range req.GetHeaders("privacy") {
		for value := range strings.SplitSeq(h.Value(), ";") {
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "id", "user", "header":
				info.Privacy = interpreter.PrivacyFull
			}
		}
	}
}
