package twiml

import (
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

// inSpeech are the elements that SSML may stand in; any nesting is accepted.
var inSpeech = []string{"Say", "emphasis", "lang", "p", "prosody", "s", "w"}

// The SSML elements, each with the spelling that one library writes.
var (
	_ = register(spec{name: "break", also: []string{"Break"}, inside: inSpeech, doc: "break is a pause in a text.",
		attrs: []attr{
			{"strength", "medium", "none, x-weak, weak, medium, strong or x-strong"},
			{"time", "", "length, such as 500ms or 2s, at most 10s; goes before strength"},
		}})
	_ = register(spec{name: "emphasis", also: []string{"Emphasis"}, inside: inSpeech, doc: "emphasis stresses words.",
		attrs: []attr{{"level", "moderate", "strong, moderate or reduced"}}})
	_ = register(spec{name: "lang", also: []string{"Lang"}, inside: inSpeech, doc: "lang is a part in another language.",
		attrs: []attr{{"xml:lang", "", "the language"}}})
	_ = register(spec{name: "p", also: []string{"P"}, inside: inSpeech, doc: "p is a paragraph."})
	_ = register(spec{name: "s", also: []string{"S"}, inside: inSpeech, doc: "s is a sentence."})
	_ = register(spec{name: "phoneme", also: []string{"Phoneme"}, inside: inSpeech,
		doc: "phoneme gives the sound of a word; the word itself is spoken where the voice knows no phonemes.",
		attrs: []attr{
			{"alphabet", "", "ipa, x-sampa or one of the vendor's"},
			{"ph", "", "the sounds"},
		}})
	_ = register(spec{name: "prosody", also: []string{"Prosody"}, inside: inSpeech,
		doc: "prosody changes how words are said.",
		attrs: []attr{
			{"volume", "", "default, silent, x-soft, soft, medium, loud, x-loud, +ndB or -ndB"},
			{"rate", "", "x-slow, slow, medium, fast, x-fast or a percentage"},
			{"pitch", "", "default, x-low, low, medium, high, x-high or a percentage with sign"},
		}})
	_ = register(spec{name: "say-as", also: []string{"SayAs", "Say-As"}, inside: inSpeech,
		doc: "say-as tells what kind of text it is, so that digits are spoken one by one.",
		attrs: []attr{
			{"interpret-as", "", "characters, digits, telephone, date …"},
			{"format", "", "order of the parts of a date, such as dmy"},
		}})
	_ = register(spec{name: "sub", also: []string{"Sub"}, inside: inSpeech, doc: "sub is spoken as its alias.",
		attrs: []attr{{"alias", "", "what is said"}}})
	_ = register(spec{name: "w", also: []string{"W"}, inside: inSpeech, doc: "w tells the part of speech of a word.",
		attrs: []attr{{"role", "", "the part of speech"}}})
)

// breaks are the lengths of the strengths.
var breaks = map[string]time.Duration{
	"none": 0, "x-weak": 0, "weak": 250 * time.Millisecond, "medium": 500 * time.Millisecond,
	"strong": 750 * time.Millisecond, "x-strong": 1200 * time.Millisecond,
}

// maxBreak is the longest break.
const maxBreak = 10 * time.Second

// children flattens what is inside a node.
func (t *script) children(n *node) {
	for _, k := range n.kids {
		if k.name == "" {
			t.say(k.text)
			continue
		}
		t.element(k, n.name)
	}
}

// element flattens one SSML element. What is not SSML at all is read as plain text, except for TwiML's own elements,
// which are skipped: nobody wants to hear a URL.
func (t *script) element(n *node, parent string) {
	if s, _ := lookup(parent, "Say"); s != nil {
		parent = s.name
	}
	if _, known := specs[n.name]; !known {
		t.r.warn(n, schema, "", "<%s> is not SSML; its text is spoken%s", n.name, verbs.DidYouMean(n.name, childrenOf("Say")))
		t.say(" ")
		t.children(n)
		t.say(" ")
		return
	}
	e := t.r.child(n, parent, schema)
	if e == nil {
		return
	}
	switch e.s.name {
	case "break":
		t.end(interpreter.Speech{Break: e.breakLength()})
	case "sub":
		if a := e.str("alias"); a != "" {
			t.say(a)
			return
		}
		e.warn(schema, "alias", "<sub> without alias is spoken as it is written")
		t.children(n)
	case "say-as":
		t.sayAs(e)
	case "p", "s":
		t.say(" ")
		t.children(n)
		t.say(" ")
	default:
		e.checkSpeech()
		t.children(n)
	}
}

func (e *element) breakLength() time.Duration {
	strength := e.enum("strength", schema, "none", "x-weak", "weak", "medium", "strong", "x-strong")
	written := e.str("time")
	if written == "" {
		return breaks[strength]
	}
	d, ok := breakTime(written)
	switch {
	case !ok:
		e.bad(schema, "time", "a time such as 500ms or 2s")
		return breaks[strength]
	case d > maxBreak:
		e.warn(schema, "time", "time=%q of <break> is more than %v; %v is used", written, maxBreak, maxBreak)
		return maxBreak
	}
	return d
}

// breakTime reads 500ms, 2s and 1.5s.
func breakTime(s string) (time.Duration, bool) {
	unit := time.Millisecond
	digits, ok := strings.CutSuffix(s, "ms")
	if !ok {
		unit = time.Second
		if digits, ok = strings.CutSuffix(s, "s"); !ok {
			return 0, false
		}
	}
	whole, frac, _ := strings.Cut(digits, ".")
	if !allDigits(whole) || len(whole) > 7 || frac != "" && !allDigits(frac) || len(frac) > 7 {
		return 0, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return time.Duration(f * float64(unit)), err == nil
}

// sayAs writes the kinds of text that are read character by character as such; the others are left readable.
func (t *script) sayAs(e *element) {
	as := e.str("interpret-as")
	e.str("format")
	text := e.words()
	switch as {
	case "characters", "character", "spell-out":
		text = spell(text)
	case "digits", "telephone":
		text = spellDigits(text)
	case "expletive":
		text = "beep"
	case "cardinal", "number", "ordinal", "fraction", "unit", "date", "time", "address":
	default:
		e.warn(schema, "interpret-as", "interpret-as=%q of <say-as> is not known; the text is spoken as it is", clip(as))
	}
	t.say(text)
}

// checkSpeech validates the attributes of elements that change how words sound. The local voices speak the words
// plainly; engines that read SSML get what is valid.
func (e *element) checkSpeech() {
	switch e.s.name {
	case "emphasis":
		e.enum("level", schema, "strong", "moderate", "reduced")
	case "lang":
		if l := e.str("xml:lang"); languageOf(l) == "" {
			e.warn(codeSayLanguage, "xml:lang", "xml:lang=%q of <lang> is not a known language", clip(l))
		}
	case "phoneme":
		e.enum("alphabet", schema, "ipa", "x-sampa", "x-amazon-jyutping", "x-amazon-pinyin", "x-amazon-pron-kana",
			"x-amazon-yomigana")
		e.str("ph")
	case "prosody":
		e.checkProsody()
	case "w":
		e.str("role")
	}
}

func (e *element) checkProsody() {
	if r := e.str("rate"); r != "" && !percent(r) {
		e.enum("rate", codeSayRate, "x-slow", "slow", "medium", "fast", "x-fast", "default")
	}
	if v := e.str("volume"); v != "" && (!strings.HasSuffix(v, "dB") || !strings.ContainsAny(v[:1], "+-")) {
		e.enum("volume", schema, "default", "silent", "x-soft", "soft", "medium", "loud", "x-loud")
	}
	if p := e.str("pitch"); p != "" && !percent(p) {
		e.enum("pitch", schema, "default", "x-low", "low", "medium", "high", "x-high")
	}
}
