package sipedge

import (
	"mime"
	"net"
	"strconv"
	"strings"
)

// checkMessage is the strict layer in front of every handler. It refuses what has no safe meaning, heals what RFC 4475
// calls harmless (blanks, folding, compact names, missing brackets), and rewrites the fields it understood into their
// plain form.
func checkMessage(m *rawMessage, stream bool) *fault {
	if f := checkMandatory(m); f != nil {
		return f
	}
	if f := checkLength(m, stream); f != nil {
		return f
	}
	if f := checkVia(m); f != nil {
		return f
	}
	if f := checkCSeq(m); f != nil {
		return f
	}
	if f := checkAddresses(m); f != nil {
		return f
	}
	if !m.request {
		return checkStatus(m)
	}
	if f := checkRequestURI(m.uri); f != nil {
		return f
	}
	if f := checkForwards(m); f != nil {
		return f
	}
	if f := checkRequire(m); f != nil {
		return f
	}
	return checkBody(m)
}

// checkMandatory holds R-SIP-2: each of these headers once, not empty.
func checkMandatory(m *rawMessage) *fault {
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		switch n := m.count(name); {
		case n == 0:
			return badRequest("Missing " + name)
		case n > 1 && name != "Via":
			return badRequest("Duplicate " + name)
		}
		if v, _ := m.get(name); v == "" {
			return badRequest("Empty " + name)
		}
	}
	for _, name := range []string{"Max-Forwards", "Content-Type"} {
		if m.count(name) > 1 {
			return badRequest("Duplicate " + name)
		}
	}
	id, _ := m.get("Call-ID")
	if len(id) > maxCallID || strings.ContainsAny(id, " \t,;<>\"") && strings.ContainsAny(id, " \t") {
		return badRequest("Malformed Call-ID")
	}
	return nil
}

// checkLength holds R-SIP-4 and cuts the body to its declared length; the header itself is taken out and written anew.
func checkLength(m *rawMessage, stream bool) *fault {
	declared, kept := "", m.headers[:0]
	for _, h := range m.headers {
		if h.name != "Content-Length" {
			kept = append(kept, h)
			continue
		}
		if declared != "" && declared != h.value {
			return &fault{code: 400, reason: "Conflicting Content-Length", close: true}
		}
		if declared = h.value; declared == "" {
			return &fault{code: 400, reason: "Empty Content-Length", close: true}
		}
	}
	m.headers = kept
	if declared == "" {
		if stream {
			return &fault{code: 400, reason: "Missing Content-Length", close: true}
		}
		declared = strconv.Itoa(len(m.body))
	}
	n, ok := digits(declared, 1<<32)
	switch {
	case !ok:
		return &fault{code: 400, reason: "Malformed Content-Length", close: true}
	case n > maxBody:
		return &fault{code: 413, reason: "Request Entity Too Large", close: true}
	case n > uint64(len(m.body)):
		return &fault{code: 400, reason: "Body Shorter Than Content-Length", close: true}
	}
	m.body = m.body[:n]
	return nil
}

// checkVia splits combined Via lines, so that what follows counts hops and not lines.
func checkVia(m *rawMessage) *fault {
	kept := make([]rawHeader, 0, len(m.headers)+2)
	hops := 0
	for _, h := range m.headers {
		if h.name != "Via" {
			kept = append(kept, h)
			continue
		}
		for _, part := range splitUnquoted(h.value, ',') {
			v, ok := parseVia(part)
			if !ok {
				return badRequest("Malformed Via")
			}
			kept = append(kept, rawHeader{"Via", v.String()})
			hops++
		}
	}
	m.headers = kept
	if hops > maxVia {
		return &fault{code: 483, reason: "Too Many Hops"}
	}
	return nil
}

// via is one hop: transport, sent-by and parameters (";a=b", without blanks).
type via struct{ transport, sentBy, params string }

func (v via) String() string { return sipVersion + "/" + v.transport + " " + v.sentBy + v.params }

func (v via) param(name string) (string, bool) { return nameAddr{params: v.params}.param(name) }

