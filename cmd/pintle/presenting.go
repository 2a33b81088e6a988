package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
	"pintle/interpreter/toll"
)

// presenting are lines that show the public network who calls as the accounts say: a telephone by its external caller
// id, by that for emergencies where it calls for help, with as much privacy as it asks for. What is denied to the
// telephone, or to its user, is not called.
type presenting struct {
	interpreter.Lines
	book   *account.Book
	plans  func(account string) number.Plan
	public func(ctx context.Context, uri string) bool
}

// Dial completes a call to the public network.
func (p *presenting) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	dialled, public := toll.Dialled(ctx, to, p.public)
	if !public {
		return p.Lines.Dial(ctx, to, o)
	}
	plan := p.plans(o.Account)
	help := plan.Emergency(dialled)
	to.Emergency = to.Emergency || help
	v, m := p.caller(o)
	if m == nil {
		return p.Lines.Dial(ctx, to, o)
	}
	if class := plan.Class(dialled); m.Denies(class) && !help {
		return nil, p.denied(o, class)
	}
	if to.Privacy == interpreter.PrivacyNone && m.Privacy != "none" {
		to.Privacy = interpreter.Privacy(m.Privacy)
	}
	if a := m.CallerID.Asserted; a != nil && to.Asserted.User == "" {
		to.Asserted = interpreter.Address{Display: a.Name, User: a.Number, Host: a.Realm}
	}
	as := account.External
	if help {
		as, to.Privacy = account.Emergency, interpreter.PrivacyNone
	}
	if to.From == (interpreter.Address{}) && o.From == o.Caller {
		id := v.CallerID(account.Presenting{As: as, From: m})
		if id.Number != "" {
			to.From = interpreter.Address{Display: id.Name, User: id.Number}
		}
	}
	return p.Lines.Dial(ctx, to, o)
}

// caller is the telephone that calls; nil: the call comes from elsewhere.
func (p *presenting) caller(o interpreter.DialOptions) (*account.View, *account.Merged) {
	if p.book == nil || o.Device == "" {
		return nil, nil
	}
	v, err := p.book.View(o.Account)
	if err != nil {
		return nil, nil //nolint:nilerr // the account has gone meanwhile
	}
	d, err := account.Get[*account.Device](v, o.Device)
	if err != nil {
		return nil, nil //nolint:nilerr // and so has the telephone
	}
	return v, v.Merge(d)
}

func (p *presenting) denied(o interpreter.DialOptions, class string) error {
	f := interpreter.Fault{Code: toll.CodeDestination,
		Msg: fmt.Sprintf("numbers of the class %s are denied to this telephone (call_restriction)", class)}
	if o.Emit != nil {
		o.Emit(interpreter.Event{Time: time.Now(), Lane: interpreter.LaneFlow, Kind: interpreter.EvFault, Text: f.Error(),
			Fault: f.Code})
	}
	return &interpreter.DialError{Status: interpreter.StatusFailed, Code: 403, Cause: "OUTGOING_CALL_BARRED",
		Reason: strings.TrimSpace(f.Msg), Fault: f.Code}
}
