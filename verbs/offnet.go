package verbs

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// Offnet calls a number of the public network through carriers that the flow chooses: those of an account, or the
// operator's.
type Offnet struct {
	View     *account.View // account that calls; nil: none
	Carriers []Carrier
	Plan     number.Plan

	Number     string            // what was dialled
	As         account.Attribute // which caller id is shown; empty: external
	Caller     account.Presenting
	Flags      []string // that the carrier must have
	Timeout    time.Duration
	Ringback   interpreter.Prompt
	EarlyMedia bool
	Headers    []interpreter.Header
	FromHost   string // host of From; empty: as the carrier says
	Vars       map[string]string
	AsDialled  bool // the number is not brought into E.164
}

// offnetLimit is how long an attempt may take that names no time.
const offnetLimit = 120 * time.Second

// Run calls and returns when it is over; see Dial.Run. Without a carrier it fails with NO_ROUTE_DESTINATION, 404; one
// that reached nobody in the longest time with NORMAL_TEMPORARY_FAILURE, 500.
func (o Offnet) Run(ctx context.Context, c *interpreter.Call) (Dialled, error) {
	p := o.present(c)
	q := CarrierRequest{Number: o.Number, Class: o.Plan.Class(o.Number), Flags: o.Flags, Caller: c.From.User}
	if !o.AsDialled {
		q.Number, q.Class = Number(o.Plan, o.Number)
	}
	q.Caller = p.shown(cmp.Or(o.As, account.External)).User
	if e, ok := o.Plan.E164(q.Caller); ok {
		q.Caller = e
	}
	routes := Routes(o.Carriers, o.Plan, q)
	if len(routes) == 0 {
		c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvWarning,
			Text: "no carrier takes " + q.Number + ": look at rules, flags and caller id of the resources"})
		return Dialled{DialResult: interpreter.DialResult{Status: interpreter.StatusFailed, Code: 404,
			Cause: "NO_ROUTE_DESTINATION"}}, context.Cause(ctx)
	}
	limit := cmp.Or(o.Timeout, offnetLimit)
	callee := p.callee(routes, limit)
	got, err := Dial{Targets: []Callee{callee}, Timeout: limit, AnswerOnBridge: true, EarlyMedia: o.EarlyMedia,
		Ringback: o.Ringback}.Run(ctx, c)
	if err == nil && o.Timeout == 0 && !got.Bridged && got.Status == interpreter.StatusNoAnswer && ourTimer(got.Code) {
		got.Status, got.Code, got.Cause = interpreter.StatusFailed, 500, "NORMAL_TEMPORARY_FAILURE"
	}
	return got, err
}

// ourTimer tells whether it was we who gave up waiting.
func ourTimer(code int) bool { return code == 0 || code == 408 || code == 487 }

// offnet is one call being presented.
type offnet struct {
	Offnet
	c    *interpreter.Call
	leg  interpreter.LegInfo
	from *account.Merged // the telephone that calls; nil: a call from outside
	out  []interpreter.Header
}

func (o Offnet) present(c *interpreter.Call) *offnet {
	p := &offnet{Offnet: o, c: c}
	if c.Leg != nil {
		p.leg = c.Leg.Info()
	}
	if o.View == nil || p.leg.Device == "" || p.leg.Account != o.View.Account().ID {
		return p
	}
	if d, err := account.Get[*account.Device](o.View, p.leg.Device); err == nil {
		p.from, p.out = o.View.Merge(d), d.HeadersOut()
	}
	return p
}

// shown is who the called party sees.
func (p *offnet) shown(as account.Attribute) interpreter.Address {
	own := p.c.From
	if p.View == nil {
		return own
	}
	q := p.Caller
	q.As, q.Own, q.From = as, account.Identity{Name: own.Display, Number: own.User}, p.from
	id := p.View.CallerID(q)
	if id == q.Own {
		return own
	}
	return interpreter.Address{Display: id.Name, User: id.Number, Host: p.View.Account().Realm}
}

// callee is the party over all routes. The limit counts for all of them together.
func (p *offnet) callee(routes []Route, limit time.Duration) Callee {
	help := slices.ContainsFunc(routes, func(r Route) bool { return r.Emergency || r.Help })
	var list []interpreter.Target
	for _, r := range routes {
		as := cmp.Or(r.Gateway.CallerID, p.As, account.External)
		if help {
			as = account.Emergency
		}
		t := r.Target(p.target(p.shown(as)))
		t.Privacy = p.privacy(help)
		list = append(list, t)
	}
	out, _ := CalleeOf(routes, interpreter.Target{}) // there is a route
	out.Target, out.Others, out.Vars = list[0], list[1:], p.Vars
	if n := p.leg.ForwardedFrom; n != "" {
		out.ForwardedBy = interpreter.Address{User: n}
	}
	began, goOn := time.Now(), out.GoOn
	out.GoOn = func(err error) bool { return goOn(err) && limit-time.Since(began) >= minHunt }
	out.Prepare = func(_ *interpreter.Call, t *interpreter.Target) {
		t.Timeout = min(limit, max(limit-time.Since(began), minHunt))
	}
	return out
}

func (p *offnet) target(from interpreter.Address) interpreter.Target {
	t := interpreter.Target{URI: p.Number, Name: p.Number, From: from, FromHost: p.FromHost,
		Headers: lastOfEach(append(slices.Clone(p.out), p.Headers...))}
	if p.from != nil && p.from.CallerID.Asserted != nil {
		a := p.from.CallerID.Asserted
		t.Asserted = interpreter.Address{Display: a.Name, User: a.Number, Host: a.Realm}
	}
	return t
}

// privacy is what the carrier is asked to keep: nothing where help is called.
func (p *offnet) privacy(help bool) interpreter.Privacy {
	switch {
	case help:
		return interpreter.PrivacyOff
	case p.from != nil && p.from.Privacy != "":
		return interpreter.Privacy(p.from.Privacy)
	}
	return p.leg.Privacy
}
