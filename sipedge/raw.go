package sipedge

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits of one message; what exceeds them is refused before anything is built from it.
const (
	maxMessage   = 65535
	maxHeaders   = 256
	maxLine      = 8 << 10
	maxBody      = 32 << 10
	maxVia       = 70
	maxRoute     = 20
	maxContacts  = 10
	maxURI       = 2 << 10
	maxCSeq      = 1<<31 - 1
	maxCallID    = 1 << 10
	magicCookie  = "z9hG4bK"
	sipVersion   = "SIP/2.0"
	crlf         = "\r\n"
	headerFinish = "\r\n\r\n"
)

// rawHeader is one header field: its canonical name and its value on one line, without surrounding blanks.
type rawHeader struct{ name, value string }

// rawMessage is a message cut into fields, before any of them is believed.
type rawMessage struct {
	request bool
	method  string
	uri     string
	version string
	status  string // code and reason of a response
	headers []rawHeader
	body    []byte
}

// fault says why a message is refused. code 0 means that no reply may or can be sent.
type fault struct {
	code   int
	reason string
	extra  []rawHeader // headers of the refusal, such as Unsupported
	close  bool        // the stream has lost its message boundary
}

func (f *fault) Error() string { return fmt.Sprintf("%d %s", f.code, f.reason) }

func badRequest(reason string) *fault { return &fault{code: 400, reason: reason} }

// splitMessage cuts data into start line, headers and body. It returns as much of the message as it could read, also
// with a fault, so that the refusal can name its transaction.
func splitMessage(data []byte) (*rawMessage, *fault) {
	m := &rawMessage{}
	data = bytes.TrimLeft(data, crlf)
	end := bytes.Index(data, []byte(headerFinish))
	if end < 0 {
		return m, &fault{reason: "no end of headers", close: true}
	}
	head := string(data[:end])
	m.body = data[end+len(headerFinish):]

	lines := strings.Split(head, crlf)
	f := m.startLine(lines[0])
	if f != nil && f.code == 0 {
		return m, f
	}
	if len(lines) > maxHeaders*2 {
		return m, keepFirst(f, badRequest("Too Many Headers"))
	}
	for i := 1; i < len(lines); {
		line := lines[i]
		size := len(line)
		i++
		for i < len(lines) && lines[i] != "" && (lines[i][0] == ' ' || lines[i][0] == '\t') {
			line += " " + strings.TrimSpace(lines[i])
			size += len(lines[i])
			i++
		}
		if size > maxLine {
			f = keepFirst(f, badRequest("Header Line Too Long"))
			continue
		}
		f = keepFirst(f, m.header(line))
	}
	if len(m.headers) > maxHeaders {
		f = keepFirst(f, badRequest("Too Many Headers"))
	}
	return m, f
}

func keepFirst(a, b *fault) *fault {
	if a != nil {
		return a
	}
	return b
}

func (m *rawMessage) startLine(line string) *fault {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) < 3 {
		return &fault{reason: "no start line", close: true}
	}
	if len(parts[0]) >= 4 && strings.EqualFold(parts[0][:4], "SIP/") {
		m.version, m.status = parts[0], parts[1]+" "+parts[2]
		return nil
	}
	m.request, m.method = true, parts[0]
	if last := strings.LastIndexByte(line, ' '); last > len(parts[0]) {
		m.uri, m.version = line[len(parts[0])+1:last], line[last+1:]
	}
	switch {
	case hasControl(line):
		return badRequest("Control Octet In Request-Line")
	case !isToken(m.method):
		return badRequest("Malformed Method")
	case len(m.version) < 4 || !strings.EqualFold(m.version[:4], "SIP/"):
		return badRequest("Malformed Request-Line")
	case !strings.EqualFold(m.version, sipVersion):
		return &fault{code: 505, reason: "SIP Version Not Supported"}
	}
	return nil
}

