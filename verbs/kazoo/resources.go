package kazoo

import (
	"context"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	numbers "pintle/interpreter/number"
	"pintle/verbs"
)

// carrierFields are those that resources and offnet share.
func carrierFields() []field {
	return []field{
		{name: "to_did", kind: "string", doc: "number to call; absent: the number that was dialled"},
		{name: "use_local_resources", kind: "boolean", def: "true",
			doc: "the account's own carriers, else those of the operator; offnet means the latter always"},
		{name: "hunt_account_id", kind: "string",
			doc: "account whose carriers are used; no other than the caller's own has any"},
		{name: "caller_id_type", kind: "string", def: "external", doc: "caller id shown: external, internal or emergency"},
		{name: "timeout", kind: "integer", doc: "seconds to ring, over all carriers together; absent: 120"},
		{name: "ringback", kind: "string", doc: "sound the caller hears while it rings"},
		{name: "ignore_early_media", kind: "boolean", def: "false",
			doc: "the carrier's sound before the answer is not heard"},
		{name: "bypass_e164", kind: "boolean", def: "false", doc: "the number is sent as it was dialled, not as +…"},
		{name: "do_not_normalize", kind: "boolean", def: "false", doc: "nor does the dial plan of the telephone change it"},
		{name: "outbound_flags", kind: "array", def: "[]", doc: "flags that a carrier must have to be used"},
		{name: "dynamic_flags", kind: "array", doc: "names of values of the call that are such flags"},
		{name: "custom_sip_headers", kind: "object", doc: "further headers of the INVITE; names begin with X-"},
		{name: "emit_account_id", kind: "boolean", def: "false", doc: "send the account's id in X-Account-ID"},
		{name: "format_from_uri", kind: "boolean", def: "false",
			doc: "put the realm of from_uri_realm, else of the account, into From"},
		{name: "from_uri_realm", kind: "string", doc: "host of From, where format_from_uri asks for it"},
		{name: "resource_type", kind: "string", doc: "kind of carrier; calls ignore it"},
	}
}

var (
	_ = register(spec{
		name: "resources",
		doc: "Calls a number through the carriers of the account, or of the operator; the flow ends with the " +
			"conversation.",
		fields: carrierFields(),
		waits:  true,
		decode: func(d *data) interpreter.Verb { return decodeResources(d, d.flag("use_local_resources", true)) },
	})
	_ = register(spec{
		name:   "offnet",
		doc:    "Calls a number through the carriers of the operator; the flow ends with the conversation.",
		fields: carrierFields(),
		waits:  true,
		decode: func(d *data) interpreter.Verb {
			d.flag("use_local_resources", true)
			return decodeResources(d, false)
		},
	})
)

// Resources calls a number of the public network (Kazoo resources, offnet).
type Resources struct {
	To         string
	Local      bool   // the account's own carriers
	Hunt       string // account whose carriers they are; empty: the caller's
	As         account.Attribute
	Timeout    time.Duration
	IgnoreE    bool // the carrier's sound before the answer is not heard
	Bypass     bool
	AsDialled  bool
	Flags      []string
	Dynamic    []string
	Headers    []interpreter.Header
	EmitID     bool
	FormatFrom bool
	FromHost   string

	ringback media
	dialect  *Dialect
	children children
}

func decodeResources(d *data, local bool) interpreter.Verb {
	r := Resources{
		To:         strings.TrimSpace(d.words("to_did", "")),
		Local:      local,
		Hunt:       d.words("hunt_account_id", ""),
		As:         account.Attribute(d.choice("caller_id_type", "external", "external", "internal", "emergency")),
		Timeout:    d.duration("timeout", time.Second, bounds{0, 0, maxRingTime}),
		IgnoreE:    d.flag("ignore_early_media", false),
		Bypass:     d.flag("bypass_e164", false),
		AsDialled:  d.flag("do_not_normalize", false),
		Flags:      d.list("outbound_flags"),
		Dynamic:    d.list("dynamic_flags"),
		Headers:    d.carrierHeaders(),
		EmitID:     d.flag("emit_account_id", false),
		FormatFrom: d.flag("format_from_uri", false),
		FromHost:   d.words("from_uri_realm", ""),
		ringback:   media{d.words("ringback", ""), d.r.url},
		dialect:    d.r.d,
		children:   d.children(),
	}
	d.words("resource_type", "")
	return r
}

