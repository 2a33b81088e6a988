package prompts

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLookup(t *testing.T) {
	for _, l := range []string{"en", "en-us", "EN-GB", "fr-fr_en-us", "xx", ""} {
		if s, lang, ok := Lookup(l, "menu-exit"); !ok || lang != "en" || s == "" {
			t.Errorf("%q: %q in %q, %t", l, s, lang, ok)
		}
	}
	if _, _, ok := Lookup("en", "no-such-prompt"); ok {
		t.Error("a prompt that does not exist was found")
	}
}

func TestChain(t *testing.T) {
	if got, want := strings.Join(chain("FR-fr_en-us"), " "), "fr-fr_en-us fr-fr fr en-us en en"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Recordings are found in the order of the languages, and never outside their directory.
func TestRecordings(t *testing.T) {
	disk := fstest.MapFS{"en/menu-exit.wav": {Data: []byte("EN")}, "fr/vm-saved.wav": {Data: []byte("FR")}}
	for _, tc := range []struct{ language, name, audio string }{
		{"fr-ca", "vm-saved", "FR"}, {"fr-ca", "menu-exit", "EN"}, {"en", "vm-saved", ""}, {"../en", "menu-exit", "EN"},
	} {
		if b, ok := Recording(disk, tc.language, tc.name); string(b) != tc.audio || ok != (tc.audio != "") {
			t.Errorf("%s %s: %q, %t", tc.language, tc.name, b, ok)
		}
	}
	if _, ok := Recording(nil, "en", "menu-exit"); ok {
		t.Error("a recording was found although there are none")
	}
}

// Every line of every file is a prompt: a name, a text that ends like a sentence or a fragment, no doubles.
func TestFiles(t *testing.T) {
	names, err := fs.Glob(files, "*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(files, n)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, text, ok := strings.Cut(line, " = ")
			if !ok || name == "" || text == "" || strings.TrimSpace(line) != line || seen[name] {
				t.Errorf("%s: %q", n, line)
			}
			seen[name] = true
		}
		if len(seen) < len(texts()[Default]) {
			t.Errorf("%s has %d prompts, the default language %d", n, len(seen), len(texts()[Default]))
		}
	}
}
