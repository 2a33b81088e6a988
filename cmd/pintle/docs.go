package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"pintle/interpreter"
)

// docsCmd writes the pages that are made from the code: docs/errors.md and docs/verbs/*.md.
type docsCmd struct {
	Out string `default:"docs" help:"Folder of the documentation."`
}

// Run writes every page.
func (d docsCmd) Run() error {
	for name, page := range generatedPages() {
		path := filepath.Join(d.Out, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generatedPages gives the pages by name under docs/.
func generatedPages() map[string][]byte {
	pages := map[string][]byte{"errors.md": errorsPage()}
	for _, d := range languages(&config{}, nil, nil) {
		pages[filepath.Join("verbs", d.Name()+".md")] = verbsPage(d)
	}
	return pages
}

const generatedNote = "<!-- Made by `make docs` from the code; do not edit. -->\n\n"

func errorsPage() []byte {
	var b bytes.Buffer
	b.WriteString(generatedNote)
	b.WriteString("# Numbered failures\n\nEvery failure has one number. It stands in the trace of the call, in the log, " +
		"and in `ErrorCode` of a fallback request.\n" +
		"An error ends the document or hands it to the fallback; after a warning the call goes on.\n\n" +
		"| code | level | what happened | what to do |\n|---|---|---|---|\n")
	for _, c := range interpreter.Codes() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", c.Code, c.Level, cell(c.Title), cell(c.Advice))
	}
	return b.Bytes()
}

func verbsPage(d interpreter.Dialect) []byte {
	list := d.Verbs()
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	var b bytes.Buffer
	b.WriteString(generatedNote)
	fmt.Fprintf(&b, "# %s\n\nThe same table is printed by `pintle verbs`.\n", d.Name())
	for _, v := range list {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", v.Name, v.Doc)
		if len(v.Inside) > 0 {
			fmt.Fprintf(&b, "\nInside: %s.\n", strings.Join(v.Inside, ", "))
		}
		if len(v.Attrs) == 0 {
			continue
		}
		b.WriteString("\n| name | default | meaning |\n|---|---|---|\n")
		for _, a := range v.Attrs {
			def := ""
			if a.Default != "" {
				def = "`" + cell(a.Default) + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, def, cell(a.Doc))
		}
	}
	return b.Bytes()
}

func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", ">", "&gt;", "\n", " ").Replace(s)
}
