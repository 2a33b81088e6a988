package kazoo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// KindGroup is a list of telephones and users.
const KindGroup Kind = "group"

var pickupFields = []field{
	{name: "device_id", kind: "string", doc: "telephone whose call is taken"},
	{name: "user_id", kind: "string", doc: "user at one of whose telephones a call is taken; device_id goes before"},
	{name: "group_id", kind: "string", doc: "group of which one member's call is taken; user_id goes before"},
	{name: "approved_device_id", kind: "string", doc: "only this telephone may do so"},
	{name: "approved_user_id", kind: "string", doc: "only telephones of this user may; approved_device_id goes before"},
	{name: "approved_group_id", kind: "string", doc: "only members of this group may; approved_user_id goes before"},
}

var _ = register(spec{
	name: "group_pickup",
	doc: "Answers a call that rings at another telephone: the caller is joined with who rings there. The flow ends " +
		"with the conversation, or when nothing rings.",
	fields: pickupFields,
	waits:  true,
	decode: func(d *data) interpreter.Verb { return decodePickup(d, false) },
})

// GroupPickup takes a call of somebody else (Kazoo group_pickup, intercept).
type GroupPickup struct {
	Of, Approved named
	Intercept    bool // also answered calls; without an approval only the caller's own user and groups
	dialect      *Dialect
}

// named is an object by kind and id.
type named struct {
	kind Kind
	id   string
}

func decodePickup(d *data, intercept bool) interpreter.Verb {
	p := GroupPickup{Intercept: intercept, dialect: d.r.d}
	p.Of, p.Approved = firstNamed(d, ""), firstNamed(d, "approved_")
	return p
}

// firstNamed is the first object that the fields name; the others do not count.
func firstNamed(d *data, prefix string) named {
	var first named
	for _, k := range []Kind{KindDevice, KindUser, KindGroup} {
		id := strings.TrimSpace(d.words(prefix+string(k)+"_id", ""))
		if first.id == "" && id != "" {
			first = named{k, id}
		}
	}
	return first
}

// noPermission is spoken to a caller who may not pick up.
const noPermission = "You have no permission to intercept this call."

// Run picks up. The flow ends with it in every case.
func (p GroupPickup) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	team, err := p.dialect.teamOf(c)
	if err != nil && p.Of.id != "" {
		err = missing(p.Of.kind, p.Of.id, err)
	}
	if !p.allowed(team, err) {
		c.Fault(&interpreter.Fault{Code: interpreter.CodeTransfer, Msg: fmt.Sprintf("the caller may not take calls of "+
			"%s %s: name his telephone, user or group in an approved_ field", p.Of.kind, clip(p.Of.id))})
		if p.Intercept {
			return p.say(ctx, c, "no_channels")
		}
		return p.tell(ctx, c, interpreter.Prompt{Text: interpreter.Words(noPermission)})
	}
	var phones []interpreter.Phone
	switch {
	case p.Of.id == "":
		err = missing("device, user or group", "", nil)
	case err == nil:
		if phones, err = team.phones(p.Of); err != nil {
			err = missing(p.Of.kind, p.Of.id, err)
		}
	}
	if err != nil {
		c.Fault(err)
	}
	if len(phones) == 0 {
		return p.say(ctx, c, "no_users")
	}
	err = verbs.Pickup{Phones: phones, Answered: p.Intercept}.Run(ctx, c)
	if errors.Is(err, verbs.ErrNoCall) {
		return p.say(ctx, c, "no_channels")
	}
	return interpreter.Stop(), err
}

// allowed tells whether the caller may take the call. Without a team he may where everybody may.
func (p GroupPickup) allowed(t team, none error) bool {
	switch {
	case p.Approved.id == "" && (!p.Intercept || p.Of.id == ""):
		return true
	case none != nil:
		return false
	case p.Approved.id != "":
		return t.has(p.Approved)
	case p.Of.kind == KindDevice && !t.has(p.Of):
		return t.sharesOwner(p.Of.id)
	}
	return t.has(p.Of)
}

// say speaks the system prompt of a call that cannot be taken.
func (p GroupPickup) say(ctx context.Context, c *interpreter.Call, what string) (interpreter.Outcome, error) {
	prefix := "pickup-"
	if p.Intercept {
		prefix = "intercept-"
	}
	prompt, err := p.dialect.prompt(c, prefix+what)
	if err != nil {
		c.Fault(err)
		return interpreter.Stop(), nil
	}
	return p.tell(ctx, c, prompt)
}

func (p GroupPickup) tell(ctx context.Context, c *interpreter.Call, say interpreter.Prompt) (
	interpreter.Outcome, error,
) {
	if err := c.Answer(ctx); err != nil {
		return interpreter.Stop(), err
	}
	return interpreter.Stop(), hear(ctx, c, verbs.Prompt{Prompts: []interpreter.Prompt{say}})
}
