package kazoo

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// reader makes the steps of one document.
type reader struct {
	d        *Dialect
	url      string
	places   places
	warnings []interpreter.Warning
	nodes    int
}

// node is one object with a module, as it stands in the document.
type node struct {
	value
	module   string
	data     value
	children []member
	path     string // JSON Pointer (RFC 6901) of the node
}

// read parses a document and returns its first step; nil when the body is empty.
func (r *reader) read(body []byte) (*interpreter.Step, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	r.places = newPlaces(body)
	if len(bytes.Trim(body, space)) == 0 {
		return nil, nil
	}
	root, err := readJSON(body)
	if err != nil {
		f, ok := err.(*fault) //nolint:errorlint // readJSON returns nothing else
		if !ok {
			return nil, err
		}
		return nil, r.refuse(f.at, "", f.msg)
	}
	path := ""
	if flow, ok := root.get("flow"); ok && flow.kind == object {
		if _, has := root.get("module"); !has {
			root, path = flow, "/flow"
		}
	}
	return r.step(root, path, 1)
}

func (r *reader) refuse(at int32, module, msg string) error {
	return &interpreter.DocumentError{
		URL: r.url, Pos: r.places.pos(at), Code: interpreter.CodeParse, Verb: module, Msg: msg}
}

func (r *reader) warn(at int32, module, path, msg string) {
	r.warnings = append(r.warnings, interpreter.Warning{
		Pos: r.places.pos(at), Code: interpreter.CodeSchema, Verb: module, Path: path, Msg: msg})
}

// step makes the step of a node and of everything below it.
func (r *reader) step(v value, path string, depth int) (*interpreter.Step, error) {
	if depth > maxPath {
		return nil, r.refuse(v.at, "", fmt.Sprintf("more than %d nodes on one path", maxPath))
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, r.refuse(v.at, "", fmt.Sprintf("the document has more than %d nodes", maxNodes))
	}
	n, err := r.node(v, path)
	if err != nil {
		return nil, err
	}
	s := r.decode(n)
	for _, m := range n.children {
		p := n.path + "/children/" + pointer(m.name)
		if m.kind == null || m.kind == object && len(m.members) == 0 {
			r.warn(m.at, n.module, p, fmt.Sprintf("child %q is empty and counts as absent", m.name))
			continue
		}
		c, err := r.step(m.value, p, depth+1)
		if err != nil {
			return nil, err
		}
		if s.Children == nil {
			s.Children = make(map[string]*interpreter.Step, len(n.children))
		}
		s.Children[m.name] = c
	}
	return s, nil
}

// node checks what every node must have. What is wrong here makes the whole document unusable, as in Kazoo.
func (r *reader) node(v value, path string) (node, error) {
	n := node{value: v, path: path, data: value{kind: object, at: v.at}}
	if v.kind != object {
		return n, r.refuse(v.at, "", fmt.Sprintf("a node must be an object with a \"module\", this is %s", v.kind))
	}
	m, ok := v.get("module")
	switch {
	case !ok:
		return n, r.refuse(v.at, "", "the node has no \"module\""+r.suggest(v))
	case m.kind != text, m.text == "", len(m.text) > 64:
		return n, r.refuse(m.at, "", "\"module\" must be a name of 1 to 64 characters")
	}
	n.module = m.text
	if d, ok := v.get("data"); ok {
		if d.kind != object {
			return n, r.refuse(d.at, n.module, "\"data\" must be an object, this is "+d.kind.String())
		}
		n.data = d
	}
	if len(n.data.members) > maxFields || n.data.depth() > maxData {
		return n, r.refuse(n.data.at, n.module,
			fmt.Sprintf("\"data\" has more than %d members or %d levels", maxFields, maxData))
	}
	if c, ok := v.get("children"); ok {
		if c.kind != object {
			return n, r.refuse(c.at, n.module, "\"children\" must be an object, this is "+c.kind.String())
		}
		n.children = c.members
	}
	for _, m := range v.members {
		switch m.name {
		case "module", "data", "children", "remote_execution":
		default:
			r.warn(m.from, n.module, path+"/"+pointer(m.name), fmt.Sprintf("%q is no member of a node and is ignored%s",
				m.name, verbs.DidYouMean(m.name, nodeMembers)))
		}
	}
	return n, nil
}

var nodeMembers = []string{"module", "data", "children"}

// suggest finds a misspelt "module".
func (r *reader) suggest(v value) string {
	for _, m := range v.members {
		if verbs.Nearest(m.name, nodeMembers) == "module" {
			return fmt.Sprintf("; %q was probably meant to be it", m.name)
		}
	}
	return ""
}

// decode makes the verb of a node. Whatever is wrong with its data, the node goes on to its child "_".
func (r *reader) decode(n node) *interpreter.Step {
	s := &interpreter.Step{Name: n.module, Pos: r.places.pos(n.at)}
	sp, ok := specs[n.module]
	if !ok {
		r.unknown(n)
		s.Verb = ran{module: n.module, verb: interpreter.VerbFunc(skip)}
		return s
	}
	d := &data{r: r, n: n, answers: sp.answers, waits: sp.waits}
	if d.flag("skip_module", false) {
		s.Verb = ran{module: n.module, verb: interpreter.VerbFunc(skip)}
		return s
	}
	v := sp.decode(d)
	d.strangers(sp)
	if d.unusable {
		s.Verb = ran{module: n.module, verb: interpreter.VerbFunc(skip)}
		return s
	}
	s.Verb, s.Answers, s.Waits = ran{module: n.module, verb: v}, d.answers, d.waits
	return s
}

// unknown warns of a module that does not run here.
func (r *reader) unknown(n node) {
	m, _ := n.get("module")
	if why, ok := unsupported[n.module]; ok {
		r.warn(m.at, n.module, n.path+"/module", fmt.Sprintf("module %q %s; the node is skipped to \"_\"", n.module, why))
		return
	}
	r.warn(m.at, n.module, n.path+"/module", fmt.Sprintf("there is no module %q; the node is skipped to \"_\"%s",
		n.module, verbs.DidYouMean(n.module, names())))
}

func skip(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
	return interpreter.Branch(wildcard), nil
}

// wildcard is the child that runs when no other was chosen.
const wildcard = "_"

// pointer escapes a name for a JSON Pointer (RFC 6901 §3).
func pointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
