package verbs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/interpreter"
)

// busy is a call that uses every operation: it lasts 42.7 s.
//
//nolint:lll // one line of a scenario
const busy = `# A call that does everything.
call
answer ann after 6s
answer bob after 3s press 1 after 2s
answer tom busy after 1s
answer eve after 2s hangup after 5s
at 1s press 5
at 4s say 3s
at 9s press #
-- config --
status-callback https://app.test/status initiated ringing answered completed
-- POST https://app.test/start --
plain
collect max=1 first=2s : play menu3s.wav
record beep=beep max=20s silence=9s finish=# trim callback=https://app.test/rec
prompt stop=# keys : say Hello | play tune2s.wav
dial to=ann,bob,tom star=* limit=10s screen=https://app.test/screen record=ringing callback=https://app.test/rec status=https://app.test/child
dial turn to=tom,nobody,eve early record=answer callback=https://app.test/rec
pause 5s
goto https://app.test/last
-- POST https://app.test/screen --
delay 300ms
plain
collect max=1 first=5s : say Press one
-- POST https://app.test/last --
delay 2s
plain
prompt : say Good bye
`

// moments of the busy call: some at random, and those at which something else happens too.
func moments(n int) []time.Duration {
	r := rand.New(rand.NewPCG(1, 2))
	m := []time.Duration{0, time.Second, 9 * time.Second, 400 * time.Millisecond}
	for range n {
		m = append(m, time.Duration(r.Int64N(int64(43*time.Second))))
	}
	return m
}

// TestHangupAtAnyMoment lets the caller leave anywhere in a call. The bubble panics if a goroutine is left behind.
func TestHangupAtAnyMoment(t *testing.T) {
	for _, at := range moments(100) {
		s := mustParse(t, busy)
		s.Commands = insert(s.Commands, fixtures.Command{At: at, Do: "hangup"})
		synctest.Test(t, func(t *testing.T) {
			out, err := fixtures.Execute(t.Context(), s, options())
			if err != nil {
				t.Fatalf("hang-up at %v: %v", at, err)
			}
			checkEnded(t, fmt.Sprintf("hang-up at %v", at), out)
		})
	}
}

// checkEnded wants one record for each leg, none open, and no recording without an end.
func checkEnded(t *testing.T, when string, out *fixtures.Outcome) {
	t.Helper()
	ids := map[string]int{}
	for _, r := range out.CDRs {
		ids[r.ID]++
		if r.Ended.IsZero() || !r.Status.Final() {
			t.Errorf("%s: record %+v is not closed", when, r)
		}
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s: %d records of call %s", when, n, id)
		}
	}
	if caller := out.Caller.Info().ID; ids[caller] != 1 {
		t.Errorf("%s: %d records of the caller", when, ids[caller])
	}
	open, err := out.Records.List(t.Context(), interpreter.KindCall, interpreter.Query{})
	if err != nil || len(open) > 0 {
		t.Errorf("%s: calls still open: %v (%v)", when, open, err)
	}
	recs, err := out.Records.List(t.Context(), interpreter.KindRecording, interpreter.Query{})
	if err != nil {
		t.Error(err)
	}
	for _, id := range recs {
		var r interpreter.RecordingRecord
		if err := out.Records.Get(t.Context(), interpreter.KindRecording, id, &r); err != nil {
			t.Error(err)
		}
		if r.Status == "in-progress" {
			t.Errorf("%s: recording %s never ended", when, id)
		}
		if _, err := out.Blobs.Open(t.Context(), r.Blob); (err == nil) != (r.Status == "completed") {
			t.Errorf("%s: recording is %s, its sound: %v", when, r.Status, err)
		}
	}
	checkStates(t, when, out)
}

// checkStates wants the callbacks of each call in order, the last one final.
func checkStates(t *testing.T, when string, out *fixtures.Outcome) {
	t.Helper()
	last := map[string]string{}
	for _, p := range out.Posts {
		if state, ok := strings.CutPrefix(p.What, "status "); ok {
			if interpreter.CallStatus(last[p.Call]).Final() {
				t.Errorf("%s: status %s after %s", when, state, last[p.Call])
			}
			last[p.Call] = state
		}
	}
	for call, state := range last {
		if !interpreter.CallStatus(state).Final() {
			t.Errorf("%s: last status of %s is %s", when, call, state)
		}
	}
}

// TestRedirectAtAnyMoment replaces the document anywhere in a call, also while a called leg is screened; the new one
// always runs to its end.
func TestRedirectAtAnyMoment(t *testing.T) {
	for _, at := range moments(50) {
		s := mustParse(t, busy+"-- POST https://app.test/other --\nplain\npause 1s\n")
		s.Commands = insert(s.Commands, fixtures.Command{At: at, Do: "rest", Text: "POST /x"})
		o := options()
		o.REST = redirect
		synctest.Test(t, func(t *testing.T) {
			out, err := fixtures.Execute(t.Context(), s, o)
			if err != nil {
				t.Fatalf("redirect at %v: %v", at, err)
			}
			when := fmt.Sprintf("redirect at %v", at)
			checkEnded(t, when, out)
			if at < 42700*time.Millisecond && !strings.Contains(out.Transcript.String(), "POST /other") {
				t.Errorf("%s: the new document never ran\n%s", when, out.Transcript)
			}
		})
	}
}

func mustParse(t *testing.T, text string) *fixtures.Scenario {
	t.Helper()
	s, err := fixtures.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// insert puts a command in its place in time.
func insert(list []fixtures.Command, c fixtures.Command) []fixtures.Command {
	var out []fixtures.Command
	for i, x := range list {
		if x.At > c.At {
			return append(append(out, c), list[i:]...)
		}
		out = append(out, x)
	}
	return append(out, c)
}
