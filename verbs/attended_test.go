package verbs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// office is two conversations of one engine: X between a1 and b, Y between a2 and c. Who called whom differs; a1 and a2
// are the two lines of the party that transfers.
type office struct {
	m            *interpreter.Manager
	lines        *fixtures.Lines
	a1, b, a2, c *fixtures.Leg

	mu   sync.Mutex // guards what follows
	cdrs []interpreter.CDR
	log  []string
}

// who called in the two conversations.
type who struct{ xByA, yByA bool }

func newOffice(t *testing.T, w who) *office {
	t.Helper()
	o := &office{lines: fixtures.NewLines(t.Context(), []fixtures.Answer{
		{Target: "sip:x@test", Code: 200, Early: -1}, {Target: "sip:y@test", Code: 200, Early: -1},
		{Target: "sip:d@test", Code: 200, Early: -1},
	})}
	records := memstore.NewRecords()
	d := &plain.Dialect{Commands: map[string]func(string) interpreter.Verb{"dial": func(uri string) interpreter.Verb {
		return interpreter.VerbFunc(func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			got, err := verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: uri}}}}.Run(ctx, c)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.log = append(o.log, fmt.Sprintf("%s %s", uri, got.Status))
			return interpreter.Continue(), err
		})
	}}}
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
	call := func(uri string) (caller, callee *fixtures.Leg) {
		caller = fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
		doc := interpreter.Request{Inline: []byte("plain\ndial " + uri + "\n")}
		if _, err := o.m.Start(caller, interpreter.Start{Request: doc}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		legs := o.lines.Legs()
		return caller, legs[len(legs)-1]
	}
	if o.a1, o.b = call("sip:x@test"); !w.xByA {
		o.a1, o.b = o.b, o.a1
	}
	if o.a2, o.c = call("sip:y@test"); !w.yByA {
		o.a2, o.c = o.c, o.a2
	}
	return o
}

// everybody may transfer to wherever he likes.
type everybody struct{}

func (everybody) May(interpreter.LegInfo) bool { return true }

func (everybody) Destination(_ interpreter.LegInfo, t *interpreter.Transfer) (interpreter.Destination, error) {
	return interpreter.Destination{Target: interpreter.Target{URI: t.To.URI}}, nil
}

func (o *office) transfer() int {
	return o.a1.Ask(interpreter.Transfer{To: interpreter.Address{URI: "sip:c@test"}, Replaces: o.a2.Info().ID})
}

// ended waits for the engine, and wants one record of each call.
func (o *office) ended(t *testing.T, want int) {
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
	for _, l := range append(o.lines.Legs(), o.a1, o.a2, o.b, o.c) {
		if l.Context().Err() == nil {
			t.Errorf("a leg is still up: %+v", l.Info())
		}
	}
}

func up(l *fixtures.Leg) bool { return l.Context().Err() == nil }

// each runs f for every way in which the two calls may have come about.
func each(t *testing.T, f func(t *testing.T, w who)) {
	for _, w := range []who{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("xByA=%v,yByA=%v", w.xByA, w.yByA), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, w) })
		})
	}
}

// TestAttendedTransfer wants the two parties that are left joined, the two legs of the one who transferred ended, and
// every call recorded once.
func TestAttendedTransfer(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		o := newOffice(t, w)
		time.Sleep(5 * time.Second)
		if code := o.transfer(); code != 202 {
			t.Fatalf("transfer: %d", code)
		}
		synctest.Wait()
		if up(o.a1) || up(o.a2) || !up(o.b) || !up(o.c) {
			t.Fatalf("a1 %v a2 %v b %v c %v", up(o.a1), up(o.a2), up(o.b), up(o.c))
		}
		if heard := o.a1.Heard(); !slices.Contains(heard, "refer 200") {
			t.Errorf("the transferor was told %v", heard)
		}
		// Keys show that the two hear each other: the caller's side of a conversation gives them to the other.
		o.b.Press(t.Context(), "7") //nolint:errcheck // both are up
		o.c.Press(t.Context(), "8") //nolint:errcheck // both are up
		if !slices.Contains(o.c.Heard(), "digit 7") && !slices.Contains(o.b.Heard(), "digit 8") {
			t.Error("the two are not joined")
		}
		time.Sleep(5 * time.Second)
		o.b.Leave()
		synctest.Wait()
		o.c.Leave() // his flow may have gone on
		o.ended(t, 4)
	})
}

