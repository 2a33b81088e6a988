package kazoo

import (
	"context"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs"
)

// groupFields are those that ring_group and group share.
func groupFields(more ...field) []field {
	return append([]field{
		{name: "timeout", kind: "integer", def: "20", doc: "seconds that one round rings"},
		{name: "repeats", kind: "integer", def: "1", doc: "rounds"},
		{name: "ringback", kind: "string", doc: "what the caller hears while it rings: media, address or tone_stream://"},
		{name: "ignore_forward", kind: "boolean", def: "true", doc: "redirections (3xx) by telephones are not followed"},
		{name: "fail_on_single_reject", kind: "boolean", def: "false",
			doc: "one telephone that declines or is busy ends the ringing of all"},
		{name: "ringtones", kind: "object",
			doc: "internal and external: how the telephones ring for calls of the account, and from outside"},
	}, more...)
}

const strategies = "simultaneous: all at once, each after its delay; single: one after the other"

var (
	_ = register(spec{
		name: "ring_group",
		doc:  "Rings telephones, users and groups and joins the first that answers; the flow ends with the conversation.",
		fields: groupFields(
			field{name: "endpoints", kind: "array", required: true,
				doc: "members: id, endpoint_type (device, user, group), delay, timeout, weight, disable_until"},
			field{name: "strategy", kind: "string", def: "simultaneous",
				doc: strategies + "; weighted_random: one after the other, the heavier probably earlier"},
		),
		waits:  true,
		decode: func(d *data) interpreter.Verb { return decodeGroup(d, true) },
	})
	_ = register(spec{
		name: "group",
		doc: "Answers, rings the members of a stored group and joins the first that answers; " +
			"with endpoints it is a ring_group.",
		fields: groupFields(
			field{name: "id", kind: "string", doc: "id of the group"},
			field{name: "endpoints", kind: "array", def: "[]", doc: "members, as in ring_group; they win over id"},
			field{name: "strategy", kind: "string", def: "simultaneous", doc: strategies},
		),
		waits:  true,
		decode: func(d *data) interpreter.Verb { return decodeGroup(d, false) },
	})
)

// Group rings several at once or in turn (Kazoo ring_group, group).
type Group struct {
	ID       string           // of a stored group, when there are no Members
	Members  []account.Member //
	Strategy account.Strategy
	Timeout  time.Duration // of one round
	Repeats  int
	Follow   bool // redirections are followed
	Strict   bool // one telephone that declines ends the ringing of all
	Tones    account.Ringtones

	ringback media
	dialect  *Dialect
	children children
}

const (
	maxRepeats = 100
	maxMembers = 1000
)

func decodeGroup(d *data, ringGroup bool) interpreter.Verb {
	g := Group{
		Timeout:  d.duration("timeout", time.Second, bounds{ringTime, 0, maxRingTime}),
		Repeats:  int(d.integer("repeats", bounds{1, 1, maxRepeats})),
		Follow:   !d.flag("ignore_forward", true),
		Strict:   d.flag("fail_on_single_reject", false),
		Members:  d.members(ringGroup),
		ringback: media{d.words("ringback", ""), d.r.url},
		dialect:  d.r.d,
		children: d.children(),
	}
	words := []string{"simultaneous", "single"}
	if ringGroup || len(g.Members) > 0 {
		words = append(words, "weighted_random")
	}
	g.Strategy = account.Strategy(d.choice("strategy", "simultaneous", words...))
	if !ringGroup {
		g.ID = strings.TrimSpace(d.words("id", ""))
	}
	if v, ok := d.find("ringtones"); ok {
		in, _ := v.get("internal")
		out, _ := v.get("external")
		g.Tones = account.Ringtones{Internal: in.text, External: out.text}
	}
	return g
}

