package twiml

import (
	"context"
	"strings"
	"unicode/utf8"

	"pintle/interpreter"
	"pintle/verbs"
)

// Say speaks a text.
type Say struct{ Prompt interpreter.Prompt }

var _ = register(spec{
	name: "Say",
	doc:  "Say speaks its text, which may be marked up with SSML.",
	attrs: []attr{
		{"voice", "", "man, woman, alice, Polly.<Name> or Google.<locale>-<Class>-<Name>; else that of the language"},
		{"language", "en-US", "language of the text, for example de-DE; left out: that of the voice"},
		{"loop", "1", "times to say it; 0: until the caller hangs up, at most 1000 times"},
	},
	inside:  []string{response, "Gather", "Prompt"},
	answers: true, waits: true, whisper: true,
	decode: func(_ *reader, e *element) interpreter.Verb {
		return Say{decodeSay(e, sayCodes{codeSayVoice, codeSayLoop})}
	},
})

// sayCodes are the codes of a Say, which differ inside a Gather.
type sayCodes struct{ voice, loop int }

// Limits of a Say: of one piece of text, and of loops.
const (
	maxText  = 4096
	maxLoops = verbs.MaxLoops
)

func decodeSay(e *element, codes sayCodes) interpreter.Prompt {
	p := interpreter.Prompt{Loop: e.loop(codes.loop)}
	p.Voice, p.Lang = e.voice(codes.voice)
	t := &script{r: e.r}
	t.children(e.node)
	p.Text = t.pieces()
	if len(p.Text) == 0 {
		e.warn(codeSayEmpty, "", "<Say> has no text; nothing is said")
	}
	if n := t.length; n > maxText {
		e.warn(codeSayLong, "", "the text of <Say> has %d characters; more than %d are spoken in parts", n, maxText)
	}
	return p
}

// loop reads how often something is played. Some applications write a word for "until hang-up".
func (e *element) loop(code int) int {
	if s := e.str("loop"); strings.EqualFold(s, "forever") || s == "-1" {
		e.warn(code, "loop", "loop=%q of <%s> is read as 0, until the caller hangs up", s, e.s.name)
		return maxLoops
	}
	if n := e.number("loop", bounds{code: code, min: 0, max: maxLoops}); n > 0 {
		return n
	}
	return maxLoops
}

// Run speaks the text, and stops at once when the call is redirected or hung up.
func (v Say) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	return play(ctx, c, v.Prompt)
}

func (v Say) idle() bool { return len(v.Prompt.Text) == 0 }

// play plays one prompt outside a Gather. Keys pressed meanwhile stay in the queue; a Gather that follows decides.
func play(ctx context.Context, c *interpreter.Call, p interpreter.Prompt) (interpreter.Outcome, error) {
	if silent(p) {
		return interpreter.Continue(), context.Cause(ctx)
	}
	_, err := verbs.Prompt{Prompts: []interpreter.Prompt{p}}.Run(ctx, c)
	return interpreter.Continue(), err
}

// silent tells whether a prompt has nothing to play.
func silent(p interpreter.Prompt) bool {
	return len(p.Text) == 0 && p.URL == "" && p.Digits == "" && p.Silence == 0 && p.Audio == nil && p.Tone == ""
}

// spoken makes the Say of an answer that is plain text.
func spoken(text string) Say {
	t := &script{}
	t.say(strings.ToValidUTF8(text, "\uFFFD"))
	return Say{interpreter.Prompt{Text: t.pieces(), Lang: defaultLanguage, Loop: 1}}
}

// script is a text being flattened into pieces: words, each with the pause after them.
type script struct {
	r      *reader
	done   []interpreter.Speech
	words  strings.Builder
	length int // characters so far, without breaks
}

// say appends text; runs of white space become one blank, and control characters vanish.
func (t *script) say(text string) {
	for _, c := range text {
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\u00a0':
			if s := t.words.String(); s != "" && !strings.HasSuffix(s[len(s)-1:], " ") {
				t.words.WriteByte(' ')
			}
		case c >= ' ' && c != 0x7f:
			t.words.WriteRune(c)
		}
	}
}

// end closes a piece of text, cutting it at blanks if it is longer than an engine takes at once.
func (t *script) end(last interpreter.Speech) {
	text := strings.TrimSpace(t.words.String())
	t.words.Reset()
	t.length += utf8.RuneCountInString(text)
	for utf8.RuneCountInString(text) > maxText {
		head := string([]rune(text)[:maxText])
		if i := strings.LastIndexByte(head, ' '); i > 0 {
			head = head[:i]
		}
		t.done = append(t.done, interpreter.Speech{Text: head})
		text = strings.TrimSpace(text[len(head):])
	}
	if text != "" || last.Break > 0 {
		t.done = append(t.done, interpreter.Speech{Text: text, Break: last.Break})
	}
}

// pieces ends the text.
func (t *script) pieces() []interpreter.Speech {
	t.end(interpreter.Speech{})
	return t.done
}

// spell separates the characters of a text, so that each is spoken by itself.
func spell(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// spellDigits separates the digits of a text and leaves the rest out.
func spellDigits(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9', c == '*', c == '#', c == '+':
			b.WriteRune(c)
		}
	}
	return spell(b.String())
}

// percent tells whether s is a percentage such as 80% or +10%.
func percent(s string) bool {
	digits, ok := strings.CutSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-"), "%")
	return ok && allDigits(digits) && len(digits) <= 4
}
