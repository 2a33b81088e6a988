package kazoo

import (
	"context"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

var (
	_ = register(spec{
		name: "prepend_cid",
		doc:  "Puts prefixes before the name and the number of the caller that legs called from now on show.",
		fields: []field{
			{name: "action", kind: "string", def: "prepend", doc: "prepend; reset: no prefix any more"},
			{name: "apply_to", kind: "string", def: "current",
				doc: "current: in front of earlier prefixes; original: those are forgotten"},
			{name: "caller_id_name_prefix", kind: "string", doc: "prefix of the name"},
			{name: "caller_id_number_prefix", kind: "string", doc: "prefix of the number"},
		},
		decode: func(d *data) interpreter.Verb {
			return PrependCID{
				Reset:    d.choice("action", "prepend", "prepend", "reset") == "reset",
				Original: d.choice("apply_to", "current", "original", "current") == "original",
				Prefix: account.Identity{Name: d.shortText("caller_id_name_prefix"),
					Number: d.shortText("caller_id_number_prefix")},
			}
		},
	})
	_ = register(spec{
		name: "set_cid",
		doc:  "Replaces the name or the number of the caller that legs called from now on show.",
		fields: []field{
			{name: "caller_id_name", kind: "string", doc: "name shown; empty: as it would be"},
			{name: "caller_id_number", kind: "string", doc: "number shown; empty: as it would be"},
		},
		decode: func(d *data) interpreter.Verb {
			return SetCID{account.Identity{Name: d.shortText("caller_id_name"), Number: d.shortText("caller_id_number")}}
		},
	})
	_ = register(spec{
		name: "set_alert_info",
		doc:  "Says how telephones ring that are called from now on; ringtones of a ring group win over it.",
		fields: []field{
			{name: "alert_info", kind: "string", required: true,
				doc: "content of Alert-Info: a name such as Bellcore-dr2, or a URI"},
		},
		decode: func(d *data) interpreter.Verb { return SetAlertInfo{d.required("alert_info")} },
	})
)

// maxShown is how long a name or number may be that is shown.
const maxShown = 64

// shortText reads a text that goes into a header; one that is too long or has control characters is left out.
func (d *data) shortText(name string) string {
	s := d.words(name, "")
	for _, r := range s {
		if r < ' ' || r == 0x7f || len(s) > maxShown {
			v, _ := d.n.data.get(name)
			d.warn(name, v, "at most %d characters in one line are shown; it is ignored", maxShown)
			return ""
		}
	}
	return s
}

// PrependCID puts prefixes before the caller id (Kazoo prepend_cid).
type PrependCID struct {
	Reset, Original bool
	Prefix          account.Identity
}

// Run remembers the prefixes.
func (p PrependCID) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	if p.Reset || p.Original {
		s.clid.PrependName, s.clid.PrependNumber = "", ""
	}
	if !p.Reset {
		s.clid.PrependName = prefixed(p.Prefix.Name, s.clid.PrependName)
		s.clid.PrependNumber = prefixed(p.Prefix.Number, s.clid.PrependNumber)
	}
	return interpreter.Branch(wildcard), nil
}

// prefixed is both, cut so that a loop of nodes makes no endless name.
func prefixed(prefix, s string) string {
	s = prefix + s
	for len(s) > maxShown {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// SetCID replaces the caller id (Kazoo set_cid).
type SetCID struct{ As account.Identity }

// Run remembers what is shown.
func (v SetCID) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	s.clid.Rewrite = nil
	if v.As != (account.Identity{}) {
		s.clid.Rewrite = v.rewrite
	}
	return interpreter.Branch(wildcard), nil
}

func (v SetCID) rewrite(id account.Identity) account.Identity {
	if v.As.Name != "" {
		id.Name = v.As.Name
	}
	if v.As.Number != "" {
		id.Number = v.As.Number
	}
	return id
}

// SetAlertInfo chooses a distinctive ring (Kazoo set_alert_info).
type SetAlertInfo struct{ Value string }

// Run remembers it.
func (v SetAlertInfo) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	stateOf(c).alert = v.Value
	return interpreter.Branch(wildcard), nil
}

// shown is the caller as a leg shows him that is called without an account.
func (s *state) shown(own interpreter.Address) interpreter.Address {
	id := account.Identity{Name: s.clid.PrependName + own.Display, Number: s.clid.PrependNumber + own.User}
	if s.clid.Rewrite != nil {
		id = s.clid.Rewrite(id)
	}
	if id.Name == own.Display && id.Number == own.User {
		return own
	}
	return interpreter.Address{Display: id.Name, User: id.Number, Host: own.Host}
}
