package twiml_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

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
