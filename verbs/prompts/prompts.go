package prompts

import (
	"embed"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Default is the language that speaks where a call's own has no text.
const Default = "en"

//go:embed *.txt
var files embed.FS

var texts = sync.OnceValue(func() map[string]map[string]string { return load(files) })

// load reads every file of texts: lines "name = text"; empty ones and those that begin with # are left out.
func load(fsys fs.FS) map[string]map[string]string {
	all := map[string]map[string]string{}
	names, err := fs.Glob(fsys, "*.txt")
	if err != nil {
		return all
	}
	for _, n := range names {
		b, err := fs.ReadFile(fsys, n)
		if err != nil {
			continue
		}
		t := map[string]string{}
		for line := range strings.Lines(string(b)) {
			name, text, ok := strings.Cut(line, " = ")
			if ok && !strings.HasPrefix(line, "#") {
				t[strings.TrimSpace(name)] = strings.TrimSpace(text)
			}
		}
		all[strings.TrimSuffix(n, ".txt")] = t
	}
	return all
}

// Lookup finds the text of a prompt and the language it is in: the call's own (fr-ca), the languages it is made of
// (fr-fr_en-us: first fr-fr, then en-us), their primary tags (fr), then the default language.
func Lookup(language, name string) (text, lang string, ok bool) {
	for _, l := range chain(language) {
		if t, ok := texts()[l][name]; ok {
			return t, l, true
		}
	}
	return "", "", false
}

// Recording finds the recorded prompt <language>/<name>.wav among the operator's files, the languages in the order of
// Lookup; recordings may be nil.
func Recording(recordings fs.FS, language, name string) ([]byte, bool) {
	if recordings == nil {
		return nil, false
	}
	for _, l := range chain(language) {
		p := path.Join(l, name+".wav")
		if !fs.ValidPath(p) {
			continue
		}
		if b, err := fs.ReadFile(recordings, p); err == nil {
			return b, true
		}
	}
	return nil, false
}

// chain are the languages to try, in order.
func chain(language string) []string {
	language = strings.ToLower(language)
	list := []string{language}
	for part := range strings.SplitSeq(language, "_") {
		primary, _, _ := strings.Cut(part, "-")
		list = append(list, part, primary)
	}
	return append(list, Default)
}
