package verbs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/verbs"
)

// world is what a test puts around one verb; nil fields are the usual fakes.
type world struct {
	leg   interpreter.Leg
	lines interpreter.Lines
	blobs interpreter.Blobs
}

// runVerb runs one verb as a whole call in a bubble, and returns the texts of its events.
func runVerb(t *testing.T, make func(ctx context.Context) world, f interpreter.VerbFunc) []string {
	t.Helper()
	var mu sync.Mutex
	var texts []string
	synctest.Test(t, func(t *testing.T) {
		w := make(t.Context())
		if w.leg == nil {
			w.leg = fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
		}
		if w.blobs == nil {
			w.blobs = memstore.NewBlobs()
		}
		records := memstore.NewRecords()
		d := &plain.Dialect{Commands: map[string]func(
			string) interpreter.Verb{"do": func(string) interpreter.Verb { return f }}}
		m := interpreter.NewManager(interpreter.Config{
			Dialects: interpreter.Dialects{d}, Web: fixtures.NewWeb(nil), Lines: w.lines, Records: records, Blobs: w.blobs,
			Outbox: quiet{records}, Observers: []interpreter.Observer{func(e interpreter.Event) {
				mu.Lock()
				defer mu.Unlock()
				texts = append(texts, e.Text)
			}},
		})
		if _, err := m.Start(w.leg,
			interpreter.Start{Request: interpreter.Request{Inline: []byte("plain\ndo\n")}}); err != nil {
			t.Fatal(err)
		}
		m.Drain(t.Context())
	})
	return texts
}

type quiet struct{ interpreter.Records }

func (q quiet) Queue(ctx context.Context, _ []interpreter.Post, with ...interpreter.Write) error {
	return q.Batch(ctx, with)
}

func usual(context.Context) world { return world{} }

// preparing is a leg that fetches ahead, a second for each file.
type preparing struct {
	*fixtures.Leg
	mu       sync.Mutex
	prepared []string
}

func (l *preparing) Prepare(ctx context.Context, p interpreter.Prompt) error {
	l.mu.Lock()
	l.prepared = append(l.prepared, p.URL)
	l.mu.Unlock()
	return interpreter.Sleep(ctx, time.Second)
}

// TestListIsPreparedTogether wants every file of a list fetched, at the same time, before the first one plays.
func TestListIsPreparedTogether(t *testing.T) {
	var leg *preparing
	var took time.Duration
	runVerb(t, func(ctx context.Context) world {
		leg = &preparing{Leg: fixtures.NewLeg(ctx, interpreter.LegInfo{})}
		return world{leg: leg}
	}, func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		begun := time.Now()
		list := []interpreter.Prompt{{URL: "a1s.wav"}, {Silence: time.Second}, {URL: "b1s.wav"}}
		_, err := verbs.Prompt{Prompts: list}.Run(ctx, c)
		took = time.Since(begun)
		return interpreter.Continue(), err
	})
	slices.Sort(leg.prepared)
	if !slices.Equal(leg.prepared, []string{"a1s.wav", "b1s.wav"}) || took != 4*time.Second {
		t.Errorf("prepared %v in %v, want both files in a second, and three of sound", leg.prepared, took)
	}
}

// full is a store without room.
type full struct{ interpreter.Blobs }

func (full) Create(context.Context, string) (interpreter.Blob, error) {
	return nil, errors.New("disk full")
}

func TestRecordingWithoutRoomIsNoted(t *testing.T) {
	var got verbs.Captured
	texts := runVerb(t, func(context.Context) world { return world{blobs: full{}} },
		func(ctx context.Context, c *interpreter.Call) (out interpreter.Outcome, err error) {
			got, err = verbs.Capture{MaxLength: time.Minute}.Run(ctx, c)
			return interpreter.Continue(), err
		})
	if got.Recording.Status != verbs.RecordingFailed || got.Recording.ID != "" {
		t.Errorf("%+v", got.Recording)
	}
	if !slices.Contains(texts, "90004: create the recording: disk full") || !slices.Contains(texts, "continue") {
		t.Error(strings.Join(texts, "\n"))
	}
}

