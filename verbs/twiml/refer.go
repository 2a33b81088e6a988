package twiml

import (
	"context"
	"strconv"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// Refer makes the caller's telephone call someone else.
type Refer struct {
	Action  link
	To      interpreter.ReferTarget
	Refused *interpreter.Fault // the target cannot be called; nil: it can
}

var _ = register(spec{
	name: "Refer",
	doc:  "Refer asks the caller's telephone to call the SIP address in it.",
	attrs: []attr{
		{"action", "", "URL that is asked with the outcome; left out: the next verb runs"},
		{"method", "POST", "GET or POST"},
	},
	answers: true,
	waits:   true,
	decode:  decodeRefer,
})

func decodeRefer(r *reader, e *element) interpreter.Verb {
	v := Refer{Action: e.action(schema)}
	found := false
	for _, n := range e.elements() {
		k := r.child(n, "Refer", schema)
		switch {
		case k == nil:
		case found:
			k.warn(schema, "", "a second <Sip> in <Refer> is ignored")
		default:
			found = true
			var t interpreter.Target
			if refused := k.sipTarget(&t, k.words()); refused != nil {
				v.Refused = &refused.Fault
			}
			v.To.URI, v.To.Headers = t.URI, t.Headers
		}
	}
	if !found {
		v.Refused = &interpreter.Fault{Code: codeSipURI, Msg: "<Refer> needs one <Sip> with an address"}
		e.warn(codeSipURI, "", "%s; it fails", v.Refused.Msg)
	}
	return v
}

// Run asks the telephone; then the action is asked with the outcome, also when the caller has left, or the next verb
// runs.
func (v Refer) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	got := verbs.Referral{Status: interpreter.StatusFailed}
	var err error
	if v.Refused != nil {
		c.Fault(v.Refused)
	} else {
		got, err = verbs.Refer{To: v.To}.Run(ctx, c)
	}
	if interpreter.CodeOf(err) != 0 {
		c.Fault(err)
		err = nil
	}
	res := interpreter.Result{Extra: referResult(got)}
	switch {
	case !v.Action.given():
		return interpreter.Continue(), err
	case err != nil && got.Hungup:
		lastRequest(c, v.Action, res)
		return interpreter.Continue(), err
	case err != nil:
		return interpreter.Continue(), err
	}
	return v.Action.follow(c, res)
}

// referResult is what the action is told of a referral.
func referResult(r verbs.Referral) [][2]string {
	var list [][2]string
	add := func(name, value string) {
		if value != "" && value != "0" {
			list = append(list, [2]string{name, value})
		}
	}
	add("ReferCallStatus", string(r.Status))
	add("ReferSipResponseCode", strconv.Itoa(r.Code))
	add("NotifySipResponseCode", strconv.Itoa(r.Notified))
	return list
}

// referLink is where a Dial asks when a party transfers the other one.
func (e *element) referLink() link {
	l := link{Method: e.method("referMethod", schema)}
	if written := strings.TrimSpace(e.str("referUrl")); written != "" {
		l.set(e, "referUrl", written)
	}
	return l
}

// referred makes the request to it.
func (l link) referred(c *interpreter.Call) func(*interpreter.Transfer) (interpreter.Request, error) {
	if !l.given() {
		return nil
	}
	return func(t *interpreter.Transfer) (interpreter.Request, error) {
		return l.request(c, interpreter.Result{Extra: [][2]string{{"ReferTransferTarget", t.Written}}})
	}
}
