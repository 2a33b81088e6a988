package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// accountCall finds what an account runs for a call: of one of its devices, or to one of its numbers. ErrNotFound:
// nothing.
func (r *router) accountCall(l interpreter.LegInfo) (interpreter.Start, error) {
	if r.book == nil {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	if l.Device != "" {
		v, err := r.book.View(l.Account)
		if err != nil {
			return interpreter.Start{}, err
		}
		return r.fromDevice(v, l)
	}
	for _, dialled := range []string{l.Request.User, l.To.User} {
		v, n, err := r.book.Number(dialled)
		if err != nil || !v.Account().Enabled {
			continue
		}
		if s, err := fromOutside(v, n, dialled); !errors.Is(err, interpreter.ErrNotFound) {
			return s, err
		}
	}
	return interpreter.Start{}, interpreter.ErrNotFound
}

// fromOutside is what a number of the public network leads to: its callflow, else where it fails over to.
func fromOutside(v *account.View, n *account.Number, dialled string) (interpreter.Start, error) {
	m, err := inboundFlow(v, n, dialled)
	var s interpreter.Start
	switch {
	case err == nil:
		s, err = startFlow(v, m)
	case n != nil && n.Failover != nil:
		s, err = failover(v, n.Failover)
	}
	if err != nil || n == nil {
		return s, err
	}
	s.Public = n.Public
	if p := n.Prepend; p != nil && p.Enabled {
		s.CallerName, s.CallerNumber = p.Name, string(p.Number)
	}
	return s, nil
}

// inboundFlow finds the callflow of a number of the public network, in the ways in which it may be written.
func inboundFlow(v *account.View, n *account.Number, dialled string) (account.Match, error) {
	tries := []string{dialled, "+" + strings.TrimPrefix(dialled, "+"), strings.TrimPrefix(dialled, "+")}
	if n != nil {
		tries = append(tries, n.Number)
	}
	var m account.Match
	err := interpreter.ErrNotFound
	for _, t := range tries {
		if m, err = v.Hunt(t, account.Exactly); err == nil {
			return m, nil
		}
	}
	return m, err
}

// failover calls where a number leads that nothing of the account answers.
func failover(v *account.View, f *account.Failover) (interpreter.Start, error) {
	noun, to := "Number", f.E164
	if f.SIP != "" {
		noun, to = "Sip", f.SIP
	}
	if to == "" {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	var text strings.Builder
	if err := xml.EscapeText(&text, []byte(to)); err != nil {
		return interpreter.Start{}, err
	}
	doc := "<Response><Dial answerOnBridge=\"true\"><" + noun + ">" + text.String() + "</" + noun + "></Dial></Response>"
	return interpreter.Start{Account: v.Account().ID,
		Request: interpreter.Request{Dialect: "twiml", Inline: []byte(doc)}}, nil
}

// fromDevice finds the callflow of what a device of the account dialled, extensions and feature codes included.
func (r *router) fromDevice(v *account.View, l interpreter.LegInfo) (interpreter.Start, error) {
	d, err := account.Get[*account.Device](v, l.Device)
	if err != nil {
		return interpreter.Start{}, err
	}
	merged := v.Merge(d)
	if !merged.Enabled {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	m, err := v.Hunt(l.Request.User, account.Exactly)
	if errors.Is(err, interpreter.ErrNotFound) {
		m, err = v.Hunt(merged.DialPlan.Dial(l.Request.User), account.OrNoMatch)
	}
	if err != nil {
		return interpreter.Start{}, err
	}
	if r.forbids(v, merged, m) {
		return interpreter.Start{Account: v.Account().ID, Request: interpreter.Request{Dialect: "kazoo",
			Inline: []byte(unauthorized)}}, nil
	}
	return startFlow(v, m)
}

// forbids tells whether an endpoint may not run what it dialled: its class of numbers is denied, or it rings somebody
// outside of the endpoint's closed groups.
func (r *router) forbids(v *account.View, from *account.Merged, m account.Match) bool {
	class := m.Number
	if m.Capture != "" {
		class = m.Capture
	}
	if from.Denies(r.plan(v).Class(class)) {
		return true
	}
	to, rings := v.Rings(m.Callflow)
	return rings && !v.MayCall(from, to)
}

// plan is how an account dials: by its own country, else by that of the configuration.
func (r *router) plan(v *account.View) number.Plan {
	if c := v.Account().Country; c != "" {
		return number.Plan{Country: c}
	}
	return r.live.Load().cfg.plan()
}

// Unrouted tells whether a party may call what runs nothing, an address of this engine, when it transfers: a device
// reaches telephones of its account alone, for what its account lets it call is in the callflows.
func (r *router) Unrouted(by interpreter.LegInfo, user string) error {
	if by.Device == "" || r.book == nil {
		return nil
	}
	v, err := r.book.View(by.Account)
	if err != nil {
		return nil // a login that is of no account: the rules of numbers that are dialled count alone
	}
	from, err := account.Get[*account.Device](v, by.Device)
	if err != nil {
		return nil
	}
	for d := range account.All[*account.Device](v) {
		if d.SIP.Username == user && user != "" {
			if !v.MayCall(v.Merge(from), d) {
				return &interpreter.Refusal{Code: 403, Reason: "closed groups keep this telephone from calling that one"}
			}
			return nil
		}
	}
	return &interpreter.Refusal{Code: 404, Reason: "no callflow of the account has this number"}
}

// unauthorized is what a device hears that dials a class of numbers which is denied to it.
const unauthorized = `{"module":"play","data":{"id":"system_media/cf-unauthorized_call"},
"children":{"_":{"module":"hangup","data":{}}}}`

// startFlow runs a callflow, after the account's preflow if it has one.
func startFlow(v *account.View, m account.Match) (interpreter.Start, error) {
	flow := json.RawMessage(m.Callflow.Document())
	if p := v.Account().Preflow; p != nil && p.Always != "" && p.Always != m.Callflow.ID {
		var err error
		flow, err = json.Marshal(map[string]any{"module": "callflow", "data": map[string]string{"id": p.Always},
			"children": map[string]json.RawMessage{"_": flow}})
		if err != nil {
			return interpreter.Start{}, err
		}
	}
	return interpreter.Start{Account: v.Account().ID, Capture: m.Capture, Captures: m.Captures,
		Request: interpreter.Request{Dialect: "kazoo", Inline: flow}}, nil
}
