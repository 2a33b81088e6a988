package account

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pintle/interpreter"
)

// Endpoint is one line to call: a telephone, or the leg of a call forward.
type Endpoint struct {
	ID     string  // id of the device; of the forwarder for a forward
	Name   string  // for the trace and for displays
	Device *Device // nil for the forward of a user
	User   *User   // whose telephone it is, or who forwards; may be nil
	Merged *Merged

	URI    string // sip:user@realm, which leads to its registrations, or a fixed address; empty for a forward
	Static bool   // URI is a fixed address: the telephone need not be registered
	// Forward is set for the leg of a forward: its Number is called as a call of the forwarder.
	Forward *CallForward
	// Failover holds a forward back until no telephone of the same forwarder can be reached.
	Failover bool

	Delay   time.Duration
	Timeout time.Duration
	Weight  int
}

// Headers are those of the INVITE to the telephone, in order of their names.
func (e Endpoint) Headers() []interpreter.Header {
	if e.Device == nil || e.Forward != nil || e.Device.SIP.Headers == nil {
		return nil
	}
	return headerList(e.Device.SIP.Headers.In)
}

// HeadersOut are those of the legs that a telephone's own calls create.
func (v *Device) HeadersOut() []interpreter.Header {
	if v.SIP.Headers == nil {
		return nil
	}
	return headerList(v.SIP.Headers.Out)
}

func headerList(m map[string]string) []interpreter.Header {
	var list []interpreter.Header
	for _, n := range slices.Sorted(maps.Keys(m)) {
		list = append(list, interpreter.Header{Name: n, Value: m[n]})
	}
	return list
}

// Alert is the Alert-Info of a call to the telephone, or empty.
func (e Endpoint) Alert(c Caller) string {
	switch {
	case e.Merged == nil:
		return ""
	case c.Inside():
		return e.Merged.Ringtones.Internal
	}
	return e.Merged.Ringtones.External
}

// Caller is for whom endpoints are looked for.
type Caller struct {
	Device string // id of the calling device; empty: a call from outside
	User   string // id of the calling user when no device is known
}

// Inside tells a call of the account from one that came from outside.
func (c Caller) Inside() bool { return c.Device != "" || c.User != "" }

// Finding says for what endpoints are looked for.
type Finding struct {
	Caller   Caller
	Self     bool // can_call_self: the caller's own telephones ring too
	Indirect bool // a ring group, group, page or queue rings: forwards for direct calls alone do not count
	Queue    bool // a queue rings: telephones that keep out of queues are left out
	Phones   bool // telephones alone, no forwards

	Delay   time.Duration // of the member that is expanded
	Timeout time.Duration // 0: the caller decides
	Weight  int
}

// LeftOut is an endpoint that does not ring, and why.
type LeftOut struct {
	ID, Name string
	Why      string // one sentence for the trace
}

// Found is what was found. Nobody to ring is no error.
type Found struct {
	Endpoints []Endpoint
	LeftOut   []LeftOut
}

// The reasons for leaving an endpoint out, in the order of the tests.
const (
	WhyOwnUser      = "it belongs to the caller himself"
	WhyOwnDevice    = "it is the caller's own telephone"
	WhyDisabled     = "it is switched off"
	WhyDoNotDisturb = "it is not to be disturbed"
	WhyQueue        = "it keeps out of queues"
	WhyNoLine       = "it has neither a SIP login nor a route, and no forward"
	WhyUntil        = "it is logged out of the group"
	WhyUnknown      = "there is no such object"
	WhyLoop         = "the group contains itself"
)

// Device finds the line of a device. One that does not exist is interpreter.ErrNotFound.
func (v *View) Device(id string, f Finding) (Found, error) {
	d, err := Get[*Device](v, id)
	if err != nil {
		return Found{}, err
	}
	var out Found
	forward, by := d.CallForward, Endpoint{ID: d.ID, Name: d.Name, Device: d}
	if o := v.Merge(d).Owner(); o != nil {
		by.User = o
		if !forward.enabled() && o.CallForward.enabled() {
			forward = o.CallForward
		}
	}
	v.ring(&out, d, f, forward, by)
	return out, nil
}

// User finds the lines of a user: his telephones, and one leg of his forward.
func (v *View) User(id string, f Finding) (Found, error) {
	u, err := Get[*User](v, id)
	if err != nil {
		return Found{}, err
	}
	var out Found
	if why := v.leftOut(v.MergeUser(u), f); why != "" && why != WhyQueue {
		out.LeftOut = append(out.LeftOut, LeftOut{u.ID, u.Label(), why})
		return out, nil
	}
	forward := u.CallForward
	if !forward.counts(f) {
		forward = nil
	}
	if forward.enabled() {
		out.add(v.forwardLeg(forward, Endpoint{ID: u.ID, Name: u.Label(), User: u, Merged: v.MergeUser(u)}, f))
		if forward.Substitute {
			return out, nil
		}
	}
	for _, d := range v.DevicesOf(u.ID) {
		own := d.CallForward
		if forward.enabled() {
			own = nil
		}
		v.ring(&out, d, f, own, Endpoint{ID: d.ID, Name: d.Name, Device: d, User: u})
	}
	if forward != nil && !forward.Enabled && forward.usable() && forward.Failover {
		out.add(v.forwardLeg(forward, Endpoint{ID: u.ID, Name: u.Label(), User: u, Merged: v.MergeUser(u)}, f))
	}
	return out, nil
}

