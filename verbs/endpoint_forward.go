package verbs

import (
	"slices"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// forward adds the legs of a forward. They are called on behalf of whoever forwards: what is denied to him is not
// called, and a number of the account leads where its callflow does. A lone forward that keeps the telephones silent
// may lead to any callflow; then the caller goes there.
func (p *planner) forward(e account.Endpoint, w way, sole bool, out *[]Callee) {
	f := e.Forward
	dialled := e.Merged.DialPlan.Dial(strings.TrimSpace(f.Number))
	if why := notForward(e.ID, w.path); why != "" {
		p.leaveOut(e.Name+" → "+dialled, why)
		return
	}
	if class := p.e.Plan.Class(dialled); e.Merged.Denies(class) {
		p.leaveOut(e.Name+" → "+dialled, "calls to numbers of the class "+class+" are denied to him who forwards")
		return
	}
	next := p.through(e, w)
	to, err := p.v.Extension(dialled)
	if err == nil {
		p.inside(to, dialled, next, out)
		return
	}
	m, err := p.v.Hunt(dialled, account.Exactly)
	switch {
	case err != nil && !number.IsDialable(dialled) && !isSIP(dialled):
		p.leaveOut(e.Name+" → "+dialled, "there is no such number")
	case err != nil:
		*out = append(*out, p.outside(dialled, next))
	case next.confirm:
		p.leaveOut(e.Name+" → "+dialled, "its callflow cannot press 1; switch require_keypress off")
	case !sole || !f.Substitute || len(*out) > 0 || len(w.path) > 0 || p.e.Kind == "":
		p.leaveOut(e.Name+" → "+dialled, "its callflow rings no telephone, and others are rung")
	default:
		p.divert, p.divertedBy = &m, e.ID
	}
}

// through is the way beyond a forward.
func (p *planner) through(e account.Endpoint, w way) way {
	f := e.Forward
	next := w
	next.path = append(slices.Clone(w.path), e.ID)
	next.confirm = w.confirm || f.RequireKeypress
	next.quiet = w.quiet || f.IgnoreEarlyMedia || f.RequireKeypress || !f.Substitute
	next.delay, next.timeout, next.device = e.Delay, e.Timeout, ""
	if e.Device != nil {
		next.device = e.Device.ID
	}
	if next.timeout == 0 {
		next.timeout = p.e.Timeout
	}
	if w.as == nil || !f.KeepCallerID {
		next.as, next.keep = e.Merged, f.KeepCallerID
	}
	if p.e.Diversion && !p.caller.Inside() && f.KeepCallerID {
		next.by = p.forwarder(e)
	}
	return next
}

// forwarder is the address by which carriers know who forwards.
func (p *planner) forwarder(e account.Endpoint) interpreter.Address {
	id := e.Merged.CalleeID(account.External, p.leg.Request.User)
	return interpreter.Address{Display: id.Name, User: id.Number, Host: p.v.Account().Realm}
}

// inside adds the telephones of a user or device of the account.
func (p *planner) inside(to account.Object, dialled string, w way, out *[]Callee) {
	if len(w.path) > 0 && slices.Contains(w.path, to.About().ID) {
		p.leaveOut(to.Label(), "it has forwarded this call already")
		return
	}
	f := p.find
	f.Delay, f.Timeout = w.delay, w.timeout
	found, err := p.v.Endpoints(to.Kind(), to.About().ID, f)
	if err != nil {
		p.leaveOut(dialled, account.WhyUnknown)
		return
	}
	for _, l := range found.LeftOut {
		p.leaveOut(l.Name, l.Why)
	}
	p.all(found.Endpoints, w, out)
}

// outside is the callee of a number of the public network, or of a SIP address.
func (p *planner) outside(dialled string, w way) Callee {
	t := interpreter.Target{URI: dialled, Name: dialled, Headers: p.e.Headers, Timeout: w.timeout, Delay: w.delay,
		From: p.shown(w, account.External), Privacy: p.privacy(w)}
	return Callee{Target: t, Vars: p.e.Vars, Quiet: w.quiet, ForwardedBy: w.by, Confirm: p.confirmation(w),
		onBehalf: &onBehalf{w.device}}
}

func isSIP(s string) bool {
	l := strings.ToLower(s)
	return strings.HasPrefix(l, "sip:") || strings.HasPrefix(l, "sips:")
}

// hasPhones tells whether telephones of the one who forwards are in the list.
func hasPhones(list []account.Endpoint, f account.Endpoint) bool {
	return slices.ContainsFunc(list, func(e account.Endpoint) bool { return standsInFor(f, e) })
}

// standsInFor tells whether a failover is for this telephone.
func standsInFor(f, phone account.Endpoint) bool {
	switch {
	case phone.Forward != nil:
		return false
	case f.Device != nil:
		return phone.ID == f.ID
	}
	return f.User != nil && phone.User != nil && phone.User.ID == f.User.ID
}

// failovers attaches forwards to the telephones that they stand in for: the last one that turns out to be offline goes
// on with the forward.
func (p *planner) failovers(list []account.Endpoint, w way, out *[]Callee) {
	for _, f := range list {
		if f.Forward == nil || !f.Failover || !hasPhones(list, f) {
			continue
		}
		var legs []Callee
		f.Delay = 0
		p.forward(f, w, false, &legs)
		if len(legs) == 0 {
			continue
		}
		to := legs[0]
		for _, l := range legs[1:] {
			to.Others = append(to.Others, l.Target)
		}
		stand := &failover{to: to}
		for i := range *out {
			c := &(*out)[i]
			if c.failover == nil && slices.ContainsFunc(list, func(e account.Endpoint) bool {
				return standsInFor(f, e) && e.Device != nil && e.Device.ID == c.phone
			}) {
				c.failover = stand
				stand.left++
			}
		}
	}
}

// redirected is where a telephone's redirection leads: a number, or an address at one of our names, as if it had been
// forwarded there; any other address as it stands.
func (p *planner) redirected(e account.Endpoint, w way, contact string) []interpreter.Target {
	a := addressOf(interpreter.Target{URI: contact})
	dialled := contact
	if a.Host == "" || strings.EqualFold(a.Host, p.v.Realm(e.Device)) || strings.EqualFold(a.Host, p.leg.Request.Host) {
		dialled = a.User
	}
	e.Forward = &account.CallForward{Enabled: true, Number: dialled, Substitute: true, KeepCallerID: true}
	e.Delay = 0
	var legs []Callee
	p.forward(e, w, false, &legs)
	var list []interpreter.Target
	for _, l := range legs {
		t := l.Target
		t.Delay = 0
		list = append(list, t)
	}
	return list
}