// TestHangupsAroundAttendedTransfer lets each party leave at the moment of the transfer.
func TestHangupsAroundAttendedTransfer(t *testing.T) {
	for _, first := range []string{"a1", "a2", "b", "c"} {
		for _, order := range []string{"before", "after"} {
			t.Run(first+" "+order, func(t *testing.T) {
				each(t, func(t *testing.T, w who) {
					o := newOffice(t, w)
					leg := map[string]*fixtures.Leg{"a1": o.a1, "a2": o.a2, "b": o.b, "c": o.c}[first]
					if order == "before" {
						leg.Leave()
						o.transfer()
					} else {
						o.transfer()
						leg.Leave()
					}
					time.Sleep(time.Second)
					for _, l := range []*fixtures.Leg{o.a1, o.a2, o.b, o.c} {
						l.Leave()
					}
					o.ended(t, 4)
				})
			})
		}
	}
}

// TestBothTransferEachOther lets both conversations of a party be handed to each other in the same instant.
func TestBothTransferEachOther(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		o := newOffice(t, w)
		o.transfer()
		o.a2.Ask(interpreter.Transfer{To: interpreter.Address{URI: "sip:b@test"}, Replaces: o.a1.Info().ID})
		time.Sleep(time.Second)
		for _, l := range []*fixtures.Leg{o.b, o.c, o.a1, o.a2} {
			l.Leave()
		}
		o.ended(t, 4)
	})
}

// TestTransferAfterTransfer lets each of the two parties that are left transfer the other one to d.
func TestTransferAfterTransfer(t *testing.T) {
	for _, second := range []string{"b", "c"} {
		t.Run(second, func(t *testing.T) {
			each(t, func(t *testing.T, w who) {
				o := newOffice(t, w)
				o.transfer()
				synctest.Wait()
				by, stays := o.b, o.c
				if second == "c" {
					by, stays = o.c, o.b
				}
				if code := by.Ask(interpreter.Transfer{To: interpreter.Address{URI: "sip:d@test"}}); code != 202 {
					t.Fatalf("second transfer: %d", code)
				}
				synctest.Wait()
				legs := o.lines.Legs()
				d := legs[len(legs)-1]
				if up(by) || !up(stays) || !up(d) || d.Info().To.URI != "sip:d@test" {
					t.Fatalf("by %v stays %v d %v (%s)", up(by), up(stays), up(d), d.Info().To.URI)
				}
				d.Leave()
				time.Sleep(time.Second)
				stays.Leave()
				o.ended(t, 5)
			})
		})
	}
}

// TestTransferorHangsUpAtOnce wants the cause of a leg in its record where the party hangs up as soon as it is told.
func TestTransferorHangsUpAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		o := newOffice(t, w)
		o.a1.Ask(interpreter.Transfer{To: interpreter.Address{URI: "sip:c@test"}, Replaces: o.a2.Info().ID,
			Done: func(int) { o.a1.Leave() }})
		synctest.Wait()
		o.b.Leave()
		synctest.Wait()
		o.c.Leave()
		o.ended(t, 4)
		for _, r := range o.cdrs {
			if r.ID == o.a1.Info().ID && (r.Cause != interpreter.CauseAttended || r.Transferred == "") {
				t.Errorf("cause %s, transferred to %q", r.Cause, r.Transferred)
			}
		}
	})
}

// TestReplacesNobody wants a transfer to a conversation that is over refused, and the parties left together.
func TestReplacesNobody(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		o := newOffice(t, w)
		o.a1.Ask(interpreter.Transfer{Replaces: strings.Repeat("0", 32)})
		synctest.Wait()
		if !up(o.a1) || !up(o.b) || !slices.Contains(o.a1.Heard(), "refer 481") {
			t.Errorf("a1 %v b %v, told %v", up(o.a1), up(o.b), o.a1.Heard())
		}
		for _, l := range []*fixtures.Leg{o.a1, o.a2, o.b, o.c} {
			l.Leave()
		}
		o.ended(t, 4)
	})
}

// TestTakeOver wants an inbound leg put in the place of either party of a conversation.
func TestTakeOver(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		o := newOffice(t, w)
		n := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
		if _, err := o.m.TakeOver(n, o.a1.Info().ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if up(o.a1) || !up(o.b) || !up(n) || n.Opening() != "answer" {
			t.Fatalf("a1 %v b %v n %v %s", up(o.a1), up(o.b), up(n), n.Opening())
		}
		o.b.Leave()
		synctest.Wait()
		if up(n) {
			t.Error("the newcomer is still up when the other one has left")
		}
		o.a2.Leave()
		o.c.Leave()
		o.ended(t, 5)
		if _, err := o.m.TakeOver(n, o.a1.Info().ID); err == nil {
			t.Error("a conversation that is over was taken over")
		}
	})
}
