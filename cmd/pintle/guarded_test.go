package main

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/interpreter/toll"
	"pintle/verbs"
)

// askedLines note what reaches the SIP side.
type askedLines struct {
	*fixtures.Lines
	mu   sync.Mutex
	uris []string
}

func (l *askedLines) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	l.mu.Lock()
	l.uris = append(l.uris, to.URI)
	l.mu.Unlock()
	return l.Lines.Dial(ctx, to, o)
}

// queued writes callbacks nowhere.
type queued struct{ interpreter.Records }

func (q queued) Queue(ctx context.Context, _ []interpreter.Post, with ...interpreter.Write) error {
	return q.Batch(ctx, with)
}

// R-TOLL-3: what a redirection or a transfer leads to passes the same rules as what a document dials, as a number and
// as a SIP URI that leads to a trunk.
func TestRedirectionsAndTransfersAreGuarded(t *testing.T) {
	const premium, atTrunk, ordinary = "+3531550123456", "sip:+3531550123456@trunk.test", "+35312345678"
	redirects := func(contact string) fixtures.Answer {
		return fixtures.Answer{Target: "bob", Code: 302, Early: -1,
			Header: []interpreter.Header{{Name: "Contact", Value: contact}}}
	}
	transfers := func(to string) fixtures.Answer {
		return fixtures.Answer{Target: "bob", Code: 200, Early: -1,
			Then: []fixtures.Command{{At: time.Second, Do: "transfer", Text: to}, {At: 9 * time.Second, Do: "hangup"}}}
	}
	rules := (&config{Limits: limitConfig{Toll: tollConfig{Country: "IE"}}}).tollRules()
	for _, tc := range []struct {
		name    string
		answer  fixtures.Answer
		refused uint64
		reached int // calls that the SIP side saw
	}{
		{"302 to a premium number", redirects(premium), 1, 1},
		{"302 to it at a trunk", redirects(atTrunk), 1, 1},
		{"302 to an ordinary number", redirects(ordinary), 0, 2},
		{"REFER to a premium number at a trunk", transfers(atTrunk), 1, 1},
		{"REFER to an ordinary number at a trunk", transfers("sip:" + ordinary + "@trunk.test"), 0, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, over := context.WithCancel(t.Context())
				defer over()
				party := fixtures.Answer{Target: ordinary, Code: 200, Early: -1,
					Then: []fixtures.Command{{At: time.Second, Do: "hangup"}}}
				l := &askedLines{Lines: fixtures.NewLines(ctx, []fixtures.Answer{tc.answer, party})}
				guard := &toll.Guard{Lines: l,
					Rules:  func(string) toll.Rules { return rules },
					Public: func(_ context.Context, uri string) bool { return uri != "sip:bob@phone.test" }}
				d := &plain.Dialect{Commands: map[string]func(string) interpreter.Verb{"do": func(string) interpreter.Verb {
					return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
						_, err := verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: "sip:bob@phone.test",
							Redirects: 5, Timeout: 5 * time.Second}}}}.Run(ctx, c)
						return interpreter.Stop(), err
					})
				}}}
				records := memstore.NewRecords()
				m := interpreter.NewManager(interpreter.Config{Dialects: interpreter.Dialects{d}, Web: fixtures.NewWeb(nil),
					Lines: guard, Records: records, Blobs: memstore.NewBlobs(), Outbox: queued{records},
					Transfers: transfersToAnyone{}})
				leg := fixtures.NewLeg(ctx, interpreter.LegInfo{Direction: interpreter.Inbound})
				if _, err := m.Start(leg,
					interpreter.Start{Request: interpreter.Request{Inline: []byte("plain\ndo\n")}}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // in the bubble: the conversation and what follows
				m.Drain(ctx)
				if guard.Refused() != tc.refused || len(l.uris) != tc.reached {
					t.Errorf("%d refused, want %d; the SIP side saw %q", guard.Refused(), tc.refused, l.uris)
				}
			})
		})
	}
}

// transfersToAnyone carry out every transfer.
type transfersToAnyone struct{}

func (transfersToAnyone) May(interpreter.LegInfo) bool { return true }

func (transfersToAnyone) Destination(_ interpreter.LegInfo, x *interpreter.Transfer) (interpreter.Destination, error) {
	return interpreter.Destination{Target: interpreter.Target{URI: x.To.URI}}, nil
}
