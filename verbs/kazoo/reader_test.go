package kazoo

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
)

const where = "https://app.test/start"

func parse(body string) (*interpreter.Document, error) {
	return New(Options{}).Parse(interpreter.Response{Body: []byte(body), URL: where})
}

// warnings are those of a document, one line each: position, path, text.
func warnings(t *testing.T, body string) []string {
	t.Helper()
	doc, err := parse(body)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, w := range doc.Warnings {
		if w.Code != interpreter.CodeSchema {
			t.Errorf("code %d, want %d", w.Code, interpreter.CodeSchema)
		}
		list = append(list, fmt.Sprintf("%s %s %s", w.Pos, w.Path, w.Msg))
	}
	return list
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct{ body, pos, msg string }{
		"not closed":       {`{"module":"answer","data":{}`, "1:29", "ends too early"},
		"comma":            {"{\"module\":\"answer\",\n  }", "2:3", "not JSON"},
		"bad escape":       {`{"module":"\x"}`, "1:11", "not JSON"},
		"control octet":    {"{\"module\":\"a\x01\"}", "1:11", "not JSON"},
		"trailing":         {"{\"module\":\"answer\"}\n {}", "2:2", "text after"},
		"twice":            {`{"module":"answer","data":{"a":1,"a":2}}`, "1:34", `"a" occurs twice`},
		"invalid UTF-8":    {"{\"é\":1,\"module\":\"\xff\"}", "1:18", "UTF-8"},
		"list":             {`[{"module":"answer"}]`, "1:1", "must be an object"},
		"empty object":     {`{}`, "1:1", `no "module"`},
		"misspelt module":  {`{"modul":"answer"}`, "1:1", `"modul" was probably meant`},
		"module is number": {`{"module":5}`, "1:11", "1 to 64 characters"},
		"module too long":  {`{"module":"` + strings.Repeat("x", 65) + `"}`, "1:11", "1 to 64 characters"},
		"data is list":     {`{"module":"play","data":[]}`, "1:25", "must be an object"},
		"children is text": {`{"module":"play","children":"x"}`, "1:29", "must be an object"},
		"child is text":    {`{"module":"play","children":{"1":"x"}}`, "1:34", "must be an object"},
		"child, no module": {`{"module":"play","children":{"1":{"data":{}}}}`, "1:34", `no "module"`},
		"long value": {`{"module":"tts","data":{"text":"` + strings.Repeat("x", 4097) + `"}}`,
			"1:32", "longer than 4096"},
		"long number": {`{"module":"tts","data":{"text":` + strings.Repeat("1", 100_000) + `}}`,
			"1:32", "longer than 4096"},
		"many fields": {`{"module":"edr","data":{` + manyFields(65) + `}}`, "1:24", "more than 64"},
		"deep data": {`{"module":"edr","data":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`,
			"1:24", "32 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.body)
			var e *interpreter.DocumentError
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a DocumentError", err)
			}
			if e.Pos.String() != tc.pos || e.Code != 12100 || !strings.Contains(e.Msg, tc.msg) || e.URL != where {
				t.Errorf("got %v\nwant %s 12100 …%s…", e, tc.pos, tc.msg)
			}
		})
	}
}

func manyFields(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`"f%d":0`, i))
	}
	return strings.Join(s, ",")
}

func chainOf(nodes int) string {
	return strings.Repeat(`{"module":"answer","children":{"_":`, nodes-1) + `{"module":"hangup"}` +
		strings.Repeat("}}", nodes-1)
}

func wide(nodes int) string {
	var s []string
	for i := range nodes - 1 {
		s = append(s, fmt.Sprintf(`"%d":{"module":"hangup"}`, i))
	}
	return `{"module":"menu","children":{` + strings.Join(s, ",") + `}}`
}