func parseVia(s string) (via, bool) {
	name, rest, ok1 := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	rest = strings.TrimSpace(rest)
	blank := strings.IndexAny(rest, " \t")
	if !ok1 || !ok2 || blank < 0 || !strings.EqualFold(strings.TrimSpace(name), "SIP") ||
		strings.TrimSpace(version) != "2.0" {
		return via{}, false
	}
	v := via{transport: strings.ToUpper(rest[:blank])}
	v.sentBy, v.params, _ = strings.Cut(strings.TrimSpace(rest[blank:]), ";")
	if v.params != "" || strings.HasSuffix(strings.TrimSpace(rest), ";") {
		v.params = ";" + v.params
	}
	// "host : port" may have blanks around the colon.
	v.sentBy = strings.Join(strings.Fields(v.sentBy), "")
	if !isToken(v.transport) || !validHostPort(v.sentBy) && !zeroPort(v.sentBy) {
		return via{}, false
	}
	var err error
	v.params, err = squeezeParams(v.params)
	return v, err == nil
}

// zeroPort accepts "host:0": the reply goes to the source of the packet (R-SIP-9).
func zeroPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && port == "0" && host != ""
}

// checkCSeq holds R-SIP-3 for the method, and writes the number without leading zeros.
func checkCSeq(m *rawMessage) *fault {
	for i, h := range m.headers {
		if h.name != "CSeq" {
			continue
		}
		parts := strings.Fields(h.value)
		if len(parts) != 2 || !isToken(parts[1]) {
			return badRequest("Malformed CSeq")
		}
		n, ok := digits(parts[0], maxCSeq)
		if !ok {
			return badRequest("CSeq Number Out Of Range")
		}
		if m.request && parts[1] != m.method {
			return badRequest("CSeq Method Does Not Match")
		}
		m.headers[i].value = strconv.FormatUint(n, 10) + " " + parts[1]
	}
	return nil
}

// checkAddresses reads every header that carries addresses and prints it back, one value a line.
func checkAddresses(m *rawMessage) *fault {
	a := addresses{message: m, old: oldStyle(m), kept: make([]rawHeader, 0, len(m.headers)+4)}
	for _, h := range m.headers {
		switch h.name {
		case "From", "To", "Contact", "Route", "Record-Route", "Refer-To", "Referred-By":
			if f := a.read(h); f != nil {
				return f
			}
		default:
			a.kept = append(a.kept, h)
		}
	}
	m.headers = a.kept
	return a.count()
}

// addresses is the work of checkAddresses on one message.
type addresses struct {
	message          *rawMessage
	old              bool // the peer speaks RFC 2543
	kept             []rawHeader
	routes, contacts int
}

// read takes one header apart into its values.
func (a *addresses) read(h rawHeader) *fault {
	parts := []string{h.value}
	if h.name == "Contact" || strings.HasSuffix(h.name, "Route") {
		parts = splitUnquoted(h.value, ',')
	}
	for _, part := range parts {
		if h.name == "Contact" && strings.TrimSpace(part) == "*" && a.message.method == "REGISTER" {
			a.kept = append(a.kept, rawHeader{"Contact", "*"})
			continue
		}
		n, err := parseNameAddr(part)
		if err != nil {
			return badRequest("Malformed " + h.name)
		}
		switch h.name {
		case "From":
			if !a.tagged(&n) {
				return badRequest("Missing From Tag")
			}
		case "Route", "Record-Route":
			a.routes++
		case "Contact":
			a.contacts++
		}
		a.kept = append(a.kept, rawHeader{h.name, n.String()})
	}
	return nil
}

// tagged reports whether a From has the tag it needs, and gives an old peer's the one that it may leave out.
func (a *addresses) tagged(from *nameAddr) bool {
	tag, ok := from.param("tag")
	if !ok && a.old {
		// Transactions of RFC 2543 are matched by From tag too; the empty one stands for none.
		from.params += ";tag="
	}
	return tag != "" || a.old
}

