package kazoo

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs"
)

// endpointFields are those that user and device share.
func endpointFields(strategy string, more ...field) []field {
	return append([]field{
		{name: "id", kind: "string", doc: "id of the object, or a SIP address"},
		{name: strategy, kind: "string", def: "simultaneous", doc: "simultaneous: all at once; single: one after the other"},
		{name: "timeout", kind: "integer", def: "20", doc: "seconds to ring; 0 means 20"},
		{name: "delay", kind: "integer", def: "0", doc: "seconds before it rings"},
		{name: "can_call_self", kind: "boolean", def: "false", doc: "ring the caller's own telephone too"},
		{name: "can_text_self", kind: "boolean", def: "false", doc: "for text messages only; calls ignore it"},
		{name: "suppress_clid", kind: "boolean", def: "false", doc: "show no caller's name and number"},
		{name: "static_invite", kind: "string", doc: "user part of the address to call, in place of the telephone's own"},
		{name: "fail_on_single_reject", kind: "boolean", def: "false",
			doc: "one telephone that declines or is busy ends the ringing of all"},
		{name: "custom_sip_headers", kind: "object", doc: "further headers of the INVITE; names begin with X-"},
	}, more...)
}

var (
	_ = register(spec{
		name:   "device",
		doc:    "Rings one telephone and joins it with the caller; the flow ends with the conversation.",
		fields: endpointFields("dial_strategy"),
		waits:  true,
		decode: func(d *data) interpreter.Verb { return decodeRing(d, KindDevice, "dial_strategy") },
	})
	_ = register(spec{
		name:   "user",
		doc:    "Rings the telephones of a user and joins the first that answers; the flow ends with the conversation.",
		fields: endpointFields("strategy"),
		waits:  true,
		decode: func(d *data) interpreter.Verb { return decodeRing(d, KindUser, "strategy") },
	})
)

const (
	ringTime    = 20   // seconds a telephone rings
	maxRingTime = 3600 // most seconds it may ring
)

// Ring calls telephones (Kazoo device, user).
type Ring struct {
	Kind      Kind
	ID        string
	InTurn    bool
	Timeout   time.Duration
	Delay     time.Duration
	Self      bool // the caller's own telephone rings too
	Anonymous bool
	Strict    bool   // one telephone that declines ends the ringing of all
	User      string // user part of the address called; empty: the telephone's own
	Headers   []interpreter.Header

	dialect  *Dialect
	children children
}

func decodeRing(d *data, kind Kind, strategy string) interpreter.Verb {
	r := Ring{
		Kind:      kind,
		ID:        strings.TrimSpace(d.words("id", "")),
		InTurn:    d.choice(strategy, "simultaneous", "simultaneous", "single") == "single",
		Timeout:   d.duration("timeout", time.Second, bounds{ringTime, 0, maxRingTime}),
		Delay:     d.duration("delay", time.Second, bounds{0, 0, maxRingTime}),
		Self:      d.flag("can_call_self", false),
		Anonymous: d.flag("suppress_clid", false),
		Strict:    d.flag("fail_on_single_reject", false),
		User:      d.words("static_invite", ""),
		dialect:   d.r.d,
		children:  d.children(),
	}
	d.flag("can_text_self", false)
	if r.Timeout == 0 {
		r.Timeout = ringTime * time.Second
	}
	r.Headers = d.inviteHeaders()
	return r
}

// inviteHeaders reads custom_sip_headers, flat or with Kazoo's members in and out.
func (d *data) inviteHeaders() []interpreter.Header {
	v, ok := d.find("custom_sip_headers")
	if !ok {
		return nil
	}
	pairs := [][2]string{}
	if in, ok := v.get("in"); ok && in.kind == object {
		v = in
	} else if out, ok := v.get("out"); ok && out.kind == object {
		v = out
	}
	for _, m := range v.members {
		pairs = append(pairs, [2]string{m.name, m.text})
	}
	var list []interpreter.Header
	for _, p := range pairs {
		if !extensionHeader(p) {
			d.warn("custom_sip_headers", v, badHeader, strconv.Quote(clip(p[0])))
			continue
		}
		list = append(list, interpreter.Header{Name: p[0], Value: p[1]})
	}
	return list
}

