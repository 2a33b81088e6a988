package twiml

import (
	"context"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

// Gather collects keys, while and after prompts are played.
type Gather struct {
	Action    link
	Prompts   []interpreter.Prompt
	Keys      bool          // keys are collected
	Speech    *Listening    // speech was asked for as well, which nobody recognises yet; nil: it was not
	Wait      time.Duration // for the first key, and for each further one
	Max       int           // keys after which it is over; 0: no such limit
	Finish    string        // key that ends it; empty: none
	EmptyToo  bool          // the action is asked also when nothing was collected
	TypeAhead bool          // keys pressed before it began count
}

var _ = register(spec{
	name: "Gather",
	doc:  "Gather collects keys that the caller presses, and sends them to its action.",
	attrs: append([]attr{
		{"action", "", "URL that is asked with the result; left out: that of the current document"},
		{"method", "POST", "GET or POST"},
		{"input", "dtmf", "dtmf, speech, or both"},
		{"timeout", "5", "seconds to wait for a key, counted anew after each; 0: it does not wait"},
		{"numDigits", "", "keys after which it is over; left out: any number"},
		{"finishOnKey", "#", "key that ends it and is not part of the result; empty: none"},
		{"actionOnEmptyResult", "false", "the action is asked also when nothing was collected"},
	}, speechAttrs...),
	answers: true, waits: true, whisper: true,
	decode: decodeGather,
})

// Limits of a Gather; the longest wait is that of a call.
const (
	maxWait   = 4 * 60 * 60
	maxDigits = 1000
)

func decodeGather(r *reader, e *element) interpreter.Verb {
	g := Gather{
		Action:    e.action(codeGatherMethod),
		Max:       e.number("numDigits", bounds{code: codeGatherNumDigits, min: 1, max: maxDigits}),
		Finish:    e.finishKey(),
		EmptyToo:  e.boolean("actionOnEmptyResult", codeGatherEmptyResult),
		TypeAhead: r.opts.TypeAhead,
	}
	speech := false
	for _, in := range e.list("input", codeGatherInput, "dtmf", "speech") {
		g.Keys = g.Keys || in == "dtmf"
		speech = speech || in == "speech"
	}
	g.Wait = e.gatherTimeout(speech)
	l := e.listening(g.Wait)
	if speech {
		g.Speech = &l
	}
	for _, n := range e.elements() {
		if p, ok := gatherPrompt(r, n); ok {
			g.Prompts = append(g.Prompts, p)
		}
	}
	if t := e.words(); t != "" {
		e.warn(codeGatherNested, "", "the text %q directly inside <Gather> is not spoken; put it into <Say>", clip(t))
	}
	return g
}

// gatherPrompt decodes a child of a Gather; false if it is skipped or has nothing to play.
func gatherPrompt(r *reader, n *node) (interpreter.Prompt, bool) {
	e := r.child(n, "Gather", codeGatherNested)
	if e == nil {
		return interpreter.Prompt{}, false
	}
	var p interpreter.Prompt
	switch e.s.name {
	case "Say":
		p = decodeSay(e, sayCodes{codeGatherSayVoice, codeGatherSayLoop})
	case "Play":
		p = decodePlay(e)
		if p.Digits != "" {
			e.warn(codeGatherNested, "digits", "<Play digits> cannot stand inside <Gather> and is skipped")
			return p, false
		}
	case "Pause":
		p = interpreter.Prompt{Silence: decodePause(e).For}
	}
	return p, !silent(p)
}

// finishKey reads the one key that ends the collection.
func (e *element) finishKey() string {
	s := e.str("finishOnKey")
	if kept, whole := keys(s, "0123456789*#"); !whole || len(kept) > 1 {
		return e.bad(codeGatherFinishOnKey, "finishOnKey", "one of 0-9 * # or empty")
	}
	return s
}

// gatherTimeout reads the time limit. For speech "auto" is tolerated: it belongs to speechTimeout.
func (e *element) gatherTimeout(speech bool) time.Duration {
	if speech && strings.EqualFold(e.str("timeout"), "auto") {
		return defaultWait
	}
	return e.seconds("timeout", bounds{code: codeGatherTimeout, min: 0, max: maxWait})
}

// defaultWait is the default of timeout.
const defaultWait = 5 * time.Second

// Run collects. With a result the action's document takes over; without, the next verb runs, unless the action wants
// to know of that too. A caller who hangs up is told to nobody.
func (v Gather) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if v.Speech != nil {
		c.Fault(&interpreter.Fault{Code: codeGatherNoSpeech,
			Msg: "speech is not recognised here, so what the caller says is not heard; keys count where input has dtmf"})
	}
	if !v.Keys {
		return v.hearNothing(ctx, c)
	}
	collect := verbs.Collect{Prompts: v.Prompts, Max: v.Max, FirstDigit: v.Wait, InterDigit: v.Wait, Finish: v.Finish}
	if v.TypeAhead {
		collect.TypeAhead = verbs.KeepTyped
	}
	got, err := collect.Run(ctx, c)
	if err != nil {
		return interpreter.Continue(), err
	}
	if got.Digits == "" && !v.EmptyToo {
		return interpreter.Continue(), nil
	}
	res := interpreter.Result{Digits: &got.Digits, FinishKey: got.FinishKey}
	if v.Speech != nil && got.Digits == "" {
		res.Extra = [][2]string{{"SpeechResult", ""}}
	}
	return v.Action.follow(c, res)
}

// hearNothing is a Gather for speech alone where nobody recognises it: the prompts, the wait, and no result.
func (v Gather) hearNothing(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if _, err := (verbs.Prompt{Prompts: v.Prompts}).Run(ctx, c); err != nil {
		return interpreter.Continue(), err
	}
	if err := interpreter.Sleep(ctx, v.Wait); err != nil {
		return interpreter.Continue(), err
	}
	if !v.EmptyToo {
		return interpreter.Continue(), nil
	}
	return v.Action.follow(c, interpreter.Result{Extra: [][2]string{{"SpeechResult", ""}}})
}

func (v Gather) idle() bool { return v.Wait == 0 && len(v.Prompts) == 0 }
