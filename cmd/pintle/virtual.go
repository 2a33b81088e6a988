package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/media/helper"
	"pintle/verbs/kazoo"
	"pintle/verbs/twiml"
)

// Virtual time needs testing.Main, which ends the process: a scenario therefore runs in a child that this variable
// names it to. The child prints one line of JSON behind resultMark.
const (
	scenarioVariable = "PINTLE_SCENARIO"
	updateVariable   = "PINTLE_UPDATE"
	resultMark       = "pintle-result "
	scenarioLimit    = 60 * time.Second // of real time
)

// runScenario runs one scenario in a child process.
func runScenario(ctx context.Context, path string, update bool) result {
	begun := time.Now()
	r := result{Path: path}
	self, err := os.Executable()
	if err != nil {
		r.Err = err.Error()
		return r
	}
	env := []string{scenarioVariable + "=" + path, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR")}
	if update {
		env = append(env, updateVariable+"=1")
	}
	out, err := helper.Run(ctx, helper.Program{Path: self, Env: env, Limit: scenarioLimit})
	for line := range bytes.Lines(out) {
		if rest, ok := bytes.CutPrefix(line, []byte(resultMark)); ok {
			err = json.Unmarshal(rest, &r)
		}
	}
	switch {
	case errors.Is(err, helper.ErrTimeLimit):
		r.Err = fmt.Sprintf("the scenario took more than %v of real time", scenarioLimit)
	case err != nil && r.Err == "":
		r.Err = err.Error()
	}
	r.Path, r.Took = path, time.Since(begun)
	return r
}

// childScenario runs the scenario that the environment names, and ends the process; without one it returns.
func childScenario() {
	path := os.Getenv(scenarioVariable)
	if path == "" {
		return
	}
	os.Args = os.Args[:1]
	testing.Main(func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "scenario", F: func(t *testing.T) {
			r := executeScenario(t, path)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("%s%s\n", resultMark, b)
		}}}, nil, nil)
}

// executeScenario runs one scenario in a bubble of virtual time.
func executeScenario(t *testing.T, path string) result {
	r := result{Path: path}
	s, err := fixtures.Load(path)
	if err != nil {
		r.Err = err.Error()
		return r
	}
	r.Claim = s.Claim
	var got *fixtures.Outcome
	synctest.Test(t, func(t *testing.T) {
		got, err = fixtures.Execute(t.Context(), s, fixtures.Options{Dialects: scenarioLanguages})
	})
	switch {
	case err != nil:
		r.Err = err.Error()
	case os.Getenv(updateVariable) != "":
		if err := os.WriteFile(path, s.Updated(got.Transcript), 0o644); err != nil {
			r.Err = err.Error()
		}
	case s.Transcript == "":
		r.Err = "the scenario has no transcript to compare with; --update writes one"
	default:
		r.Diff = s.Diff(got.Transcript, fixtures.WithTimes)
		if r.Diff != "" {
			r.Diff = "- wanted, + got; --update writes what came out\n" + strings.TrimRight(r.Diff, "\n")
		}
	}
	return r
}

// scenarioLanguages are the dialects of a scenario: its options, and its file directory.json for what Kazoo ids mean.
func scenarioLanguages(s *fixtures.Scenario) (interpreter.Dialects, error) {
	var k kazoo.Options
	if b, ok := s.Files["directory.json"]; ok {
		var d kazoo.Static
		if err := json.Unmarshal(b, &d); err != nil {
			return nil, fmt.Errorf("directory.json: %w", err)
		}
		k.Directory = d
	}
	var err error
	if k.Book, err = s.Book(context.Background()); err != nil {
		return nil, err
	}
	t := twiml.Options{TypeAhead: s.Config.Options["type-ahead"] == "yes"}
	return interpreter.Dialects{twiml.New(t), kazoo.New(k)}, nil
}
