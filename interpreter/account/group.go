package account

import (
	"bytes"
	"encoding/json"
)

// Group is a set of users, devices and other groups that ring together.
type Group struct {
	Base
	Name        string       `json:"name" rule:"required len=1..128 is=line"`
	Endpoints   Members      `json:"endpoints" rule:"required"`
	Flags       []string     `json:"flags,omitempty" rule:"each.len=1..128"`
	MusicOnHold *MusicOnHold `json:"music_on_hold,omitempty"`
	Strategy    string       `json:"strategy,omitempty" rule:"in=simultaneous|single|weighted_random"`
	Timeout     *int         `json:"timeout,omitempty" rule:"range=0..3600"` // seconds
	Ringback    string       `json:"ringback,omitempty" rule:"len=0..2048 is=line"`
}

// Kind is group.
func (*Group) Kind() Kind { return KindGroup }

// Label is the name.
func (g *Group) Label() string { return g.Name }

func (g *Group) natural() string { return g.Name }

// Members are those of a group, in the order in which they are stored.
type Members []GroupMember

// GroupMember is one of them.
type GroupMember struct {
	ID     string `json:"-"`
	Type   Kind   `json:"type" rule:"required in=device|user|group"`
	Weight *int   `json:"weight,omitempty" rule:"range=1..100"`
}

// maxMembers is how many a group may have.
const maxMembers = 1000

func (m *Members) decode(d *decoder, n node, at place) {
	if n.shape != object {
		d.fail(at, "an object of ids is expected here, each with its type, this is %s", n.shape)
		return
	}
	if len(n.members) > maxMembers {
		d.fail(at, "%d are too many; a group has at most %d members", len(n.members), maxMembers)
		return
	}
	for _, one := range n.members {
		g := GroupMember{ID: one.name}
		d.into(&g, one.node, at.member(one.name, one.line))
		*m = append(*m, g)
	}
}

// MarshalJSON writes Kazoo's form, in order.
func (m Members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, g := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := json.Marshal(g)
		if err != nil {
			return nil, err
		}
		b.Write(quote(g.ID))
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
