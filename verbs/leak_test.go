package verbs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/interpreter/outbox"
)

// site is an engine with everything of the busy call, and a queue that delivers.
type site struct {
	*interpreter.Manager
	lines   *fixtures.Lines
	records *memstore.Records
	box     *outbox.Outbox
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := mustParse(t, busy+"-- POST https://app.test/panic --\nplain\npause 1s\npanic\n"+
		"-- POST https://app.test/torn --\nplain\nnonsense\n")
	all := commands()
	all["panic"] = func(string) interpreter.Verb {
		return interpreter.VerbFunc(func(context.Context, *interpreter.Call) (interpreter.Outcome, error) { panic("boom") })
	}
	e := &site{records: memstore.NewRecords(), lines: fixtures.NewLines(t.Context(), s.Answers)}
	web := fixtures.NewWeb(fixtures.NewSite(s.Pages))
	e.box = outbox.New(outbox.Config{Records: e.records, Web: web})
	if err := e.box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Manager = interpreter.NewManager(interpreter.Config{
		Dialects: interpreter.Dialects{&plain.Dialect{Commands: all}}, Web: web, Lines: e.lines, Records: e.records,
		Blobs: memstore.NewBlobs(), Outbox: e.box,
	})
	return e
}

// end ends a call in one of several ways, at a random moment.
func (e *site) end(t *testing.T, c *interpreter.Call, leg *fixtures.Leg, r *rand.Rand) {
	at := time.Duration(r.Int64N(int64(45 * time.Second)))
	how := r.IntN(5)
	go func() {
		if interpreter.Sleep(leg.Context(), at) != nil {
			return
		}
		var err error
		switch how {
		case 0, 1:
			leg.Leave()
		case 2:
			err = c.Hangup(t.Context(), interpreter.Hangup{By: interpreter.ByAPI, Code: 200})
		case 3:
			err = c.Redirect(interpreter.Request{URL: "https://app.test/torn"})
		case 4:
			err = c.Redirect(interpreter.Request{URL: "https://app.test/panic"})
		}
		if err != nil && !errors.Is(err, interpreter.ErrCallOver) {
			t.Error(err)
		}
	}()
}

// R-LEAK-1: after 500 calls that end in every way nothing is left of them but one record each.
func TestNothingStaysOfCalls(t *testing.T) {
	const calls = 500
	synctest.Test(t, func(t *testing.T) {
		e, r := newSite(t), rand.New(rand.NewPCG(3, 4))
		var legs []*fixtures.Leg
		for i := range calls {
			leg := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
			start := interpreter.Start{Request: interpreter.Request{URL: "https://app.test/start"},
				StatusCallback: interpreter.StatusCallback{URL: "https://app.test/status",
					Events: []string{"ringing", "completed"}}}
			if i%10 == 0 {
				start.Request.URL = "https://app.test/missing"
			}
			c, err := e.Start(leg, start)
			if err != nil {
				t.Fatal(err)
			}
			legs = append(legs, leg)
			e.end(t, c, leg, r)
		}
		e.Drain(t.Context())
		if left := e.Calls(); len(left) > 0 {
			t.Errorf("%d calls are left, the first: %+v", len(left), left[0])
		}
		ended := append(e.lines.Legs(), legs...)
		for _, l := range ended {
			if l.Context().Err() == nil {
				t.Errorf("the leg to %s is up", l.Info().To.URI)
				l.Leave()
			}
			if _, err := e.Call(l.Info().CallID); !errors.Is(err, interpreter.ErrNotFound) {
				t.Errorf("the leg %s is still known: %v", l.Info().CallID, err)
			}
		}
		e.lines.Wait()
		time.Sleep(time.Hour) // callbacks that failed are tried again for some minutes
		e.counts(t, len(ended))
		if err := e.box.Close(); err != nil {
			t.Error(err)
		}
	})
}

// counts wants a record of each leg at least, since some attempts were never answered, and nothing that is open.
func (e *site) counts(t *testing.T, legs int) {
	t.Helper()
	n := map[string]int{}
	for _, kind := range []string{interpreter.KindCall, interpreter.KindOutbox, interpreter.KindCDR} {
		for q := (interpreter.Query{Limit: 1000}); ; {
			ids, err := e.records.List(t.Context(), kind, q)
			if err != nil {
				t.Fatal(err)
			}
			n[kind] += len(ids)
			if len(ids) < 1000 {
				break
			}
			q.After = ids[len(ids)-1]
		}
	}
	if e.box.Pending() != 0 || n[interpreter.KindCall] != 0 || n[interpreter.KindOutbox] != 0 ||
		n[interpreter.KindCDR] < legs {
		t.Error(fmt.Sprint("open calls, waiting callbacks, records: ", n, ", legs: ", legs))
	}
}
