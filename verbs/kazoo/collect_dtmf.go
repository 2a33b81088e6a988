package kazoo

import (
	"context"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "collect_dtmf",
	doc:  "Collects keys into a named collection, which every later pivot request carries. It plays nothing itself.",
	fields: []field{
		{name: "max_digits", kind: "integer", def: "1", doc: "keys to collect"},
		{name: "collection_name", kind: "string", def: defaultCollection, doc: "name of the collection"},
		{name: "timeout", kind: "integer", def: "5000", doc: "limit for the first key in milliseconds"},
		{name: "interdigit_timeout", kind: "integer", def: "2000", doc: "limit for each further key in milliseconds"},
		{name: "terminator", kind: "string", def: "#", doc: "key that ends the collection and is not kept; empty: none"},
		{name: "terminators", kind: "array", doc: "such keys, where terminator is absent"},
	},
	answers: true,
	waits:   true,
	decode: func(d *data) interpreter.Verb {
		v := CollectDTMF{
			Max:        int(d.integer("max_digits", bounds{1, 1, 128})),
			Collection: d.words("collection_name", defaultCollection),
			FirstDigit: d.duration("timeout", time.Millisecond, bounds{5000, 1, maxWait}),
			InterDigit: d.duration("interdigit_timeout", time.Millisecond, bounds{2000, 1, maxWait}),
			Finish:     "#",
		}
		if v.Collection == "" {
			v.Collection = defaultCollection
		}
		one, hasOne := d.keys("terminator")
		many, hasMany := d.keys("terminators")
		switch {
		case hasOne:
			v.Finish = one
		case hasMany:
			v.Finish = many
		}
		return v
	},
})

// maxWait bounds every time limit for keys: one day, in milliseconds.
const maxWait = 24 * 60 * 60 * 1000

// CollectDTMF collects keys (Kazoo collect_dtmf).
type CollectDTMF struct {
	Max                    int
	Collection             string
	FirstDigit, InterDigit time.Duration
	Finish                 string
}

// Run collects. Keys pressed during earlier prompts lie in the collection "default": they are taken from it and count
// first. When the caller hangs up nothing is stored.
func (v CollectDTMF) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	early := s.collections[defaultCollection]
	delete(s.collections, defaultCollection)
	if i := strings.IndexAny(early, v.Finish); i >= 0 {
		early = early[:i]
	}
	got, err := verbs.Collect{
		Max: v.Max, FirstDigit: v.FirstDigit, InterDigit: v.InterDigit, Finish: v.Finish,
		TypeAhead: verbs.KeepTyped, Early: early,
	}.Run(ctx, c)
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	s.collect(v.Collection, got.Digits)
	return interpreter.Branch(wildcard), nil
}
