package account

import (
	"encoding/json"
	"regexp"
)

// Callflow is what a dialled number runs.
type Callflow struct {
	Base
	Name        string       `json:"name,omitempty" rule:"len=0..256 is=line"`
	Numbers     []string     `json:"numbers,omitempty" rule:"unique each.len=1..36 each.is=line"`
	Patterns    []string     `json:"patterns,omitempty" rule:"each.len=1..512 each.is=regexp"`
	Flow        Flow         `json:"flow,omitempty" rule:"required"`
	FeatureCode *FeatureCode `json:"featurecode,omitempty"`
	// Disabled are members of the flow's ring groups that do not ring until a moment ([Gregorian]), by id. It is ours: how
	// Kazoo's disable_until is kept beside a flow that stands in a file.
	Disabled    map[string]int64 `json:"disabled_members,omitempty"`
	Flags       []string         `json:"flags,omitempty" rule:"each.len=1..128"`
	Metaflow    json.RawMessage  `json:"metaflow,omitempty"` // read, without effect, like those below
	Ringback    json.RawMessage  `json:"ringback,omitempty"`
	ContactList json.RawMessage  `json:"contact_list,omitempty"`

	compiled []*regexp.Regexp // of Patterns
}

// FeatureCode names what a callflow does, for lists of feature codes.
type FeatureCode struct {
	Name   string `json:"name,omitempty" rule:"len=1..128 is=line"`
	Number string `json:"number,omitempty" rule:"len=1..30 is=line"`
}

// NoMatch in the numbers of a callflow makes it run for numbers that lead nowhere else.
const NoMatch = "no_match"

// Kind is callflow.
func (*Callflow) Kind() Kind { return KindCallflow }

// Label is the name, or the first number.
func (c *Callflow) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.natural()
}

func (c *Callflow) natural() string {
	switch {
	case len(c.Numbers) > 0:
		return c.Numbers[0]
	case len(c.Patterns) > 0:
		return c.Patterns[0]
	}
	return c.Name
}

func (c *Callflow) check(*decoder) {
	for _, p := range c.Patterns {
		if re, err := regexp.Compile(p); err == nil {
			c.compiled = append(c.compiled, re)
		}
	}
}

// Flow is the first node of a callflow, as JSON in the order in which it was written.
type Flow json.RawMessage

// MarshalJSON writes it as it is.
func (f Flow) MarshalJSON() ([]byte, error) {
	if len(f) == 0 {
		return []byte("null"), nil
	}
	return f, nil
}

func (f *Flow) decode(d *decoder, n node, at place) {
	count := 0
	d.flowNode(n, at, &count)
	*f = Flow(n.json())
}

// maxFlow is how many nodes a callflow may have.
const maxFlow = 1000

// flowNode checks the frame of a node; what its data may be is the dialect's business.
func (d *decoder) flowNode(n node, at place, count *int) {
	if *count++; *count > maxFlow {
		if *count == maxFlow+1 {
			d.fail(at, "a callflow has at most %d nodes; move a part into another callflow", maxFlow)
		}
		return
	}
	if n.shape != object {
		d.fail(at, "a node with module, data and children is expected here, this is %s", n.shape)
		return
	}
	m, ok := n.get("module")
	if !ok || m.shape != text || m.text == "" || len(m.text) > 64 {
		d.fail(at.member("module", n.line), "a node needs the name of its module, 1 to 64 characters")
	}
	if v, ok := n.get("data"); ok && v.shape != object && v.shape != null {
		d.fail(at.member("data", v.line), "an object is expected here, this is %s", v.shape)
	}
	c, ok := n.get("children")
	switch {
	case !ok || c.shape == null:
		return
	case c.shape != object:
		d.fail(at.member("children", c.line), "an object is expected here, this is %s", c.shape)
		return
	}
	for _, m := range c.members {
		if m.shape == null || (m.shape == object && len(m.members) == 0) {
			continue // Kazoo's way of writing "no child"
		}
		d.flowNode(m.node, at.member("children", c.line).member(m.name, m.line), count)
	}
}
