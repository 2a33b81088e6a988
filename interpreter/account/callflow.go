package account

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
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
	rings    struct {         // what the first node rings, a user or a device
		kind Kind
		id   string
	}
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
	n, err := readJSON(c.Flow)
	if err != nil {
		return
	}
	module, _ := n.get("module")
	data, _ := n.get("data")
	id, _ := data.get("id")
	if k := flowKinds[module.text]; k == KindUser || k == KindDevice {
		c.rings.kind, c.rings.id = k, id.text
	}
}

// Document is the flow as it is run: members of its ring groups that were logged out (Disabled) have disable_until.
func (c *Callflow) Document() Flow {
	if len(c.Disabled) == 0 {
		return c.Flow
	}
	n, err := readJSON(c.Flow)
	if err != nil {
		return c.Flow
	}
	return Flow(c.disable(n).json())
}

func (c *Callflow) disable(n node) node {
	module, _ := n.get("module")
	n.members = slices.Clone(n.members)
	for i, m := range n.members {
		switch {
		case m.name == "data" && module.text == "ring_group":
			n.members[i].node = c.disableMembers(m.node)
		case m.name == "children":
			children := slices.Clone(m.members)
			for j := range children {
				children[j].node = c.disable(children[j].node)
			}
			n.members[i].members = children
		}
	}
	return n
}

func (c *Callflow) disableMembers(data node) node {
	list, ok := data.get("endpoints")
	if !ok {
		return data
	}
	list.members = slices.Clone(list.members)
	for i, m := range list.members {
		id, _ := m.get("id")
		until, ok := c.Disabled[id.text]
		if !ok {
			continue
		}
		m.members = slices.Clone(m.members)
		m.set(member{name: "disable_until", node: node{shape: number, text: strconv.FormatInt(until, 10)}})
		list.members[i] = m
	}
	data.members = slices.Clone(data.members)
	data.set(member{name: "endpoints", node: list})
	return data
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
	d.flowFields(n, at)
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

// flowFields checks what a node says of itself: its module and its data.
func (d *decoder) flowFields(n node, at place) {
	m, ok := n.get("module")
	if !ok || m.shape != text || m.text == "" || len(m.text) > 64 {
		d.fail(at.member("module", n.line), "a node needs the name of its module, 1 to 64 characters")
	}
	if v, given := n.get("data"); given && v.shape != object && v.shape != null {
		d.fail(at.member("data", v.line), "an object is expected here, this is %s", v.shape)
	}
}
