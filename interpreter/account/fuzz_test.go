package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"pintle/interpreter/account"
)

// FuzzLoad reads any bytes as a configuration: it never panics, and a refusal says what is wrong. What is accepted can
// be asked for everything and written as JSON.
func FuzzLoad(f *testing.F) {
	// Short ones: the engine tries every part of what it finds interesting, and of two kilobytes there are two million.
	for _, s := range []string{"", "accounts: [&a {name: A}, *a]", "accounts: {<<: {name: A}}",
		"accounts: {name: A, users: {? [a] : b}}", "accounts:\n  name: |\n    A\n", "a: [[[[[[",
		"accounts: !!map {name: 0x1f}",
		"accounts:\n  name: A\n  realm: a.example\n  devices:\n    d: {name: D, sip: {username: d, password: secret}}\n",
		"accounts: {name: A, groups: {g: {name: G, endpoints: {g: {type: group}}}}}",
		"accounts: {name: A, callflows: [{numbers: [1], patterns: ['^2(.)$'], flow: {module: m}}]}",
		"accounts:\n- {id: a, name: A, users: {u: {first_name: U, last_name: V}}}\n- {id: b, name: B}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<16 {
			return
		}
		b, err := account.Open(context.Background(), nil, account.File{Name: "f", Body: src, Config: true})
		if err != nil {
			var p account.Problems
			if !errors.As(err, &p) || len(p) == 0 || p.Error() == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		for _, v := range b.Accounts() {
			for d := range account.All[*account.Device](v) {
				v.Merge(d)
				if _, err := v.Device(d.ID, account.Finding{}); err != nil {
					t.Errorf("device %s: %v", d.ID, err)
				}
				if _, err := json.Marshal(d); err != nil {
					t.Error(err)
				}
			}
			for g := range account.All[*account.Group](v) {
				if _, err := v.Endpoints(account.KindGroup, g.ID, account.Finding{}); err != nil {
					t.Errorf("group %s: %v", g.ID, err)
				}
			}
			for c := range account.All[*account.Callflow](v) {
				if !json.Valid(c.Document()) {
					t.Errorf("the flow %s is no JSON", c.Document())
				}
			}
		}
	})
}

// FuzzPut reads any bytes as the JSON of an object of any kind. What is accepted is written and read again as the same.
func FuzzPut(f *testing.F) {
	f.Add("user", []byte(`{"first_name":"A","last_name":"B","call_forward":{"enabled":true}}`))
	f.Add("device", []byte(`{"name":"A","sip":{"username":"abc","password":"12345","custom_sip_headers":{"in":{"X-A":"b"}}}}`))
	f.Add("callflow", []byte(`{"numbers":["900"],"flow":{"module":"menu","data":{},"children":{"1":{"module":"a","data":{}}}}}`))
	f.Add("resource", []byte(`{"name":"A","gateways":[{"server":"h"}],"rules":["^\\+1(\\d*)$"]}`))
	f.Add("menu", []byte(`{"name":"A","media":{"exit_media":false,"greeting":"https://a/b.wav"}}`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		b, err := account.Open(context.Background(), nil, file("accounts: {name: A, realm: a.example.com}"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := b.Put(context.Background(), "", account.Kind(kind), "x", body)
		if err != nil {
			return
		}
		first, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Put(context.Background(), "", account.Kind(kind), "x", first)
		if err != nil {
			t.Fatalf("what was written is refused: %s: %v", first, err)
		}
		second, err := json.Marshal(again)
		if err != nil || string(first) != string(second) {
			t.Errorf("written %s, then %s, %v", first, second, err)
		}
	})
}
