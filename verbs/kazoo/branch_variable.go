package kazoo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "branch_variable",
	doc:  "Goes to the child named like the value of a variable.",
	fields: []field{
		{name: "variable", kind: "string", required: true,
			doc: "name of the variable; a list is a path from the outside in"},
		{name: "scope", kind: "string", def: "custom_channel_vars",
			doc: "where it is looked up: custom_channel_vars, custom_application_vars, account, user, device or merged"},
	},
	decode: func(d *data) interpreter.Verb {
		b := BranchVariable{children: d.children()}
		if v, ok := d.find("variable"); ok && v.kind == list {
			var path []string
			for _, i := range v.members {
				path = append(path, i.text)
			}
			b.Name = variableName(strings.Join(path, "."))
		} else {
			b.Name = variableName(d.required("variable"))
		}
		v, ok := d.find("scope")
		if !ok {
			b.Scope = "custom_channel_vars"
			return b
		}
		// No default here: a scope that is none holds no variable.
		b.Scope = d.choice("scope", "",
			"custom_channel_vars", "custom_application_vars", "account", "user", "device", "merged")
		if b.Scope == "account" || b.Scope == "user" || b.Scope == "device" {
			d.warn("scope", v, "the caller has no %s object here; the child \"_\" runs", b.Scope)
		}
		return b
	},
})

// BranchVariable chooses a child by a variable (Kazoo branch_variable).
type BranchVariable struct {
	Name     string // lower case, with underscores
	Scope    string
	children children
}

// Run chooses. A value that is missing or empty, or names no child, goes to "_".
func (b BranchVariable) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	var vars map[string]string
	switch b.Scope {
	case "custom_channel_vars", "merged":
		vars = channelVars(c)
	case "custom_application_vars":
		vars = c.Vars()
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if variableName(name) == b.Name {
			return b.children.branch(c, vars[name]), nil
		}
	}
	return interpreter.Branch(wildcard), nil
}

// variableName brings a name into the form in which Kazoo compares it.
func variableName(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "-", "_")
}

// channelVars are the system variables of a call.
func channelVars(c *interpreter.Call) map[string]string {
	vars := map[string]string{"account_id": c.Account.ID}
	if c.Leg != nil {
		i := c.Leg.Info()
		if i.Username != "" {
			vars["username"] = i.Username
		} else if c.Direction == interpreter.Inbound {
			vars["inception"] = uriOf(i.Request)
		}
	}
	for k, v := range stateOf(c).system {
		vars[k] = v
	}
	return vars
}
