package account

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rule is what a field must keep to. It is written beside the field, words separated by blanks:
//
//	required           it must be there
//	len=1..128         characters of a text
//	range=1..10        of a number
//	count=1..100       items of a list
//	in=a|b|c           the words allowed
//	is=email           a form (table forms)
//	unique             no item twice
//	default=5          when it is absent; rest=5: when it is absent in an object made by REST
//	each.len=1..36     a rule of the items or values; key.is=… of the names in an object
type rule struct {
	required, unique bool
	least, most      int64
	short, long      int
	few, many        int
	in               []string
	is, key          string
	def, rest        string
	each             []string
}

func parseRule(tag string) rule {
	r := rule{least: math.MinInt64, most: math.MaxInt64, long: maxText, many: maxItems}
	for _, w := range strings.Fields(tag) {
		name, v, _ := strings.Cut(w, "=")
		switch name {
		case "required":
			r.required = true
		case "unique":
			r.unique = true
		case "len":
			l, h := span(v)
			r.short, r.long = int(l), int(min(h, maxText))
		case "count":
			l, h := span(v)
			r.few, r.many = int(l), int(min(h, maxItems))
		case "range":
			r.least, r.most = span(v)
		case "in":
			r.in = strings.Split(v, "|")
		case "is":
			r.is = v
		case "key.is":
			r.key = v
		case "default":
			r.def = v
		case "rest":
			r.rest = v
		default:
			if rest, ok := strings.CutPrefix(w, "each."); ok {
				r.each = append(r.each, rest)
			}
		}
	}
	return r
}

// Bounds where a field has none of its own.
const (
	maxText  = 16384
	maxItems = 10000
)

func span(s string) (least, most int64) {
	a, b, _ := strings.Cut(s, "..")
	least, most = math.MinInt64, math.MaxInt64
	if n, err := strconv.ParseInt(a, 10, 64); err == nil {
		least = n
	}
	if n, err := strconv.ParseInt(b, 10, 64); err == nil {
		most = n
	}
	return least, most
}

func (r rule) item() rule { return parseRule(strings.Join(r.each, " ")) }

func (r rule) checkText(s string) string {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, control):
		return "the text holds control characters; take them out"
	case r.short > 0 && n == 0:
		return "this must not be empty"
	case n < r.short:
		return fmt.Sprintf("%d characters are too few; write at least %d", n, r.short)
	case n > r.long:
		return fmt.Sprintf("%d characters are too many; write at most %d", n, r.long)
	case len(r.in) > 0 && !slices.Contains(r.in, s):
		return fmt.Sprintf("%q is none of %s", clip(s), strings.Join(r.in, ", "))
	}
	return checkForm(r.is, s)
}

// control tells whether a character could break a header or a log line; line ends of prose may stay.
func control(c rune) bool { return (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f }

func (r rule) checkNumber(n int64) string {
	switch {
	case n >= r.least && n <= r.most:
		return ""
	case r.most == math.MaxInt64:
		return fmt.Sprintf("%d is too small; give at least %d", n, r.least)
	}
	return fmt.Sprintf("%d is not between %d and %d", n, r.least, r.most)
}

func (r rule) checkCount(n int) string {
	switch {
	case n < r.few:
		return fmt.Sprintf("at least %d must stand here", r.few)
	case n > r.many:
		return fmt.Sprintf("%d are too many; at most %d may stand here", n, r.many)
	}
	return ""
}

func (r rule) checkName(s string) string {
	if n := utf8.RuneCountInString(s); n == 0 || n > 256 || strings.ContainsFunc(s, control) {
		return "the name must have 1 to 256 printable characters"
	}
	return checkForm(r.key, s)
}
