package verbs

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// Endpoints rings telephones of an account: those of one object, or of the members of a list. The first that answers
// is joined with the caller. Whom that means is found out anew before every round.
type Endpoints struct {
	View    func() (*account.View, error) // the account as it is now
	Kind    account.Kind                  // of the object ID: device, user or group
	ID      string
	Members []account.Member // instead of one object

	Strategy account.Strategy // empty: simultaneous
	Timeout  time.Duration    // of one round of Members, else of each telephone; 0: 20 s
	Delay    time.Duration    // before the one object rings
	Repeats  int              // rounds; 0 and 1 once

	Self         bool                 // the caller's own telephones ring too
	Redirects    bool                 // a telephone's redirection (3xx) is followed as its forward
	EarlyMedia   bool                 // the caller hears the one who rings alone
	Ringback     interpreter.Prompt   // what the caller hears while it rings; zero: ringing
	FailOnReject bool                 // one who declines or is busy ends the ringing of all
	Anonymous    bool                 // no caller is shown
	User         string               // user part of the Request-URI; empty: as the telephone's settings say
	Headers      []interpreter.Header // of every INVITE; they win over those of the endpoints
	Ringtones    account.Ringtones    // how the telephones ring; they win over Alert
	Alert        string               // how they ring; it wins over the settings of the endpoints
	Vars         map[string]string    // that child calls are born with

	Caller    account.Presenting // changes of the caller id: Dynamic, Prepend…, Rewrite, Retain
	Confirm   interpreter.Prompt // asks whoever answers a forward to press 1
	Diversion bool               // carriers are told who forwarded the call of a caller from outside whom he keeps visible
	Plan      number.Plan

	// Stop is asked after a round that reached nobody: true lets no further one follow; nil: they follow.
	Stop func(interpreter.DialResult) bool
}

// Rung is how an Endpoints ended.
type Rung struct {
	Dialled
	Nobody bool           // there was nobody to ring
	First  string         // address of the first telephone, or empty
	Divert *account.Match // a forward hands the caller on to this callflow; nobody was rung
}

const (
	endpointRing = 20 * time.Second // of a round, and of a telephone without a time of its own
	maxRepeats   = 100
)

// Run rings and returns when it is over; see Dial.Run. The error is interpreter.ErrNotFound when there is no such
// object.
func (e Endpoints) Run(ctx context.Context, c *interpreter.Call) (Rung, error) {
	if e.Timeout <= 0 {
		e.Timeout = endpointRing
	}
	p, err := e.plan(c)
	if err != nil {
		return Rung{}, err
	}
	if p.divert != nil {
		f := interpreter.State[forwards](c)
		f.by = append(f.by, p.divertedBy)
		return Rung{Divert: p.divert}, nil
	}
	if len(p.callees) == 0 {
		return Rung{Nobody: true}, nil
	}
	left := min(max(e.Repeats, 1), maxRepeats)
	d := Dial{
		Targets: p.callees, Timeout: e.Timeout, AnswerOnBridge: true, MostTelling: true,
		FailOnReject: e.FailOnReject, EarlyMedia: e.EarlyMedia, Ringback: e.Ringback,
		More: func(last interpreter.DialResult) []Callee {
			if left--; left <= 0 || e.Stop != nil && e.Stop(last) {
				return nil
			}
			again, gone := e.plan(c)
			if gone != nil {
				return nil // it was deleted meanwhile
			}
			return again.callees
		},
	}
	if e.Kind == "" {
		d.RoundTime = e.Timeout
	}
	if e.inTurn() {
		d.Strategy = InTurn
	}
	got, err := d.Run(ctx, c)
	return Rung{Dialled: got, First: p.callees[0].Target.URI}, err
}

func (e Endpoints) inTurn() bool { return e.Strategy != "" && e.Strategy != account.Simultaneous }

// planner makes callees of what the account says now.
type planner struct {
	e      Endpoints
	c      *interpreter.Call
	v      *account.View
	leg    interpreter.LegInfo
	caller account.Caller
	from   *account.Device // that calls; nil: a call from outside
	find   account.Finding

	callees    []Callee
	divert     *account.Match
	divertedBy string
}

