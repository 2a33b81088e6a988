package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/interpreter/api"
)

// reloading is an engine on free ports of loopback whose configuration can be written anew.
func reloading(t *testing.T, text string) (e *engine, write func(text string)) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "pintle.yaml")
	write = func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	configure := func() (*config, error) {
		return serveCmd{Config: file, SIP: "127.0.0.1:0", HTTP: "127.0.0.1:0", Data: filepath.Join(dir, "data")}.configure()
	}
	cfg, err := configure()
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	e, err = openEngine(t.Context(), cfg, logrus.NewEntry(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	t.Cleanup(e.reloadOnHangup(configure))
	return e, write
}

// liveOf are settings of a configuration alone.
func liveOf(c *config) *live {
	var l live
	l.Store(&settings{cfg: c})
	return &l
}

const before1 = `voice: {url: "https://a.test/one"}
trunks: [{id: acme, uri: "sip:127.0.0.1:9", ping: 0s}]
limits: {calls: 10, toll: {country: IE}}
accounts: {name: Example, realm: x.test, devices: {d: {name: D, sip: {username: alice, password: open-sesame}}}}
`

// What may change while calls run is in force after a reload, the rest is named.
func TestReload(t *testing.T) {
	e, write := reloading(t, before1)
	if done, err := e.reload(); err != nil || len(done.Changed)+len(done.Restart) > 0 {
		t.Errorf("an unchanged file: %+v, %v", done, err)
	}
	write(`voice: {url: "https://a.test/two"}
numbers: [{number: "100", url: "https://a.test/hundred"}]
trunks: [{id: acme, uri: "sip:127.0.0.1:9", ping: 0s}, {id: other, uri: "sip:127.0.0.1:10", ping: 0s}]
limits: {calls: 20, drain: 5s, toll: {country: GB}}
rtp: {ports: 20000-20999}
sip: {allow: ["10.0.0.0/8"], headers: [Diversion]}
accounts: {name: Example, realm: x.test, devices: {d: {name: D, sip: {username: bob, password: open-sesame}}}}
`)
	done, err := e.reload()
	if err != nil {
		t.Fatal(err)
	}
	want := api.Reloaded{Changed: []string{"sip.allow", "trunks", "voice.url", "numbers", "limits.calls", "limits.drain",
		"limits.toll.country", "accounts"}, Restart: []string{"sip.headers", "rtp.ports"}}
	if d := cmp.Diff(want, done); d != "" {
		t.Error(d)
	}
	s, err := e.router.Route(interpreter.LegInfo{})
	if err != nil || s.Request.URL != "https://a.test/two" {
		t.Errorf("any number runs %q, %v", s.Request.URL, err)
	}
	s, err = e.router.Route(interpreter.LegInfo{Request: interpreter.Address{User: "100"}})
	if err != nil || s.Request.URL != "https://a.test/hundred" {
		t.Errorf("100 runs %q, %v", s.Request.URL, err)
	}
	if n := len(e.edge.Trunks()); n != 2 {
		t.Errorf("%d trunks, want 2", n)
	}
	if rules := e.toll.Rules(""); rules.Plan.Country != "GB" {
		t.Errorf("the rules are those of %s", rules.Plan.Country)
	}
	if _, _, err := e.book.Login("x.test", "bob"); err != nil {
		t.Errorf("the new device is not known: %v", err)
	}
	if done, _ = e.reload(); len(done.Changed) > 0 || len(done.Restart) != 2 {
		t.Errorf("again: %+v, want only what waits for a restart", done)
	}
}

// R-LIFE-4: a bad file changes nothing, and everything that is wrong with it is told.
func TestReloadKeepsWhatIsGood(t *testing.T) {
	e, write := reloading(t, before1)
	good := e.live.Load()
	for text, want := range map[string][]string{
		"voice: {urls: x}\n": {"urls"},
		"voice: {url: \"https://a.test/\", method: PUT}\nrtp: {ports: 5-4}\nsip: {allow: [x]}\n": {"PUT", "rtp.ports",
			"sip.allow"},
		"voice: {url: \"https://a.test/\"}\naccounts: {name: E, realm: x.test, devices: {d: {sip: {}}, e: {}}}\n": {
			"devices.d", "devices.e"},
		"voice: {url: \"https://a.test/\"}\ntls: {cert: no.pem, key: no.key}\n": {"no.pem"},
		"log: {level: info}\n": {"nothing answers calls"},
		"":                     {"nothing answers calls"},
	} {
		write(text)
		_, err := e.reload()
		problems, ok := err.(api.Problems) //nolint:errorlint // that is what is promised
		if !ok {
			t.Errorf("%q: %v (%T), want problems", text, err, err)
			continue
		}
		for _, w := range want {
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, w) }) {
				t.Errorf("%q: %q does not name %s", text, problems, w)
			}
		}
		if e.live.Load() != good || len(e.edge.Trunks()) != 1 {
			t.Errorf("%q: the good configuration was replaced", text)
		}
		if _, _, err := e.book.Login("x.test", "alice"); err != nil {
			t.Errorf("%q: the device is gone: %v", text, err)
		}
	}
}

// Each key that a reload puts in force exists.
func TestLiveKeysExist(t *testing.T) {
	var all []string
	var walk func(path string, v reflect.Type)
	walk = func(path string, v reflect.Type) {
		for i := range v.NumField() {
			f := v.Field(i)
			name, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			key := strings.TrimPrefix(path+"."+name, ".")
			if inline == "inline" {
				key = path
			}
			all = append(all, key)
			if f.Type.Kind() == reflect.Struct && f.IsExported() {
				walk(key, f.Type)
			}
		}
	}
	walk("", reflect.TypeOf(config{}))
	for _, key := range liveKeys {
		if !slices.Contains(all, key) {
			t.Errorf("there is no setting %s", key)
		}
	}
}

func TestReloadedIsPrinted(t *testing.T) {
	for want, done := range map[string]api.Reloaded{
		"configuration read again: nothing to change\n": {},
		"configuration read again, in force now: trunks, accounts\nneeds a restart: rtp.ports\n": {
			Changed: []string{"trunks", "accounts"}, Restart: []string{"rtp.ports"}},
	} {
		if got := printed(false, func(s screen) { s.reloaded(done) }); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
