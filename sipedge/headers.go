package sipedge

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

const (
	faultHeader    = 90007 // header value refused
	maxValue       = 1024
	maxName        = 64
	maxTargetURI   = 255
	userCharacters = "-_.!~*'()&=+$,;?/" // besides letters and digits: RFC 3261 §25.1, user
)

// forbiddenHeaders are those that a customer may never set, whatever an operator's list says: they carry identity,
// routing or framing.
var forbiddenHeaders = map[string]bool{
	"via": true, "route": true, "record-route": true, "from": true, "to": true, "call-id": true, "cseq": true,
	"contact": true, "authorization": true, "proxy-authorization": true, "www-authenticate": true,
	"proxy-authenticate": true, "max-forwards": true, "require": true, "proxy-require": true, "supported": true,
	"path": true, "service-route": true, "refer-to": true, "replaces": true,
}

// refuse makes the typed error of a value that may not reach the wire.
func refuse(field, why string) error {
	return &interpreter.Fault{Code: faultHeader, Msg: field + " refused: " + why}
}

// plainValue is the one gate through which customers' values reach SIP. It refuses, and never strips, what could end a
// header or be read differently by the next parser: controls, DEL, U+0085, U+2028, U+2029, broken UTF-8, and the same
// in percent escapes of any depth.
func plainValue(field, value string) error {
	if len(value) > maxValue {
		return refuse(field, "longer than 1024 octets")
	}
	for range 4 {
		if !utf8.ValidString(value) {
			return refuse(field, "not UTF-8")
		}
		for _, r := range value {
			if r < ' ' || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x2029 {
				return refuse(field, "control character")
			}
		}
		decoded, err := url.PathUnescape(value)
		if err != nil || decoded == value {
			return nil //nolint:nilerr // no escapes, so nothing is hidden in them
		}
		value = decoded
	}
	return refuse(field, "percent escapes nested too deep")
}

// customHeader makes one header of a document: X- headers, User-to-User, and what the operator allows besides.
func (e *Edge) customHeader(h interpreter.Header) (sip.Header, error) {
	lower := strings.ToLower(h.Name)
	switch {
	case !plainName(h.Name):
		return nil, refuse("header name", "letters, digits, - _ . only")
	case forbiddenHeaders[lower] || strings.HasPrefix(lower, "content-"):
		return nil, refuse("header "+h.Name, "not allowed")
	case !strings.HasPrefix(lower, "x-") && lower != "user-to-user" && !e.allowed[lower]:
		return nil, refuse("header "+h.Name, "only X- headers and User-to-User")
	}
	if err := plainValue("header "+h.Name, h.Value); err != nil {
		return nil, err
	}
	return sip.NewHeader(h.Name, strings.TrimSpace(h.Value)), nil
}

// plainName is narrower than a token: no percent sign, no quote, nothing that a later reader might decode.
func plainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// displayName makes text fit between the quotes of a name-addr.
func displayName(text string) (string, error) {
	if err := plainValue("display name", text); err != nil {
		return "", err
	}
	return escapeQuoted(strings.TrimSpace(text)), nil
}

// userPart makes text fit to stand before the "@" of a SIP URI: what the grammar does not allow is percent-encoded.
func userPart(field, text string) (string, error) {
	if err := plainValue(field, text); err != nil {
		return "", err
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case isAlnum(c) || strings.IndexByte(userCharacters, c) >= 0:
			b.WriteByte(c)
		case c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String(), nil
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// targetURI reads the SIP URI of a customer: "sip:" may be missing, headers may follow "?". The headers come back
// decoded, to pass customHeader like all others, and are no longer part of the URI.
func targetURI(text string) (sip.Uri, []interpreter.Header, error) {
	var u sip.Uri
	plain, query, err := cutHeaders(text)
	if err != nil {
		return u, nil, err
	}
	if err = sip.ParseUri(plain, &u); err != nil {
		return u, nil, refuse("SIP URI", "malformed")
	}
	for _, p := range u.UriParams {
		if !isToken(p.K) || strings.ContainsAny(p.V, "<>\" @,") {
			return u, nil, refuse("SIP URI", "malformed parameter")
		}
	}
	headers, err := queryHeaders(query)
	return u, headers, err
}

// cutHeaders writes a customer's SIP URI as it may go to a parser, without the headers behind it, which come second.
func cutHeaders(text string) (plain, query string, err error) {
	if err = plainValue("SIP URI", text); err != nil {
		return "", "", err
	}
	text = strings.TrimSpace(text)
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		scheme, rest = "sip", text
	}
	user, host, named := strings.Cut(rest, "@")
	if !named {
		user, host = "", rest
	}
	host, query, _ = strings.Cut(host, "?")
	if len(user)+len(host) > maxTargetURI {
		return "", "", refuse("SIP URI", "longer than 255 octets")
	}
	if user, err = userPart("SIP URI", user); err != nil {
		return "", "", err
	}
	plain = strings.ToLower(scheme) + ":" + host
	if user != "" {
		plain = strings.ToLower(scheme) + ":" + user + "@" + host
	}
	if !validURI(plain) || named && user == "" {
		return "", "", refuse("SIP URI", "malformed")
	}
	return plain, query, nil
}

func queryHeaders(query string) ([]interpreter.Header, error) {
	if query == "" {
		return nil, nil
	}
	if len(query) > maxValue {
		return nil, refuse("SIP URI", "more than 1024 octets of headers")
	}
	var list []interpreter.Header
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		// A plus sign is a plus sign in a SIP URI.
		value, err := url.PathUnescape(value)
		if err != nil {
			return nil, refuse("SIP URI", "malformed escape")
		}
		list = append(list, interpreter.Header{Name: name, Value: value})
	}
	return list, nil
}

// reasonHeader tells a SIP peer why a leg ends (RFC 3326). Text that may not go out is left away.
func reasonHeader(code int, text string) sip.Header {
	value := "SIP;cause=" + itoa(code)
	if text != "" && plainValue("reason", text) == nil {
		value += `;text="` + escapeQuoted(text) + `"`
	}
	return sip.NewHeader("Reason", value)
}
