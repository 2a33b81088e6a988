package kazoo

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "menu",
	doc:  "Plays a greeting and goes to the child named like the keys pressed, or to that extension if the menu hunts.",
	fields: []field{
		{name: "id", kind: "string", doc: "id of the menu object; absent: one with every default"},
		{name: "interdigit_timeout", kind: "integer", def: "2000",
			doc: "limit for each further key in milliseconds; the menu object's own wins"},
	},
	answers: true,
	waits:   true,
	decode: func(d *data) interpreter.Verb {
		m := Menu{ID: d.words("id", ""), dialect: d.r.d, children: d.children()}
		m.InterDigit = d.duration("interdigit_timeout", time.Millisecond, bounds{interDigit, 1, maxWait})
		return m
	},
})

// interDigit is the limit for each further key of a menu, in milliseconds.
const interDigit = 2000

// Menu lets the caller choose (Kazoo menu).
type Menu struct {
	ID         string
	InterDigit time.Duration // where the menu object has none; 0: 2 s
	dialect    *Dialect
	children   children
}

// Run plays the greeting and collects keys until one way out is found. Keys of a menu enter no collection.
func (m Menu) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	o, err := m.dialect.menu(ctx, c, m.ID)
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	if o.interDigit == 0 {
		o.interDigit = m.InterDigit
	}
	var before []interpreter.Prompt // what is said before the greeting
	for range o.retries {
		op := verbs.Collect{
			Prompts: slices.Concat(before, o.greeting), Max: o.length, FirstDigit: o.timeout, InterDigit: o.interDigit,
			Finish: "#", TypeAhead: verbs.KeepTyped,
		}
		got, err := op.Run(ctx, c)
		before = nil
		switch {
		case err != nil:
			return interpreter.Branch(wildcard), err
		case got.Digits == "" && m.children.has("timeout"):
			return m.children.branch(c, "timeout"), nil
		case got.Digits == "":
			continue
		case m.children.has(got.Digits):
			return m.children.branch(c, got.Digits), nil
		}
		if o.hunts(got.Digits) {
			out, found, err := m.hunt(ctx, c, o, got.Digits)
			if found || context.Cause(ctx) != nil {
				return out, err
			}
		}
		before = o.invalid
	}
	return m.giveUp(ctx, c, o, before)
}

// hunt enters the callflow of an extension.
func (m Menu) hunt(ctx context.Context, c *interpreter.Call, o menu, number string) (interpreter.Outcome, bool, error) {
	dir := m.dialect.directory(c)
	if dir == nil {
		return interpreter.Branch(wildcard), false, nil
	}
	body, err := dir.Hunt(ctx, number)
	if err != nil {
		if !errors.Is(err, interpreter.ErrNotFound) && context.Cause(ctx) == nil {
			c.Fault(lookupFault(ctx, KindCallflow, number, err))
		}
		return interpreter.Branch(wildcard), false, context.Cause(ctx)
	}
	if _, err = (verbs.Prompt{Prompts: o.transfer}).Run(ctx, c); err != nil {
		return interpreter.Stop(), true, err
	}
	m.dialect.matched(c, number)
	out, err := m.dialect.enter(c, "callflow of "+number, body)
	return out, true, err
}

// giveUp says so when every try is used up, and goes to max_retries or "_".
func (m Menu) giveUp(ctx context.Context, c *interpreter.Call, o menu, last []interpreter.Prompt) (
	interpreter.Outcome, error) {
	last = slices.Concat(last, o.exit)
	switch {
	case m.children.has("max_retries"):
	case m.children.has(wildcard):
		last = append(last, o.transfer...)
	default:
		last = append(last, o.goodbye...)
	}
	if _, err := (verbs.Prompt{Prompts: last}).Run(ctx, c); err != nil {
		return interpreter.Branch(wildcard), err
	}
	verbs.Drop(c.Leg)
	return m.children.branch(c, "max_retries"), nil
}

