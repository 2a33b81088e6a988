package twiml

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name:   "Sip",
	doc:    "Sip is a SIP address that a Dial calls.",
	inside: []string{"Dial", "Refer"},
	attrs: append([]attr{
		{"username", "", "user name for digest authentication"},
		{"password", "", "password for it"},
	}, calleeAttrs...),
	callee: decodeSip,
})

var _ = register(spec{
	name:   "Uri",
	doc:    "Uri is one of several addresses of a Sip; the next is tried when one fails.",
	inside: []string{"Sip"},
	attrs: []attr{
		{"priority", "0", "order, lower first, 0 to 65535"},
		{"weight", "1", "among the same priority, higher first, 1 to 65535"},
		{"username", "", "user name for digest authentication"},
		{"password", "", "password for it"},
	},
})

var _ = register(spec{name: "Headers", doc: "Headers holds the SIP headers that a Sip sends.", inside: []string{"Sip"}})

var _ = register(spec{
	name:   "Header",
	doc:    "Header is one SIP header; its name begins with X- or is on a short list.",
	inside: []string{"Headers"},
	attrs:  []attr{{"name", "", "name of the header"}, {"value", "", "its value"}},
})

// Limits of a SIP noun.
const (
	maxSipURI     = 255
	maxSipHeaders = 1024
	maxHeaders    = 50
	maxCredential = 256
)

// decodeSip adds the address, or the addresses, of a Sip.
func decodeSip(r *reader, e *element, d *Dial) {
	d.Sip = true
	c := e.calleeOptions(codeSipMethod)
	c.Target.Username, c.Target.Password = e.credentials()
	var uris []*element
	for _, n := range e.elements() {
		k := r.child(n, "Sip", schema)
		switch {
		case k == nil:
		case k.s.name == "Headers":
			c.Target.Headers = append(c.Target.Headers, k.headers()...)
		default:
			uris = append(uris, k)
		}
	}
	if t := e.words(); t != "" || len(uris) == 0 {
		d.addSip(e, t, c)
		return
	}
	d.addURIs(e, uris, c)
}

// credentials reads a user name with its password.
func (e *element) credentials() (user, password string) {
	user, password = e.str("username"), e.str("password")
	if len(user) > maxCredential || len(password) > maxCredential || strings.ContainsFunc(user+password, isControl) {
		e.warn(codeSipCredentials, "username", "username or password of <%s> is not usable; none is sent", e.s.name)
		return "", ""
	}
	return user, password
}

// addURIs adds one party with several addresses, by priority and weight: the next is tried when one cannot be reached.
func (d *Dial) addURIs(e *element, uris []*element, c verbs.Callee) {
	type choice struct {
		e                *element
		priority, weight int
	}
	var list []choice
	for _, u := range uris {
		list = append(list, choice{u,
			u.number("priority", bounds{code: schema, min: 0, max: 65535}),
			u.number("weight", bounds{code: schema, min: 1, max: 65535})})
	}
	slices.SortStableFunc(list, func(a, b choice) int {
		if a.priority != b.priority {
			return a.priority - b.priority
		}
		return b.weight - a.weight
	})
	if len(list) > maxTargets {
		e.warn(codeSipURIs, "", "<Sip> has more than %d addresses; the rest is ignored", maxTargets)
		list = list[:maxTargets]
	}
	var usable []interpreter.Target
	var refused *refusal
	for _, u := range list {
		t := c.Target
		if user, password := u.e.credentials(); user != "" {
			t.Username, t.Password = user, password
		}
		if r := u.e.sipTarget(&t, u.e.words()); r != nil {
			refused = r
			continue
		}
		usable = append(usable, t)
	}
	d.add(c, usable, refused)
}

// addSip adds one address with the headers behind its question mark.
func (d *Dial) addSip(e *element, written string, c verbs.Callee) {
	refused := e.sipTarget(&c.Target, written)
	if refused != nil {
		d.add(c, nil, refused)
		return
	}
	d.add(c, []interpreter.Target{c.Target}, nil)
}

// add adds a party with its addresses; one without any is a failed child.
func (d *Dial) add(c verbs.Callee, targets []interpreter.Target, refused *refusal) {
	if len(targets) == 0 {
		refused.Callback = c.Callback
		d.Refused = append(d.Refused, *refused)
		return
	}
	c.Target, c.Others, c.Prepare = targets[0], targets[1:], introduce
	d.Dial.Targets = append(d.Dial.Targets, c)
}

// sipTarget completes a target with an address, or warns of why it cannot be called.
func (e *element) sipTarget(t *interpreter.Target, written string) *refusal {
	uri, code, why := sipURI(written)
	if why != "" {
		e.warn(code, "", "the address %q of <%s> cannot be called: %s", clip(written), e.s.name, why)
		return &refusal{To: interpreter.Address{User: shown(written)},
			Fault: interpreter.Fault{Code: code, Msg: "the SIP address cannot be called: " + why}}
	}
	_, query, _ := strings.Cut(written, "?")
	t.Headers = append(e.queryHeaders(query), t.Headers...)
	t.URI, t.Name = uri, uri
	return nil
}

// sipAddress is scheme, user part, host, port and parameters. It is stricter than the grammar: whatever could end a
// header or a bracket is refused rather than escaped.
var sipAddress = regexp.MustCompile(`^(sips?):` +
	`(?:([A-Za-z0-9_.!~*'()&=+$,;?/%-]+)@)?` +
	`(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?` +
	`((?:;[A-Za-z0-9_.!~*'()%+=:\[\]/&$-]+)*)$`)

