package kazoo

import (
	"context"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "set_variables",
	doc:  "Sets custom application variables of the call: they go into pivot requests and the call's record.",
	fields: []field{
		{name: "custom_application_vars", kind: "object", required: true, def: "{}",
			doc: "names and values; values become texts"},
		{name: "export", kind: "boolean", def: "false", doc: "give them to legs that this call is joined with later"},
	},
	decode: func(d *data) interpreter.Verb {
		s := SetVariables{Export: d.flag("export", false)}
		switch v, ok := d.find("custom_application_vars"); {
		case !ok:
			d.fail("custom_application_vars", v, "this field is required")
		case v.kind != object:
			d.fail("custom_application_vars", v, "an object is required, this is "+v.kind.String())
		default:
			s.Vars = d.pairs("custom_application_vars")
		}
		return s
	},
})

// maxVars is how many variables a call may have.
const maxVars = 64

// SetVariables sets custom variables (Kazoo set_variables).
type SetVariables struct {
	Vars   [][2]string
	Export bool
}

// Run sets them. A variable beyond the limit is left out and noted.
func (v SetVariables) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s, have := stateOf(c), c.Vars()
	for _, p := range v.Vars {
		if _, old := have[p[0]]; !old && len(have) >= maxVars {
			c.Fault(&interpreter.Fault{Code: interpreter.CodeSchema,
				Msg: "set_variables: a call has at most 64 variables; " + clip(p[0]) + " and what follows are left out"})
			break
		}
		have[p[0]] = p[1]
		c.SetVar(p[0], p[1])
		if v.Export {
			if s.export == nil {
				s.export = map[string]string{}
			}
			s.export[p[0]] = p[1]
		}
	}
	return interpreter.Branch(wildcard), nil
}