// list reads a list of texts; a single text is a list of one.
func (d *data) list(name string) []string {
	v, ok := d.find(name)
	if !ok {
		return nil
	}
	items := v.members
	if v.kind == text {
		items = []member{{value: v}}
	} else if v.kind != list {
		d.warn(name, v, "a list of texts is expected, this is %s", v.kind)
		return nil
	}
	var all []string
	for _, i := range items {
		if i.kind != text && i.kind != number || i.text == "" {
			d.warn(name, i.value, "%s is no text; it is ignored", i.value)
			continue
		}
		all = append(all, i.text)
	}
	return all
}

// carrierHeaders reads custom_sip_headers, flat or in the member out.
func (d *data) carrierHeaders() []interpreter.Header {
	v, ok := d.find("custom_sip_headers")
	if !ok {
		return nil
	}
	if out, ok := v.get("out"); ok && out.kind == object {
		v = out
	}
	var list []interpreter.Header
	for _, m := range v.members {
		if m.kind == object {
			continue // in: of telephones
		}
		if !extensionHeader([2]string{m.name, m.text}) {
			d.warn("custom_sip_headers", v, badHeader, strconv.Quote(clip(m.name)))
			continue
		}
		list = append(list, interpreter.Header{Name: m.name, Value: m.text})
	}
	return list
}

// Run calls. A conversation ends the flow; else the child named after the cause runs, or the one named after the SIP
// code, or "_"; without any the caller is told, and the call ends.
func (r Resources) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	v, _ := r.dialect.view(c) //nolint:errcheck // nil: a call of no account
	o := verbs.Offnet{View: v, Plan: numbers.Plan{Country: r.dialect.opt.Country}, As: r.As, Timeout: r.Timeout,
		EarlyMedia: !r.IgnoreE, Vars: stateOf(c).export, Caller: stateOf(c).presenting(), AsDialled: r.Bypass || r.AsDialled}
	if v != nil && v.Account().Country != "" {
		o.Plan.Country = v.Account().Country
	}
	o.Number = r.number(c, v)
	o.Carriers = r.carriers(c, v)
	if !r.Local {
		if out, found, err := r.inside(c, v, o); found {
			return out, err
		}
	}
	o.Flags = r.flags(c, v)
	o.Headers = r.headers(c, v)
	o.FromHost = r.fromHost(v)
	if r.ringback.ref != "" {
		p, err := r.dialect.sound(ctx, c, r.ringback)
		if err != nil {
			c.Fault(err) // the caller hears ringing instead
		}
		o.Ringback = p
	}
	got, err := o.Run(ctx, c)
	out, err := r.dialect.rung(c, got, o.Number, err, r.children)
	if err != nil || got.Bridged || got.Next != nil || stateOf(c).chosen != wildcard || r.children.has(wildcard) {
		return out, err
	}
	return r.dialect.refused(ctx, c, got.DialResult)
}

// fromHost is the host of From; empty: as the carrier says.
func (r Resources) fromHost(v *account.View) string {
	switch {
	case !r.FormatFrom:
		return ""
	case r.FromHost == "" && v != nil:
		return v.Account().Realm
	}
	return r.FromHost
}

// number is what is called: the one named, else the one dialled, after the dial plan of the telephone.
func (r Resources) number(c *interpreter.Call, v *account.View) string {
	if r.To != "" {
		return r.To
	}
	l := c.Leg.Info()
	dialled := l.Request.User
	if dialled == "" {
		dialled = c.To.User
	}
	if r.Bypass && c.Start.Capture != "" {
		dialled = c.Start.Capture
	}
	if m := callerOf(l, v); m != nil && !r.AsDialled {
		dialled = m.DialPlan.Dial(dialled)
	}
	return dialled
}

// callerOf is the telephone of the account that calls; nil: a call from outside.
func callerOf(l interpreter.LegInfo, v *account.View) *account.Merged {
	if v == nil || l.Device == "" || l.Account != v.Account().ID {
		return nil
	}
	d, err := account.Get[*account.Device](v, l.Device)
	if err != nil {
		return nil
	}
	return v.Merge(d)
}

