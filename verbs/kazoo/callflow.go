package kazoo

import (
	"context"
	"fmt"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "callflow",
	doc:  "Runs another callflow; when that one stops, the child \"_\" goes on.",
	fields: []field{
		{name: "id", kind: "string", doc: "id of the callflow"},
	},
	decode: func(d *data) interpreter.Verb {
		return Callflow{ID: d.words("id", ""), dialect: d.r.d}
	},
})

// Callflow enters a stored callflow (Kazoo callflow).
type Callflow struct {
	ID      string
	dialect *Dialect
}

// Run enters it. One that does not exist or cannot be read is noted, and "_" goes on.
func (f Callflow) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	body, err := f.dialect.object(ctx, c, KindCallflow, f.ID)
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	return f.dialect.enter(c, "callflow "+f.ID, body)
}

// enter parses a stored callflow and enters it.
func (d *Dialect) enter(c *interpreter.Call, what string, body []byte) (interpreter.Outcome, error) {
	doc, err := d.Parse(interpreter.Response{Body: body, URL: what})
	if err != nil || doc.Root == nil {
		return interpreter.Branch(wildcard), &interpreter.Fault{Code: interpreter.CodeSchema,
			Msg: fmt.Sprintf("%s cannot be run", what), Err: err}
	}
	for _, w := range doc.Warnings {
		noteWarning(c, what, w)
	}
	return interpreter.Enter(doc.Root), nil
}

// noteWarning tells the trace what was skipped or defaulted in a stored object.
func noteWarning(c *interpreter.Call, where string, w interpreter.Warning) {
	c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvWarning, URL: where, Step: w.Verb, Pos: w.Pos,
		Fault: w.Code, Text: fmt.Sprintf("warning %d at %s: %s", w.Code, w.Pos, w.Msg), Data: w})
}
