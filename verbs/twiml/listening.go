package twiml

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Listening is what a Gather wants of speech.
type Listening struct {
	Language  string
	Model     string
	Hints     []string
	Begin     time.Duration // for speech to begin after the prompts
	End       time.Duration // silence that ends it
	Max       time.Duration // of the whole utterance
	BargeIn   bool          // speech stops the prompts
	Profanity bool          // offensive words are masked
	Partial   string        // URL that hears partial results; empty: none
	Method    string        // of Partial
}

var speechAttrs = []attr{
	{"speechTimeout", "", "seconds of silence that end speech, or auto; left out: as timeout"},
	{"maxSpeechTime", "60", "longest utterance in seconds"},
	{"speechModel", "default", "model of the recogniser"},
	{"enhanced", "false", "obsolete, ignored"},
	{"language", defaultLanguage, "language that is spoken"},
	{"hints", "", "words that are likely, separated by commas"},
	{"profanityFilter", "true", "offensive words are masked"},
	{"bargeIn", "true", "speech stops the prompts"},
	{"partialResultCallback", "", "URL that is told of partial results"},
	{"partialResultCallbackMethod", "POST", "GET or POST"},
	{"debug", "false", "ignored"},
}

// Limits of hints, and the silence that "auto" means where a model has no idea of its own.
const (
	maxHintCount  = 500
	maxHintLength = 100
	autoSilence   = 2 * time.Second
)

// speechModels that exist; deepgram has variants behind a hyphen.
var (
	speechModels = []string{"default", "numbers_and_commands", "phone_call", "experimental_conversations",
		"experimental_utterances", "googlev2_long", "googlev2_short", "googlev2_telephony", "googlev2_telephony_short",
		"deepgram_nova-2", "deepgram_nova-3"}
	deepgramModel = regexp.MustCompile(`^deepgram_nova-[23](-[a-z]+)?$`)
)

// listening reads the attributes that concern speech. They are checked also where only keys are collected.
func (e *element) listening(wait time.Duration) Listening {
	l := Listening{
		Begin:     wait,
		Max:       e.seconds("maxSpeechTime", bounds{code: codeGatherMaxSpeechTime, min: 1, max: 600}),
		Model:     e.str("speechModel"),
		BargeIn:   e.boolean("bargeIn", codeGatherBargeIn),
		Profanity: e.boolean("profanityFilter", codeGatherProfanityFilter),
		Partial:   e.callback("partialResultCallback", schema),
		Method:    e.method("partialResultCallbackMethod", codeGatherPartialMethod),
		Hints:     e.hints(),
	}
	e.boolean("enhanced", schema)
	e.boolean("debug", schema)
	if !deepgramModel.MatchString(l.Model) {
		l.Model = e.enum("speechModel", codeGatherSpeechModel, speechModels...)
	}
	l.End = e.speechTimeout(wait, l.Model)
	if l.Language = languageOf(e.str("language")); l.Language == "" {
		l.Language = e.bad(codeGatherLanguage, "language", "a known language")
	}
	return l
}

func (e *element) speechTimeout(wait time.Duration, model string) time.Duration {
	s := e.str("speechTimeout")
	switch {
	case s == "":
		return wait
	case !strings.EqualFold(s, "auto"):
		return e.seconds("speechTimeout", bounds{code: codeGatherSpeechTimeout, min: 0, max: 600})
	case model != "default" && !strings.HasPrefix(model, "phone_call"):
		e.warn(codeGatherSpeechAuto, "speechTimeout", "speechTimeout=\"auto\" does not go with speechModel=%q; %v is used",
			model, autoSilence)
	}
	return autoSilence
}

func (e *element) hints() []string {
	var list []string
	for _, h := range strings.Split(e.str("hints"), ",") {
		h = strings.Join(strings.Fields(h), " ")
		switch {
		case h == "":
		case utf8.RuneCountInString(h) > maxHintLength:
			e.warn(codeGatherHints, "hints", "the hint %q is longer than %d characters and is left out", clip(h), maxHintLength)
		case len(list) == maxHintCount:
			e.warn(codeGatherHints, "hints", "there are more than %d hints; the rest is left out", maxHintCount)
			return list
		default:
			list = append(list, h)
		}
	}
	return list
}
