package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// patched is a copy of an object with a merge patch applied.
func patched(o Object, patch json.RawMessage) (Object, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	n, err := readJSON(body)
	if err != nil {
		return nil, err
	}
	p, err := readJSON(patch)
	if err != nil {
		return nil, Problems{{Object: describe(o), Msg: err.Error()}}
	}
	c, ok := collectionOf(o.Kind())
	if !ok {
		return nil, fmt.Errorf("%s: %w", describe(o), ErrReadOnly)
	}
	to := c.make()
	d := &decoder{object: describe(o)}
	d.into(to, n.patched(p), place{})
	*to.About() = *o.About()
	if v, ok := o.(*Device); ok {
		if t, ok := to.(*Device); ok {
			t.SIP.HA1, t.SIP.HA1Realm = v.SIP.HA1, v.SIP.HA1Realm
		}
	}
	if r, ok := o.(*Resource); ok {
		if t, ok := to.(*Resource); ok && len(r.Gateways) == len(t.Gateways) {
			for i := range r.Gateways {
				t.Gateways[i].Password = r.Gateways[i].Password
			}
		}
	}
	to.check(d)
	return to, d.found.asError()
}

// patched is a merge patch (RFC 7396 §2).
func (n node) patched(p node) node {
	if p.shape != object {
		return p
	}
	if n.shape != object {
		n = node{shape: object}
	}
	n.members = slices.Clone(n.members)
	for _, m := range p.members {
		if m.shape == null {
			n.members = slices.DeleteFunc(n.members, func(x member) bool { return x.name == m.name })
			continue
		}
		old, _ := n.get(m.name)
		m.node = old.patched(m.node)
		n.set(m)
	}
	return n
}

// mergePatches is one patch that does what two do, one after the other.
func mergePatches(first, second json.RawMessage) json.RawMessage {
	a, err := readJSON(first)
	if err != nil {
		return second
	}
	b, err := readJSON(second)
	if err != nil {
		return first
	}
	return bytes.Clone(a.joined(b).json())
}

// joined is like patched, but keeps the nulls, which delete.
func (n node) joined(p node) node {
	if p.shape != object {
		return p
	}
	if n.shape != object {
		n = node{shape: object}
	}
	n.members = slices.Clone(n.members)
	for _, m := range p.members {
		if m.shape == object {
			old, _ := n.get(m.name)
			m.node = old.joined(m.node)
		}
		n.set(m)
	}
	return n
}

// fields that may be changed of an object of a file.
var changes = map[Kind][]string{
	KindUser: {"call_forward", "do_not_disturb", "call_waiting", "hotdesk", "media", "pronounced_name", "queues",
		"language", "timezone"},
	KindDevice:       {"call_forward", "do_not_disturb", "call_waiting", "hotdesk", "language"},
	KindMenu:         {"media"},
	KindMailbox:      {"pin", "is_setup", "media", "announcement_only", "require_pin"},
	KindTemporalRule: {"enabled"},
	KindCallflow:     {"disabled_members"},
	KindConference:   {"member", "moderator"},
	KindMedia:        {"content_type", "content_length", "blob", "url"},
}

func changeable(k Kind, patch json.RawMessage) error {
	n, err := readJSON(patch)
	if err != nil {
		return Problems{{Object: string(k), Msg: err.Error()}}
	}
	var found Problems
	for _, m := range n.members {
		if !slices.Contains(changes[k], m.name) {
			found = append(found, Problem{Object: string(k), Field: m.name,
				Msg: "this field is not changed while the engine runs; write it into the file, or replace the object"})
		}
	}
	if n.shape != object {
		found = append(found, Problem{Object: string(k), Msg: "an object of fields is expected"})
	}
	return found.asError()
}