// Hostile sizes are refused in little time and memory, and the largest legal ones are not.
func TestSizes(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		ok   bool
	}{
		"200 on a path":        {chainOf(200), true},
		"201 on a path":        {chainOf(201), false},
		"1000 nodes":           {wide(1000), true},
		"1001 nodes":           {wide(1001), false},
		"10000 on a path":      {chainOf(10_000), false},
		"100000 nodes":         {wide(100_000), false},
		"100000 deep":          {strings.Repeat("[", 100_000), false},
		"100000 deep, objects": {strings.Repeat(`{"a":`, 100_000), false},
		"100000 values":        {`{"module":"edr","data":{"a":[` + strings.Repeat("0,", 100_000) + `0]}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, err := parse(tc.body)
			if took := time.Since(begun); took > 500*time.Millisecond { // ten times the goal: the machine may be busy
				t.Errorf("took %v", took)
			}
			if (err == nil) != tc.ok {
				t.Errorf("error %v, want ok %t", err, tc.ok)
			}
		})
	}
}

// TestSizesInMemory holds the memory of a refusal under 4 MiB.
func TestSizesInMemory(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("[", 100_000), wide(5_000), wide(20_000),
		`{"module":"edr","data":{"a":[` + strings.Repeat("0,", 100_000) + `0]}}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := parse(body); err == nil {
			t.Error("not refused")
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%.20s…: %d octets, want at most 4 MiB", body, got)
		}
	}
}

func TestTree(t *testing.T) {
	doc, err := parse("\xef\xbb\xbf" + `{"flow":
  {"module":"menu","data":{},"children":{
    "1": {"module":"sleep","data":null},
    "é": {"module":"answer","remote_execution":true}, "2": {}, "_":null}}}`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"": doc.Root.Name + " " + doc.Root.Pos.String()}
	for k, s := range doc.Root.Children {
		got[k] = s.Name + " " + s.Pos.String()
	}
	want := map[string]string{"": "menu 2:3", "1": "sleep 3:10", "é": "answer 4:10"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !doc.Root.Answers || !doc.Root.Waits || doc.Root.Children["1"].Waits {
		t.Error("menu answers and waits, a sleep of no length does neither")
	}
	if len(doc.Warnings) != 2 {
		t.Errorf("warnings %v, want those of the two empty children", doc.Warnings)
	}
}

func TestEmptyBody(t *testing.T) {
	for _, body := range []string{"", " \r\n", "\xef\xbb\xbf"} {
		doc, err := parse(body)
		if err != nil || doc.Root != nil || doc.EndAnswers {
			t.Errorf("%q: %+v, %v; want an empty document that hangs up", body, doc, err)
		}
	}
}

func TestAccepts(t *testing.T) {
	d := New(Options{})
	for _, tc := range []struct {
		body, contentType string
		want              bool
	}{
		{`{"module":"answer"}`, "application/json", true},
		{"\xef\xbb\xbf\n {\"module\":\"answer\"}", "text/html", true},
		{`{"flow":{"module":"answer"}}`, "", true},
		{`[]`, "application/json; charset=utf-8", true},
		{`nothing`, "application/json", true},
		{``, "text/html", true},
		{`<Response/>`, "application/json", false},
		{` <?xml version="1.0"?><Response/>`, "text/xml", false},
		{`hello`, "text/plain", false},
	} {
		if got := d.Accepts(interpreter.Response{Body: []byte(tc.body), ContentType: tc.contentType}); got != tc.want {
			t.Errorf("Accepts(%q, %q) = %t", tc.body, tc.contentType, got)
		}
	}
}

func TestWarnings(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"unknown module": {`{"module":"mneu","data":{"x":1}}`,
			[]string{`1:11 /module there is no module "mneu"; the node is skipped to "_"; did you mean menu?`}},
		"known, not supported": {`{"flow":{"module":"faxbox"}}`,
			[]string{`1:19 /flow/module module "faxbox" receives a fax, which is not done here; the node is skipped to "_"`}},
		"unknown field": {`{"module":"sleep","data":{"durration":3}}`,
			[]string{`1:27 /data/durration "durration" is no field of sleep and is ignored; did you mean duration?`}},
		"unknown member": {`{"module":"answer","child":{}}`,
			[]string{`1:20 /child "child" is no member of a node and is ignored`}},
		"optional": {`{"module":"sleep","data":{"duration":"3x","unit":"d"}}`, []string{
			`1:38 /data/duration duration: "3x" is no whole number; 0 is used`,
			`1:50 /data/unit unit: "d" is none of ms, s, m, h; "s" is used`}},
		"required": {`{"module":"tts","data":{}}`,
			[]string{`1:24 /data/text text: this field is required; the node is skipped to "_"`}},
		"required, wrong type, deep": {`{"module":"menu","children":{"a/b~":{"module":"tts","data":{"text":[1]}}}}`,
			[]string{`1:68 /children/a~1b~0/data/text text: a text is required, this is a list; the node is skipped to "_"`}},
		"skipped nodes are not read": {`{"module":"sleep","data":{"skip_module":true,"duration":"x"}}`, nil},
		"converted":                  {`{"module":"sleep","data":{"duration":"3","unit":"MS","skip_module":"false"}}`, nil},
		"no key": {`{"module":"collect_dtmf","data":{"terminators":["#","x",1,null]}}`, []string{
			`1:53 /data/terminators terminators: "x" is no key; it is ignored`,
			`1:59 /data/terminators terminators: null is no key; it is ignored`}},
		"pivot": {`{"module":"pivot","data":{"voice_url":"ftp://x/","custom_request_headers":{"Cookie":"a"}}}`, []string{
			`1:39 /data/voice_url voice_url: "ftp://x/" is no http or https address; the node is skipped to "_"`,
			"1:75 /data/custom_request_headers custom_request_headers: " + fmt.Sprintf(badHeader, `"Cookie"`)}},
		"response": {`{"module":"response","data":{"code":200}}`,
			[]string{`1:37 /data/code code: 200 is not between 300 and 699; 486 is used`}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, warnings(t, tc.body)); d != "" {
				t.Error(d)
			}
		})
	}
}