// Run rings the telephones. A conversation ends the flow; else the child named after the cause runs, or the one named
// after the SIP code, or "_".
func (r Ring) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if r.dialect.known(c, account.Kind(r.Kind), r.ID) {
		return r.stored(ctx, c)
	}
	list, err := r.dialect.endpoints(ctx, c, r.Kind, r.ID)
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	targets := r.targets(c, list)
	if len(targets) == 0 {
		return interpreter.Branch(wildcard), nil
	}
	op := verbs.Dial{
		Targets: targets, Timeout: r.Timeout, AnswerOnBridge: true, FailOnReject: r.Strict,
		EarlyMedia: r.hearsEarly(),
	}
	if r.InTurn {
		op.Strategy = verbs.InTurn
	}
	got, err := op.Run(ctx, c)
	return r.dialect.rung(c, got, targets[0].Target.URI, err, r.children)
}

// hearsEarly: telephones of a user that ring together would talk over each other before the answer.
func (r Ring) hearsEarly() bool { return r.Kind == KindDevice || r.InTurn }

// stored rings an object of the account.
func (r Ring) stored(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	e := verbs.Endpoints{
		Kind: account.Kind(r.Kind), ID: r.ID, Strategy: account.Simultaneous, Timeout: r.Timeout, Delay: r.Delay,
		Self: r.Self, Redirects: true, EarlyMedia: r.hearsEarly(), FailOnReject: r.Strict, Anonymous: r.Anonymous,
		User: r.User, Headers: r.Headers,
	}
	if r.InTurn {
		e.Strategy = account.Single
	}
	return r.dialect.ring(ctx, c, e, r.children)
}

// targets are the telephones that are called. The caller's own is left out unless it may be called.
func (r Ring) targets(c *interpreter.Call, list []Endpoint) []verbs.Callee {
	s := stateOf(c)
	exported := s.export
	var all []verbs.Callee
	for _, e := range list {
		if !r.Self && sameParty(e.URI, c.From) {
			continue
		}
		t := interpreter.Target{URI: e.URI, Name: e.Name, Username: e.Username, Password: e.Password,
			Headers: r.Headers, Timeout: r.Timeout, Delay: r.Delay}
		if t.Name == "" && e.URI != r.ID && len(list) == 1 {
			t.Name = r.ID
		}
		if r.User != "" {
			t.URI = verbs.WithUser(t.URI, r.User)
		}
		t.Alert, t.From = s.alert, s.shown(c.From)
		one := verbs.Callee{Target: t, Vars: exported}
		if r.Anonymous {
			one.Target.From, one.Target.Privacy = verbs.Anonymous(), interpreter.PrivacyFull
		}
		all = append(all, one)
	}
	return all
}

// failureKeys are the children after which Kazoo looks when nobody was reached, in its order.
func failureKeys(r interpreter.DialResult) []string {
	cause := causeOf(r.Cause, r.Code)
	if r.Status == interpreter.StatusNoAnswer && (r.Code == 0 || r.Code == 408 || r.Code == 487) {
		cause = "NO_ANSWER"
	}
	return []string{cause, causeOf("", r.Code), sipKey(r.Code)}
}

// sameParty tells whether a SIP address is the caller's own.
func sameParty(uri string, a interpreter.Address) bool {
	user, host := splitURI(uri)
	return a.Host != "" && user == a.User && strings.EqualFold(host, a.Host)
}

func userPart(uri string) string {
	user, _ := splitURI(uri)
	return user
}

// splitURI takes user and host, without port and parameters, from a SIP address.
func splitURI(uri string) (user, host string) {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri, ""
	}
	rest, _, _ = strings.Cut(rest, ";")
	user, host, ok = strings.Cut(rest, "@")
	if !ok {
		user, host = "", rest
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	if u, err := url.PathUnescape(user); err == nil {
		user = u
	}
	return user, host
}