// count refuses too many addresses, and too few.
func (a *addresses) count() *fault {
	invite := a.message.method == "INVITE"
	switch {
	case a.routes > maxRoute:
		return badRequest("Too Many Routes")
	case a.contacts > maxContacts:
		return badRequest("Too Many Contacts")
	case invite && a.contacts == 0 && !a.old:
		return badRequest("Missing Contact")
	case invite && a.contacts > 1:
		return badRequest("Duplicate Contact")
	}
	return nil
}

// oldStyle reports a peer of RFC 2543: its branch lacks the cookie, tags and Contact may be absent.
func oldStyle(m *rawMessage) bool {
	top, _ := m.get("Via")
	v, _ := parseVia(top)
	branch, _ := v.param("branch")
	return !strings.HasPrefix(branch, magicCookie)
}

func checkRequestURI(uri string) *fault {
	scheme, _, ok := strings.Cut(uri, ":")
	switch {
	case len(uri) > maxURI:
		return &fault{code: 414, reason: "Request-URI Too Long"}
	case !ok || !isScheme(scheme):
		return badRequest("Malformed Request-URI")
	case !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips"):
		return &fault{code: 416, reason: "Unsupported URI Scheme"}
	case !validURI(uri):
		return badRequest("Malformed Request-URI")
	}
	if strings.Contains(afterUserInfo(uri[len(scheme)+1:]), "?") {
		return badRequest("Headers In Request-URI")
	}
	return nil
}

// checkForwards accepts 0 here: the last hop answers (RFC 4475 §3.3.11); an INVITE that would go on is refused by its
// handler.
func checkForwards(m *rawMessage) *fault {
	for i, h := range m.headers {
		if h.name != "Max-Forwards" {
			continue
		}
		n, ok := digits(h.value, 255)
		if !ok {
			return badRequest("Malformed Max-Forwards")
		}
		m.headers[i].value = strconv.FormatUint(n, 10)
	}
	return nil
}

// checkRequire refuses what the peer insists on and we do not have (RFC 3261 §8.2.2.3).
func checkRequire(m *rawMessage) *fault {
	if m.method == "ACK" || m.method == "CANCEL" {
		return nil
	}
	var unknown []string
	for _, h := range m.headers {
		if h.name != "Require" && h.name != "Proxy-Require" {
			continue
		}
		for tag := range strings.SplitSeq(h.value, ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !supportedOptions[strings.ToLower(tag)] {
				unknown = append(unknown, tag)
			}
		}
	}
	if unknown == nil {
		return nil
	}
	return &fault{code: 420, reason: "Bad Extension", extra: []rawHeader{{"Unsupported", strings.Join(unknown, ", ")}}}
}

// checkBody bounds what a handler would have to open.
func checkBody(m *rawMessage) *fault {
	if len(m.body) == 0 {
		return nil
	}
	if enc, ok := m.get("Content-Encoding"); ok && enc != "" && !strings.EqualFold(enc, "identity") {
		return &fault{code: 415, reason: "Content Encoding Not Supported",
			extra: []rawHeader{{"Accept-Encoding", "identity"}}}
	}
	ct, _ := m.get("Content-Type")
	kind, params, err := mime.ParseMediaType(ct)
	if err != nil && ct != "" && kind == "" {
		return &fault{code: 415, reason: "Malformed Content-Type", extra: []rawHeader{{"Accept", acceptedBodies}}}
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return nil
	}
	if _, err := collectParts(m.body, params["boundary"], 1); err != nil {
		return &fault{code: 415, reason: "Multipart Body Not Usable", extra: []rawHeader{{"Accept", acceptedBodies}}}
	}
	return nil
}

// checkStatus drops responses whose numbers would wrap or mean nothing.
func checkStatus(m *rawMessage) *fault {
	code, _, _ := strings.Cut(m.status, " ")
	if n, ok := digits(code, 699); !ok || n < 100 || len(code) != 3 || !strings.EqualFold(m.version, sipVersion) {
		return &fault{reason: "malformed status"}
	}
	return nil
}
