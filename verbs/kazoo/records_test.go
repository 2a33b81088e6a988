package kazoo_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/verbs/kazoo"
)

// spy is a web client that remembers what it was asked.
type spy struct {
	interpreter.Web
	mu    sync.Mutex
	asked []interpreter.Fetch
}

func (s *spy) Session(a interpreter.Account) interpreter.Fetcher { return &spied{s, s.Web.Session(a)} }

type spied struct {
	s *spy
	interpreter.Fetcher
}

func (f *spied) Fetch(ctx context.Context, x interpreter.Fetch) (interpreter.Response, error) {
	f.s.mu.Lock()
	f.s.asked = append(f.s.asked, x)
	f.s.mu.Unlock()
	return f.Fetcher.Fetch(ctx, x)
}

// execute runs a scenario written in the test. What look does happens at the scenario's time.
func execute(t *testing.T, text string, look ...func(*fixtures.Outcome)) (*fixtures.Outcome, []interpreter.Fetch) {
	t.Helper()
	s, err := fixtures.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var out *fixtures.Outcome
	web := &spy{}
	synctest.Test(t, func(t *testing.T) {
		o := fixtures.Options{Dialects: dialects, Web: func(site http.RoundTripper) interpreter.Web {
			web.Web = fixtures.NewWeb(site)
			return web
		}}
		out, err = fixtures.Execute(t.Context(), s, o)
		for _, f := range look {
			f(out)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, web.asked
}

// The exchange is what the pivot node says: method, body, limit, headers.
func TestPivotExchange(t *testing.T) {
	_, asked := execute(t, `# pivot
call dialect=kazoo from=sip:alice@home.test
at 1s press 9
-- GET https://app.test/start --
{"module":"collect_dtmf","data":{"collection_name":"a"},"children":{"_":{"module":"pivot","data":{"voice_url":"/kazoo",
 "method":"post","req_body_format":"json","req_timeout_ms":"700","custom_request_headers":{"x-key":"k"}}}}}
-- POST https://app.test/kazoo --
{"module":"pivot","data":{"voice_url":"/twiml","method":"post","req_body_format":"json","req_format":"twiml"}}
-- POST https://app.test/twiml --
{"module":"hangup"}
`)
	if len(asked) != 3 {
		t.Fatalf("%d requests, want 3", len(asked))
	}
	k, w := asked[1], asked[2]
	if k.Timeout != 700*time.Millisecond || k.Header.Get("X-Key") != "k" || w.Timeout != 5*time.Second || w.Header != nil {
		t.Errorf("limits %v, %v and headers %v, %v", k.Timeout, w.Timeout, k.Header, w.Header)
	}
	for _, part := range []string{`"Digits":{"a":"9"}`, `"From-Realm":"home.test"`, `"Last-Module":"collect_dtmf"`} {
		if !strings.Contains(string(k.JSON), part) {
			t.Errorf("body %s lacks %s", k.JSON, part)
		}
	}
	for _, part := range []string{`"Digits":{"a":"9"}`, `"CallSid":"CA`} {
		if !strings.Contains(string(w.JSON), part) {
			t.Errorf("body %s lacks %s", w.JSON, part)
		}
	}
}

// Variables end in the record of the call; exported ones in those of the legs it called, whose caller is hidden.
func TestVariablesInRecords(t *testing.T) {
	out, _ := execute(t, `# vars
call dialect=kazoo
answer sip:bob@pbx.test after 1s hangup after 2s
-- GET https://app.test/start --
{"module":"set_variables","data":{"custom_application_vars":{"own":"1"}},"children":{"_":
{"module":"set_variables","data":{"custom_application_vars":{"both":"2"},"export":true},"children":{"_":
{"module":"device","data":{"id":"sip:bob@pbx.test","suppress_clid":true}}}}}}
`)
	got := map[interpreter.Direction]map[string]string{}
	for _, c := range out.CDRs {
		got[c.Direction] = c.Vars
		if c.Direction == interpreter.OutboundDial && c.From.User != "anonymous" {
			t.Errorf("the callee was shown %v", c.From)
		}
	}
	want := map[interpreter.Direction]map[string]string{
		interpreter.Inbound: {"own": "1", "both": "2"}, interpreter.OutboundDial: {"both": "2"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// debug keeps every exchange: a good one, one that came too late, one that could not be read; without debug the last
// alone is kept.
func TestDebugRecord(t *testing.T) {
	for debug, want := range map[string][]string{
		"true": {"1 https://app.test/start answered", "1 https://app.test/late 11205: no an",
			"1 https://app.test/broken answered https://app."},
		"false": {"1 https://app.test/broken answered https://app."},
	} {
		var list []struct {
			Iteration int
			Request   struct{ URL string }
			Response  *struct{ Status int }
			Errors    []string
		}
		execute(t, strings.ReplaceAll(`# debug
call dialect=kazoo
-- GET https://app.test/start --
{"module":"pivot","data":{"voice_url":"/late","debug":DEBUG,"req_timeout_ms":100},"children":{"_":
{"module":"pivot","data":{"voice_url":"/broken","debug":DEBUG},"children":{"_":{"module":"hangup"}}}}}
-- GET https://app.test/late --
delay 1s
{}
-- GET https://app.test/broken --
{"module":
`, "DEBUG", debug), func(out *fixtures.Outcome) {
			if err := out.Records.Get(t.Context(), "pivot_debug", out.Caller.Info().CallID, &list); err != nil {
				t.Error(err)
			}
		})
		var got []string
		for _, x := range list {
			s := fmt.Sprint(x.Iteration, " ", x.Request.URL)
			if x.Response != nil {
				s += " answered"
			}
			for _, e := range x.Errors {
				s += " " + e[:12]
			}
			got = append(got, s)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("debug %s: %s", debug, d)
		}
	}
}

// A sound before the answer goes out as early media.
func TestEarlySound(t *testing.T) {
	for _, doc := range []string{
		`{"module":"play","data":{"id":"https://app.test/a.wav","answer":false}}`,
		`{"module":"response","data":{"code":480,"media":"https://app.test/a.wav"}}`,
	} {
		out, _ := execute(t, "# early\ncall dialect=kazoo\n-- GET https://app.test/start --\n"+doc+
			"\n-- GET https://app.test/a.wav --\nx\n")
		if got := out.Caller.Opening(); got != "early" {
			t.Errorf("%s: opened by %q, want early", doc, got)
		}
	}
}

// Whenever the caller hangs up, everything that was started ends (else the bubble panics) and one record is written.
func TestHangupAnywhere(t *testing.T) {
	for at := 50 * time.Millisecond; at < 30*time.Second; at += 487 * time.Millisecond {
		out, _ := execute(t, fmt.Sprintf(`# hang-up
call dialect=kazoo
answer desk no-answer
answer mobile after 4s
at %v hangup
-- GET https://app.test/start --
{"module":"sleep","data":{"duration":1},"children":{"_":
{"module":"play","data":{"id":"https://app.test/a2s.wav"},"children":{"_":
{"module":"collect_dtmf","data":{"timeout":3000},"children":{"_":
{"module":"menu","data":{},"children":{"timeout":
{"module":"pivot","data":{"voice_url":"/next"}}}}}}}}}}
-- GET https://app.test/a2s.wav --
x
-- GET https://app.test/next --
delay 1s
{"module":"user","data":{"id":"u"}}
-- directory.json --
{"users":{"u":[{"uri":"sip:desk@pbx.test"},{"uri":"sip:mobile@pbx.test"}]}}
`, at))
		own := 0
		for _, c := range out.CDRs {
			if c.Direction == interpreter.Inbound {
				own++
			}
		}
		if own != 1 {
			t.Errorf("at %v: %d records, want 1", at, own)
		}
	}
}

// waiting are the modules that last, each with data that make it last; the others are over at once.
var waiting = map[string]string{
	"callflow":        `{"id":"slow"}`,
	"collect_dtmf":    `{}`,
	"dead_air":        `{}`,
	"device":          `{"id":"sip:desk@pbx.test"}`,
	"group":           `{"endpoints":[{"id":"desk","endpoint_type":"device"}]}`,
	"group_pickup":    `{}`,
	"intercept":       `{}`,
	"menu":            `{}`,
	"pivot":           `{"voice_url":"/slow"}`,
	"play":            `{"id":"https://app.test/a9s.wav"}`,
	"resources":       `{"to_did":"4155552671"}`,
	"response":        `{"media":"https://app.test/a9s.wav"}`,
	"ring_group":      `{"endpoints":[{"id":"desk","endpoint_type":"device"}]}`,
	"send_dtmf":       `{"digits":"1"}`,
	"sleep":           `{"duration":9}`,
	"tts":             `{"text":"A rather long sentence"}`,
	"user":            `{"id":"u"}`,
	"wait_for_hangup": `{}`,
}

var instant = []string{"answer", "branch_variable", "flush_dtmf", "hangup", "language", "manual_presence", "noop",
	"offnet", "prepend_cid", "set_alert_info", "set_cid", "set_variable", "set_variables"}

// A caller who hangs up in any module ends it at once; no further node runs, no further request is made.
func TestHangupInEveryModule(t *testing.T) {
	for _, i := range kazoo.New(kazoo.Options{}).Verbs() {
		data, lasts := waiting[i.Name]
		if lasts == slices.Contains(instant, i.Name) {
			t.Errorf("%s: the test must know whether it lasts", i.Name)
		}
		if !lasts {
			continue
		}
		t.Run(i.Name, func(t *testing.T) {
			//nolint:lll // a document
			out, _ := execute(t, fmt.Sprintf(`# hang-up
call dialect=kazoo
answer sip:desk@pbx.test no-answer
at 700ms hangup
-- GET https://app.test/start --
{"module":"answer","children":{"_":{"module":%q,"data":%s,"children":{"_":{"module":"pivot","data":{"voice_url":"/never"}}}}}}
-- GET https://app.test/slow --
delay 4s
{"module":"hangup"}
-- GET https://app.test/never --
{"module":"hangup"}
-- accounts.yaml --
{name: Test, devices: {desk: {name: Desk, sip: {static_route: "sip:desk@pbx.test"}}},
resources: [{name: r, rules: ["5(5)5"], gateways: [{server: r.test, invite_format: route, route: "sip:desk@pbx.test"}]}]}
-- directory.json --
{"users":{"u":[{"uri":"sip:desk@pbx.test"}]},"callflows":{"slow":{"flow":{"module":"sleep","data":{"duration":9}}}}}
`, i.Name, data))
			if strings.Contains(out.Transcript.String(), "/never") {
				t.Errorf("the flow went on:\n%s", out.Transcript)
			}
			last := out.CDRs[len(out.CDRs)-1]
			if last.Direction != interpreter.Inbound || last.By != interpreter.ByCaller ||
				last.Duration != 700*time.Millisecond {
				t.Errorf("record %+v", last)
			}
		})
	}
}

// A flow that asks for itself again and again is stopped, although a child would go on after a failure.
func TestPivotLoop(t *testing.T) {
	out, asked := execute(t, `# loop
call dialect=kazoo
-- GET https://app.test/start --
{"module":"pivot","data":{"voice_url":"/start"},"children":{"_":{"module":"tts","data":{"text":"Never"}}}}
`)
	if r := out.CDRs[0]; len(asked) != 50 || r.Fault != interpreter.CodeLoop || r.Duration < 2*time.Second {
		t.Errorf("%d requests in %v, fault %d; want 50 in 2 s or more, and 90001", len(asked), r.Duration, r.Fault)
	}
}

// A call holds 64 custom variables; setting one of them again is no new one.
func TestVariablesAreBounded(t *testing.T) {
	var list []string
	for i := range 70 {
		list = append(list, fmt.Sprintf(`"v%02d":%d`, i, i))
	}
	out, _ := execute(t, fmt.Sprintf(`# many
call dialect=kazoo
-- GET https://app.test/start --
{"module":"set_variables","data":{"custom_application_vars":{%s}},"children":{"_":
{"module":"set_variables","data":{"custom_application_vars":{"v00":"again"}}}}}
`, strings.Join(list, ",")))
	if v := out.CDRs[0].Vars; len(v) != 64 || v["v63"] != "63" || v["v00"] != "again" {
		t.Errorf("%d variables, v00 %q, v63 %q", len(v), v["v00"], v["v63"])
	}
	if !strings.Contains(out.Transcript.String(), "at most 64 variables") {
		t.Errorf("the overrun is not told:\n%s", out.Transcript)
	}
}

// The caller that a called party is shown has the prefixes and the number that nodes have set.
func TestShownCaller(t *testing.T) {
	bob := `{"module":"device","data":{"id":"sip:bob@pbx.test"},"children":{"_":%s}}`
	doc := `{"module":"prepend_cid","data":{"caller_id_number_prefix":"9"},"children":{"_":` + bob + `}}`
	doc = fmt.Sprintf(doc, `{"module":"prepend_cid","data":{"caller_id_number_prefix":"8"},"children":{"_":`+bob+`}}`)
	doc = fmt.Sprintf(doc, `{"module":"prepend_cid","data":{"apply_to":"original","caller_id_number_prefix":"7"},"children":{"_":`+
		bob+`}}`)
	doc = fmt.Sprintf(doc, `{"module":"set_cid","data":{"caller_id_number":"4711"},"children":{"_":`+bob+`}}`)
	doc = fmt.Sprintf(doc, `{"module":"set_cid","data":{},"children":{"_":{"module":"prepend_cid","data":{"action":"reset"},
"children":{"_":`+bob+`}}}}`)
	out, _ := execute(t, "# shown\ncall dialect=kazoo from=100\nanswer sip:bob@pbx.test busy\n"+
		"-- GET https://app.test/start --\n"+fmt.Sprintf(doc, `{"module":"hangup"}`)+"\n")
	var got []string
	for _, c := range out.CDRs {
		if c.Direction == interpreter.OutboundDial {
			got = append(got, c.From.User)
		}
	}
	if d := cmp.Diff([]string{"9100", "89100", "7100", "4711", "100"}, got); d != "" {
		t.Error(d)
	}
}
