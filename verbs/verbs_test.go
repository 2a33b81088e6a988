package verbs_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/verbs"
)

func TestOperations(t *testing.T) { fixtures.Run(t, "testdata", options()) }

func options() fixtures.Options {
	return fixtures.Options{Dialects: func(*fixtures.Scenario) (interpreter.Dialects, error) {
		return interpreter.Dialects{&plain.Dialect{
			Commands: commands(), Answers: func(name string) bool { return name != "late" && name != "goto" },
		}}, nil
	}}
}

// commands give every field of the operations a word: `collect max=4 finish=# : say Hello | play menu10s.wav`.
func commands() map[string]func(string) interpreter.Verb {
	return map[string]func(string) interpreter.Verb{
		"goto": func(a string) interpreter.Verb {
			return interpreter.VerbFunc(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
				return interpreter.Goto(interpreter.Request{URL: a}), nil
			})
		},
		"private": func(a string) interpreter.Verb {
			return interpreter.VerbFunc(func(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
				c.Private(a == "on")
				return interpreter.Continue(), nil
			})
		},
		"pause":   pauseCommand,
		"prompt":  promptCommand,
		"collect": collectCommand,
		"record":  recordCommand,
		"dial":    dialCommand,
		"late":    dialCommand,
	}
}

func pauseCommand(a string) interpreter.Verb {
	return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		return interpreter.Continue(), verbs.Pause{For: length(a)}.Run(ctx, c)
	})
}

func promptCommand(a string) interpreter.Verb {
	o, list := parse(a)
	return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		p := verbs.Prompt{Prompts: list, Loop: o.int("loop"), Terminators: o["stop"]}
		if o["keys"] != "" {
			p.OnKey = func(d interpreter.Digit) { c.Log.Debug(d.Key); c.SetVar("keys", c.Vars()["keys"]+string(d.Key)) }
		}
		got, err := p.Run(ctx, c)
		if err != nil || o["action"] == "" {
			return interpreter.Continue(), err
		}
		keys := got.Key + " of " + c.Vars()["keys"]
		return interpreter.Goto(interpreter.Request{URL: o["action"], Result: interpreter.Result{Digits: &keys}}), nil
	})
}

func collectCommand(a string) interpreter.Verb {
	o, list := parse(a)
	return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		k := verbs.Collect{Prompts: list, Loop: o.int("loop"), Max: o.int("max"), FirstDigit: length(o["first"]),
			InterDigit: length(o["inter"]), Finish: o["finish"], Early: o["early"]}
		if o["keep"] != "" {
			k.TypeAhead = verbs.KeepTyped
		}
		got, err := k.Run(ctx, c)
		if err != nil {
			return interpreter.Continue(), err
		}
		digits := fmt.Sprintf("%s,%s,%v", got.Digits, got.FinishKey, got.TimedOut)
		if o["action"] == "" {
			return interpreter.Continue(), nil
		}
		return interpreter.Goto(interpreter.Request{URL: o["action"], Result: interpreter.Result{Digits: &digits}}), nil
	})
}

func recordCommand(a string) interpreter.Verb {
	o, _ := parse(a)
	return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		r := verbs.Capture{Beep: o["beep"], MaxLength: length(o["max"]), Silence: length(o["silence"]), Finish: o["finish"],
			Trim: o["trim"] != "", Source: "RecordVerb", Callback: verbs.RecordingCallback{URL: o["callback"]}}
		if o["events"] != "" {
			r.Callback.Events = strings.Split(o["events"], ",")
		}
		got, err := r.Run(ctx, c)
		req := interpreter.Request{URL: o["action"], Result: interpreter.Result{Recording: &got.Recording}}
		if got.Hungup {
			c.LastRequest(req)
		}
		if err != nil || o["action"] == "" || got.Empty {
			return interpreter.Continue(), err
		}
		return interpreter.Goto(req), nil
	})
}

func dialCommand(a string) interpreter.Verb {
	o, list := parse(a)
	return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		d := verbs.Dial{Timeout: length(o["timeout"]), TimeLimit: length(o["limit"]), HangupKey: o["star"],
			AnswerOnBridge: o["late"] != "", EarlyMedia: o["early"] != ""}
		if o["turn"] != "" {
			d.Strategy = verbs.InTurn
		}
		switch o["record"] {
		case "answer":
			d.Record.Mode = verbs.FromAnswer
		case "ringing":
			d.Record = verbs.DialRecording{Mode: verbs.FromRinging, Dual: true}
		}
		d.Record.Callback.URL = o["callback"]
		if len(list) > 0 {
			d.Ringback = list[0]
		}
		for to := range strings.SplitSeq(o["to"], ",") {
			t := verbs.Callee{Target: interpreter.Target{URI: "sip:" + to + "@x", Name: to}, SendDigits: o["send"]}
			if o["screen"] != "" {
				t.Screen = &interpreter.Request{URL: o["screen"]}
			}
			if o["status"] != "" {
				t.Callback = interpreter.StatusCallback{URL: o["status"], Dialect: "plain",
					Events: []string{"initiated", "ringing", "answered", "completed"}}
			}
			d.Targets = append(d.Targets, t)
		}
		got, err := d.Run(ctx, c)
		req := interpreter.Request{URL: o["action"],
			Result: interpreter.Result{Dial: &got.DialResult, Recording: got.Recording}}
		if got.Hungup && o["action"] != "" {
			c.LastRequest(req)
		}
		if err != nil || o["action"] == "" {
			return interpreter.Continue(), err
		}
		return interpreter.Goto(req), nil
	})
}

// words of a command: name=value, and prompts after a colon, divided by bars.
type words map[string]string

func (w words) int(name string) int {
	if w[name] == "forever" {
		return interpreter.Forever
	}
	n, _ := strconv.Atoi(w[name]) //nolint:errcheck // test data
	return n
}

func parse(arg string) (words, []interpreter.Prompt) {
	o := words{}
	head, tail, _ := strings.Cut(" "+arg+" ", " : ")
	for f := range strings.FieldsSeq(head) {
		k, v, _ := strings.Cut(f, "=")
		if v == "" {
			v = "yes"
		}
		o[k] = v
	}
	var list []interpreter.Prompt
	for p := range strings.SplitSeq(tail, "|") {
		kind, what, _ := strings.Cut(strings.TrimSpace(p), " ")
		switch kind {
		case "say":
			list = append(list, interpreter.Prompt{Text: interpreter.Words(what)})
		case "play":
			list = append(list, interpreter.Prompt{URL: "https://app.test/" + what})
		case "tone":
			list = append(list, interpreter.Prompt{Tone: what})
		case "silence":
			list = append(list, interpreter.Prompt{Silence: length(what)})
		}
	}
	return o, list
}

func length(s string) time.Duration {
	d, _ := time.ParseDuration(s) //nolint:errcheck // test data; nothing is no limit
	return d
}

// redirect is the rest command of these tests: it leads the caller to /other.
func redirect(_ context.Context, m *interpreter.Manager, _ string) error {
	return m.Calls()[0].Redirect(interpreter.Request{URL: "https://app.test/other"})
}