func (m *rawMessage) header(line string) *fault {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return badRequest("Header Without Colon")
	}
	name := strings.TrimRight(line[:colon], " \t")
	if !isToken(name) {
		return badRequest("Malformed Header Name")
	}
	value := strings.TrimSpace(line[colon+1:])
	canonical := canonicalName(name)
	if hasControl(value) {
		// The field is not kept: a reply must never echo such octets.
		return badRequest("Control Octet In " + canonical)
	}
	m.headers = append(m.headers, rawHeader{canonical, value})
	return nil
}

// hasControl reports octets that never belong into a field value: C0 without HT, and DEL. Bare CR and LF are among
// them.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

func (m *rawMessage) get(name string) (string, bool) {
	for _, h := range m.headers {
		if h.name == name {
			return h.value, true
		}
	}
	return "", false
}

func (m *rawMessage) count(name string) int {
	n := 0
	for _, h := range m.headers {
		if h.name == name {
			n++
		}
	}
	return n
}

// encode prints the message in the plain form every later parser agrees about: long names, one value a line, single
// blanks.
func (m *rawMessage) encode() []byte {
	var b bytes.Buffer
	b.Grow(512 + len(m.body))
	if m.request {
		b.WriteString(m.method + " " + m.uri + " " + sipVersion + crlf)
	} else {
		b.WriteString(sipVersion + " " + m.status + crlf)
	}
	for _, h := range m.headers {
		b.WriteString(h.name)
		b.WriteString(": ")
		b.WriteString(h.value)
		b.WriteString(crlf)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(m.body))
	b.Write(m.body)
	return b.Bytes()
}

// refusal builds the stateless reply to a request that no handler may see (RFC 3261 §8.2.7). It is nil when nobody
// could match the reply, and for ACK, which is never answered.
func (m *rawMessage) refusal(f *fault, tag func(m *rawMessage) string) []byte {
	if !m.request || f.code == 0 || m.method == "ACK" || m.count("Via") == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %s\r\n", sipVersion, f.code, f.reason)
	echoed := map[string]bool{}
	for _, h := range m.headers {
		switch h.name {
		case "Via":
		case "From", "Call-ID", "CSeq":
			if echoed[h.name] {
				continue
			}
		case "To":
			if echoed["To"] {
				continue
			}
			if n, err := parseNameAddr(h.value); err == nil {
				if _, tagged := n.param("tag"); !tagged {
					h.value = n.String() + ";tag=" + tag(m)
				}
			}
		default:
			continue
		}
		echoed[h.name] = true
		b.WriteString(h.name + ": " + h.value + crlf)
	}
	b.WriteString(`Warning: 399 pintle "` + escapeQuoted(f.reason) + `"` + crlf)
	for _, h := range f.extra {
		b.WriteString(h.name + ": " + h.value + crlf)
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}

// compactNames are the one-letter forms of RFC 3261 §7.3.3 and its extensions.
var compactNames = map[string]string{
	"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
	"f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
	"o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
	"y": "Identity",
}

// knownNames maps the lower-case form to the one spelling the rest of the package compares with.
var knownNames = func() map[string]string {
	names := map[string]string{}
	for _, n := range []string{
		"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Route", "Record-Route", "Content-Length",
		"Content-Type", "Content-Encoding", "Content-Disposition", "Require", "Proxy-Require", "Supported", "Unsupported",
		"Allow", "Accept", "Expires", "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate",
		"Reason", "Retry-After", "User-Agent", "Server", "Subject", "Event", "Refer-To", "Referred-By", "Replaces", "RSeq",
		"RAck", "Session-Expires", "Min-SE", "Diversion", "Timestamp", "User-to-User", "P-Asserted-Identity",
		"Remote-Party-ID", "Privacy", "Warning", "Allow-Events", "MIME-Version",
	} {
		names[strings.ToLower(n)] = n
	}
	return names
}()

func canonicalName(name string) string {
	lower := strings.ToLower(name)
	if long, ok := compactNames[lower]; ok {
		return long
	}
	if known, ok := knownNames[lower]; ok {
		return known
	}
	return name
}
