package webhook

import "strings"

// maxChallenges is how many challenges of one answer are looked at.
const maxChallenges = 8

// challenge is one offer of a WWW-Authenticate header (RFC 9110 §11.6.1).
type challenge struct {
	scheme string            // lower case
	params map[string]string // names in lower case
}

// parseChallenges reads all challenges of an answer. Several may stand in one line; what cannot be read ends its line.
func parseChallenges(lines []string) []challenge {
	var list []challenge
	for _, line := range lines {
		s := scanner{rest: line}
		for len(list) < maxChallenges {
			c, ok := s.challenge()
			if !ok {
				break
			}
			list = append(list, c)
		}
	}
	return list
}

// scanner walks through one header line.
type scanner struct{ rest string }

// challenge reads a scheme and its parameters, up to the next scheme or the end.
func (s *scanner) challenge() (challenge, bool) {
	s.skip(" \t,")
	scheme := s.token()
	if scheme == "" {
		return challenge{}, false
	}
	c := challenge{scheme: strings.ToLower(scheme), params: make(map[string]string)}
	for {
		s.skip(" \t,")
		before := s.rest
		name := s.token()
		s.skip(" \t")
		if name == "" || !strings.HasPrefix(s.rest, "=") {
			s.rest = before // another scheme, or the end
			return c, true
		}
		s.rest = s.rest[1:]
		s.skip(" \t")
		value, ok := s.value()
		if !ok {
			s.rest = ""
			return c, true
		}
		if _, twice := c.params[strings.ToLower(name)]; !twice {
			c.params[strings.ToLower(name)] = value
		}
	}
}

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

func (s *scanner) token() string {
	i := 0
	for i < len(s.rest) && isToken(s.rest[i]) {
		i++
	}
	t := s.rest[:i]
	s.rest = s.rest[i:]
	return t
}

func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		return s.token(), true
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case '\\':
			i++
			if i < len(s.rest) {
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
