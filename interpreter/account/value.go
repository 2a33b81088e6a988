package account

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Choice is a value that is a switch or a text: a sound that is on, off, or another one.
type Choice struct {
	Text string // not empty: the text
	On   bool   // of a switch
}

func (c *Choice) decode(d *decoder, n node, at place) {
	switch {
	case n.shape == boolean:
		*c = Choice{On: n.text == "true"}
	case n.shape == text && len(n.text) <= 2048 && isLine(n.text) == "":
		*c = Choice{Text: n.text}
	default:
		d.fail(at, "write true, false, or the id or URL of a sound in one line")
	}
}

// MarshalJSON writes it as it was.
func (c Choice) MarshalJSON() ([]byte, error) {
	if c.Text != "" {
		return quote(c.Text), nil
	}
	return strconv.AppendBool(nil, c.On), nil
}

// Texts is a list of texts that may be written as one text.
type Texts []string

func (t *Texts) decode(d *decoder, n node, at place) {
	*t = Texts{}
	switch n.shape {
	case text, number:
		*t = Texts{n.text}
	case list:
		for i, m := range n.members {
			if m.shape != text && m.shape != number {
				d.fail(at.item(i, m.line), "a text is expected here, this is %s", m.shape)
				continue
			}
			*t = append(*t, m.text)
		}
	default:
		d.fail(at, "a text or a list of texts is expected here, this is %s", n.shape)
	}
	for i, s := range *t {
		if why := parseRule("len=1..254 is=line").checkText(s); why != "" {
			d.fail(at.item(i, n.line), "%s", why)
		}
	}
}

// Word is a text that may also be written as a number.
type Word string

func (w *Word) decode(d *decoder, n node, at place) {
	if n.shape != text && n.shape != number {
		d.fail(at, "a text or a number is expected here, this is %s", n.shape)
		return
	}
	if why := parseRule("len=0..64 is=line").checkText(n.text); why != "" {
		d.fail(at, "%s", why)
	}
	*w = Word(n.text)
}

// OutboundFlags choose carriers.
type OutboundFlags struct {
	Static  []string `json:"static,omitempty"`
	Dynamic []string `json:"dynamic,omitempty"` // names that are replaced by values
}

func (f *OutboundFlags) decode(d *decoder, n node, at place) {
	if n.shape == list {
		n = node{shape: object, line: n.line, members: []member{{name: "static", line: n.line, node: n}}}
	}
	plain := struct {
		Static  []string `key:"static" rule:"each.len=1..128"`
		Dynamic []string `key:"dynamic" rule:"each.len=1..128"`
	}{}
	d.into(&plain, n, at)
	f.Static, f.Dynamic = plain.Static, plain.Dynamic
}

// SIPHeaders are headers of calls. In is sent to the phone with its incoming calls, Out is put on the legs that its own
// calls create.
type SIPHeaders struct {
	In  map[string]string `json:"in,omitempty"`
	Out map[string]string `json:"out,omitempty"`
}

// decode takes the flat form too, which means calls to the phone.
func (h *SIPHeaders) decode(d *decoder, n node, at place) {
	in, hasIn := n.get("in")
	out, hasOut := n.get("out")
	if n.shape == object && ((hasIn && in.shape == object) || (hasOut && out.shape == object)) {
		plain := struct {
			In  map[string]string `key:"in" rule:"key.is=header each.is=line each.len=0..1024"`
			Out map[string]string `key:"out" rule:"key.is=header each.is=line each.len=0..1024"`
		}{}
		d.into(&plain, n, at)
		h.In, h.Out = plain.In, plain.Out
		return
	}
	plain := struct {
		In map[string]string `key:"in" rule:"key.is=header each.is=line each.len=0..1024"`
	}{}
	d.into(&plain, node{shape: object, members: []member{{"in", n.line, n}}}, at)
	h.In = plain.In
}

// DialPlan turns what a phone dials into a number: the first expression that matches makes prefix, first group, suffix.
type DialPlan struct {
	System []string // names of the operator's plans, tried after
	Rules  []DialRule
}

// DialRule is one expression of a dial plan.
type DialRule struct {
	Expression  string
	Prefix      string `json:"prefix,omitempty" rule:"len=0..64 is=line"`
	Suffix      string `json:"suffix,omitempty" rule:"len=0..64 is=line"`
	Description string `json:"description,omitempty" rule:"len=0..1024"`
}

func (p *DialPlan) decode(d *decoder, n node, at place) {
	if n.shape != object {
		d.fail(at, "an object is expected here, this is %s", n.shape)
		return
	}
	for _, m := range n.members {
		where := at.member(m.name, m.line)
		if m.name == "system" {
			plain := struct {
				System []string `key:"system" rule:"each.len=1..128"`
			}{}
			d.into(&plain, node{shape: object, members: []member{m}}, at)
			p.System = plain.System
			continue
		}
		if why := isRegexp(m.name); why != "" {
			d.fail(where, "%s", why)
		}
		r := DialRule{Expression: m.name}
		d.into(&r, m.node, where)
		p.Rules = append(p.Rules, r)
	}
}

// MarshalJSON writes Kazoo's form, in order.
func (p DialPlan) MarshalJSON() ([]byte, error) {
	var parts []string
	if p.System != nil {
		b, err := json.Marshal(p.System)
		if err != nil {
			return nil, err
		}
		parts = append(parts, `"system":`+string(b))
	}
	for _, r := range p.Rules {
		b, err := json.Marshal(struct {
			Prefix      string `json:"prefix,omitempty"`
			Suffix      string `json:"suffix,omitempty"`
			Description string `json:"description,omitempty"`
		}{r.Prefix, r.Suffix, r.Description})
		if err != nil {
			return nil, err
		}
		parts = append(parts, string(quote(r.Expression))+":"+string(b))
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}