// ignoredParams are URI parameters that choose a place of the vendor's network.
var ignoredParams = []string{"region", "edge"}

// sipURI completes an address without its headers. why says what is wrong with it.
func sipURI(written string) (uri string, code int, why string) {
	written, _, _ = strings.Cut(strings.TrimSpace(written), "?")
	if !strings.HasPrefix(written, "sip:") && !strings.HasPrefix(written, "sips:") {
		written = "sip:" + written
	}
	m := sipAddress.FindStringSubmatch(written)
	switch {
	case len(written) > maxSipURI:
		return "", codeSipURI, "it is longer than " + strconv.Itoa(maxSipURI) + " characters"
	case strings.ContainsFunc(written, isControl):
		return "", interpreter.CodeHeader, "it holds control characters"
	case m == nil:
		return "", codeSipURI, "it is not sip:user@host"
	}
	if plain, err := url.PathUnescape(m[2] + m[5]); err != nil {
		return "", codeSipURI, "a % is not followed by two hexadecimal digits"
	} else if strings.ContainsFunc(plain, isControl) {
		return "", interpreter.CodeHeader, "it holds control characters behind a %"
	}
	uri = m[1] + ":"
	if m[2] != "" {
		uri += m[2] + "@"
	}
	uri += m[3] + m[4]
	for _, p := range strings.Split(m[5], ";") {
		name, _, _ := strings.Cut(p, "=")
		if p != "" && !slices.Contains(ignoredParams, strings.ToLower(name)) {
			uri += ";" + p
		}
	}
	return uri, 0, ""
}

// isControl tells characters that could end a line of a SIP message, or hide in one.
func isControl(c rune) bool {
	return c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' || c == '\uFFFD'
}

// shown is what was written, clipped and without the characters that would spoil a line of a trace.
func shown(written string) string {
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return '?'
		}
		return c
	}, clip(written))
}

// queryHeaders reads the headers behind the question mark of an address.
func (e *element) queryHeaders(query string) []interpreter.Header {
	if query == "" {
		return nil
	}
	if len(query) > maxSipHeaders {
		e.warn(codeSipHeaderLength, "", "the headers of <%s> are longer than %d characters together; none is sent",
			e.s.name, maxSipHeaders)
		return nil
	}
	var list []interpreter.Header
	for _, pair := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.PathUnescape(name)
		value, err2 := url.PathUnescape(value)
		if err1 != nil || err2 != nil {
			e.warn(codeSipHeaderName, "", "the header %q is not sent: a %% is not followed by two hexadecimal digits",
				clip(pair))
			continue
		}
		list = e.addHeader(list, name, value)
	}
	return list
}

// headers reads the Header children of a Headers.
func (e *element) headers() []interpreter.Header {
	var list []interpreter.Header
	for _, n := range e.elements() {
		if h := e.r.child(n, "Headers", schema); h != nil {
			list = h.addHeader(list, h.str("name"), h.str("value"))
		}
	}
	return list
}

var headerName = regexp.MustCompile(`^(?i:x)-[A-Za-z0-9._!%*+~'-]+$`)

// allowedHeaders may be set besides those that begin with X-. Those that carry identity or routing may not.
var allowedHeaders = []string{"User-to-User", "Remote-Party-ID", "P-Preferred-Identity", "P-Called-Party-ID"}

// addHeader adds a header if it may be sent; a value with control characters is refused whole.
func (e *element) addHeader(list []interpreter.Header, name, value string) []interpreter.Header {
	allowed := headerName.MatchString(name) ||
		slices.ContainsFunc(allowedHeaders, func(a string) bool { return strings.EqualFold(a, name) })
	switch {
	case !allowed:
		e.warn(codeSipHeaderName, "name", "the header %q may not be set and is not sent; names begin with X-", clip(name))
	case strings.ContainsFunc(value, isControl):
		e.warn(interpreter.CodeHeader, "value", "the value of the header %s holds control characters; it is not sent",
			clip(name))
	case len(list) == maxHeaders:
		e.warn(codeSipHeaders, "", "<Sip> sets more than %d headers; the rest is not sent", maxHeaders)
	case len(name)+len(value) > maxSipHeaders:
		e.warn(codeSipHeaderLength, "value", "the header %s is longer than %d characters; it is not sent",
			clip(name), maxSipHeaders)
	default:
		return append(list, interpreter.Header{Name: name, Value: value})
	}
	return list
}

// introduce adds to a SIP target what tells the far end whose call it is, and which.
func introduce(child *interpreter.Call, t *interpreter.Target) {
	t.Headers = append(slices.Clone(t.Headers),
		interpreter.Header{Name: "X-Twilio-ApiVersion", Value: apiVersion},
		interpreter.Header{Name: "X-Twilio-AccountSid", Value: interpreter.SID("AC", child.Account.ID)},
		interpreter.Header{Name: "X-Twilio-CallSid", Value: interpreter.SID("CA", child.ID)})
}

// sipResult is what the action is told of a Dial with a Sip in it.
func sipResult(d interpreter.DialResult) [][2]string {
	var list [][2]string
	if d.CallID != "" {
		list = append(list, [2]string{"DialSipCallId", d.CallID})
	}
	if d.Code != 0 {
		list = append(list, [2]string{"DialSipResponseCode", strconv.Itoa(d.Code)})
	}
	for _, h := range d.Headers {
		if name, ok := sentHeader(h.Name); ok {
			list = append(list, [2]string{"DialSipHeader_" + name, h.Value})
		}
	}
	return list
}
