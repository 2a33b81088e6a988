package interpreter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/fixtures"
	"pintle/interpreter"
)

// execute runs a scenario in a bubble.
func execute(t *testing.T, text string, o fixtures.Options) *fixtures.Outcome {
	t.Helper()
	s, err := fixtures.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got *fixtures.Outcome
	synctest.Test(t, func(t *testing.T) {
		if got, err = fixtures.Execute(t.Context(), s, o); err != nil {
			t.Fatal(err)
		}
	})
	return got
}

const start = "call\n-- POST https://app.test/start --\nplain\n"

func TestRedirectWinsOverGoto(t *testing.T) {
	t.Parallel()
	o := options(map[string]func(string) interpreter.Verb{"both": func(string) interpreter.Verb {
		return verb(func(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			err := c.Redirect(interpreter.Request{URL: "https://app.test/redirect"})
			return interpreter.Goto(interpreter.Request{URL: "https://app.test/goto"}), err
		})
	}})
	got := execute(t, start+"both\n-- POST https://app.test/redirect --\nplain\nsay Redirected\n", o)
	text := got.Transcript.String()
	if !strings.Contains(text, "say Redirected") || strings.Contains(text, "/goto") {
		t.Error(text)
	}
}

func TestRedirectOfACallThatIsOver(t *testing.T) {
	t.Parallel()
	var call *interpreter.Call
	o := options(map[string]func(string) interpreter.Verb{"keep": func(string) interpreter.Verb {
		return verb(func(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			call = c
			return interpreter.Continue(), nil
		})
	}})
	execute(t, start+"keep\n", o)
	if err := call.Redirect(interpreter.Request{URL: "https://app.test/x"}); !errors.Is(err, interpreter.ErrCallOver) {
		t.Errorf("got %v, want ErrCallOver", err)
	}
}

// TestLoopGuard counts documents: 50 in a row that do nothing, 20 a second, and 1000 a call.
func TestLoopGuard(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, verbs   string
		documents     int
		atLeast       time.Duration
		hangupContain string
	}{
		{"in a row", "goto https://app.test/start", 51, 2 * time.Second, "90001"},
		{"in a call", "pause 1ms\ngoto https://app.test/start", 1001, 49 * time.Second, "90001"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := execute(t, start+tc.verbs+"\n", options(nil))
			cdr := got.CDRs[0]
			if cdr.Documents != tc.documents || cdr.Fault != interpreter.CodeLoop || cdr.By != interpreter.ByEngine {
				t.Errorf("%d documents, fault %d, by %s", cdr.Documents, cdr.Fault, cdr.By)
			}
			// The last document asked for is the one that is refused; before it there were 20 a second.
			asked := strings.Count(got.Transcript.String(), "POST /start")
			if asked != tc.documents-1 {
				t.Errorf("asked %d times, want %d", asked, tc.documents-1)
			}
			if cdr.Duration < tc.atLeast || cdr.Duration > tc.atLeast+time.Second {
				t.Errorf("lasted %v, want %v or a little more", cdr.Duration, tc.atLeast)
			}
		})
	}
}

func TestEnterIsLimited(t *testing.T) {
	t.Parallel()
	got := execute(t, start+"flow again\n", options(nil))
	if cdr := got.CDRs[0]; cdr.Fault != interpreter.CodeLoop {
		t.Errorf("a flow that enters itself ended with %+v", cdr)
	}
}

