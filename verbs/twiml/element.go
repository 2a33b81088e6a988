package twiml

import (
	"fmt"
	"slices"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// reader decodes the elements of one document and collects what is wrong with them.
type reader struct {
	base     string // URL that relative ones start from
	opts     Options
	warnings []interpreter.Warning
}

// element is a node together with its spec, which knows the defaults.
type element struct {
	*node
	r    *reader
	s    *spec
	read map[string]bool // attributes that were asked for
}

// attrAliases are spellings of attributes that libraries write.
var attrAliases = map[string]string{
	"interpretAs": "interpret-as", "xmlLang": "xml:lang", "for_": "for", "lang": "xml:lang",
	"role": "format",
}

// maxWarnings bounds what one document can put into the trace.
const maxWarnings = 200

// warn notes what is wrong with the element or, if path is not empty, with one of its attributes.
func (r *reader) warn(n *node, code int, path, format string, args ...any) {
	if len(r.warnings) < maxWarnings {
		r.warnings = append(r.warnings, interpreter.Warning{
			Pos: n.pos, Code: code, Verb: n.name, Path: path, Msg: fmt.Sprintf(format, args...)})
	}
}

// warn notes what is wrong with the element or one of its attributes.
func (e *element) warn(code int, path, format string, args ...any) {
	e.r.warn(e.node, code, path, format, args...)
}

// child finds the spec of a node inside a parent, and warns with the code if there is none. It returns nil then.
func (r *reader) child(n *node, parent string, code int) *element {
	s, known := lookup(n.name, parent)
	switch {
	case s != nil && s.name != n.name:
		r.warn(n, interpreter.CodeSchema, "", "<%s> is read as <%s>, which is the right spelling", n.name, s.name)
	case s != nil:
	case known:
		r.warn(n, code, "", "<%s> cannot stand inside <%s> and is skipped; it belongs inside %s", n.name, parent,
			placesOf(n.name))
		return nil
	default:
		r.warn(n, code, "", "<%s> is not a TwiML element and is skipped%s", n.name,
			verbs.DidYouMean(n.name, childrenOf(parent)))
		return nil
	}
	e := &element{node: n, r: r, s: s, read: map[string]bool{}}
	if s.later == "" {
		e.checkNames()
	}
	return e
}

// placesOf lists the legal parents of a name, for a warning.
func placesOf(name string) string {
	var in []string
	for _, s := range specs[name] {
		for _, p := range s.inside {
			if t := "<" + p + ">"; !slices.Contains(in, t) {
				in = append(in, t)
			}
		}
	}
	return strings.Join(in, ", ")
}

// checkNames warns of attributes that the spec does not have.
func (e *element) checkNames() {
	names := make([]string, len(e.s.attrs))
	for i, a := range e.s.attrs {
		names[i] = a.name
	}
	for i, a := range e.attrs {
		if slices.Contains(names, a.name) {
			continue
		}
		if right := attrAliases[a.name]; right != "" && slices.Contains(names, right) {
			e.attrs[i].name = right
			continue
		}
		e.warn(interpreter.CodeSchema, a.name, "<%s> has no attribute %s; it is ignored%s", e.s.name, a.name,
			verbs.DidYouMean(a.name, names))
	}
}

// leaf warns of every child of an element that may have none but text.
func (e *element) leaf() {
	for _, k := range e.elements() {
		if c := e.r.child(k, e.s.name, interpreter.CodeSchema); c != nil && c.s.later != "" {
			c.notYet()
		}
	}
}

// has tells whether the attribute is written, even if it is empty.
func (e *element) has(name string) bool {
	return slices.ContainsFunc(e.attrs, func(a xmlAttr) bool { return a.name == name })
}

// str is the attribute as written, or its default.
func (e *element) str(name string) string {
	e.read[name] = true
	for _, a := range e.attrs {
		if a.name == name {
			return a.value
		}
	}
	return e.def(name)
}

// def is the default of an attribute.
func (e *element) def(name string) string {
	for _, a := range e.s.attrs {
		if a.name == name {
			return a.def
		}
	}
	panic("twiml: " + e.s.name + " reads the attribute " + name + ", which its table does not have")
}

// bad warns of a value that cannot be used and returns the default, which is used instead.
func (e *element) bad(code int, name, want string) string {
	def := e.def(name)
	e.warn(code, name, "%s=%q of <%s> is not %s; %s", name, clip(e.str(name)), e.s.name, want, usedInstead(def))
	return def
}

func usedInstead(def string) string {
	if def == "" {
		return "it is ignored"
	}
	return "the default " + def + " is used"
}

// clip shortens a value for a sentence.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
