package interpreter_test

import (
	"context"
	"testing"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
)

// TestScenarios are the claims that a transcript can prove.
func TestScenarios(t *testing.T) { fixtures.Run(t, "testdata", options(nil)) }

// options of a run with the verbs of these tests, more of them, and flows by name.
func options(more map[string]func(string) interpreter.Verb) fixtures.Options {
	return fixtures.Options{Dialects: func(*fixtures.Scenario) (interpreter.Dialects, error) {
		d := &plain.Dialect{Commands: commands(), Flows: branches()}
		for name, f := range more {
			d.Commands[name] = f
		}
		d.Answers = func(name string) bool { return name == "say" || name == "hold" }
		return interpreter.Dialects{d}, nil
	}}
}

func commands() map[string]func(string) interpreter.Verb {
	return map[string]func(string) interpreter.Verb{
		"say":  func(a string) interpreter.Verb { return say(a, interpreter.Continue()) },
		"goto": func(a string) interpreter.Verb { return out(interpreter.Goto(interpreter.Request{URL: a})) },
		"end":  func(string) interpreter.Verb { return out(interpreter.End()) },
		"pause": func(a string) interpreter.Verb {
			return verb(func(ctx context.Context, _ *interpreter.Call) (interpreter.Outcome, error) {
				d, err := time.ParseDuration(a)
				if err != nil {
					return interpreter.Continue(), err
				}
				return interpreter.Continue(), interpreter.Sleep(ctx, d)
			})
		},
		"refuse": func(string) interpreter.Verb {
			return verb(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
				return interpreter.End(), c.Hangup(ctx, interpreter.Hangup{By: interpreter.ByFlow, Code: 486})
			})
		},
		"fault": func(a string) interpreter.Verb {
			return verb(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
				return interpreter.Continue(), &interpreter.Fault{Code: interpreter.CodeMedia, Msg: a}
			})
		},
		"fail": func(a string) interpreter.Verb {
			return verb(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
				return interpreter.Continue(), &interpreter.DocumentError{URL: "x", Code: interpreter.CodeSchema, Msg: a}
			})
		},
		"panic": func(a string) interpreter.Verb {
			return verb(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) { panic(a) })
		},
		"last": func(a string) interpreter.Verb {
			return verb(func(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
				c.LastRequest(interpreter.Request{URL: a})
				return interpreter.Continue(), nil
			})
		},
	}
}

func verb(f interpreter.VerbFunc) interpreter.Verb { return f }

func out(o interpreter.Outcome) interpreter.Verb {
	return verb(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) { return o, nil })
}

// say speaks in no time: these tests look at order, not at sound.
func say(text string, o interpreter.Outcome) interpreter.Verb {
	return verb(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		c.Emit(interpreter.Event{Lane: interpreter.LaneCaller, Kind: interpreter.EvPlay, Text: "say " + text})
		return o, interpreter.Sleep(ctx, time.Second)
	})
}

// branches are flows with children.
func branches() map[string]*interpreter.Step {
	step := func(name string, v interpreter.Verb, children map[string]*interpreter.Step) *interpreter.Step {
		return &interpreter.Step{Name: name, Verb: v, Children: children, Waits: true}
	}
	said := func(text string, o interpreter.Outcome, children map[string]*interpreter.Step) *interpreter.Step {
		return step("say", say(text, o), children)
	}
	leaf := func(text string) *interpreter.Step { return said(text, interpreter.Continue(), nil) }
	inner := said("inner", interpreter.Continue(), map[string]*interpreter.Step{
		"_": step("enter", out(interpreter.Enter(said("innermost", interpreter.Stop(), nil))),
			map[string]*interpreter.Step{"_": leaf("inner again")}),
	})
	again := &interpreter.Step{Name: "enter", Waits: true}
	again.Verb = verb(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) {
		return interpreter.Enter(again), nil
	})
	lost := interpreter.Request{URL: "https://app.test/lost", Else: "_"}
	return map[string]*interpreter.Step{
		"enter": step("enter", out(interpreter.Enter(inner)), map[string]*interpreter.Step{"_": leaf("outer")}),
		"end": step("enter", out(interpreter.Enter(said("last", interpreter.End(), nil))),
			map[string]*interpreter.Step{"_": leaf("never")}),
		"again":  again,
		"branch": said("menu", interpreter.Branch("1"), map[string]*interpreter.Step{"1": leaf("one"), "_": leaf("other")}),
		"wild":   said("menu", interpreter.Branch("2"), map[string]*interpreter.Step{"1": leaf("one"), "_": leaf("other")}),
		"none":   said("menu", interpreter.Branch("2"), map[string]*interpreter.Step{"1": leaf("one")}),
		"else":   step("pivot", out(interpreter.Goto(lost)), map[string]*interpreter.Step{"_": leaf("goes on")}),
	}
}
