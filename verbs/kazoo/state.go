package kazoo

import (
	"context"
	"slices"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// state is what the dialect keeps as long as the call lives, over all its documents.
type state struct {
	collections map[string]string // keys pressed, by the name of their collection
	language    string            // set by the language module; empty: the default
	system      map[string]string // set by set_variable
	module      string            // module that ran last
	result      string            // child it chose
	chosen      string            // child that the running module has chosen
	dial        *interpreter.DialResult
	callee      string             // user part of the party dialled last
	clid        account.Presenting // changes of the caller id by modules
	alert       string             // how telephones ring that are called later; empty: as their settings say
	export      map[string]string  // variables for legs that are joined later
	reports     []string           // cdr_url of every pivot so far, each told once
	keeps       bool               // the call's exchanges are looked at when its leg is over
	debug       bool               // all of them are kept, not only those that failed
}

// defaultCollection is where keys go that nobody asked for.
const defaultCollection = "default"

func stateOf(c *interpreter.Call) *state { return interpreter.State[state](c) }

// collect writes a collection; the others stay as they are.
func (s *state) collect(name, digits string) {
	if s.collections == nil {
		s.collections = map[string]string{}
	}
	s.collections[name] = digits
}

// press adds a key that was pressed while something played to the collection "default".
func (s *state) press(keys string) {
	if keys != "" {
		s.collect(defaultCollection, s.collections[defaultCollection]+keys)
	}
}

// ran is the verb of every node: it notes which module ran and which child it chose, for the next pivot request.
type ran struct {
	module string
	verb   interpreter.Verb
}

// Run runs the module.
func (v ran) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	s.chosen = wildcard
	out, err := v.verb.Run(ctx, c)
	s.module, s.result = v.module, s.chosen
	return out, err
}

// children are the names of a node's children that a module may choose from.
type children []string

// children returns the names of the node's children, empty ones left out.
func (d *data) children() children {
	var names children
	for _, m := range d.n.children {
		if d.has(m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// has tells whether there is a child of that name.
func (n children) has(name string) bool { return slices.Contains(n, name) }

// branch goes to the first child of these names that exists, else to "_".
func (n children) branch(c *interpreter.Call, keys ...string) interpreter.Outcome {
	for _, k := range keys {
		if k == "" || !n.has(k) {
			continue
		}
		stateOf(c).chosen = k
		return interpreter.Branch(k)
	}
	return interpreter.Branch(wildcard)
}
