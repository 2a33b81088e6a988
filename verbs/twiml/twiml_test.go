package twiml_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/verbs/twiml"
)

// dialects makes TwiML with the options that the scenario's config names.
func dialects(s *fixtures.Scenario) (interpreter.Dialects, error) {
	o := twiml.Options{TypeAhead: s.Config.Options["type-ahead"] == "yes"}
	if mine := s.Config.Options["numbers"]; mine != "" {
		o.MayPresent = func(n string) bool { return n == mine }
	}
	return interpreter.Dialects{twiml.New(o)}, nil
}

func TestScenarios(t *testing.T) {
	fixtures.Run(t, "../../fixtures/twiml", fixtures.Options{Dialects: dialects})
}

// An inline document has no URL of its own: a verb that needs one fails where it would ask, and not before.
func TestInlineDocument(t *testing.T) {
	for name, tc := range map[string]struct {
		doc, fault string
	}{
		"relative action":  {`<Response><Gather action="/menu" timeout="1" actionOnEmptyResult="true"/></Response>`, "11100"},
		"no action":        {`<Response><Gather timeout="1" actionOnEmptyResult="true"/></Response>`, "no URL of its own"},
		"nothing to ask":   {`<Response><Gather timeout="1"/><Say>End</Say></Response>`, ""},
		"an absolute URL":  {`<Response><Redirect>https://app.test/next</Redirect></Response>`, ""},
		"an empty loop":    {`<Response><Redirect/></Response>`, "no URL of its own"},
		"relative whisper": {`<Response><Dial><Number url="x">+15550199</Number></Dial></Response>`, "11"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leg := fixtures.NewLeg(t.Context(), interpreter.LegInfo{Direction: interpreter.Inbound})
				site := fixtures.NewSite([]fixtures.Page{{Method: "POST", URL: "https://app.test/next", Status: 200,
					Body: []byte("<Response><Hangup/></Response>")}})
				records := memstore.NewRecords()
				var faults []string
				m := interpreter.NewManager(interpreter.Config{
					Dialects: interpreter.Dialects{twiml.New(twiml.Options{})}, Web: fixtures.NewWeb(site),
					Lines:   fixtures.NewLines(t.Context(), []fixtures.Answer{{Target: "+15550199", Code: 200, Early: -1}}),
					Records: records, Blobs: memstore.NewBlobs(), Outbox: written{records},
					Observers: []interpreter.Observer{func(e interpreter.Event) {
						if e.Kind == interpreter.EvFault {
							faults = append(faults, e.Text)
						}
					}},
				})
				start := interpreter.Start{Request: interpreter.Request{Inline: []byte(tc.doc)}}
				if _, err := m.Start(leg, start); err != nil {
					t.Fatal(err)
				}
				m.Drain(t.Context())
				got := strings.Join(faults, "\n")
				if (got == "") != (tc.fault == "") || !strings.Contains(got, tc.fault) {
					t.Errorf("faults %q, want %q", got, tc.fault)
				}
			})
		})
	}
}

// written is an outbox that delivers nothing.
type written struct{ interpreter.Records }

func (w written) Queue(ctx context.Context, _ []interpreter.Post, with ...interpreter.Write) error {
	return w.Batch(ctx, with)
}

// everyVerb is a flow of 48 s that uses each verb once; hangup stands for the moment its caller leaves.
const everyVerb = `# Whenever the caller leaves, every verb ends, nothing stays behind, and one record is written.
call from=+15550001 to=+15550100
answer +15550199 after 2s press 1 after 2s hangup after 8s
answer +15550198 no-answer
at MOMENT hangup
-- POST https://app.test/start --
<Response>
  <Pause/><Say loop="2">Good evening<break time="1s"/></Say><Play digits="1w2"/><Play>menu3s.wav</Play>
  <Gather timeout="2" action="/menu"><Say>Number?</Say></Gather>
  <Record action="/rec" timeout="3" trim="do-not-trim"/>
</Response>
-- POST https://app.test/rec --
<Response><Dial action="/done" record="record-from-ringing" hangupOnStar="true">
  <Number url="/whisper">+15550199</Number><Number>+15550198</Number></Dial></Response>
-- POST https://app.test/whisper --
delay 500ms
<Response><Gather numDigits="1"><Say>Press one</Say></Gather></Response>
-- POST https://app.test/done --
delay 1s
<Response><Redirect>/last</Redirect></Response>
-- POST https://app.test/last --
<Response><Say>Goodbye</Say><Hangup/></Response>
`

func TestHangupAtAnyMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		at := time.Duration(r.IntN(48000)) * time.Millisecond
		s, err := fixtures.Parse("hangup at "+at.String(), []byte(strings.Replace(everyVerb, "MOMENT", at.String(), 1)))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { // the bubble panics over a goroutine that is left
			out, err := fixtures.Execute(t.Context(), s, fixtures.Options{Dialects: dialects})
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			mine := 0
			for _, c := range out.CDRs {
				if c.Parent != "" {
					continue
				}
				mine++
				if over := c.Ended.Sub(c.Started) - at; over > 200*time.Millisecond {
					t.Errorf("%s: the call went on for %v", s.Name, over)
				}
			}
			if mine != 1 {
				t.Errorf("%s: %d records of the call", s.Name, mine)
			}
		})
	}
}

// A redirect from outside takes over from any verb at once, whatever that verb is doing.
func TestRedirectAtAnyMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		at := time.Duration(r.IntN(48000)) * time.Millisecond
		text := strings.Replace(everyVerb, "MOMENT hangup", at.String()+" rest POST /now", 1)
		s, err := fixtures.Parse("redirect at "+at.String(), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		said := time.Duration(-1)
		o := fixtures.Options{
			Dialects: dialects,
			REST: func(_ context.Context, m *interpreter.Manager, _ string) error {
				doc := []byte("<Response><Say>Something new</Say></Response>")
				return m.Calls()[0].Redirect(interpreter.Request{Inline: doc})
			},
			Observers: []interpreter.Observer{func(e interpreter.Event) {
				if d, ok := e.Data.(interpreter.PromptData); ok && e.Kind == interpreter.EvPlay && d.What == "Something new" {
					said = e.Offset
				}
			}},
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := fixtures.Execute(t.Context(), s, o); err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			if said < at || said > at+200*time.Millisecond {
				t.Errorf("%s: the new document spoke at %v", s.Name, said)
			}
		})
	}
}

// Every published document runs to its end without a fault of ours, whoever it calls and whatever it asks for.
func TestCorpusRuns(t *testing.T) {
	dir := os.Getenv("PINTLE_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	files, err := filepath.Glob(filepath.Join(dir, "corpus", "twiml", "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skipf("SKIPPED: no corpus of TwiML documents in %s; set PINTLE_SHARED to where it is", dir)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s := &fixtures.Scenario{
			Name: filepath.Base(f), Claim: "runs",
			Call:     fixtures.CallLine{URL: "https://app.test/start", Method: "POST", Direction: interpreter.Inbound},
			Pages:    []fixtures.Page{{Method: "POST", URL: "https://app.test/start", Status: 200, Body: body}},
			Commands: []fixtures.Command{{At: time.Hour, Do: "hangup"}},
		}
		synctest.Test(t, func(t *testing.T) {
			out, err := fixtures.Execute(t.Context(), s, fixtures.Options{Dialects: dialects,
				Observers: []interpreter.Observer{func(e interpreter.Event) {
					if e.Fault == interpreter.CodeInternal {
						t.Errorf("%s: %s", s.Name, e.Text)
					}
				}}})
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			if len(out.CDRs) == 0 {
				t.Errorf("%s: no record", s.Name)
			}
		})
	}
}
