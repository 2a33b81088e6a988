package auth

import (
	"errors"
	"strconv"
	"strings"
)

const (
	maxHeader = 4096 // octets of an Authorization header that are looked at
	maxFields = 32
)

// ErrMalformed is returned for an Authorization header that is no digest answer.
var ErrMalformed = errors.New("malformed digest answer")

// Answer is what a client replies to a challenge, the fields of an Authorization header (RFC 7616 §3.4).
type Answer struct {
	Username, Realm, Nonce, URI, Response, Algorithm, Cnonce, QOP, NC string
	count                                                             uint32
}

// ParseAnswer reads the value of an Authorization or Proxy-Authorization header. Its work is bounded by the length of
// the header; of a field that stands twice nothing is believed.
func ParseAnswer(value string) (Answer, error) {
	var a Answer
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if len(value) > maxHeader || !strings.EqualFold(scheme, "Digest") {
		return a, ErrMalformed
	}
	fields := map[string]*string{"username": &a.Username, "realm": &a.Realm, "nonce": &a.Nonce, "uri": &a.URI,
		"response": &a.Response, "algorithm": &a.Algorithm, "cnonce": &a.Cnonce, "qop": &a.QOP, "nc": &a.NC}
	seen := make(map[string]bool, maxFields)
	for rest = strings.TrimSpace(rest); rest != ""; {
		name, v, tail, ok := nextField(rest)
		if !ok || seen[name] || len(seen) == maxFields {
			return a, ErrMalformed
		}
		seen[name] = true
		if p := fields[name]; p != nil {
			*p = v
		}
		rest = tail
	}
	return a, a.check(seen)
}

func (a *Answer) check(seen map[string]bool) error {
	// We offer qop, so an answer without it is an old replay or a client that did not read the challenge.
	for _, name := range []string{"username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce"} {
		if !seen[name] {
			return ErrMalformed
		}
	}
	n, err := strconv.ParseUint(a.NC, 16, 32)
	if err != nil || len(a.NC) != 8 || n == 0 || a.Username == "" || a.Cnonce == "" {
		return ErrMalformed
	}
	a.count = uint32(n)
	if !strings.EqualFold(a.QOP, "auth") {
		return ErrMalformed
	}
	switch strings.ToUpper(a.Algorithm) {
	case "":
		a.Algorithm = algMD5
	case algMD5, algSHA256:
		a.Algorithm = strings.ToUpper(a.Algorithm)
	default:
		return ErrMalformed
	}
	return nil
}

// nextField takes `name=value` or `name="value"` and the comma behind it off the front of s.
func nextField(s string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || name == "" || strings.ContainsAny(name, " \t,\"") {
		return "", "", "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	if !strings.HasPrefix(rest, `"`) {
		value, rest, _ = strings.Cut(rest, ",")
		value = strings.TrimSpace(value)
		return name, value, strings.TrimSpace(rest), value != "" && !strings.ContainsAny(value, " \t\"")
	}
	value, rest, ok = quoted(rest[1:])
	if !ok {
		return "", "", "", false
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		return name, value, "", true
	}
	tail, comma := strings.CutPrefix(rest, ",")
	return name, value, strings.TrimSpace(tail), comma
}

// quoted reads up to the closing quote, escapes undone.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
