package twiml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
)

// bounds of a number, with the code of the warning when a value is outside them.
type bounds struct {
	code, min, max int
	raise          bool // a number below min becomes min; else it is no better than a word
}

// hugeNumber is the length from which on a number is nonsense rather than merely too large.
const hugeNumber = 10

// number reads a decimal integer. A number above the bounds becomes the largest one inside, with a warning; anything
// else that cannot be used is the default.
func (e *element) number(name string, b bounds) int {
	s := e.str(name)
	if s == "" && !e.has(name) {
		return 0 // an attribute without a default
	}
	n, err := strconv.Atoi(s)
	usable := err == nil && allDigits(s) && len(s) <= hugeNumber
	if !usable || n < b.min && !b.raise {
		n, _ = strconv.Atoi(e.bad(b.code, name, fmt.Sprintf("a whole number of at least %d", b.min)))
		return n
	}
	if in := max(b.min, min(n, b.max)); in != n {
		e.warn(b.code, name, "%s=%q of <%s> is outside %d to %d; %d is used", name, s, e.s.name, b.min, b.max, in)
		return in
	}
	return n
}

// seconds reads a whole number of seconds.
func (e *element) seconds(name string, b bounds) time.Duration {
	return time.Duration(e.number(name, b)) * time.Second
}

// boolean reads true or false in any case.
func (e *element) boolean(name string, code int) bool {
	s := e.str(name)
	if !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		s = e.bad(code, name, "true or false")
	}
	return strings.EqualFold(s, "true")
}

// method reads GET or POST in any case.
func (e *element) method(name string, code int) string {
	s := strings.ToUpper(e.str(name))
	if s != "GET" && s != "POST" {
		s = e.bad(code, name, "GET or POST")
	}
	return s
}

// enum reads one of a few words.
func (e *element) enum(name string, code int, words ...string) string {
	s := e.str(name)
	if s == e.def(name) || slices.Contains(words, s) {
		return s
	}
	return e.bad(code, name, "one of "+strings.Join(words, ", "))
}

// list reads words separated by blanks or commas. Unknown ones are left out with a warning, repeated ones count once;
// if none is left, the default is used.
func (e *element) list(name string, code int, words ...string) []string {
	var got []string
	for _, w := range splitList(e.str(name)) {
		switch {
		case !slices.Contains(words, w):
			e.warn(code, name, "%q in %s of <%s> is not one of %s; it is ignored", clip(w), name, e.s.name,
				strings.Join(words, ", "))
		case !slices.Contains(got, w):
			got = append(got, w)
		}
	}
	if len(got) == 0 {
		return splitList(e.def(name))
	}
	return got
}

// splitList cuts at blanks and commas.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '\r' })
}

// callback reads the URL of a callback, which is asked without a document coming back: empty if there is none or it is
// not usable.
func (e *element) callback(name string, code int) string {
	s := e.str(name)
	if s == "" {
		return ""
	}
	abs, err := e.r.resolve(s)
	if err != nil {
		e.warn(code, name, "%s of <%s> is not a usable URL and is ignored: %v", name, e.s.name, err)
		return ""
	}
	return abs
}

// action reads the URL that a result is sent to. An unusable one is warned of here and fails when it is asked for.
func (e *element) action(methodCode int) link {
	l := link{Method: e.method("method", methodCode)}
	if s := e.str("action"); s != "" {
		l.set(e, "action", s)
	}
	return l
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// keys is the part of s that consists of allowed keys, and whether anything was left out.
func keys(s, allowed string) (kept string, whole bool) {
	var b strings.Builder
	for _, k := range s {
		if k < 0x80 && strings.ContainsRune(allowed, k) {
			b.WriteRune(k)
		}
	}
	return b.String(), b.Len() == len(s)
}

// schema is the code of what the document's form is wrong in.
const schema = interpreter.CodeSchema
