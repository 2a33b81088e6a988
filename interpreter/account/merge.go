package account

import (
	"encoding/json"
	"slices"
	"strings"
)

// Merged is an endpoint as modules see it: the settings of the account, of the device and of its owner in one.
type Merged struct {
	Device *Device // nil: a user alone
	Owners []*User // whom the device acts for: its owner, or those who are logged in

	Name          string
	Enabled       bool // neither account nor owner nor device is switched off
	DoNotDisturb  bool
	CallWaiting   bool              // another call may ring while one is up; true unless switched off
	Restrictions  map[string]string // class of numbers to deny or allow
	CallerID      CallerIDs
	Privacy       string // full, name, number, none, or empty
	Language      string
	Timezone      string
	PresenceID    string // user@realm, or empty
	OutboundFlags OutboundFlags
	CallRecording *CallRecording // expanded: Inbound and Outbound, each with Onnet and Offnet; nil: none
	DialPlan      *DialPlan
	MusicOnHold   string
	Ringtones     Ringtones
	Metaflows     json.RawMessage
	Formatters    json.RawMessage
	Media         *EndpointMedia // of the dialled object alone; may be nil
}

// Owner is the one user the endpoint acts for; nil when there is none, or several are logged in.
func (m *Merged) Owner() *User {
	if len(m.Owners) != 1 {
		return nil
	}
	return m.Owners[0]
}

// Denies tells whether the endpoint may not call a class of numbers.
func (m *Merged) Denies(class string) bool { return m.Restrictions[class] == "deny" }

// Merge makes the merged endpoint of a device.
func (v *View) Merge(d *Device) *Merged { return v.merge(d, v.Owners(d)) }

// MergeUser makes it of a user without a device, such as one whose calls are forwarded.
func (v *View) MergeUser(u *User) *Merged { return v.merge(nil, []*User{u}) }

// layers are what is merged; any but the account may be nil.
type layers struct {
	account, device, user *Settings
}

func (v *View) merge(d *Device, owners []*User) *Merged {
	a := v.account
	m := &Merged{Device: d, Owners: owners, Enabled: a.Enabled, Name: a.Name, CallWaiting: true}
	l := layers{account: &a.Settings}
	u := m.Owner() // of several guests nothing personal is taken
	flags := []*OutboundFlags{a.OutboundFlags}
	recording := (*CallRecording)(nil)
	if a.CallRecording != nil {
		recording = a.CallRecording.Endpoint.expanded()
	}
	for _, o := range owners {
		m.Enabled = m.Enabled && o.Enabled
	}
	if u != nil {
		l.user, m.Name, m.Media = &u.Settings, u.Label(), u.Media
		flags = append(flags, u.OutboundFlags)
		recording = recording.over(u.CallRecording.expanded())
	}
	if d != nil {
		l.device, m.Media = &d.Settings, d.Media
		m.Enabled = m.Enabled && d.Enabled
		if u == nil {
			m.Name = d.Name
		}
		flags = append(flags, d.OutboundFlags)
		recording = recording.over(d.CallRecording.expanded())
	}
	m.CallRecording = recording
	m.OutboundFlags = union(flags)
	m.PresenceID = v.presence(d, u)
	m.CallerID = mergeCallerIDs(a, d, u)
	m.Restrictions = restrictions(l, owners)
	l.into(m)
	return m
}

// into merges the settings that all three have.
func (l layers) into(m *Merged) {
	aud, adu := []*Settings{l.account, l.user, l.device}, []*Settings{l.account, l.device, l.user}
	for _, s := range aud {
		if s == nil {
			continue
		}
		m.DoNotDisturb = m.DoNotDisturb || s.DoNotDisturb.On()
		if s.CallWaiting != nil && s.CallWaiting.Enabled != nil {
			m.CallWaiting = *s.CallWaiting.Enabled
		}
	}
	for _, s := range []*Settings{l.user, l.device, l.account} {
		if s == nil {
			continue
		}
		first(&m.Language, s.Language)
		first(&m.Timezone, s.Timezone)
	}
	m.Language = strings.ToLower(m.Language)
	for _, s := range adu {
		if s == nil {
			continue
		}
		m.DialPlan = m.DialPlan.over(s.DialPlan)
		m.Metaflows, m.Formatters = overJSON(m.Metaflows, s.Metaflows), overJSON(m.Formatters, s.Formatters)
		if s.MusicOnHold != nil {
			last(&m.MusicOnHold, s.MusicOnHold.MediaID)
		}
		if s.Ringtones != nil {
			last(&m.Ringtones.Internal, s.Ringtones.Internal)
			last(&m.Ringtones.External, s.Ringtones.External)
		}
		if s.CallerIDOptions != nil {
			last(&m.Privacy, s.CallerIDOptions.OutboundPrivacy)
		}
	}
}

