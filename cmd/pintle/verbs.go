package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"pintle/interpreter"
)

// verbsCmd lists what documents may hold, from the tables that decode them.
type verbsCmd struct {
	Name string `arg:"" optional:"" help:"Show this verb or module alone, with its attributes."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (verbsCmd) Help() string {
	return `Examples:
  pintle verbs                 every verb and module, a line each
  pintle verbs Gather          attributes of one, with their defaults
  pintle verbs --json          the whole table for a program`
}

// Run prints the list.
func (v verbsCmd) Run() error {
	var list []interpreter.Info
	for _, d := range languages(&config{}, nil, nil) {
		list = append(list, d.Verbs()...)
	}
	if v.Name != "" {
		list = named(list, v.Name)
		if len(list) == 0 {
			return exitf(exitUsage, "no verb or module is called %q; 'pintle verbs' lists them", v.Name)
		}
	}
	if v.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	return printVerbs(os.Stdout, list, v.Name != "")
}

func named(list []interpreter.Info, name string) []interpreter.Info {
	var found []interpreter.Info
	for _, i := range list {
		if strings.EqualFold(i.Name, name) {
			found = append(found, i)
		}
	}
	return found
}

func printVerbs(w io.Writer, list []interpreter.Info, attrs bool) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, i := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", i.Dialect, i.Name, i.Doc)
		if !attrs {
			continue
		}
		for _, a := range i.Attrs {
			fmt.Fprintf(tw, "\t  %s\t%s\n", a.Name, withDefault(a))
		}
	}
	return tw.Flush()
}

func withDefault(a interpreter.AttrInfo) string {
	if a.Default == "" {
		return a.Doc
	}
	return a.Doc + " (default " + a.Default + ")"
}
