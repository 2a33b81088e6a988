package account

import (
	"regexp"
	"slices"
	"strings"
)

// Attribute is which of an endpoint's caller ids is shown.
type Attribute string

// The attributes.
const (
	Internal  Attribute = "internal"  // towards telephones of the account, when the call is of the account
	External  Attribute = "external"  // of calls from outside, and towards carriers
	Emergency Attribute = "emergency" // towards emergency services
)

// Presenting asks for the caller id that a called party is shown.
type Presenting struct {
	As  Attribute
	Own Identity // the caller's own, as signalling gave it
	// From is the calling endpoint; nil for a call from outside.
	From *Merged
	// Forwarded calls show the forwarder, From, unless Retain: keep_caller_id, or disa.
	Forwarded, Retain bool
	Dynamic           Identity                // left by dynamic_cid
	PrependName       string                  // left by prepend_cid
	PrependNumber     string                  //
	Rewrite           func(Identity) Identity // of set_cid; nil: none
	EnsureValid       bool                    // an external number must be one of the account
}

// CallerID is what the called party is shown.
func (v *View) CallerID(p Presenting) Identity {
	id := v.resolveCaller(p)
	id.Name, id.Number = p.PrependName+id.Name, p.PrependNumber+id.Number
	if p.Rewrite != nil {
		id = p.Rewrite(id)
	}
	if p.EnsureValid && p.As == External {
		id = v.valid(id)
	}
	return id
}

func (v *View) resolveCaller(p Presenting) Identity {
	if p.Retain || (p.From == nil && !p.Forwarded) {
		return p.Own
	}
	id := Identity{}
	if m := p.From; m != nil {
		id = m.identity(p.As)
		if user, _, _ := strings.Cut(m.PresenceID, "@"); p.As == Internal {
			first(&id.Number, user)
		}
	}
	last(&id.Number, p.Dynamic.Number)
	last(&id.Name, p.Dynamic.Name)
	first(&id.Number, p.Own.Number)
	first(&id.Name, p.Own.Name)
	return id
}

// identity is one of the endpoint's; the emergency one falls back to the external one.
func (m *Merged) identity(a Attribute) Identity {
	get := func(i *Identity) Identity {
		if i == nil {
			return Identity{}
		}
		return *i
	}
	switch a {
	case Internal:
		return get(m.CallerID.Internal)
	case Emergency:
		id, ext := get(m.CallerID.Emergency), get(m.CallerID.External)
		first(&id.Number, ext.Number)
		first(&id.Name, ext.Name)
		return id
	default: // External, which also stands in for any other
		return get(m.CallerID.External)
	}
}

// valid replaces a number that is not the account's: by its external one, else by its first number in service.
func (v *View) valid(id Identity) Identity {
	if v.Owns(id.Number) {
		return id
	}
	if c := v.account.CallerID; c != nil && c.External != nil && c.External.Number != "" {
		return Identity{Name: c.External.Name, Number: c.External.Number}
	}
	for n := range All[*Number](v) {
		if n.inService() {
			return Identity{Name: id.Name, Number: n.Number}
		}
	}
	return id
}

// Owns tells whether a number of the public network is one of the account, written with or without +.
func (v *View) Owns(number string) bool {
	digits := strings.TrimPrefix(number, "+")
	if digits == "" {
		return false
	}
	for n := range All[*Number](v) {
		if strings.TrimPrefix(n.Number, "+") == digits && n.inService() {
			return true
		}
	}
	_, ok := v.numbers["+"+digits]
	return ok
}

func (n *Number) inService() bool { return n.State == "" || n.State == "in_service" }

// CalleeID is what a caller is shown of the endpoint that he is joined with.
func (m *Merged) CalleeID(a Attribute, dialled string) Identity {
	id := m.identity(a)
	first(&id.Number, dialled)
	first(&id.Name, m.Name)
	return id
}

// closedGroups is the class that closes groups.
const closedGroups = "closed_groups"

// MayCall tells whether an endpoint may call a user or device of the account. Only closed groups forbid it: then both
// must be in one group.
func (v *View) MayCall(from *Merged, to Object) bool {
	if !from.Denies(closedGroups) {
		return true
	}
	ours := []string{to.About().ID}
	if d, ok := to.(*Device); ok {
		for _, u := range v.Owners(d) {
			ours = append(ours, u.ID)
		}
	}
	var theirs []string
	if from.Device != nil {
		theirs = append(theirs, from.Device.ID)
	}
	for _, u := range from.Owners {
		theirs = append(theirs, u.ID)
	}
	for g := range All[*Group](v) {
		in := v.everybody(g, map[string]bool{})
		has := func(id string) bool { return in[id] }
		if slices.ContainsFunc(ours, has) && slices.ContainsFunc(theirs, has) {
			return true
		}
	}
	return false
}

// everybody collects the members of a group and of the groups in it.
func (v *View) everybody(g *Group, in map[string]bool) map[string]bool {
	if in[g.ID] {
		return in
	}
	in[g.ID] = true
	for _, m := range g.Endpoints {
		if inner, ok := v.find(KindGroup, m.ID); ok && m.Type == KindGroup {
			if one, ok := inner.(*Group); ok {
				v.everybody(one, in)
			}
			continue
		}
		in[m.ID] = true
	}
	return in
}

// Dial turns what a phone dials into the number that is meant; without a rule that matches it stays as it is.
func (p *DialPlan) Dial(number string) string {
	if p == nil || len(number) > maxDialled {
		return number
	}
	for _, r := range p.Rules {
		re, err := regexp.Compile(r.Expression)
		if err != nil {
			continue
		}
		if m := re.FindStringSubmatch(number); m != nil {
			middle := m[0]
			if len(m) > 1 {
				middle = m[1]
			}
			return r.Prefix + middle + r.Suffix
		}
	}
	return number
}