// plan finds whom the next round rings.
func (e Endpoints) plan(c *interpreter.Call) (*planner, error) {
	v, err := e.View()
	if err != nil {
		return nil, err
	}
	p := &planner{e: e, c: c, v: v, leg: c.Leg.Info()}
	if p.leg.Device != "" && p.leg.Account == v.Account().ID {
		p.caller.Device = p.leg.Device
		p.from, _ = account.Get[*account.Device](v, p.leg.Device) //nolint:errcheck // nil: it was deleted
	}
	p.find = account.Finding{Caller: p.caller, Self: e.Self, Delay: e.Delay}
	var found account.Found
	if e.Kind == "" {
		found = v.Members(e.Members, p.find, time.Now())
		p.find.Indirect = true
	} else if found, err = v.Endpoints(e.Kind, e.ID, p.find); err != nil {
		return nil, err
	}
	for _, l := range found.LeftOut {
		p.leaveOut(cmp.Or(l.Name, l.ID), l.Why)
	}
	list := account.Arrange(found.Endpoints, cmp.Or(e.Strategy, account.Simultaneous), rand.IntN)
	p.all(list, way{path: append([]string(nil), interpreter.State[forwards](c).by...)}, &p.callees)
	return p, nil
}

// leaveOut tells the trace who is not called, and why.
func (p *planner) leaveOut(who, why string) {
	p.c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvLeftOut,
		Text: who + " is not called: " + why})
}

// way is how a call came to an endpoint: by which forwards, and what they ask for.
type way struct {
	path    []string // ids of those who forwarded it
	as      *account.Merged
	device  string              // id of the device that forwarded it last; empty: a user did
	by      interpreter.Address // who forwarded it last, if he is told of
	keep    bool                // the original caller is shown although it is forwarded
	confirm bool
	quiet   bool
	delay   time.Duration
	timeout time.Duration
}

// all makes the callees of a list of endpoints. A failover is attached to the telephones that it stands in for.
func (p *planner) all(list []account.Endpoint, w way, out *[]Callee) {
	sole := len(list) == 1
	for i, e := range list {
		if p.e.inTurn() && (i > 0 || p.e.Kind == "") {
			e.Delay = 0 // it is called when it is its turn
		}
		if w.timeout > 0 {
			e.Timeout, e.Delay = w.timeout, w.delay
		}
		if e.Forward != nil && e.Failover && hasPhones(list, e) {
			continue
		}
		if p.e.Kind == "" && e.Delay >= p.e.Timeout {
			p.leaveOut(e.Name, "the others ring no longer than its delay")
			continue
		}
		if e.Forward != nil {
			p.forward(e, w, sole, out)
			continue
		}
		*out = append(*out, p.phone(e, w))
	}
	p.failovers(list, w, out)
}

// phone is the callee of a telephone.
func (p *planner) phone(e account.Endpoint, w way) Callee {
	t := interpreter.Target{URI: e.URI, Name: e.Name, Headers: p.headers(e), Timeout: cmp.Or(e.Timeout, p.e.Timeout),
		Delay: e.Delay, From: p.shown(w, account.Internal), Alert: p.alert(e),
		Privacy: p.privacy(w)}
	if user := p.userOf(e); user != "" && e.Static {
		t.URI = WithUser(t.URI, user)
	} else {
		t.User = user
	}
	c := Callee{Target: t, Vars: p.e.Vars, Quiet: w.quiet || ignoresEarly(e),
		ForwardedBy: w.by, Confirm: p.confirmation(w)}
	if e.Device != nil {
		c.phone = e.Device.ID
	}
	if p.e.Redirects {
		c.Target.Redirects = maxRedirects
		c.Redirected = func(contact string) []interpreter.Target { return p.redirected(e, w, contact) }
	}
	return c
}

func ignoresEarly(e account.Endpoint) bool {
	return e.Merged != nil && e.Merged.Media != nil && e.Merged.Media.IgnoreEarly != nil && *e.Merged.Media.IgnoreEarly
}

func (p *planner) confirmation(w way) *Confirm {
	if !w.confirm {
		return nil
	}
	return &Confirm{Prompt: p.e.Confirm, Key: "1"}
}
