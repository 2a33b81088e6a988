package twiml

import (
	"context"
	"strings"

	"pintle/interpreter"
)

// Play plays an audio file, or sends keys.
type Play struct{ Prompt interpreter.Prompt }

var _ = register(spec{
	name: "Play",
	doc:  "Play plays the audio file of its URL, or sends the keys of digits.",
	attrs: []attr{
		{"loop", "1", "times to play it; 0: until the caller hangs up, at most 1000 times"},
		{"digits", "", "keys to send instead: 0-9 A-D * #, w half a second, W a second of silence"},
	},
	inside:  []string{response, "Gather", "Prompt"},
	answers: true, waits: true, whisper: true,
	decode: func(_ *reader, e *element) interpreter.Verb { return Play{decodePlay(e)} },
})

// sendable are the characters that digits and sendDigits may hold.
const sendable = "0123456789*#ABCDwW"

func decodePlay(e *element) interpreter.Prompt {
	e.leaf()
	p := interpreter.Prompt{Loop: e.loop(codePlayLoop), Digits: e.sendDigits("digits", codePlayDigits)}
	if p.Digits != "" {
		return p
	}
	l := link{}
	if u := e.words(); u != "" {
		l.set(e, "", u)
	} else if !e.has("digits") {
		e.warn(schema, "", "<Play> has neither a URL nor digits; nothing is played")
	}
	p.URL = l.URL
	return p
}

// sendDigits reads keys to send; what cannot be sent is left out with a warning.
func (e *element) sendDigits(name string, code int) string {
	written := e.str(name)
	upper := strings.NewReplacer("a", "A", "b", "B", "c", "C", "d", "D").Replace(written)
	kept, whole := keys(upper, sendable)
	if !whole {
		e.warn(code, name, "%s=%q of <%s> holds characters that are no keys; %q is sent", name, clip(written), e.s.name, kept)
	}
	return kept
}

// Run plays the file. When it cannot be played, the call goes on with the next verb.
func (v Play) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	return play(ctx, c, v.Prompt)
}

func (v Play) idle() bool { return silent(v.Prompt) }
