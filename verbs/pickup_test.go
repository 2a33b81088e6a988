package verbs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/verbs"
)

// room has two telephones: b1 and b2 ring for ten seconds and are answered then.
type room struct {
	m     *interpreter.Manager
	lines *fixtures.Lines

	mu   sync.Mutex // guards what follows
	cdrs []interpreter.CDR
	log  []string // how each verb ended
}

var phones = []interpreter.Phone{{Record: "b1@test"}, {Record: "b2@test", Device: "d2"}}

func newRoom(t *testing.T) *room {
	t.Helper()
	o := &room{lines: fixtures.NewLines(t.Context(), []fixtures.Answer{
		{Target: "sip:b1@test", Code: 200, After: 10 * time.Second, Early: -1},
		{Target: "sip:b2@test", Code: 200, After: 10 * time.Second, Early: -1},
		{Target: "sip:now@test", Code: 200, Early: -1},
	})}
	verb := func(name string, f func(context.Context, *interpreter.Call) (string, error)) func(string) interpreter.Verb {
		return func(string) interpreter.Verb {
			return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
				how, err := f(ctx, c)
				o.mu.Lock()
				defer o.mu.Unlock()
				o.log = append(o.log, name+" "+how)
				return interpreter.Continue(), err
			})
		}
	}
	dial := func(late bool, to ...string) func(context.Context, *interpreter.Call) (string, error) {
		return func(ctx context.Context, c *interpreter.Call) (string, error) {
			d := verbs.Dial{AnswerOnBridge: late, Timeout: 20 * time.Second}
			for _, uri := range to {
				d.Targets = append(d.Targets, verbs.Callee{Target: interpreter.Target{URI: uri}})
			}
			got, err := d.Run(ctx, c)
			return fmt.Sprintf("%s %v", got.Status, got.Bridged), err
		}
	}
	pick := func(answered bool) func(context.Context, *interpreter.Call) (string, error) {
		return func(ctx context.Context, c *interpreter.Call) (string, error) {
			err := verbs.Pickup{Phones: phones, Answered: answered}.Run(ctx, c)
			if errors.Is(err, verbs.ErrNoCall) {
				return "none", nil
			}
			return "done", err
		}
	}
	d := &plain.Dialect{Answers: func(string) bool { return false }, Commands: map[string]func(string) interpreter.Verb{
		"both": verb("both", dial(true, "sip:b1@test", "sip:b2@test")), "one": verb("one", dial(false, "sip:b1@test")),
		"now": verb("now", dial(true, "sip:now@test")), "pick": verb("pick", pick(false)),
		"intercept": verb("intercept", pick(true)),
	}}
	records := memstore.NewRecords()
	o.m = interpreter.NewManager(interpreter.Config{
		Dialects: interpreter.Dialects{d}, Web: fixtures.NewWeb(nil), Lines: o.lines, Records: records,
		Blobs: memstore.NewBlobs(), Outbox: quiet{records}, Transfers: everybody{},
		Observers: []interpreter.Observer{func(e interpreter.Event) {
			if r, ok := e.Data.(interpreter.CDR); ok {
				o.mu.Lock()
				o.cdrs = append(o.cdrs, r)
				o.mu.Unlock()
			}
		}},
	})
	return o
}

// slow is a leg whose answer takes a second, as that of a phone far away.
type slow struct{ *fixtures.Leg }

func (l slow) Answer(ctx context.Context) error {
	on, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(l.Context(), func() { stop(context.Cause(l.Context())) })()
	if err := interpreter.Sleep(on, time.Second); err != nil {
		return err
	}
	return l.Leg.Answer(ctx)
}

func (o *room) call(t *testing.T, verb string, device string) *fixtures.Leg {
	t.Helper()
	l := fixtures.NewLeg(t.Context(), interpreter.LegInfo{Device: device})
	o.start(t, l, verb)
	return l
}

func (o *room) start(t *testing.T, l interpreter.Leg, verb string) {
	t.Helper()
	doc := interpreter.Request{Inline: []byte("plain\n" + verb + "\n")}
	if _, err := o.m.Start(l, interpreter.Start{Request: doc}); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the engine, and wants one record of each call.
func (o *room) ended(t *testing.T, want int) {
	t.Helper()
	o.m.Drain(t.Context())
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range o.cdrs {
		if seen[r.ID] {
			t.Errorf("two records of call %s", r.ID)
		}
		seen[r.ID] = true
	}
	if len(o.cdrs) != want {
		t.Errorf("%d records, want %d", len(o.cdrs), want)
	}
	for _, l := range o.lines.Legs() {
		if l.Context().Err() == nil {
			t.Errorf("a leg is still up: %+v", l.Info())
		}
	}
}

func (o *room) has(line string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.log, line)
}

// TestPickup wants who picks up joined with the caller, and the telephones that rang told that it was answered
// elsewhere, at once.
func TestPickup(t *testing.T) {
	for _, verb := range []string{"both", "one"} {
		t.Run(verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newRoom(t)
				caller := o.call(t, verb, "")
				time.Sleep(3 * time.Second)
				picker := o.call(t, "pick", "")
				synctest.Wait()
				if !up(caller) || !up(picker) || caller.Opening() != "answer" || picker.Opening() != "answer" {
					t.Fatalf("caller %v %s, picker %v %s", up(caller), caller.Opening(), up(picker), picker.Opening())
				}
				caller.Press(t.Context(), "7") //nolint:errcheck // both are up
				if !slices.Contains(picker.Heard(), "digit 7") {
					t.Error("the two are not joined")
				}
				o.mu.Lock()
				for _, r := range o.cdrs {
					if r.Status != interpreter.StatusCanceled || r.Reason != interpreter.ErrElsewhere.Error() {
						t.Errorf("a telephone that rang: %s %q", r.Status, r.Reason)
					}
				}
				o.mu.Unlock()
				time.Sleep(30 * time.Second)
				if len(o.lines.Legs()) != 0 {
					t.Error("a telephone was answered although the call was picked up")
				}
				caller.Leave()
				n := 3
				if verb == "both" {
					n = 4
				}
				o.ended(t, n)
				if !o.has(verb+" completed true") || !o.has("pick done") || up(picker) {
					t.Errorf("%v", o.log)
				}
			})
		})
	}
}