// broken is a leg whose file cannot be written on.
type broken struct{ *fixtures.Leg }

func (l broken) Record(ctx context.Context, _ io.WriteSeeker, _ interpreter.RecordOptions) (interpreter.Recorded,
	error) {
	if err := interpreter.Sleep(ctx, 3*time.Second); err != nil {
		return interpreter.Recorded{}, err
	}
	return interpreter.Recorded{Length: 3 * time.Second, Trimmed: 3 * time.Second, Why: interpreter.RecordFault},
		&interpreter.Fault{Code: interpreter.CodeRecording, Msg: "no room left"}
}

func TestRecordingThatBreaksIsKeptAsFailed(t *testing.T) {
	var got verbs.Captured
	var stored interpreter.RecordingRecord
	texts := runVerb(t, func(ctx context.Context) world {
		return world{leg: broken{fixtures.NewLeg(ctx, interpreter.LegInfo{})}}
	}, func(ctx context.Context, c *interpreter.Call) (out interpreter.Outcome, err error) {
		if got, err = (verbs.Capture{}).Run(ctx, c); err != nil {
			return out, err
		}
		return out, c.Records.Get(ctx, interpreter.KindRecording, got.Recording.ID, &stored)
	})
	if got.Recording.Status != verbs.RecordingFailed || stored.Status != verbs.RecordingFailed ||
		stored.Fault != interpreter.CodeRecording {
		t.Errorf("%+v\n%+v", got.Recording, stored)
	}
	if !slices.Contains(texts, "90004: no room left") {
		t.Error(strings.Join(texts, "\n"))
	}
}

// chatty reports without end and then refuses; with burst it panics instead.
type chatty struct{ burst bool }

func (l chatty) Dial(_ context.Context, _ interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	for range 1000 {
		o.Progress(interpreter.Progress{Status: interpreter.StatusRinging})
	}
	if l.burst {
		panic("boom")
	}
	return nil, &interpreter.DialError{Status: interpreter.StatusBusy, Code: 486, Cause: "USER_BUSY"}
}

func (chatty) Bridge(context.Context, interpreter.Leg, interpreter.Leg, interpreter.BridgeOptions) error {
	return nil
}

func TestDialDoesNotWaitForReports(t *testing.T) {
	var got verbs.Dialled
	runVerb(t, func(context.Context) world { return world{lines: chatty{}} },
		func(ctx context.Context, c *interpreter.Call) (out interpreter.Outcome, err error) {
			got, err = verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: "sip:a@b"}}}}.Run(ctx, c)
			return out, err
		})
	if got.Status != interpreter.StatusBusy || got.Cause != "USER_BUSY" || got.ID == "" {
		t.Errorf("%+v", got)
	}
}

// TestPanicInAnOperationEndsOneCall raises the panic of a goroutine in the call's own loop, where it is caught.
func TestPanicInAnOperationEndsOneCall(t *testing.T) {
	texts := runVerb(t, func(context.Context) world { return world{lines: chatty{burst: true}} },
		func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			_, err := verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: "sip:a@b"}}}}.Run(ctx, c)
			return interpreter.Continue(), err
		})
	if !slices.Contains(texts, "12400: internal failure: boom") ||
		!slices.Contains(texts, "hangup by engine: internal failure") {
		t.Error(strings.Join(texts, "\n"))
	}
}

// partingWords is a leg whose party hangs up after a second, with a header in the message that says so.
type partingWords struct{ *fixtures.Lines }

func (w partingWords) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg,
	error) {
	leg, err := w.Lines.Dial(ctx, to, o)
	if err == nil {
		said := interpreter.Hangup{By: interpreter.ByCaller, Code: 200,
			Headers: []interpreter.Header{{Name: "X-Said", Value: "bye"}}}
		time.AfterFunc(time.Second, func() { leg.Hangup(ctx, said) })
	}
	return leg, err
}

