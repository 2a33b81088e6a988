package kazoo

import (
	"context"
	"errors"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "play",
	doc:  "Plays a sound file. Keys pressed meanwhile go to the collection \"default\"; a terminator stops the file.",
	fields: []field{
		{name: "id", kind: "string",
			doc: "address of a file, id of a stored one, or system_media/name, tone_stream://, silence_stream://"},
		{name: "answer", kind: "boolean", def: "true",
			doc: "answer the caller first; false: he hears the file before the answer"},
		{name: "endless_playback", kind: "boolean", def: "false", doc: "play it until a terminator or the hang-up"},
		{name: "loop_count", kind: "integer", def: "1", doc: "times to play it"},
		{name: "terminators", kind: "array", def: allKeys, doc: "keys that stop it; an empty list: none"},
	},
	waits: true,
	decode: func(d *data) interpreter.Verb {
		p := Play{
			Early:   !d.flag("answer", true),
			Loop:    int(d.integer("loop_count", bounds{1, 1, verbs.MaxLoops})),
			Stop:    allKeys,
			media:   media{d.words("id", ""), d.r.url},
			dialect: d.r.d,
		}
		if d.flag("endless_playback", false) {
			p.Loop = interpreter.Forever
		}
		if keys, ok := d.keys("terminators"); ok {
			p.Stop = keys
		}
		if p.media.ref == "" {
			d.warn("id", d.n.data, "nothing is named, nothing is played")
		}
		return p
	},
})

// postAnswer is the silence between the answer of a call and the first file, in which the sound's path opens.
const postAnswer = 100 * time.Millisecond

// Play plays a file (Kazoo play).
type Play struct {
	Early   bool // play it before the answer
	Loop    int
	Stop    string // keys that stop it
	media   media
	dialect *Dialect
}

// Run answers the caller and plays the file. One that cannot be had counts as played; where nothing is named, or what
// is named is unknown, an unanswered call stays as it is.
func (p Play) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if p.media.ref == "" {
		return interpreter.Branch(wildcard), nil
	}
	sound, err := p.dialect.sound(ctx, c, p.media)
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	if !p.Early {
		err = c.Answer(ctx)
	}
	if err == nil {
		err = opened(ctx, c, p.Early)
	}
	if err != nil {
		return interpreter.Branch(wildcard), err
	}
	return interpreter.Branch(wildcard), hear(ctx, c, verbs.Prompt{
		Prompts: []interpreter.Prompt{sound}, Loop: p.Loop, Terminators: p.Stop,
	})
}

// opened opens the sound of an unanswered call before its answer, or waits until that of an answered one is open.
func opened(ctx context.Context, c *interpreter.Call, early bool) error {
	a := c.Answered()
	if !a.IsZero() {
		return interpreter.Sleep(ctx, postAnswer-time.Since(a))
	}
	if !early {
		return nil
	}
	err := c.Leg.Early(ctx)
	if err != nil && context.Cause(ctx) == nil {
		var f *interpreter.Fault
		if errors.As(err, &f) {
			return f
		}
		return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "open the sound before the answer", Err: err}
	}
	return err
}

// hear plays prompts and keeps every key in the collection "default". Keys pressed before do not stop what begins now,
// and do not count if nothing was to be heard and the call not answered.
func hear(ctx context.Context, c *interpreter.Call, p verbs.Prompt) error {
	s := stateOf(c)
	if typed := verbs.Typed(c.Leg); !c.Answered().IsZero() {
		s.press(typed)
	}
	// The operation calls back from Run itself, so the state is touched by the call's own loop alone.
	p.OnKey = func(d interpreter.Digit) { s.press(string(d.Key)) }
	_, err := p.Run(ctx, c)
	return err
}
