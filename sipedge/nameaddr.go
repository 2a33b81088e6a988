package sipedge

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// nameAddr is one From, To, Contact, Route or Record-Route value taken apart (RFC 3261 §20.10). display is kept as it
// stands inside its quotes, escapes included; params starts with ";" or is empty, and has no blanks around its
// separators.
type nameAddr struct {
	display string
	uri     string
	params  string
}

var errNameAddr = errors.New("malformed address")

// parseNameAddr reads one value. Without angle brackets every parameter belongs to the header and the URI may have
// neither headers nor a comma (RFC 3261 §20).
func parseNameAddr(s string) (nameAddr, error) {
	s = strings.TrimSpace(s)
	var n nameAddr
	switch open := indexUnquoted(s, '<'); {
	case strings.HasPrefix(s, `"`) || open >= 0:
		if open < 0 {
			return n, errNameAddr
		}
		display := strings.TrimSpace(s[:open])
		if strings.HasPrefix(display, `"`) {
			if len(display) < 2 || !strings.HasSuffix(display, `"`) || endsEscaped(display[1:len(display)-1]) {
				return n, errNameAddr
			}
			n.display = display[1 : len(display)-1]
		} else {
			n.display = escapeQuoted(display)
		}
		shut := strings.IndexByte(s[open:], '>')
		if shut < 0 {
			return n, errNameAddr
		}
		n.uri = strings.TrimSpace(s[open+1 : open+shut])
		n.params = s[open+shut+1:]
	default:
		n.uri = s
		if semi := strings.IndexByte(s, ';'); semi >= 0 {
			n.uri, n.params = strings.TrimSpace(s[:semi]), s[semi:]
		}
		if strings.ContainsAny(n.uri, "?, \t") {
			return n, errNameAddr
		}
	}
	if !validURI(n.uri) {
		return n, errNameAddr
	}
	var err error
	n.params, err = squeezeParams(n.params)
	return n, err
}

func (n nameAddr) String() string {
	var b strings.Builder
	if n.display != "" {
		b.WriteString(`"` + n.display + `" `)
	}
	b.WriteString("<" + n.uri + ">" + n.params)
	return b.String()
}

// param gives the value of a header parameter, its name in lower case.
func (n nameAddr) param(name string) (string, bool) {
	for p := range strings.SplitSeq(n.params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// squeezeParams checks ";a=b;c" and takes the blanks around ";" and "=" out.
func squeezeParams(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if s[0] != ';' {
		return "", errNameAddr
	}
	var b strings.Builder
	for _, p := range splitUnquoted(s[1:], ';') {
		k, v, eq := strings.Cut(p, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !isToken(k) {
			return "", errNameAddr
		}
		b.WriteByte(';')
		// The tag and the branch are looked up by these names; a peer may write them in any case.
		if lower := strings.ToLower(k); wellKnownParam[lower] {
			k = lower
		}
		b.WriteString(k)
		if eq {
			b.WriteString("=" + v)
		}
	}
	return b.String(), nil
}

var wellKnownParam = map[string]bool{"tag": true, "branch": true, "rport": true, "received": true, "maddr": true,
	"ttl": true, "lr": true}

// validURI holds what the engine asks of every URI it takes in: a scheme, no blanks, no controls, no angle brackets,
// and for SIP a host that is a name or an address with a port from 1 to 65535.
func validURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || !isScheme(scheme) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	if !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return true
	}
	host := afterUserInfo(rest)
	if end := strings.IndexAny(host, ";?"); end >= 0 {
		host = host[:end]
	}
	return validHostPort(host)
}

// afterUserInfo is what follows the "@" before the host. The user part may hold ";" and "?" (RFC 4475 §3.1.1.9), never
// a bare "@".
func afterUserInfo(rest string) string {
	if _, host, ok := strings.Cut(rest, "@"); ok {
		return host
	}
	return rest
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(s[i]))) {
			return false
		}
	}
	return s != ""
}

// validHostPort accepts name, name:port, 192.0.2.1:5060 and [2001:db8::1]:5060. An IPv6 address needs its brackets (RFC
// 5118 §4.2).
func validHostPort(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		if _, err := netip.ParseAddr(s[1:end]); err != nil {
			return false
		}
		if rest := s[end+1:]; rest != "" {
			if rest[0] != ':' {
				return false
			}
			port = rest[1:]
			return validPort(port)
		}
		return true
	}
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		host, port = s[:colon], s[colon+1:]
		if !validPort(port) {
			return false
		}
	}
	if host == "" {
		return false
	}
	for i := range len(host) {
		if c := host[i]; !isAlnum(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func validPort(s string) bool {
	n, ok := digits(s, 65535)
	return ok && n > 0
}

// digits reads a plain decimal number of at most limit: no sign, no blank, no wrap.
func digits(s string, limit uint64) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= limit
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// indexUnquoted finds the first c outside quoted strings.
func indexUnquoted(s string, c byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == c:
			return i
		}
	}
	return -1
}

// splitUnquoted cuts at sep outside quoted strings and outside angle brackets.
func splitUnquoted(s string, sep byte) []string {
	var parts []string
	quoted, bracket, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case quoted:
		case s[i] == '<':
			bracket = true
		case s[i] == '>':
			bracket = false
		case s[i] == sep && !bracket:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// endsEscaped reports whether s ends inside an escape, so that a quote behind it would be part of the text.
func endsEscaped(s string) bool {
	n := 0
	for n < len(s) && s[len(s)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// escapeQuoted makes text fit to stand between quotes.
func escapeQuoted(s string) string { return quotes.Replace(s) }

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
