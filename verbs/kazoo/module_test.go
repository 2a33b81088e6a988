package kazoo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// schema is what a test needs of one of the vendor's JSON schemas.
type schema struct {
	Properties map[string]struct {
		Type    string `json:"type"`
		OneOf   []struct{ Type string }
		Default any `json:"default"`
	} `json:"properties"`
	Required []string `json:"required"`
}

// schemas finds the vendor's schemas, which are not part of this repository.
func schemas(t *testing.T) string {
	t.Helper()
	root := os.Getenv("PINTLE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "schemas", "kazoo")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: no schemas of the vendor in %s; set PINTLE_SHARED", dir)
	}
	return dir
}

func readSchema(t *testing.T, dir, module string) schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "callflows."+module+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// differences are fields that deliberately are not as the schema says, by module and field, with the reason.
var differences = map[string]string{
	"pivot.custom_request_headers":    "later builds of the vendor have it",
	"device.fail_on_single_reject":    "the module reads it, the schema does not name it",
	"pivot.req_timeout_ms":            "the default of the running module",
	"device.timeout":                  "0 means 20 when it runs",
	"menu.interdigit_timeout":         "the default of the running module",
	"play.terminators":                "a list in the schema, its keys in one word here",
	"play.answer":                     "the default of the running module",
	"play.loop_count":                 "the default of the running module",
	"manual_presence.presence_id":     "the running module takes what the number captured",
	"tts.terminators":                 "a list in the schema, its keys in one word here",
	"collect_dtmf.collection_name":    "the default of the running module",
	"collect_dtmf.interdigit_timeout": "the default of the running module",
}

// Every module of the vendor is known, and the fields, types, defaults and demands of those that run are the schema's.
func TestSchemas(t *testing.T) {
	dir := schemas(t)
	files, err := filepath.Glob(filepath.Join(dir, "callflows.*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		module := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "callflows."), ".json")
		if module == "action" || strings.Contains(module, ".") {
			continue
		}
		if _, runs := specs[module]; runs {
			compare(t, specs[module], readSchema(t, dir, module))
			continue
		}
		if unsupported[module] == "" {
			t.Errorf("module %s of the vendor is not known", module)
		}
	}
}

func compare(t *testing.T, s spec, want schema) {
	var names []string
	for _, f := range s.fields {
		names = append(names, f.name)
		p, ok := want.Properties[f.name]
		kinds := []string{p.Type}
		for _, o := range p.OneOf {
			kinds = append(kinds, o.Type)
		}
		def := f.def
		if f.kind == "boolean" && def == "false" && p.Default == nil {
			def = "" // what is absent is false
		}
		same := ok && slices.Contains(kinds, f.kind) && def == written(p.Default) &&
			f.required == slices.Contains(want.Required, f.name)
		_, told := differences[s.name+"."+f.name]
		switch {
		case !same && !told:
			t.Errorf("%s.%s: %s, default %q, required %t; the schema has %v, %q, %t", s.name, f.name, f.kind, f.def, f.required,
				kinds, written(p.Default), slices.Contains(want.Required, f.name))
		case same && told:
			t.Errorf("%s.%s is listed as different, and is not", s.name, f.name)
		}
	}
	for name := range want.Properties {
		if name != "skip_module" && !slices.Contains(names, name) {
			t.Errorf("%s lacks the field %s of the schema", s.name, name)
		}
	}
}

// written is a default as a customer writes it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Every module that runs has a scenario that proves it, reads each field it documents, and documents each it reads.
func TestEveryModule(t *testing.T) {
	for name, s := range specs {
		files, err := filepath.Glob(filepath.Join("..", "..", "fixtures", "kazoo", name+"*.txtar"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no scenario in fixtures/kazoo", name)
		}
		d := &data{r: &reader{d: New(Options{}), url: "https://app.test/"}, n: node{module: name, data: value{kind: object}}}
		s.decode(d)
		want := []string{}
		for _, f := range s.fields {
			want = append(want, f.name)
		}
		slices.Sort(want)
		slices.Sort(d.read)
		if diff := cmp.Diff(want, slices.Compact(append([]string{}, d.read...))); diff != "" {
			t.Errorf("%s: - documented, + read\n%s", name, diff)
		}
	}
	for _, i := range New(Options{}).Verbs() {
		if i.Dialect != "kazoo" || i.Doc == "" || !strings.HasSuffix(i.Doc, ".") {
			t.Errorf("%s: the doc is no sentence: %q", i.Name, i.Doc)
		}
	}
	if n := len(specs) + len(unsupported); n != 78 {
		t.Errorf("%d modules are known, want the vendor's 78", n)
	}
}

// A wrong table cannot start.
func TestRegisterPanics(t *testing.T) {
	for name, s := range map[string]spec{
		"twice": specs["sleep"], "no doc": {name: "x", decode: specs["sleep"].decode},
		"field without doc": {name: "y", doc: "Y.", decode: specs["sleep"].decode,
			fields: []field{{name: "a", kind: "string"}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: register did not panic", name)
				}
			}()
			register(s)
		}()
	}
}