// TestEndOfCall holds the order of what happens when the caller leaves, and what the record says.
func TestEndOfCall(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s)
	}
	o := options(map[string]func(string) interpreter.Verb{"work": func(string) interpreter.Verb {
		return verb(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			c.SetVar("plan", "gold")
			c.Background(func(ctx context.Context) { <-ctx.Done(); note("background") })
			c.AfterHangup(func(ctx context.Context) {
				if d, ok := ctx.Deadline(); !ok || time.Until(d) != 10*time.Second || ctx.Err() != nil {
					t.Errorf("after the hang-up there are 10 s, got %v %v %v", d, ok, ctx.Err())
				}
				note("after")
			})
			c.LastRequest(interpreter.Request{URL: "https://app.test/bye"})
			<-ctx.Done()
			note("verb")
			return interpreter.Continue(), context.Cause(ctx)
		})
	}})
	o.Observers = []interpreter.Observer{func(e interpreter.Event) {
		if e.Kind == interpreter.EvCDR || (e.Kind == interpreter.EvRequest && strings.HasSuffix(e.Text, "bye")) {
			note(e.Kind)
		}
	}}
	got := execute(t, "call from=sip:alice@a.test to=+15550100\nat 90s hangup\n-- POST https://app.test/start --\n"+
		"plain\npause 5s\nsay Hi\nwork\n", o)
	// The background work and the verb end at the same moment, in either order.
	if len(order) > 1 {
		slices.Sort(order[:2])
	}
	if d := cmp.Diff([]string{"background", "verb", "after", "cdr", "request"}, order); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	cdr := got.CDRs[0]
	if cdr.Duration != 90*time.Second || cdr.Billed != 85*time.Second || cdr.By != interpreter.ByCaller ||
		cdr.Cause != "NORMAL_CLEARING" || cdr.Vars["plan"] != "gold" || cdr.From.User != "alice" || cdr.Documents != 1 {
		t.Errorf("record %+v", cdr)
	}
	var stored interpreter.CDR
	if err := got.Records.Get(t.Context(), interpreter.KindCDR, cdr.ID, &stored); err != nil ||
		stored.Billed != cdr.Billed {
		t.Errorf("stored %+v, %v", stored, err)
	}
	err := got.Records.Get(t.Context(), interpreter.KindCall, cdr.ID, &stored)
	if !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("the open record is still there: %v", err)
	}
}

// R-LIFE-1: a panic outside the verbs ends nothing but itself: the call goes on, its record is written.
func TestPanicsAroundTheLoop(t *testing.T) {
	t.Parallel()
	o := options(map[string]func(string) interpreter.Verb{"mine": func(string) interpreter.Verb {
		return verb(func(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			c.Background(func(context.Context) { panic("background") })
			c.AfterHangup(func(context.Context) { panic("after") })
			c.AfterHangup(func(context.Context) { c.SetVar("second", "ran") })
			return interpreter.Continue(), nil
		})
	}})
	got := execute(t, start+"mine\nsay Hi\n", o)
	if len(got.CDRs) != 1 || got.CDRs[0].Vars["second"] != "ran" || got.CDRs[0].Status != interpreter.StatusCompleted {
		t.Errorf("records %+v", got.CDRs)
	}
	for _, want := range []string{"internal failure: background", "internal failure: after", "say Hi"} {
		if text := got.Transcript.String(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestRelease leaves the leg to someone else; the record is written when it ends.
func TestRelease(t *testing.T) {
	t.Parallel()
	o := options(map[string]func(string) interpreter.Verb{
		"release": func(string) interpreter.Verb { return out(interpreter.Release()) },
	})
	got := execute(t, strings.Replace(start, "call\n", "call\nat 30s hangup\n", 1)+"say Hi\nrelease\nsay Never\n", o)
	if cdr := got.CDRs[0]; cdr.Duration != 30*time.Second || strings.Contains(got.Transcript.String(), "Never") {
		t.Errorf("%v\n%s", cdr.Duration, got.Transcript)
	}
}

// TestInline runs a document that was handed over instead of a URL.
func TestInline(t *testing.T) {
	t.Parallel()
	o := options(map[string]func(string) interpreter.Verb{"inline": func(string) interpreter.Verb {
		return out(interpreter.Goto(interpreter.Request{URL: "https://app.test/start",
			Inline: []byte("plain\nsay Inline\n")}))
	}})
	got := execute(t, start+"inline\n", o)
	if text := got.Transcript.String(); strings.Count(text, "POST") != 1 || !strings.Contains(text, "say Inline") {
		t.Error(text)
	}
}