// TestHeadersOfBothEndsAreTold wants those of the answer and those of the hang-up.
func TestHeadersOfBothEndsAreTold(t *testing.T) {
	var got verbs.Dialled
	runVerb(t, func(ctx context.Context) world {
		return world{lines: partingWords{fixtures.NewLines(ctx, []fixtures.Answer{{Target: "sip:a@b", Code: 200, Early: -1,
			Header: []interpreter.Header{{Name: "X-Said", Value: "hello"}}}})}}
	}, func(ctx context.Context, c *interpreter.Call) (out interpreter.Outcome, err error) {
		got, err = verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: "sip:a@b"}}}}.Run(ctx, c)
		return out, err
	})
	want := []interpreter.Header{{Name: "X-Said", Value: "hello"}, {Name: "X-Said", Value: "bye"}}
	if !got.Bridged || !slices.Equal(got.Headers, want) {
		t.Errorf("%+v", got)
	}
}

func TestDialWithoutTargetsFails(t *testing.T) {
	var got verbs.Dialled
	runVerb(t, usual, func(ctx context.Context, c *interpreter.Call) (out interpreter.Outcome, err error) {
		got, err = verbs.Dial{}.Run(ctx, c)
		return out, err
	})
	if got.Status != interpreter.StatusFailed || got.Hungup {
		t.Errorf("%+v", got)
	}
}

// TestCallerIsOpenedStepByStep holds the order of 180, 183 and 200 towards a caller who is answered with the bridge.
func TestCallerIsOpenedStepByStep(t *testing.T) {
	s := mustParse(t, "call\nanswer bob after 3s early after 1s hangup after 2s\n-- POST https://app.test/start --\n"+
		"plain\nlate early late to=bob\n")
	synctest.Test(t, func(t *testing.T) {
		out, err := fixtures.Execute(t.Context(), s, options())
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Caller.Opened(); !slices.Equal(got, []string{"ring", "early", "answer"}) {
			t.Errorf("opened by %v", got)
		}
	})
}

// R-LOG-1: keys pressed while a call is private are in no event, log line or record, neither together nor one by one;
// the application that asked for them gets them.
func TestPrivateKeysAreNowhere(t *testing.T) {
	var mu sync.Mutex
	var seen strings.Builder
	log := logrus.New()
	log.SetLevel(logrus.TraceLevel)
	log.SetOutput(writer(func(p []byte) { mu.Lock(); defer mu.Unlock(); seen.Write(p) }))
	o := options()
	o.Log = logrus.NewEntry(log)
	o.Observers = []interpreter.Observer{func(e interpreter.Event) {
		if d, ok := e.Data.(interpreter.DigitData); ok && d.Key != "*" {
			t.Errorf("key %s is shown", d.Key)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen.Write(b)
	}}
	s := mustParse(t, `# private
call
at 1s press 8#6*
at 4s press 8#6*
-- config --
status-callback https://app.test/status completed
-- POST https://app.test/start --
plain
private on
collect max=4 first=5s inter=1s action=https://app.test/next : play menu10s.wav
-- POST https://app.test/next --
plain
collect max=4 first=5s inter=1s action=https://app.test/gone : play menu10s.wav
-- POST https://app.test/gone --
drop
`)
	synctest.Test(t, func(t *testing.T) {
		out, err := fixtures.Execute(t.Context(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		var cdr json.RawMessage
		if err := out.Records.Get(t.Context(), interpreter.KindCDR, out.CDRs[0].ID, &cdr); err != nil {
			t.Error(err)
		}
		seen.Write(cdr)
		fmt.Fprint(&seen, out.Posts)
	})
	if text := seen.String(); strings.Contains(text, "8#6*") || strings.Contains(text, "8%236") ||
		!strings.Contains(text, "****") || !strings.Contains(text, "/gone") {
		t.Error(text)
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