// members reads the list of endpoints. An entry that names nobody is left out.
func (d *data) members(required bool) []account.Member {
	v, ok := d.find("endpoints")
	switch {
	case !ok || v.kind == list && len(v.members) == 0:
		if required {
			d.fail("endpoints", v, "at least one member is required")
		}
		return nil
	case v.kind != list:
		if required {
			d.fail("endpoints", v, "a list of members is required, this is "+v.kind.String())
		} else {
			d.warn("endpoints", v, "a list of members is expected, this is %s; it is ignored", v.kind)
		}
		return nil
	}
	var all []account.Member
	for _, m := range v.members {
		if len(all) == maxMembers {
			d.warn("endpoints", m.value, "more than %d members; the others are left out", maxMembers)
			break
		}
		one, why := memberOf(m.value)
		if why != "" {
			d.warn("endpoints", m.value, "%s; this member is left out", why)
			continue
		}
		all = append(all, one)
	}
	return all
}

// memberOf reads one member of a ring group. why says what is wrong with it.
func memberOf(v value) (m account.Member, why string) {
	if v.kind == text {
		return account.Member{Kind: account.KindDevice, ID: v.text}, "" // how the group module's schema has it
	}
	if v.kind != object {
		return m, "an object with id and endpoint_type is expected, this is " + v.kind.String()
	}
	id, _ := v.get("id")
	kind, _ := v.get("endpoint_type")
	m.ID, m.Kind = strings.TrimSpace(id.text), account.Kind(kind.text)
	switch {
	case m.ID == "":
		return m, "it has no id"
	case m.Kind != account.KindDevice && m.Kind != account.KindUser && m.Kind != account.KindGroup:
		return m, "endpoint_type is device, user or group, not " + kind.String()
	}
	whole := func(name string, most int64) int64 {
		f, _ := v.get(name)
		n, _ := f.integer()
		return min(max(n, 0), most)
	}
	m.Delay = time.Duration(whole("delay", maxRingTime)) * time.Second
	m.Timeout = time.Duration(whole("timeout", maxRingTime)) * time.Second
	m.Weight = int(whole("weight", 100))
	m.DisableUntil = whole("disable_until", 1<<52)
	return m, ""
}

// Run rings the members. Who they are is found out anew before every round; a child named after the cause is taken
// after any of them.
func (g Group) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	e := verbs.Endpoints{Members: g.Members, Strategy: g.Strategy, Timeout: g.Timeout, Repeats: g.Repeats,
		Redirects: g.Follow, FailOnReject: g.Strict, Ringtones: g.Tones}
	if len(g.Members) == 0 {
		if err := g.stored(c, &e); err != nil {
			return interpreter.Branch(wildcard), err
		}
		if err := c.Answer(ctx); err != nil {
			return interpreter.Branch(wildcard), err
		}
	}
	if g.ringback.ref != "" {
		sound, err := g.dialect.sound(ctx, c, g.ringback)
		if err != nil && interpreter.CodeOf(err) == 0 {
			return interpreter.Stop(), err
		}
		if err != nil {
			c.Fault(err) // he hears plain ringing
		}
		e.Ringback = sound
	}
	return g.dialect.ring(ctx, c, e, g.children)
}

// stored takes the members of a stored group, whose settings win over those of the node.
func (g *Group) stored(c *interpreter.Call, e *verbs.Endpoints) error {
	v, err := g.dialect.view(c)
	if err != nil {
		return missing(Kind(account.KindGroup), g.ID, err)
	}
	o, err := account.Get[*account.Group](v, g.ID)
	if err != nil {
		return missing(Kind(account.KindGroup), g.ID, err)
	}
	e.Members = []account.Member{{Kind: account.KindGroup, ID: o.ID}}
	e.Repeats, e.FailOnReject, e.Ringtones = 1, false, account.Ringtones{} // they count with endpoints alone
	if o.Timeout != nil {
		e.Timeout = time.Duration(*o.Timeout) * time.Second
	}
	if o.Strategy != "" {
		e.Strategy = account.Strategy(o.Strategy)
	}
	if o.Ringback != "" {
		g.ringback.ref = o.Ringback
	}
	return nil
}
