package twiml

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpusDir finds the published documents; they are data of others and not part of the repository.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PINTLE_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	dir = filepath.Join(dir, "corpus", "twiml")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: the corpus of TwiML documents is not at %s; set PINTLE_SHARED to where it is", dir)
	}
	return dir
}

// Every published document parses, and what is warned of in each is written down in testdata/corpus.golden together
// with the rule that asks for it. A new warning is either a fault of ours, or a line to add with its reason.
func TestCorpus(t *testing.T) {
	dir := corpusDir(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) < 90 {
		t.Fatalf("%d documents (%v)", len(files), err)
	}
	want := golden(t)
	var got []string
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parse(t, "text/xml", string(body))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		for _, w := range doc.Warnings {
			what := strings.TrimSpace(w.Verb + " " + w.Path)
			got = append(got, fmt.Sprintf("%s:%d %d %s", filepath.Base(f), w.Pos.Line, w.Code, what))
		}
		for s := doc.Root; s != nil; s = s.Next {
			if s.Verb == nil || s.Pos.Line == 0 {
				t.Errorf("%s: the step %s has no verb or no place", filepath.Base(f), s.Name)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("- written down, + warned of:\n%s", d)
	}
}

// golden reads the lines without the comments that give their reasons.
func golden(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/corpus.golden")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(string(b), "\n") {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}
