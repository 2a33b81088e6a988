package interpreter_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
)

// engine is a Manager with its surroundings, for tests that need more than one call.
type engine struct {
	*interpreter.Manager
	mu   sync.Mutex // guards cdrs
	cdrs []interpreter.CDR
}

func newEngine(limits interpreter.Limits, pages ...fixtures.Page) *engine {
	e := &engine{}
	records := memstore.NewRecords()
	e.Manager = interpreter.NewManager(interpreter.Config{
		Dialects: interpreter.Dialects{&plain.Dialect{Commands: commands()}},
		Web:      fixtures.NewWeb(fixtures.NewSite(pages)), Records: records, Blobs: memstore.NewBlobs(),
		Outbox: quiet{records},
		Limits: limits, Observers: []interpreter.Observer{e.observe},
	})
	return e
}

// quiet writes what belongs to callbacks, and delivers none.
type quiet struct{ interpreter.Records }

func (q quiet) Queue(ctx context.Context, _ []interpreter.Post, with ...interpreter.Write) error {
	return q.Batch(ctx, with)
}

func (e *engine) observe(ev interpreter.Event) {
	if r, ok := ev.Data.(interpreter.CDR); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.cdrs = append(e.cdrs, r)
	}
}

func (e *engine) ended() []interpreter.CDR {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]interpreter.CDR(nil), e.cdrs...)
}

func (e *engine) call(t *testing.T, url string) *interpreter.Call {
	t.Helper()
	leg := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
	c, err := e.Start(leg, interpreter.Start{Request: interpreter.Request{URL: url}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func page(url, body string) fixtures.Page {
	return fixtures.Page{Method: "POST", URL: url, Status: 200, Body: []byte(body)}
}

func TestDrainWaitsThenHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(interpreter.Limits{}, page("https://a/short", "plain\nsay Hi\n"),
			page("https://a/long", "plain\npause 1h\n"))
		e.call(t, "https://a/short")
		e.call(t, "https://a/long")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		begun := time.Now()
		e.Drain(ctx)
		if took := time.Since(begun); took != 30*time.Second {
			t.Errorf("drained in %v, want the 30 s that it was given", took)
		}
		r := e.ended()
		if len(r) != 2 || r[0].Duration != time.Second || r[1].By != interpreter.ByEngine || r[1].Code != 503 {
			t.Errorf("records %+v", r)
		}
		_, err := e.Start(fixtures.NewLeg(t.Context(), interpreter.LegInfo{}), interpreter.Start{})
		if !errors.Is(err, interpreter.ErrOverload) {
			t.Errorf("a call after the drain: %v, want ErrOverload", err)
		}
	})
}

func TestCallsAreLimitedAndFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(interpreter.Limits{Calls: 2}, page("https://a/long", "plain\npause 1m\n"))
		a := e.call(t, "https://a/long")
		time.Sleep(time.Second)
		b := e.call(t, "https://a/long")
		_, err := e.Start(fixtures.NewLeg(t.Context(), interpreter.LegInfo{}), interpreter.Start{})
		if !errors.Is(err, interpreter.ErrOverload) {
			t.Errorf("third call: %v, want ErrOverload", err)
		}
		for _, id := range []string{a.ID, interpreter.SID("CA", a.ID), a.Leg.Info().CallID} {
			if c, err := e.Call(id); err != nil || c != a {
				t.Errorf("call %q: %v, %v", id, c, err)
			}
		}
		if l := e.Calls(); len(l) != 2 || l[0] != a || l[1] != b {
			t.Errorf("calls %v", l)
		}
		if err := b.Hangup(t.Context(), interpreter.Hangup{By: interpreter.ByAPI, Code: 487}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if _, err := e.Call(b.ID); !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("a call that is over is found: %v", err)
		}
		if r := e.ended(); len(r) != 1 || r[0].Status != interpreter.StatusCanceled {
			t.Errorf("records %+v", r)
		}
		e.Drain(t.Context())
	})
}

// TestManyCalls runs calls side by side; each writes one record.
func TestManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(interpreter.Limits{}, page("https://a/short", "plain\nsay Hi\ngoto https://a/more\n"),
			page("https://a/more", "plain\nsay Bye\n"))
		for range 500 {
			e.call(t, "https://a/short")
		}
		e.Drain(t.Context())
		ids := map[string]bool{}
		for _, r := range e.ended() {
			if r.Duration != 2*time.Second || r.Documents != 2 {
				t.Errorf("record %+v", r)
			}
			ids[r.ID] = true
		}
		if len(ids) != 500 {
			t.Errorf("%d records, want 500", len(ids))
		}
	})
}
