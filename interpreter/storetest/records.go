package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
)

// value is what the cases store.
type value struct {
	Name string            `json:"name"`
	N    int               `json:"n,omitempty"`
	Tags map[string]string `json:"tags,omitempty"`
}

// Records runs the suite. Open gives a fresh, empty store for each case and closes it by t.Cleanup.
func Records(t *testing.T, open func(t *testing.T) interpreter.Records) {
	cases := []struct {
		name string
		run  func(t *testing.T, s interpreter.Records)
	}{
		{"RoundTrip", roundTrip},
		{"ValuesAreCopies", valuesAreCopies},
		{"KindsAreApart", kindsAreApart},
		{"Expiry", expiry},
		{"ListOrder", listOrder},
		{"ListPages", listPages},
		{"ListAfterExpiry", listAfterExpiry},
		{"BatchWritesAll", batchWritesAll},
		{"BatchWritesNothing", batchWritesNothing},
		{"BatchesAtOnce", batchesAtOnce},
		{"Refusals", refusals},
		{"EndedContext", endedContext},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, open(t)) })
		})
	}
}

func roundTrip(t *testing.T, s interpreter.Records) {
	ctx := t.Context()
	var got value
	if err := s.Get(ctx, "call", "a", &got); !errors.Is(err, interpreter.ErrNotFound) {
		t.Fatalf("get of an absent record: %v, want ErrNotFound", err)
	}
	want := value{Name: "ä \u2028 ' \" \\ \x00 %", N: 3, Tags: map[string]string{"x": "y"}}
	put(t, s, interpreter.Write{Kind: "call", ID: "a", Value: want})
	if err := s.Get(ctx, "call", "a", &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	put(t, s, interpreter.Write{Kind: "call", ID: "a", Value: value{Name: "second"}})
	got = value{}
	if err := s.Get(ctx, "call", "a", &got); err != nil || got.Name != "second" || got.N != 0 {
		t.Errorf("after overwriting: %+v, %v", got, err)
	}
	for range 2 { // deleting what is not there is no error
		if err := s.Delete(ctx, "call", "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Get(ctx, "call", "a", &got); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("get of a deleted record: %v, want ErrNotFound", err)
	}
}

func valuesAreCopies(t *testing.T, s interpreter.Records) {
	v := &value{Name: "one", Tags: map[string]string{"k": "v"}}
	put(t, s, interpreter.Write{Kind: "call", ID: "a", Value: v})
	v.Name, v.Tags["k"] = "changed", "changed"
	var got value
	if err := s.Get(t.Context(), "call", "a", &got); err != nil || got.Name != "one" || got.Tags["k"] != "v" {
		t.Errorf("a stored value changed with the writer's copy: %+v, %v", got, err)
	}
}

func kindsAreApart(t *testing.T, s interpreter.Records) {
	put(t, s, interpreter.Write{Kind: "call", ID: "x", Value: value{Name: "call"}})
	put(t, s, interpreter.Write{Kind: "cdr", ID: "x", Value: value{Name: "cdr"}})
	put(t, s, interpreter.Write{Kind: "cal", ID: "lx", Value: value{Name: "glued"}})
	if err := s.Delete(t.Context(), "call", "x"); err != nil {
		t.Fatal(err)
	}
	var got value
	if err := s.Get(t.Context(), "cdr", "x", &got); err != nil || got.Name != "cdr" {
		t.Errorf("record of the other kind: %+v, %v", got, err)
	}
	wantList(t, s, "call", interpreter.Query{})
	wantList(t, s, "cal", interpreter.Query{}, "lx")
}

func expiry(t *testing.T, s interpreter.Records) {
	ctx := t.Context()
	put(t, s, interpreter.Write{Kind: "nonce", ID: "short", Value: value{N: 1}, TTL: time.Second})
	put(t, s, interpreter.Write{Kind: "nonce", ID: "long", Value: value{N: 2}, TTL: time.Hour})
	put(t, s, interpreter.Write{Kind: "nonce", ID: "kept", Value: value{N: 3}})
	var got value
	time.Sleep(900 * time.Millisecond)
	if err := s.Get(ctx, "nonce", "short", &got); err != nil {
		t.Errorf("before its time is over: %v", err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := s.Get(ctx, "nonce", "short", &got); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("expired record: %v, want ErrNotFound", err)
	}
	wantList(t, s, "nonce", interpreter.Query{}, "long", "kept")
	put(t, s, interpreter.Write{Kind: "nonce", ID: "long", Value: value{N: 4}}) // writing again without a ttl keeps it
	time.Sleep(2 * time.Hour)
	wantList(t, s, "nonce", interpreter.Query{}, "long", "kept")
}

func listOrder(t *testing.T, s interpreter.Records) {
	for _, id := range []string{"m", "z", "a", "k"} {
		put(t, s, interpreter.Write{Kind: "cdr", ID: id, Value: value{Name: id}})
		put(t, s, interpreter.Write{Kind: "other", ID: id, Value: value{Name: id}})
	}
	put(t, s, interpreter.Write{Kind: "cdr", ID: "z", Value: value{Name: "again"}}) // keeps its place
	if err := s.Delete(t.Context(), "cdr", "a"); err != nil {
		t.Fatal(err)
	}
	wantList(t, s, "cdr", interpreter.Query{}, "m", "z", "k")
	wantList(t, s, "cdr", interpreter.Query{Newest: true}, "k", "z", "m")
	put(t, s, interpreter.Write{Kind: "cdr", ID: "a", Value: value{}}) // a deleted one begins anew
	wantList(t, s, "cdr", interpreter.Query{}, "m", "z", "k", "a")
	wantList(t, s, "absent", interpreter.Query{})
}

func listPages(t *testing.T, s interpreter.Records) {
	var w []interpreter.Write
	for i := range 1100 {
		w = append(w, interpreter.Write{Kind: "cdr", ID: fmt.Sprintf("id%04d", (i*7)%1100), Value: value{N: i}})
	}
	batch(t, s, w...)
	for _, newest := range []bool{false, true} {
		var all []string
		q := interpreter.Query{Limit: 300, Newest: newest}
		for {
			ids, err := s.List(t.Context(), "cdr", q)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, ids...)
			if len(ids) < q.Limit {
				break
			}
			q.After = ids[len(ids)-1]
		}
		if len(all) != len(w) {
			t.Fatalf("newest %v: %d ids over all pages, want %d", newest, len(all), len(w))
		}
		for i, id := range all {
			at := i
			if newest {
				at = len(w) - 1 - i
			}
			if id != w[at].ID {
				t.Fatalf("newest %v: place %d holds %s, want %s", newest, i, id, w[at].ID)
			}
		}
	}
	ids, err := s.List(t.Context(), "cdr", interpreter.Query{})
	if err != nil || len(ids) != 1000 {
		t.Errorf("without a limit: %d ids, %v; want 1000", len(ids), err)
	}
	if _, err := s.List(t.Context(), "cdr", interpreter.Query{After: "gone"}); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("after an id that is not there: %v, want ErrNotFound", err)
	}
}

func listAfterExpiry(t *testing.T, s interpreter.Records) {
	put(t, s, interpreter.Write{Kind: "bind", ID: "a", Value: value{}, TTL: time.Second})
	put(t, s, interpreter.Write{Kind: "bind", ID: "b", Value: value{}})
	time.Sleep(2 * time.Second)
	// the expired one did not exist any more: this is its first write
	put(t, s, interpreter.Write{Kind: "bind", ID: "a", Value: value{}})
	wantList(t, s, "bind", interpreter.Query{}, "b", "a")
}

func batchWritesAll(t *testing.T, s interpreter.Records) {
	put(t, s, interpreter.Write{Kind: "call", ID: "c1", Value: value{Name: "open"}})
	batch(t, s,
		interpreter.Write{Kind: "call", ID: "c1"},
		interpreter.Write{Kind: "cdr", ID: "c1", Value: value{Name: "done"}},
		interpreter.Write{Kind: "outbox", ID: "p1", Value: value{N: 1}},
		interpreter.Write{Kind: "outbox", ID: "p1", Value: value{N: 2}},
		interpreter.Write{Kind: "nonce", ID: "n1", Value: value{}, TTL: time.Second},
		interpreter.Write{Kind: "never", ID: "was"},
	)
	batch(t, s)
	var got value
	if err := s.Get(t.Context(), "call", "c1", &got); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("deleted in the batch: %v, want ErrNotFound", err)
	}
	if err := s.Get(t.Context(), "cdr", "c1", &got); err != nil || got.Name != "done" {
		t.Errorf("written in the batch: %+v, %v", got, err)
	}
	if err := s.Get(t.Context(), "outbox", "p1", &got); err != nil || got.N != 2 {
		t.Errorf("written twice in the batch: %+v, %v; want the last", got, err)
	}
	time.Sleep(2 * time.Second)
	if err := s.Get(t.Context(), "nonce", "n1", &got); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("expired: %v, want ErrNotFound", err)
	}
}

