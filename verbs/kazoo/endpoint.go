package kazoo

import (
	"context"
	"errors"

	"pintle/interpreter"
	"pintle/interpreter/account"
	numbers "pintle/interpreter/number"
	"pintle/verbs"
)

// confirmPrompt asks whoever answers a forward to press 1.
const confirmPrompt = "ivr-group_confirm"

// ring runs the operation with what every module that rings telephones has in common, and follows what came of it. A
// conversation ends the flow; else the child named after the cause runs, or the one named after the SIP code, or "_".
func (d *Dialect) ring(ctx context.Context, c *interpreter.Call, e verbs.Endpoints, n children) (
	interpreter.Outcome, error,
) {
	s := stateOf(c)
	e.View = func() (*account.View, error) { return d.view(c) }
	e.Vars, e.Caller, e.Alert = s.export, s.presenting(), s.alert
	e.Diversion, e.Plan = d.opt.Diversion, numbers.Plan{Country: d.opt.Country}
	e.Stop = func(r interpreter.DialResult) bool { return n.hasAny(failureKeys(r)) }
	if p, err := d.prompt(c, confirmPrompt); err == nil {
		e.Confirm = p
	}
	got, err := e.Run(ctx, c)
	if errors.Is(err, interpreter.ErrNotFound) {
		return interpreter.Branch(wildcard), missing(Kind(e.Kind), e.ID, err)
	}
	if got.Nobody {
		return interpreter.Branch(wildcard), err
	}
	if got.Divert != nil {
		return d.divert(c, got.Divert)
	}
	return d.rung(c, got.Dialled, got.First, err, n)
}

// divert hands the caller on to the callflow that a forward leads to: it takes the place of the one that runs.
func (d *Dialect) divert(c *interpreter.Call, m *account.Match) (interpreter.Outcome, error) {
	c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvFallback,
		Text: "forwarded to the callflow of " + m.Number})
	return interpreter.Goto(interpreter.Request{Dialect: d.Name(), Inline: m.Callflow.Document()}), nil
}

// rung is the outcome of calling someone.
func (d *Dialect) rung(c *interpreter.Call, got verbs.Dialled, first string, err error, n children) (
	interpreter.Outcome, error,
) {
	s := stateOf(c)
	result := got.DialResult
	s.dial, s.callee = &result, userPart(first)
	switch {
	case err != nil:
		return interpreter.Stop(), err
	case got.Next != nil:
		return interpreter.Goto(*got.Next), nil
	case got.Bridged:
		return interpreter.Stop(), nil
	}
	return n.branch(c, failureKeys(result)...), nil
}

func (n children) hasAny(keys []string) bool {
	for _, k := range keys {
		if k != "" && n.has(k) {
			return true
		}
	}
	return false
}

// presenting are the changes of the caller id that modules made.
func (s *state) presenting() account.Presenting { return s.clid }

// known tells whether the account of the call has an object.
func (d *Dialect) known(c *interpreter.Call, kind account.Kind, id string) bool {
	v, err := d.view(c)
	if err != nil {
		return false
	}
	_, err = v.Object(kind, id)
	return err == nil
}
