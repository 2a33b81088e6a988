package account_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"pintle/interpreter/account"
)

// schemaFiles are the kinds that Kazoo has a schema for.
var schemaFiles = map[account.Kind]string{
	account.KindUser: "users", account.KindDevice: "devices", account.KindGroup: "groups",
	account.KindMailbox: "vmboxes", account.KindDirectory: "directories", account.KindMenu: "menus",
	account.KindQueue: "queues", account.KindResource: "resources", account.KindConference: "conferences",
	account.KindTemporalRule: "temporal_rules", account.KindTemporalRuleSet: "temporal_rules_sets",
	account.KindMedia: "media", account.KindList: "lists", account.KindFaxbox: "faxbox",
}

// samples are values of texts that must mean something, by the last one or two names of their field.
var samples = map[string][]any{
	"timezone": {"Europe/Dublin", "America/New_York"}, "fax_timezone": {"Europe/Dublin"},
	"language": {"en-us", "fr"}, "email": {"a@b.example"}, "custom_smtp_email_address": {"a@b.example"},
	"cdr_url": {"https://a.example/cdr"}, "recording_url": {"https://a.example/rec"}, "url": {"https://a.example/"},
	"hunt_allow": {"^1"}, "hunt_deny": {"^9"}, "record_pin": {"1234"}, "pin": {"1234"}, "server": {"sip.example.com"},
	"from_uri_realm": {"example.com"}, "realm": {"example.com"}, "mailbox": {"100"}, "caller_exit_key": {"#", "0"},
	"username": {"alice.example"}, "password": {"secret-1"}, "rules": {[]any{`^\+1(\d*)$`}},
	"rules_test": {[]any{"^5"}}, "cid_rules": {[]any{"^1"}}, "regex": {"^1"}, "send_to": {"a@b.example"},
	"smtp_permission_list": {[]any{"@b.example$"}}, "presence_id": {"100"}, "interface": {"a"}, "rate": {8000, 48000},
	"profile_name": {"default"}, "conference_numbers": {[]any{"100"}}, "numbers": {[]any{"100"}}, "pins": {[]any{"1234"}},
	"media_id": {"https://a.example/a.wav", "silence_stream://100"},
	"greeting": {"https://a.example/a.wav", "prompt://system_media/menu-greeting"},
	"announce": {"https://a.example/a.wav"}, "moh": {"https://a.example/a.wav"},
}

// apart are fields where we differ on purpose, or that must fit something else, with the reason.
var apart = map[string]string{
	"owner_id": "must name a user that exists", "queues": "must name queues that exist",
	"directories": "must name directories that exist", "hotdesk": "device: names users that exist; user: checked by hand",
	"users": "maintained from the users", "temporal_rules": "must name rules that exist",
	"endpoints": "must name members that exist", "sip": "its fields belong together: a method, a login or an address",
	"dial_plan": "its expressions must compile here", "metaflows": "read, without effect",
	"formatters": "read, without effect", "profile": "read, without effect", "call_recording": "read by its own test",
	"classifiers": "their expressions must compile here", "time_window_start": "a window must not end before it begins",
	"time_window_stop": "a window must not end before it begins", "password": "a carrier's belongs into the file",
	"media_source": "one of source tts must bring its words",
	"feature_keys": "of the provisioner", "provision": "of it too",
	"flags": "any text there, a length here", "call_forward": "checked by its own test",
	"operator_number": "any text there, a number that can be dialled here", "route": "must be a SIP address",
	"contact_list": "read, without effect", "media.name": "must name a media that exists",
	"unavailable": "must name a media that exists", "temporary_unavailable": "must name a media that exists",
}

// drawValue makes a value that a schema allows; it reports false for what it cannot make.
func drawValue(t *rapid.T, s map[string]any, name string) (any, bool) {
	_, last, _ := strings.Cut(name, ".")
	list, ok := samples[name]
	if !ok {
		list, ok = samples[last]
	}
	if ok && s["type"] != "object" {
		return rapid.SampledFrom(list).Draw(t, name), true
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return rapid.SampledFrom(list).Draw(t, name), true
	}
	limit := func(key string, otherwise int) int {
		if n, ok := s[key].(float64); ok {
			return int(n)
		}
		return otherwise
	}
	switch s["type"] {
	case "boolean":
		return rapid.Bool().Draw(t, name), true
	case "integer":
		least := limit("minimum", 1)
		return rapid.IntRange(least, min(limit("maximum", least+20), 1000000)).Draw(t, name), true
	case "string":
		if s["pattern"] != nil || s["format"] != nil {
			return nil, false
		}
		least := max(limit("minLength", 1), 3)
		most := min(limit("maxLength", 30), 60)
		return rapid.StringMatching(`[a-z0-9]{`+itoa(min(least, most))+`,`+itoa(most)+`}`).Draw(t, name), true
	case "object":
		props, ok := s["properties"].(map[string]any)
		return drawObject(t, last, props, required(s)), ok
	}
	return nil, false
}

