package kazoo

import (
	"context"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "flush_dtmf",
	doc:  "Forgets a collection of keys; it is no longer sent to the server.",
	fields: []field{
		{name: "collection_name", kind: "string", def: defaultCollection, doc: "collection to forget"},
	},
	decode: func(d *data) interpreter.Verb {
		f := FlushDTMF{Collection: d.words("collection_name", defaultCollection)}
		if f.Collection == "" {
			f.Collection = defaultCollection
		}
		return f
	},
})

// FlushDTMF forgets a collection (Kazoo flush_dtmf).
type FlushDTMF struct{ Collection string }

// Run forgets the keys, for the collection "default" also those that nobody has taken from the leg yet.
func (f FlushDTMF) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if f.Collection == defaultCollection {
		verbs.Drop(c.Leg)
	}
	delete(stateOf(c).collections, f.Collection)
	return interpreter.Branch(wildcard), nil
}