func batchWritesNothing(t *testing.T, s interpreter.Records) {
	put(t, s, interpreter.Write{Kind: "call", ID: "c1", Value: value{Name: "open"}})
	for _, bad := range []interpreter.Write{
		{Kind: "cdr", ID: "x", Value: make(chan int)}, // cannot be encoded
		{Kind: "", ID: "x", Value: 1},
		{Kind: "cdr", ID: "", Value: 1},
	} {
		err := s.Batch(t.Context(), []interpreter.Write{
			{Kind: "cdr", ID: "c1", Value: value{}}, {Kind: "call", ID: "c1"}, bad,
		})
		if err == nil {
			t.Errorf("batch with %+v: no error", bad)
		}
	}
	wantList(t, s, "cdr", interpreter.Query{})
	wantList(t, s, "call", interpreter.Query{}, "c1")
}

func batchesAtOnce(t *testing.T, s interpreter.Records) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				id := fmt.Sprintf("%d-%d", i, j)
				w := []interpreter.Write{{Kind: "cdr", ID: id, Value: value{N: j}}, {Kind: "outbox", ID: id, Value: value{N: j}}}
				if err := s.Batch(t.Context(), w); err != nil {
					t.Errorf("batch %s: %v", id, err)
				}
				var got value // what Batch has written is read at once
				if err := s.Get(t.Context(), "outbox", id, &got); err != nil || got.N != j {
					t.Errorf("read %s: %+v, %v", id, got, err)
				}
			}
		})
	}
	wg.Wait()
	for _, kind := range []string{"cdr", "outbox"} {
		ids, err := s.List(t.Context(), kind, interpreter.Query{})
		if err != nil || len(ids) != writers*each {
			t.Errorf("%d records of kind %s, %v; want %d", len(ids), kind, err, writers*each)
		}
	}
}