func itoa(n int) string {
	b, _ := json.Marshal(n) //nolint:errcheck // a number
	return string(b)
}

func required(s map[string]any) map[string]bool {
	all := map[string]bool{}
	list, _ := s["required"].([]any) //nolint:errcheck // absent: nothing
	for _, r := range list {
		if name, ok := r.(string); ok {
			all[name] = true
		}
	}
	return all
}

func drawObject(t *rapid.T, in string, props map[string]any, must map[string]bool) map[string]any {
	o := map[string]any{}
	for _, name := range sortedNames(props) {
		s, ok := props[name].(map[string]any)
		_, not := apart[name]
		if _, too := apart[in+"."+name]; not || too || !ok || (!must[name] && !rapid.Bool().Draw(t, "has "+name)) {
			continue
		}
		if v, ok := drawValue(t, s, in+"."+name); ok {
			o[name] = v
		}
	}
	return o
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	for i := range names {
		for j := i; j > 0 && names[j] < names[j-1]; j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
	return names
}

// needed are fields that an object cannot do without, where [apart] keeps them from being drawn.
var needed = map[account.Kind]map[string]any{
	account.KindGroup:    {"endpoints": map[string]any{}},
	account.KindMedia:    {"media_source": "upload"},
	account.KindResource: {"gateways": []any{map[string]any{"server": "sip.example.com", "port": 5080}}},
}

func schemasHere(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PINTLE_KAZOO_SCHEMAS")
	if dir == "" {
		dir = schemaDir
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("Kazoo's schemas are not here, nothing is compared: %v", err)
	}
	return dir
}

func compiled(t *testing.T, dir, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseLoader(schemas(dir))
	s, err := c.Compile("file:///" + name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func valid(s *jsonschema.Schema, body []byte) error {
	x, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	return s.Validate(x)
}

// What Kazoo's schemas allow is accepted, and what comes out of it is allowed by them too; apart lists where we differ.
func TestSchemasAgree(t *testing.T) {
	dir := schemasHere(t)
	for kind, name := range schemaFiles {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, dir, name)
			raw, err := os.ReadFile(filepath.Join(dir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var top map[string]any
			if err := json.Unmarshal(raw, &top); err != nil {
				t.Fatal(err)
			}
			props, _ := top["properties"].(map[string]any) //nolint:errcheck // then nothing is drawn, and the count tells
			if len(props) < 2 {
				t.Fatalf("the schema has %d fields", len(props))
			}
			rapid.Check(t, func(t *rapid.T) {
				o := drawObject(t, "", props, required(top))
				for k, v := range needed[kind] {
					o[k] = v
				}
				body, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				if err = valid(s, body); err != nil {
					t.Fatalf("the test draws what the schema refuses: %s: %v", body, err)
				}
				b, err := account.Open(context.Background(), nil, file("accounts: {name: A, realm: a.example.com}"))
				if err != nil {
					t.Fatal(err)
				}
				got, err := b.Put(context.Background(), "", kind, "x", body)
				if err != nil {
					t.Fatalf("we refuse %s: %v", body, err)
				}
				again, err := json.Marshal(got)
				if err != nil {
					t.Fatal(err)
				}
				if err := valid(s, again); err != nil {
					t.Fatalf("we write %s: %v", again, err)
				}
			})
		})
	}
}

// What is wrong by the schemas is refused by them and by us.
func TestSchemasRefuse(t *testing.T) {
	dir := schemasHere(t)
	for _, c := range []struct {
		kind account.Kind
		body string
	}{
		{account.KindUser, `{"first_name":"A"}`},
		{account.KindUser, `{"first_name":"","last_name":"B"}`},
		{account.KindUser, `{"first_name":"A","last_name":"B","enabled":"yes"}`},
		{account.KindDevice, `{"name":"A","sip":{"method":"none"}}`},
		{account.KindDevice, `{"name":["A"]}`},
		{account.KindDevice, `{"name":"A","media":{"audio":{"codecs":["MP3"]}}}`},
		{account.KindGroup, `{"endpoints":{}}`},
		{account.KindGroup, `{"name":"A"}`},
		{account.KindMailbox, `{"name":"A"}`},
		{account.KindMailbox, `{"name":"A","mailbox":"1","pin":"1"}`},
		{account.KindDirectory, `{"sort_by":"last_name"}`},
		{account.KindDirectory, `{"name":"A","sort_by":"age"}`},
		{account.KindMenu, `{"name":"A","retries":11}`},
		{account.KindMenu, `{"name":"A","max_extension_length":7}`},
		{account.KindQueue, `{"name":"A","strategy":"random"}`},
		{account.KindQueue, `{"name":"A","max_priority":256}`},
		{account.KindResource, `{"name":"A"}`},
		{account.KindResource, `{"name":"A","gateways":[{"port":5060}]}`},
		{account.KindResource, `{"name":"A","gateways":[{"server":"h","codecs":["MP3"]}]}`},
		{account.KindResource, `{"name":"A","gateways":[{"server":"h"}],"weight_cost":101}`},
		{account.KindConference, `{"conference_numbers":["a"]}`},
		{account.KindConference, `{"member":{"pins":["x"]}}`},
		{account.KindTemporalRule, `{"name":"A"}`},
		{account.KindTemporalRule, `{"name":"A","cycle":"hourly"}`},
		{account.KindTemporalRule, `{"name":"A","cycle":"weekly","wdays":["someday"]}`},
		{account.KindTemporalRuleSet, `{"temporal_rules":["a"]}`},
		{account.KindMedia, `{"name":"A","media_source":"radio"}`},
		{account.KindMedia, `{"name":"A","media_source":"upload","content_length":11534337}`},
		{account.KindList, `{"description":"A"}`},
		{account.KindFaxbox, `{"retries":1}`},
		{account.KindFaxbox, `{"name":"A","retries":5}`},
	} {
		if err := valid(compiled(t, dir, schemaFiles[c.kind]), []byte(c.body)); err == nil {
			t.Errorf("the schema allows the %s %s", c.kind, c.body)
		}
		b, err := account.Open(context.Background(), nil, file("accounts: {name: A, realm: a.example.com}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(context.Background(), "", c.kind, "x", []byte(c.body)); err == nil {
			t.Errorf("we allow the %s %s", c.kind, c.body)
		}
	}
}

// Where we differ on purpose: a number may stand for a text, since it is what somebody dials; what would break a SIP
// message, or could never work, is refused.
func TestSchemasDiffer(t *testing.T) {
	dir := schemasHere(t)
	for _, c := range []struct {
		kind   account.Kind
		body   string
		theirs bool // they allow it, we do not; else the other way round
	}{
		{account.KindMailbox, `{"name":"A","mailbox":100}`, false},
		{account.KindDevice, `{"name":7}`, false},
		{account.KindUser, `{"first_name":"A","last_name":"B","call_restriction":{"did_us":{"action":"allow"}}}`, false},
		{account.KindDevice, `{"name":"A","sip":{"username":"a b","password":"12345"}}`, true},
		{account.KindDevice, `{"name":"A\r\nVia: b"}`, true},
		{account.KindDevice, `{"name":"A","owner_id":"0123456789abcdef0123456789abcdef"}`, true},
		{account.KindMenu, `{"name":"A","hunt_allow":"("}`, true},
		{account.KindMenu, `{"name":"A","nonsense":1}`, true},
		{account.KindTemporalRule, `{"name":"A","cycle":"daily","time_window_start":7200,"time_window_stop":3600}`, true},
		{account.KindMedia, `{"name":"A","media_source":"tts"}`, true},
		{account.KindResource, `{"name":"A","gateways":[{"server":"h","password":"p"}]}`, true},
	} {
		theirs := valid(compiled(t, dir, schemaFiles[c.kind]), []byte(c.body))
		b, err := account.Open(context.Background(), nil, file("accounts: {name: A, realm: a.example.com}"))
		if err != nil {
			t.Fatal(err)
		}
		_, ours := b.Put(context.Background(), "", c.kind, "x", []byte(c.body))
		if (theirs == nil) != c.theirs || (ours == nil) == c.theirs {
			t.Errorf("%s %s: they say %v, we say %v", c.kind, c.body, theirs, ours)
		}
	}
}