func first(to *string, s string) {
	if *to == "" {
		*to = s
	}
}

func last(to *string, s string) {
	if s != "" {
		*to = s
	}
}

// presence is the presence id with its realm: of the user, else of the device, whose default is its SIP user name.
func (v *View) presence(d *Device, u *User) string {
	id, realm := "", strings.ToLower(v.account.Realm)
	if u != nil {
		id = u.PresenceID
	}
	if d != nil {
		first(&id, d.PresenceID)
		first(&id, d.SIP.Username)
		realm = v.Realm(d)
	}
	if id == "" || strings.Contains(id, "@") || realm == "" {
		return id
	}
	return id + "@" + realm
}

func union(all []*OutboundFlags) (f OutboundFlags) {
	add := func(to *[]string, from []string) {
		for _, s := range from {
			if !slices.Contains(*to, s) {
				*to = append(*to, s)
			}
		}
	}
	for _, one := range all {
		if one != nil {
			add(&f.Static, one.Static)
			add(&f.Dynamic, one.Dynamic)
		}
	}
	return f
}

// mergeCallerIDs puts the caller ids of account, device and owner over each other, the later winning; the emergency one
// of a device wins over that of its owner in any case: it says where the phone stands.
func mergeCallerIDs(a *Account, d *Device, u *User) CallerIDs {
	var device, user *CallerIDs
	if d != nil {
		device = d.CallerID
	}
	if u != nil {
		user = ownCallerID(u)
	}
	order := []*CallerIDs{a.CallerID, device, user}
	if a.PreferDeviceCallerID {
		order = []*CallerIDs{a.CallerID, user, device}
	}
	var m CallerIDs
	for _, c := range order {
		if c == nil {
			continue
		}
		m.Internal, m.External = m.Internal.over(c.Internal), m.External.over(c.External)
		m.Asserted = m.Asserted.over(c.Asserted)
	}
	for _, c := range []*CallerIDs{a.CallerID, user, device} {
		if c != nil {
			m.Emergency = m.Emergency.over(c.Emergency)
		}
	}
	return m
}

// ownCallerID is a user's, with his name where no internal one is set.
func ownCallerID(u *User) *CallerIDs {
	c := CallerIDs{}
	if u.CallerID != nil {
		c = *u.CallerID
	}
	c.Internal = (&Identity{Name: u.Label()}).over(c.Internal)
	return &c
}

func (i *Identity) over(later *Identity) *Identity {
	switch {
	case i == nil:
		return later
	case later == nil:
		return i
	}
	m := *i
	last(&m.Name, later.Name)
	last(&m.Number, later.Number)
	return &m
}

func (i *Asserted) over(later *Asserted) *Asserted {
	switch {
	case i == nil:
		return later
	case later == nil:
		return i
	}
	m := *i
	last(&m.Name, later.Name)
	last(&m.Number, later.Number)
	last(&m.Realm, later.Realm)
	return &m
}

// over puts a later dial plan over p, expression by expression.
func (p *DialPlan) over(later *DialPlan) *DialPlan {
	switch {
	case p == nil:
		return later
	case later == nil:
		return p
	}
	m := &DialPlan{System: p.System, Rules: slices.Clone(p.Rules)}
	if later.System != nil {
		m.System = later.System
	}
	for _, r := range later.Rules {
		i := slices.IndexFunc(m.Rules, func(x DialRule) bool { return x.Expression == r.Expression })
		if i < 0 {
			m.Rules = append(m.Rules, r)
		} else {
			m.Rules[i] = r
		}
	}
	return m
}

// overJSON puts the members of a later object over those of an earlier one.
func overJSON(a, later json.RawMessage) json.RawMessage {
	switch {
	case len(a) == 0:
		return later
	case len(later) == 0:
		return a
	}
	return mergePatches(a, later)
}

// restrictions are denied where the account or the user denies them, allowed where the user says so, else as the device
// says. Several guests of a phone are denied a class only together.
func restrictions(l layers, owners []*User) map[string]string {
	classes := map[string]string{}
	put := func(s *Settings, words ...string) {
		if s == nil {
			return
		}
		for class, r := range s.CallRestriction {
			if slices.Contains(words, r.Action) {
				classes[class] = r.Action
			}
		}
	}
	put(l.device, "deny", "allow")
	put(l.user, "allow")
	if len(owners) > 1 {
		for class := range owners[0].CallRestriction {
			all := !slices.ContainsFunc(owners, func(u *User) bool { return u.CallRestriction[class].Action != "deny" })
			if all {
				classes[class] = "deny"
			}
		}
	}
	put(l.user, "deny")
	put(l.account, "deny")
	return classes
}
