package sqlitestore

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
)

func TestTraceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		now := time.Now().UTC()
		params := [][2]string{{"CallSid", "CA1"}}
		want := []interpreter.Event{
			{Seq: 1, Call: "c1", Time: now, Kind: interpreter.EvRequest,
				Data: interpreter.RequestData{Method: "POST", Params: [][2]string{{"CallSid", "CA1"}}}},
			{Seq: 2, Call: "c1", Time: now, Kind: interpreter.EvResponse,
				Data: interpreter.ResponseData{Status: 200, Body: strings.Repeat("<Say/>", 2000)}},
			{Seq: 3, Call: "c1", Time: now, Kind: interpreter.EvStatus, Text: "status ringing"},
			{Call: "c1", Time: now, Kind: interpreter.EvCallback, Text: "callback delivered"},
		}
		for i, e := range want {
			if i == 0 {
				e.Data = interpreter.RequestData{Method: "POST", Params: params}
			}
			s.Observe(e)
			s.Observe(interpreter.Event{Seq: 1, Call: "other", Time: now, Kind: interpreter.EvStatus})
		}
		params[0][1] = "overwritten" // the slice is the call's
		time.Sleep(time.Second)
		synctest.Wait()
		got, err := s.Trace(t.Context(), "c1")
		must(t, err)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("trace (-want +got):\n%s", d)
		}
		s.trace.sweep(t.Context(), now.Add(time.Hour))
		if got, err := s.Trace(t.Context(), "c1"); err != nil || len(got) != 0 {
			t.Errorf("after the sweep: %d events, %v", len(got), err)
		}
	})
}

func TestTraceOverflowDropsTheFinerFirst(t *testing.T) {
	tr := &traceLog{wake: make(chan struct{}, 1)}
	for range traceQueue/2 + 100 {
		tr.add(interpreter.Event{Kind: interpreter.EvMedia})
	}
	if n := len(tr.queue); n != traceQueue/2 || tr.dropped != 100 {
		t.Errorf("%d media events kept, %d dropped", n, tr.dropped)
	}
	for range traceQueue {
		tr.add(interpreter.Event{Kind: interpreter.EvDigit})
	}
	if n := len(tr.queue); n != traceQueue {
		t.Errorf("%d events kept, want %d", n, traceQueue)
	}
	before := tr.dropped
	for range 100 {
		tr.add(interpreter.Event{Kind: interpreter.EvCDR})
	}
	if tr.dropped != before {
		t.Error("call records were dropped")
	}
}

func TestDamagedTraceIsPutAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Put(t.Context(), "cdr", "a", 1, 0))
	must(t, s.Close())
	overwrite(t, filepath.Join(dir, "trace.db"), 0, strings.Repeat("broken", 100))
	s = open(t, dir) // records are more important than traces
	s.Observe(interpreter.Event{Call: "c", Time: time.Now()})
	aside, err := filepath.Glob(filepath.Join(dir, "trace.db.damaged-*"))
	if err != nil || len(aside) != 1 {
		t.Errorf("kept aside: %q, %v", aside, err)
	}
}

func TestTraceIsWrittenOnClose(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 1200 {
		s.Observe(interpreter.Event{Call: "c", Seq: i, Time: time.Now(), Kind: interpreter.EvDigit, Data: make(chan int)})
	}
	must(t, s.Close())
	s = open(t, dir)
	got, err := s.Trace(t.Context(), "c")
	must(t, err)
	if len(got) != 1200 || got[1199].Seq != 1199 {
		t.Errorf("%d events", len(got))
	}
}
