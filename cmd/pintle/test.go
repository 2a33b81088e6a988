package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// testCmd runs scenarios in virtual time.
type testCmd struct {
	Paths  []string `arg:"" name:"files-or-dirs" help:"Scenario files (.txtar), or folders of them."`
	JUnit  string   `name:"junit" help:"Write the results as JUnit XML." placeholder:"FILE"`
	Run_   string   `name:"run" help:"Run the scenarios whose path matches alone." placeholder:"REGEX"`
	Update bool     `help:"Write what happened into the scenarios' transcripts."`
}

// Help shows examples.
func (testCmd) Help() string {
	return `Examples:
  pintle test flows/
  pintle test flows/menu.txtar --update
  pintle test flows/ --run 'gather' --junit results.xml

A scenario is a text file: what the caller does, what the application answers, and what must happen. The language is
described in fixtures/README.md. Time is virtual: an hour takes milliseconds.`
}

// result is how one scenario went.
type result struct {
	Path  string
	Claim string
	Diff  string // empty: it went as it should
	Err   string // it could not be run
	Took  time.Duration
}

func (r result) ok() bool { return r.Diff == "" && r.Err == "" }

// Run runs the scenarios one after the other, each in a process of its own, so that none can hang or end the others.
func (t testCmd) Run(ctx context.Context) error {
	files, err := t.files()
	if err != nil {
		return err
	}
	var results []result
	failed := 0
	begun := time.Now()
	for _, f := range files {
		r := runScenario(ctx, f, t.Update)
		results = append(results, r)
		if !r.ok() {
			failed++
		}
		printResult(r)
	}
	fmt.Printf("\n%d passed, %d failed in %v\n", len(results)-failed, failed, time.Since(begun).Round(time.Millisecond))
	if t.JUnit != "" {
		if err := writeJUnit(t.JUnit, results); err != nil {
			return err
		}
	}
	if failed > 0 {
		return exitf(exitFailed, "%d of %d scenarios failed", failed, len(results))
	}
	return nil
}

// files finds the scenarios to run.
func (t testCmd) files() ([]string, error) {
	want, err := regexp.Compile(t.Run_)
	if err != nil {
		return nil, exitf(exitUsage, "--run: %w", err)
	}
	var list []string
	for _, p := range t.Paths {
		found := len(list)
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && (path == p || strings.HasSuffix(path, ".txtar")) && want.MatchString(path) {
				list = append(list, path)
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, exitf(exitUsage, "%s: no such file or folder", p)
		}
		if err != nil {
			return nil, err
		}
		if len(list) == found {
			return nil, exitf(exitUsage, "%s holds no scenario (.txtar) that matches", p)
		}
	}
	return list, nil
}

func printResult(r result) {
	mark, color := "ok  ", "32"
	if !r.ok() {
		mark, color = "FAIL", "31"
	}
	if isatty.IsTerminal(os.Stdout.Fd()) {
		mark = "\x1b[" + color + "m" + mark + "\x1b[0m"
	}
	fmt.Printf("%s  %s  (%v)\n", mark, r.Path, r.Took.Round(time.Millisecond))
	switch {
	case r.ok():
		return
	case r.Claim != "":
		fmt.Printf("      %s\n", r.Claim)
	}
	for line := range strings.Lines(strings.TrimSpace(r.Err + "\n" + r.Diff)) {
		fmt.Printf("      %s\n", strings.TrimRight(line, "\n"))
	}
	fmt.Printf("      again: pintle test %s\n", r.Path)
}

// junit is the XML that build servers read.
type junit struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func writeJUnit(path string, results []result) error {
	suite := junit{Name: "pintle", Tests: len(results)}
	for _, r := range results {
		c := junitCase{Class: filepath.Dir(r.Path), Name: filepath.Base(r.Path), Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
		if !r.ok() {
			suite.Failures++
			c.Failure = &junitFailure{Message: r.Claim, Text: strings.TrimSpace(r.Err + "\n" + r.Diff)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	b, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(xml.Header), b...), 0o644)
}
