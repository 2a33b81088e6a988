package kazoo

import (
	"context"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "set_variable",
	doc:  "Sets a system variable of the call: call_priority or group_id.",
	fields: []field{
		{name: "variable", kind: "string", doc: "call_priority or group_id; nothing is set for any other name"},
		{name: "value", kind: "string", doc: "its value"},
		{name: "channel", kind: "string", def: "a", doc: "a: this leg; both: also the leg it is joined with"},
	},
	decode: func(d *data) interpreter.Verb {
		v := SetVariable{Name: d.choice("variable", "", "call_priority", "group_id"), Value: d.words("value", "")}
		v.Both = d.choice("channel", "a", "a", "both") == "both"
		return v
	},
})

// SetVariable sets a system variable (Kazoo set_variable).
type SetVariable struct {
	Name, Value string
	Both        bool
}

// Run sets it, or nothing when the name was not allowed.
func (v SetVariable) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	if v.Name != "" {
		if s.system == nil {
			s.system = map[string]string{}
		}
		s.system[v.Name] = v.Value
	}
	return interpreter.Branch(wildcard), nil
}