// No number that a document can hold wraps, or makes a wait without end.
func TestNumbers(t *testing.T) {
	for _, n := range []string{"-1", "1e300", "1e400", "9223372036854775807", "9223372036854775808", "0.5", "1e15",
		`"0x10"`,
		`"NaN"`, `""`, "-9223372036854775809", "86400001"} {
		doc, err := parse(`{"module":"sleep","data":{"unit":"h","duration":` + n + `}}`)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(0)
		if n == "1e15" || n == "86400001" {
			want = 24 * time.Hour // a number, but too large
		}
		if v := doc.Root.Verb.(ran).verb.(Sleep); v.For != want || len(doc.Warnings) != 1 {
			t.Errorf("duration %s: %v, %v; want %v and one warning", n, v.For, doc.Warnings, want)
		}
	}
	doc, _ := parse(`{"module":"sleep","data":{"unit":"ms","duration":86400000}}`)
	if v := doc.Root.Verb.(ran).verb.(Sleep); v.For != 24*time.Hour || len(doc.Warnings) != 0 {
		t.Errorf("longest sleep %v, want 24 h", v.For)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		chainOf(3), wide(3),
		`{"module":"play","data":{"id":"https://x/a.wav","terminators":["#"]},"children":{"_":{"module":"pivot",` +
			`"data":{"voice_url":"/next","method":"POST","req_timeout_ms":1}}}}`,
		`{"flow":{"module":"set_variables","data":{"custom_application_vars":{"a":true,"b":1.5e3}}}}`,
		`{"module":"user","data":{"id":"sip:a@b","custom_sip_headers":{"X-A":"\u0001"}}}`,
		"", "{", "nul", "\xff", `{"a":{"a":[{}]}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		doc, err := parse(body)
		var e *interpreter.DocumentError
		if err != nil {
			if !errors.As(err, &e) || e.Pos.Line < 1 || e.Pos.Col < 1 || e.Code == 0 {
				t.Fatalf("error %v without place or code", err)
			}
			return
		}
		check(t, doc.Root)
		again, err := parse(body)
		if err != nil || len(again.Warnings) != len(doc.Warnings) {
			t.Fatalf("the second reading differs: %v", err)
		}
	})
}

func check(t *testing.T, s *interpreter.Step) {
	if s == nil {
		return
	}
	if s.Verb == nil || s.Name == "" || s.Pos.Line < 1 {
		t.Fatalf("step %+v is not complete", s)
	}
	for _, c := range s.Children {
		check(t, c)
	}
}