// menu is a stored menu, ready to run.
type menu struct {
	retries             int
	timeout, interDigit time.Duration
	length              int
	hunt                bool
	allow, deny         *regexp.Regexp // nil: any, none
	greeting, exit      []interpreter.Prompt
	transfer, invalid   []interpreter.Prompt
	goodbye             []interpreter.Prompt
}

// menu reads a menu object; one that is missing has every default.
func (d *Dialect) menu(ctx context.Context, c *interpreter.Call, id string) (menu, error) {
	o, at := value{kind: object}, places{}
	where := "menu " + id
	if id != "" {
		body, err := d.object(ctx, c, KindMenu, id)
		switch {
		case context.Cause(ctx) != nil:
			return menu{}, context.Cause(ctx)
		case err != nil:
			c.Fault(err)
		default:
			at = newPlaces(body)
			if o, err = readJSON(body); err != nil || o.kind != object {
				c.Fault(&interpreter.Fault{Code: interpreter.CodeSchema,
					Msg: where + " is not usable; its defaults are", Err: err})
				o = value{kind: object}
			}
		}
	}
	r := &reader{d: d, url: where, places: at}
	f := &data{r: r, n: node{module: "menu", data: o}}
	m := menu{
		retries:    int(f.integer("retries", bounds{3, 1, 10})),
		timeout:    f.duration("timeout", time.Millisecond, bounds{10000, 1, maxWait}),
		interDigit: f.duration("interdigit_timeout", time.Millisecond, bounds{0, 1, maxWait}),
		length:     int(f.integer("max_extension_length", bounds{4, 1, 32})),
		hunt:       (d.opt.Directory != nil || d.opt.Book != nil) && f.flag("hunt", false),
	}
	if v, ok := f.find("record_pin"); ok {
		f.warn("record_pin", v, "the greeting cannot be recorded by telephone here; name a file")
	}
	m.rules(f)
	d.menuSounds(ctx, c, &m, f)
	for _, w := range r.warnings {
		noteWarning(c, where, w)
	}
	return m, context.Cause(ctx)
}

// rules reads which extensions may be dialled. A broken allow rule denies every one, a broken deny rule none.
func (m *menu) rules(f *data) {
	if s := f.words("hunt_allow", ""); s != "" {
		re, err := regexp.Compile(s)
		if err != nil {
			m.hunt = false
		}
		m.allow = re
	}
	if s := f.words("hunt_deny", ""); s != "" {
		if re, err := regexp.Compile(s); err == nil {
			m.deny = re
		}
	}
}

func (m menu) hunts(number string) bool {
	return m.hunt && (m.allow == nil || m.allow.MatchString(number)) && (m.deny == nil || !m.deny.MatchString(number))
}

// menuSounds finds what the menu says. false is silence; true, or nothing, is the system's own prompt.
func (d *Dialect) menuSounds(ctx context.Context, c *interpreter.Call, m *menu, f *data) {
	sounds, _ := f.find("media")
	pick := func(name, prompt string) []interpreter.Prompt {
		v, ok := sounds.get(name)
		if ok && v.kind == boolean && v.text == "false" {
			return nil
		}
		if ok && v.kind == text && v.text != "" {
			p, err := d.sound(ctx, c, media{ref: v.text})
			if err == nil {
				return []interpreter.Prompt{p}
			}
			c.Fault(err)
		}
		return d.say(c, prompt)
	}
	m.greeting = pick("greeting", "menu-no_prompt")
	m.exit = pick("exit_media", "menu-exit")
	m.transfer = pick("transfer_media", "menu-transferring_call")
	m.goodbye = d.say(c, "vm-goodbye")
	if !f.flag("suppress_media", false) {
		m.invalid = pick("invalid_media", "menu-invalid_entry")
	}
}

// say is a system prompt as a list; one that is missing is silence.
func (d *Dialect) say(c *interpreter.Call, name string) []interpreter.Prompt {
	p, err := d.prompt(c, name)
	if err != nil {
		c.Fault(err)
		return nil
	}
	return []interpreter.Prompt{p}
}
