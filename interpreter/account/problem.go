package account

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file or with an object.
type Problem struct {
	File   string // empty for an object that came by another way
	Line   int    // 0: not known
	Object string // users.alice, callflows.main …
	Field  string // sip.password …; empty: the object as a whole
	Msg    string // which rule is broken, and what to write instead
}

// String is "file:line: object.field: sentence".
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	where := p.Object
	if p.Field != "" {
		if where != "" && !strings.HasPrefix(p.Field, "[") {
			where += "."
		}
		where += p.Field
	}
	if where != "" {
		b.WriteString(where + ": ")
	}
	b.WriteString(p.Msg)
	return b.String()
}

// Problems is everything that is wrong, in the order of the files and lines. It is the error of loading and of
// changing.
type Problems []Problem

// Error is one problem a line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for i, one := range p {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(p)-i))
			break
		}
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// maxShown is how many problems an error prints: whoever mends fifty runs the check again.
const maxShown = 50

// asError sorts, and is nil without problems.
func (p Problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	p = slices.Clone(p)
	slices.SortStableFunc(p, func(a, b Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return p
}

// clip shortens what a stranger wrote.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