// Endpoints finds the lines of a device, user or group by its kind.
func (v *View) Endpoints(k Kind, id string, f Finding) (Found, error) {
	switch k {
	case KindDevice:
		return v.Device(id, f)
	case KindUser:
		return v.User(id, f)
	case KindGroup:
		g, err := Get[*Group](v, id)
		if err != nil {
			return Found{}, err
		}
		f.Indirect = true
		return v.Members([]Member{{Kind: KindGroup, ID: g.ID, Delay: f.Delay, Timeout: f.Timeout, Weight: f.Weight}}, f,
			time.Time{}), nil
	default: // no other object has lines of its own
		return Found{}, fmt.Errorf("%s %s: %w", k, clip(id), interpreter.ErrNotFound)
	}
}

func (f *Found) add(e Endpoint) { f.Endpoints = append(f.Endpoints, e) }

// ring adds a telephone, the leg of a forward, or both.
func (v *View) ring(out *Found, d *Device, f Finding, forward *CallForward, by Endpoint) {
	m := v.Merge(d)
	if why := v.leftOut(m, f); why != "" {
		out.LeftOut = append(out.LeftOut, LeftOut{d.ID, d.Name, why})
		return
	}
	by.Merged = m
	if !forward.counts(f) {
		forward = nil
	}
	uri, static := v.uri(d)
	if uri != "" && (!forward.enabled() || !forward.Substitute) {
		out.add(Endpoint{ID: d.ID, Name: d.Name, Device: d, User: by.User, Merged: m, URI: uri, Static: static,
			Delay: f.Delay, Timeout: f.Timeout, Weight: f.Weight})
	}
	switch {
	case forward.enabled(), forward.usable() && forward.Failover:
		out.add(v.forwardLeg(forward, by, f))
	case uri == "":
		out.LeftOut = append(out.LeftOut, LeftOut{d.ID, d.Name, WhyNoLine})
	}
}

func (v *View) forwardLeg(c *CallForward, by Endpoint, f Finding) Endpoint {
	by.Forward, by.Failover = c, !c.Enabled
	by.Delay, by.Timeout, by.Weight = f.Delay, f.Timeout, f.Weight
	return by
}

func (c *CallForward) usable() bool  { return c != nil && c.Number != "" }
func (c *CallForward) enabled() bool { return c.usable() && c.Enabled }

// counts tells whether the forward is considered at all for such a call.
func (c *CallForward) counts(f Finding) bool {
	return c != nil && !f.Phones && (!c.DirectCallsOnly || !f.Indirect)
}

// uri is where a telephone is called. One that is nothing but a forward has none.
func (v *View) uri(d *Device) (uri string, static bool) {
	switch {
	case d.SIP.StaticRoute != "":
		return d.SIP.StaticRoute, true
	case d.SIP.InviteFormat == "route":
		return d.SIP.Route, true
	case d.forwardOnly():
		return "", false
	case d.SIP.Method == "ip":
		return "sip:" + d.SIP.Username + "@" + hostOf(d.SIP.IP), true
	}
	if a := v.AOR(d); a != "" {
		return "sip:" + a, false
	}
	return "", false
}

// leftOut makes the tests in their order; empty: the endpoint rings.
func (v *View) leftOut(m *Merged, f Finding) string {
	if !f.Self {
		for _, id := range v.callerUsers(f.Caller) {
			if slices.ContainsFunc(m.Owners, func(u *User) bool { return u.ID == id }) {
				return WhyOwnUser
			}
		}
		if m.Device != nil && v.isCaller(m.Device, f.Caller) {
			return WhyOwnDevice
		}
	}
	switch {
	case !m.Enabled:
		return WhyDisabled
	case m.DoNotDisturb:
		return WhyDoNotDisturb
	case f.Queue && m.Device != nil && m.Device.ExcludeFromQueues:
		return WhyQueue
	}
	return ""
}

func (v *View) isCaller(d *Device, c Caller) bool {
	return c.Device == d.ID || (c.Device != "" && c.Device == d.Key)
}

// callerUsers are the users who call.
func (v *View) callerUsers(c Caller) []string {
	if c.User != "" {
		return []string{c.User}
	}
	o, ok := v.find(KindDevice, c.Device)
	if !ok {
		return nil
	}
	var ids []string
	if d, ok := o.(*Device); ok {
		for _, u := range v.Owners(d) {
			ids = append(ids, u.ID)
		}
	}
	return ids
}