// TestTwoPickUp wants one of two who come while the other is being answered to be told no, without an answer.
func TestTwoPickUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(t)
		caller := o.call(t, "one", "")
		time.Sleep(3 * time.Second)
		first, second := slow{fixtures.NewLeg(t.Context(), interpreter.LegInfo{})}, fixtures.NewLeg(t.Context(),
			interpreter.LegInfo{})
		o.start(t, first, "pick")
		synctest.Wait()
		o.start(t, second, "pick")
		time.Sleep(2 * time.Second)
		if !up(first.Leg) || up(second) || second.Opening() != "" || !o.has("pick none") {
			t.Fatalf("first %v second %v %q, %v", up(first.Leg), up(second), second.Opening(), o.log)
		}
		first.Leave()
		synctest.Wait()
		caller.Leave()
		o.ended(t, 4)
	})
}

// TestWhoGivesUpLeavesTheCall wants a call that still rings to be picked up by the next one, when the first was gone
// before the answer.
func TestWhoGivesUpLeavesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(t)
		caller := o.call(t, "one", "")
		time.Sleep(3 * time.Second)
		first := slow{fixtures.NewLeg(t.Context(), interpreter.LegInfo{})}
		o.start(t, first, "pick")
		synctest.Wait()
		first.Leave()
		synctest.Wait()
		second := o.call(t, "pick", "")
		synctest.Wait()
		if !up(caller) || !up(second) {
			t.Fatalf("caller %v second %v", up(caller), up(second))
		}
		second.Leave()
		synctest.Wait()
		caller.Leave()
		o.ended(t, 4)
	})
}

// TestHangupsAroundPickup lets each party act in the instant in which the call is picked up, before and after it.
func TestHangupsAroundPickup(t *testing.T) {
	for _, who := range []string{"caller", "picker", "phone", "second picker", "end"} {
		for _, late := range []time.Duration{0, 1, time.Second, time.Second + 1} {
			t.Run(fmt.Sprint(who, " ", late), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := newRoom(t)
					caller := o.call(t, "both", "")
					at := 3 * time.Second
					if who == "phone" {
						at = 10*time.Second - late // it is answered in the middle of the pick-up
					}
					time.Sleep(at)
					picker, calls := slow{fixtures.NewLeg(t.Context(), interpreter.LegInfo{})}, 4
					o.start(t, picker, "pick")
					time.Sleep(late)
					switch who {
					case "caller":
						caller.Leave()
					case "picker":
						picker.Leave()
					case "second picker":
						o.call(t, "pick", "")
						calls++
					}
					time.Sleep(30 * time.Second)
					picker.Leave()
					caller.Leave()
					o.ended(t, calls)
				})
			})
		}
	}
}

// TestIntercept wants an answered call taken over, from the one who was called and from the one who called.
func TestIntercept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(t)
		caller := o.call(t, "one", "")
		time.Sleep(15 * time.Second)
		callee := o.lines.Legs()[0]
		none := o.call(t, "pick", "")
		synctest.Wait()
		if up(none) || !up(callee) {
			t.Fatal("an answered call was picked up")
		}
		second := o.call(t, "intercept", "")
		synctest.Wait()
		if !up(caller) || !up(second) || up(callee) {
			t.Fatalf("caller %v second %v callee %v", up(caller), up(second), up(callee))
		}
		caller.Leave()
		other := o.call(t, "now", "d2")
		synctest.Wait()
		third := o.call(t, "intercept", "")
		synctest.Wait()
		if legs := o.lines.Legs(); up(other) || !up(third) || !up(legs[len(legs)-1]) {
			t.Fatalf("the caller was not replaced: caller %v third %v", up(other), up(third))
		}
		third.Leave()
		o.ended(t, 7)
	})
}

// TestNothingToPickUp wants nobody answered where nothing rings.
func TestNothingToPickUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(t)
		l := o.call(t, "intercept", "")
		o.ended(t, 1)
		if l.Opening() != "" || !o.has("intercept none") {
			t.Errorf("%q %v", l.Opening(), o.log)
		}
	})
}

// TestTakeOverOfARingingCall wants an INVITE with Replaces to pick up, and a second one refused while the first is
// answered.
func TestTakeOverOfARingingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(t)
		caller := o.call(t, "one", "")
		time.Sleep(3 * time.Second)
		ring := ""
		for _, c := range o.m.Calls() {
			if ids := c.Ringing(phones[0]); len(ids) == 1 {
				ring = ids[0]
			}
		}
		first := slow{fixtures.NewLeg(t.Context(), interpreter.LegInfo{})}
		if _, err := o.m.TakeOver(first, ring); err != nil {
			t.Fatalf("%q: %v", ring, err)
		}
		synctest.Wait()
		second := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
		if _, err := o.m.TakeOver(second, ring); !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("a second one: %v", err)
		}
		time.Sleep(2 * time.Second)
		if !up(caller) || !up(first.Leg) {
			t.Fatalf("caller %v first %v", up(caller), up(first.Leg))
		}
		caller.Leave()
		o.ended(t, 3)
	})
}
