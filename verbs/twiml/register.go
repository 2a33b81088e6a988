package twiml

import (
	"fmt"
	"slices"
	"sort"

	"pintle/interpreter"
)

// response is the root element, and the parent of a spec that names none.
const response = "Response"

// attr is one attribute of a verb: what it is called, what it is when it is left out, and what it does.
type attr struct{ name, def, doc string }

// spec describes one element: it is the manual page, the validator's table and the way to the verb.
type spec struct {
	name   string
	doc    string   // one sentence
	attrs  []attr   //
	inside []string // legal parents; none: Response
	also   []string // other spellings that libraries write; each is accepted with a warning

	answers bool   // the leg is answered before the verb runs
	waits   bool   // it plays or waits; a verb that may do neither is an idler
	whisper bool   // it may stand in a document that runs on a called leg
	later   string // known, but not run by this version: what happens instead; attributes are not checked

	// Exactly one of them, or none for a child that its parent reads itself.
	decode func(r *reader, e *element) interpreter.Verb // a verb
	callee func(r *reader, e *element, d *Dial)         // a noun that rings: adds to the Dial
}

// idler is a verb that, as decoded, would neither play nor wait, whatever its spec says.
type idler interface{ idle() bool }

// specs are all elements by name; a name that is both verb and noun has several.
var specs = map[string][]*spec{}

// register adds an element at the start of the program. It returns something so that it can stand beside a variable
// in the verb's own file, and panics on a mistake in the table.
func register(s spec) *spec {
	if s.doc == "" || s.name == "" {
		panic(fmt.Sprintf("twiml: %q is registered without a doc", s.name))
	}
	if len(s.inside) == 0 {
		s.inside = []string{response}
	}
	for _, other := range specs[s.name] {
		for _, p := range s.inside {
			if slices.Contains(other.inside, p) {
				panic(fmt.Sprintf("twiml: %s inside %s is registered twice", s.name, p))
			}
		}
	}
	seen := map[string]bool{}
	for _, a := range s.attrs {
		if a.doc == "" || seen[a.name] {
			panic(fmt.Sprintf("twiml: attribute %s of %s has no doc or stands twice", a.name, s.name))
		}
		seen[a.name] = true
	}
	for _, n := range append([]string{s.name}, s.also...) {
		specs[n] = append(specs[n], &s)
	}
	return &s
}

// lookup finds the spec of an element inside a parent. known tells whether the name exists anywhere.
func lookup(name, parent string) (s *spec, known bool) {
	for _, c := range specs[name] {
		if slices.Contains(c.inside, parent) {
			return c, true
		}
	}
	return nil, len(specs[name]) > 0
}

// childrenOf are the names of the elements that may stand inside a parent.
func childrenOf(parent string) []string {
	var names []string
	for name, list := range specs {
		for _, s := range list {
			if s.name == name && slices.Contains(s.inside, parent) {
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// infos describes every element.
func infos() []interpreter.Info {
	var list []interpreter.Info
	for name, all := range specs {
		for _, s := range all {
			if s.name != name {
				continue
			}
			i := interpreter.Info{Dialect: Name, Name: s.name, Doc: s.doc, Inside: s.inside}
			if s.later != "" {
				i.Doc += " Not available yet: " + s.later + "."
			}
			for _, a := range s.attrs {
				i.Attrs = append(i.Attrs, interpreter.AttrInfo{Name: a.name, Default: a.def, Doc: a.doc})
			}
			list = append(list, i)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Name != list[j].Name {
			return list[i].Name < list[j].Name
		}
		return list[i].Inside[0] < list[j].Inside[0]
	})
	return list
}
