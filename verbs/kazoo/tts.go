package kazoo

import (
	"context"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "tts",
	doc:  "Speaks a text. Keys pressed meanwhile are kept in the collection \"default\"; a terminator stops it.",
	fields: []field{
		{name: "text", kind: "string", required: true, doc: "what to say, at most 1000 characters"},
		{name: "voice", kind: "string", def: "female", doc: "female, male, or the name of a voice"},
		{name: "language", kind: "string", doc: "language of the text; absent: the call's"},
		{name: "engine", kind: "string", doc: "speech engine; one that is not there is replaced by the built-in one"},
		{name: "endless_playback", kind: "boolean", def: "false", doc: "say it until a terminator or the hang-up"},
		{name: "terminators", kind: "array", def: allKeys, doc: "keys that stop it; an empty list: none"},
	},
	answers: true,
	waits:   true,
	decode: func(d *data) interpreter.Verb {
		t := TTS{Text: d.required("text"), Voice: d.words("voice", "female"), Stop: allKeys, dialect: d.r.d}
		if r := []rune(t.Text); len(r) > maxSpoken {
			v, _ := d.n.data.get("text")
			d.warn("text", v, "the text has %d characters; the first %d are spoken", len(r), maxSpoken)
			t.Text = string(r[:maxSpoken])
		}
		t.Language = strings.ToLower(d.words("language", ""))
		if e := d.words("engine", ""); e != "" && e != "flite" {
			v, _ := d.n.data.get("engine")
			d.warn("engine", v, "%s is chosen by the operator, not by the document; the configured engine speaks", v)
		}
		if d.flag("endless_playback", false) {
			t.Loop = interpreter.Forever
		}
		if keys, ok := d.keys("terminators"); ok {
			t.Stop = keys
		}
		return t
	},
})

// maxSpoken is how many characters tts speaks.
const maxSpoken = 1000

// TTS speaks (Kazoo tts).
type TTS struct {
	Text, Voice, Language string
	Loop                  int
	Stop                  string
	dialect               *Dialect
}

// Run speaks. A text that cannot be spoken counts as spoken.
func (t TTS) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	p := interpreter.Prompt{Text: interpreter.Words(t.Text), Voice: voice(t.Voice), Lang: t.Language}
	if p.Lang == "" {
		p.Lang = t.dialect.language(c)
	}
	return interpreter.Branch(wildcard), hear(ctx, c, verbs.Prompt{
		Prompts: []interpreter.Prompt{p}, Loop: t.Loop, Terminators: t.Stop,
	})
}

// voice is the name under which speech engines know Kazoo's voices; female/en-US names a language besides.
func voice(s string) string {
	name, _, _ := strings.Cut(strings.ToLower(s), "/")
	switch name {
	case "female":
		return "woman"
	case "male":
		return "man"
	}
	return s
}
