package kazoo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pintle/interpreter"
)

// Limits of a document's text. What is larger is refused before anything of it runs.
const (
	maxPath   = 200                     // nodes on one path from the root
	maxNodes  = 1000                    // nodes of a document
	maxData   = 32                      // levels inside the data of one node
	maxFields = 64                      // members of the data of one node
	maxValue  = 4096                    // octets of one name, text or number
	maxValues = 20 * maxNodes           // values of a document, of any type
	maxDepth  = 2*maxPath + 1 + maxData // brackets and braces of the whole text
)

// kind is the type of a JSON value.
type kind uint8

const (
	null kind = iota
	object
	list
	text
	number
	boolean
)

// String is the word for the type in warnings.
func (k kind) String() string {
	return [...]string{"null", "an object", "a list", "a text", "a number", "a boolean"}[k]
}

// value is a JSON value with its place: encoding/json gives neither the order of members nor their positions.
type value struct {
	kind    kind
	at      int32    // offset of its first octet
	text    string   // of a text, a number; "true" or "false"
	members []member // of an object in order; of a list, without names
}

// member is one name and value of an object, or one value of a list.
type member struct {
	name string
	from int32 // offset of the name
	value
}

// get returns the member of that name; a null counts as absent, as it does in Kazoo.
func (v value) get(name string) (value, bool) {
	for _, m := range v.members {
		if m.name == name {
			return m.value, m.kind != null
		}
	}
	return value{}, false
}

// syntax reads one JSON value and refuses what encoding/json lets pass: duplicate names, text after the value,
// invalid UTF-8 and anything beyond the limits.
type syntax struct {
	body []byte
	dec  *json.Decoder
	at   int32 // offset of the last token
	n    int   // objects with a module so far: a document with too many is refused early
}

// fault is what is wrong with the text, and where.
type fault struct {
	at  int32
	msg string
}

func (f *fault) Error() string { return f.msg }

func readJSON(body []byte) (value, error) {
	if f := measure(body); f != nil {
		return value{}, f
	}
	s := &syntax{body: body, dec: json.NewDecoder(bytes.NewReader(body))}
	s.dec.UseNumber()
	t, err := s.token()
	if err != nil {
		return value{}, err
	}
	v, err := s.value(t)
	if err != nil {
		return value{}, err
	}
	if rest := bytes.TrimLeft(body[s.dec.InputOffset():], space); len(rest) > 0 {
		return value{}, &fault{int32(len(body) - len(rest)), "there is text after the document's closing brace"}
	}
	return v, nil
}

const space = " \t\r\n"

// token reads the next token and notes where it begins.
func (s *syntax) token() (json.Token, error) {
	at := int(s.dec.InputOffset())
	for at < len(s.body) && strings.IndexByte(space+",:", s.body[at]) >= 0 {
		at++
	}
	s.at = int32(at)
	t, err := s.dec.Token()
	if err == nil {
		return t, nil
	}
	var e *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &fault{int32(len(s.body)), "the document ends too early: a quote, bracket or brace is not closed"}
	case errors.As(err, &e):
		return nil, &fault{s.at, "not JSON: " + e.Error()}
	default:
		return nil, &fault{s.at, "not JSON: " + err.Error()}
	}
}

// value finishes the value that begins with token t.
func (s *syntax) value(t json.Token) (value, error) {
	v := value{at: s.at}
	switch x := t.(type) {
	case json.Delim:
		if x == '{' {
			return s.object(v)
		}
		return s.list(v)
	case string:
		v.kind, v.text = text, x
	case json.Number:
		v.kind, v.text = number, x.String()
	case bool:
		v.kind, v.text = boolean, fmt.Sprint(x)
	}
	if len(v.text) > maxValue {
		return v, &fault{v.at, fmt.Sprintf("a value is longer than %d octets", maxValue)}
	}
	return v, nil
}

func (s *syntax) object(v value) (value, error) {
	v.kind = object
	seen := map[string]bool{}
	for s.dec.More() {
		t, err := s.token()
		if err != nil {
			return v, err
		}
		name, ok := t.(string)
		m := member{name: name, from: s.at}
		switch {
		case !ok:
			return v, &fault{s.at, "a name in quotes is expected"}
		case len(name) > maxValue:
			return v, &fault{s.at, fmt.Sprintf("a name is longer than %d octets", maxValue)}
		case seen[name]:
			return v, &fault{s.at, fmt.Sprintf("%q occurs twice in one object", name)}
		}
		seen[name] = true
		if name == "module" {
			s.n++
		}
		if s.n > maxNodes {
			return v, &fault{s.at, fmt.Sprintf("the document has more than %d nodes", maxNodes)}
		}
		if t, err = s.token(); err != nil {
			return v, err
		}
		if m.value, err = s.value(t); err != nil {
			return v, err
		}
		v.members = append(v.members, m)
	}
	_, err := s.token()
	return v, err
}

func (s *syntax) list(v value) (value, error) {
	v.kind = list
	for s.dec.More() {
		t, err := s.token()
		if err != nil {
			return v, err
		}
		m := member{from: s.at}
		if m.value, err = s.value(t); err != nil {
			return v, err
		}
		v.members = append(v.members, m)
	}
	_, err := s.token()
	return v, err
}

// depth is how many levels a value has: 1 for a text, 2 for a list of texts.
func (v value) depth() int {
	n := 0
	for _, m := range v.members {
		n = max(n, m.depth())
	}
	return n + 1
}

// measure refuses a text that is too large, too deep or no UTF-8 before anything is built from it.
func measure(body []byte) *fault {
	depth, values, quoted := 0, 1, false
	for i := 0; i < len(body); i++ {
		if body[i] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(body[i:])
			if r == utf8.RuneError && n == 1 {
				return &fault{int32(i), "the document is not valid UTF-8 here"}
			}
			i += n - 1
			continue
		}
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
			values++
		case c == '}', c == ']':
			depth--
		case c == ',':
			values++
		}
		if depth > maxDepth {
			return &fault{int32(i), fmt.Sprintf("more than %d brackets and braces inside each other", maxDepth)}
		}
		if values > maxValues {
			return &fault{int32(i), fmt.Sprintf("the document has more than %d values", maxValues)}
		}
	}
	return nil
}

// places turns offsets into lines and columns. Those of the zero places are unknown.
type places struct {
	body  []byte
	lines []int // offset of each line's first octet
}

func newPlaces(body []byte) places {
	p := places{body: body, lines: []int{0}}
	for i, b := range body {
		if b == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

func (p places) pos(offset int32) interpreter.Pos {
	if len(p.lines) == 0 {
		return interpreter.Pos{}
	}
	at := min(max(int(offset), 0), len(p.body))
	lo, hi := 0, len(p.lines)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; p.lines[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return interpreter.Pos{Line: lo + 1, Col: utf8.RuneCount(p.body[p.lines[lo]:at]) + 1}
}
