package account

import "encoding/json"

// List is a list of numbers, for caller ids and for blocking.
type List struct {
	Base
	Name        string    `json:"name" rule:"required len=1..128 is=line"`
	Description string    `json:"description,omitempty" rule:"len=1..128"`
	Org         string    `json:"org,omitempty" rule:"len=0..128"`
	Entries     ListItems `json:"entries,omitempty"`
	Flags       []string  `json:"flags,omitempty" rule:"each.len=1..128"`
}

// ListItems are the entries, in the order in which they are written: as a list, or as an object of ids.
type ListItems []ListEntry

// ListEntry is one of them.
type ListEntry struct {
	ID            string          `json:"id,omitempty" rule:"len=0..64 is=line"`
	ListID        string          `json:"list_id,omitempty" rule:"len=0..64 is=line"`
	Number        Word            `json:"number,omitempty"`
	Prefix        Word            `json:"prefix,omitempty"`
	Pattern       string          `json:"pattern,omitempty" rule:"len=0..256 is=regexp"`
	Name          string          `json:"name,omitempty" rule:"len=0..128 is=line"`
	DisplayName   string          `json:"displayname,omitempty" rule:"len=1..128 is=line"`
	FirstName     string          `json:"firstname,omitempty" rule:"len=1..128 is=line"`
	LastName      string          `json:"lastname,omitempty" rule:"len=1..128 is=line"`
	CaptureKey    Word            `json:"capture_group_key,omitempty"`
	CaptureLength int             `json:"capture_group_length,omitempty" rule:"range=0..64"`
	Type          string          `json:"type,omitempty" rule:"len=1..128 is=line"`
	Profile       json.RawMessage `json:"profile,omitempty"`
}

func (l *ListItems) decode(d *decoder, n node, at place) {
	if n.shape != object && n.shape != list {
		d.fail(at, "a list of entries is expected here, this is %s", n.shape)
		return
	}
	if len(n.members) > maxItems {
		d.fail(at, "%d are too many; a list has at most %d entries", len(n.members), maxItems)
		return
	}
	for i, m := range n.members {
		e := ListEntry{ID: m.name}
		where := at.item(i, m.line)
		if m.name != "" {
			where = at.member(m.name, m.line)
		}
		d.into(&e, m.node, where)
		*l = append(*l, e)
	}
}

// Kind is list.
func (*List) Kind() Kind { return KindList }

// Label is the name.
func (l *List) Label() string { return l.Name }

func (l *List) natural() string { return l.Name }