func refusals(t *testing.T, s interpreter.Records) {
	ctx := t.Context()
	if err := s.Put(ctx, "", "a", value{}, 0); err == nil {
		t.Error("put without a kind: no error")
	}
	if err := s.Put(ctx, "call", "", value{}, 0); err == nil {
		t.Error("put without an id: no error")
	}
	if err := s.Put(ctx, "call", "a", make(chan int), 0); err == nil {
		t.Error("put of what cannot be encoded: no error")
	}
	if err := s.Put(ctx, "call", "a", nil, 0); err == nil {
		t.Error("put of nothing: no error; Delete is the word for that")
	}
	put(t, s, interpreter.Write{Kind: "call", ID: "a", Value: value{Name: "text"}})
	var wrong struct{ Name int }
	if err := s.Get(ctx, "call", "a", &wrong); err == nil || errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("get into another type: %v, want an error of decoding", err)
	}
}

func endedContext(t *testing.T, s interpreter.Records) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "call", "a", value{}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	err := s.Batch(ctx, []interpreter.Write{{Kind: "call", ID: "a", Value: value{}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("batch: %v, want context.Canceled", err)
	}
	if err := s.Get(ctx, "call", "a", &value{}); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v, want context.Canceled", err)
	}
	wantList(t, s, "call", interpreter.Query{})
}

func put(t *testing.T, s interpreter.Records, w interpreter.Write) {
	t.Helper()
	if err := s.Put(t.Context(), w.Kind, w.ID, w.Value, w.TTL); err != nil {
		t.Fatalf("put %s %s: %v", w.Kind, w.ID, err)
	}
}

func batch(t *testing.T, s interpreter.Records, w ...interpreter.Write) {
	t.Helper()
	if err := s.Batch(t.Context(), w); err != nil {
		t.Fatalf("batch: %v", err)
	}
}

func wantList(t *testing.T, s interpreter.Records, kind string, q interpreter.Query, want ...string) {
	t.Helper()
	got, err := s.List(t.Context(), kind, q)
	if err != nil {
		t.Fatalf("list %s: %v", kind, err)
	}
	if len(got)+len(want) > 0 && !cmp.Equal(want, got) {
		t.Errorf("list %s %+v: got %q, want %q", kind, q, got, want)
	}
}
