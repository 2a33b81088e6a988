package kazoo

import (
	"sort"

	"pintle/interpreter"
)

// spec describes a module: the manual page, the linter and the decoder are made from it.
type spec struct {
	name    string
	doc     string // one line
	fields  []field
	answers bool // an unanswered caller is answered before the module runs
	waits   bool // it plays or waits
	decode  func(d *data) interpreter.Verb
}

// field is one member of a module's data.
type field struct {
	name     string
	kind     string // in the words of JSON schema: string, integer, boolean, array, object
	def      string // default as a customer writes it; empty: none
	doc      string
	required bool
}

// specs are the modules by name. Each registers itself in its own file.
var specs = map[string]spec{}

// register adds a module. It panics at start on a double name or a missing text, so that a wrong build cannot run.
func register(s spec) struct{} {
	if s.name == "" || s.doc == "" || s.decode == nil {
		panic("kazoo: module without name, doc or decoder: " + s.name)
	}
	if _, twice := specs[s.name]; twice {
		panic("kazoo: module registered twice: " + s.name)
	}
	for _, f := range s.fields {
		if f.name == "" || f.doc == "" || f.kind == "" {
			panic("kazoo: field without name, type or doc: " + s.name + "." + f.name)
		}
	}
	specs[s.name] = s
	return struct{}{}
}

// names are all modules that are known, those that do not run here included.
func names() []string {
	list := make([]string, 0, len(specs)+len(unsupported))
	for n := range specs {
		list = append(list, n)
	}
	for n := range unsupported {
		list = append(list, n)
	}
	sort.Strings(list)
	return list
}

// Verbs describes the modules that run, by name.
func (d *Dialect) Verbs() []interpreter.Info {
	list := make([]interpreter.Info, 0, len(specs))
	for _, s := range specs {
		i := interpreter.Info{Dialect: d.Name(), Name: s.name, Doc: s.doc}
		for _, f := range s.fields {
			doc := f.doc
			if f.required {
				doc += " (required)"
			}
			i.Attrs = append(i.Attrs, interpreter.AttrInfo{Name: f.name, Default: f.def, Doc: doc})
		}
		list = append(list, i)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