// carriers are those that are chosen from.
func (r Resources) carriers(c *interpreter.Call, v *account.View) []verbs.Carrier {
	id := ""
	switch {
	case r.Local && v != nil:
		if id = v.Account().ID; r.Hunt != "" && r.Hunt != id && r.Hunt != v.Account().Key {
			c.Fault(&interpreter.Fault{Code: interpreter.CodeSchema, Msg: "hunt_account_id " + clip(r.Hunt) +
				" is not the caller's account: no carriers"})
			return nil
		}
	}
	switch b := r.dialect.opt.Book; {
	case r.dialect.opt.Carriers != nil:
		return r.dialect.opt.Carriers(id)
	case b == nil:
		return nil
	case id == "":
		return verbs.CarriersOf(b.Resources())
	}
	var own []*account.Resource
	for x := range account.All[*account.Resource](v) {
		own = append(own, x)
	}
	return verbs.CarriersOf(own)
}

// inside runs the callflow of a number of the account itself instead of calling it through a carrier of the operator.
func (r Resources) inside(c *interpreter.Call, v *account.View, o verbs.Offnet) (
	out interpreter.Outcome, found bool, err error,
) {
	if v == nil {
		return out, false, nil
	}
	number, _ := verbs.Number(o.Plan, o.Number)
	to, n, err := r.dialect.opt.Book.Number(number)
	if err != nil || to.Account().ID != v.Account().ID || n != nil && n.ForceOutbound {
		return out, false, nil //nolint:nilerr // it is somebody else's
	}
	m, err := v.Hunt(number, account.Exactly)
	if err != nil {
		return out, false, nil //nolint:nilerr // nothing runs there
	}
	out, err = r.dialect.enter(c, "callflow of "+number, m.Callflow.Document())
	return out, true, err
}

// flags are what the carrier must have: those of the telephone, else of the account, and those of the flow.
func (r Resources) flags(c *interpreter.Call, v *account.View) []string {
	all, dynamic := append([]string(nil), r.Flags...), append([]string(nil), r.Dynamic...)
	if m := callerOf(c.Leg.Info(), v); m != nil {
		all, dynamic = append(all, m.OutboundFlags.Static...), append(dynamic, m.OutboundFlags.Dynamic...)
	} else if v != nil && v.Account().OutboundFlags != nil {
		f := v.Account().OutboundFlags
		all, dynamic = append(all, f.Static...), append(dynamic, f.Dynamic...)
	}
	for _, name := range dynamic {
		if value := valueOf(c, v, name); value != "" {
			all = append(all, value)
		}
	}
	return all
}

// valueOf is a value of the call by the name that dynamic flags know it by; empty: there is none.
func valueOf(c *interpreter.Call, v *account.View, name string) string {
	if key, ok := strings.CutPrefix(name, "custom_channel_vars."); ok {
		return c.Vars()[key]
	}
	l := c.Leg.Info()
	switch name {
	case "from_user", "caller_id_number":
		return c.From.User
	case "from_realm":
		return l.From.Host
	case "caller_id_name":
		return c.From.Display
	case "to_user", "callee_id_number":
		return c.To.User
	case "to_realm":
		return l.To.Host
	case "request_user":
		return l.Request.User
	case "account_id":
		if v != nil {
			return v.Account().ID
		}
	}
	return ""
}

// headers are those of the flow, with macros replaced, and the account's id where it is asked for.
func (r Resources) headers(c *interpreter.Call, v *account.View) []interpreter.Header {
	id, list := "", []interpreter.Header(nil)
	if v != nil {
		id = v.Account().ID
	}
	macros := map[string]string{"{account_id}": id, "{billing_id}": id, "{reseller_id}": id,
		"{caller_id_name}": c.From.Display, "{caller_id_number}": c.From.User}
	for _, h := range r.Headers {
		if value, ok := macros[h.Value]; ok {
			h.Value = value
		}
		if h.Value != "" {
			list = append(list, h)
		}
	}
	if r.EmitID && id != "" {
		list = append(list, interpreter.Header{Name: "X-Account-ID", Value: id})
	}
	return list
}
