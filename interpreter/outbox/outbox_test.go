package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/interpreter/outbox"
)

// web answers callbacks as answer says and writes down when each was asked for.
type web struct {
	begun  time.Time
	answer func(ctx context.Context, f interpreter.Fetch) (int, error)

	mu     sync.Mutex
	log    []string
	tokens map[string]bool
	now    int // exchanges under way
	most   int
}

func newWeb(answer func(ctx context.Context, f interpreter.Fetch) (int, error)) *web {
	return &web{begun: time.Now(), answer: answer, tokens: map[string]bool{}}
}

func (w *web) Session(interpreter.Account) interpreter.Fetcher { return w }

func (w *web) Fetch(ctx context.Context, f interpreter.Fetch) (interpreter.Response, error) {
	u, _ := url.Parse(f.URL)
	w.mu.Lock()
	w.log = append(w.log, fmt.Sprintf("%v %s %s%s", time.Since(w.begun), f.Method, u.Path, f.Params.Get("n")))
	w.tokens[f.Token] = true
	w.now++
	w.most = max(w.most, w.now)
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.now--; w.mu.Unlock() }()
	if f.Purpose != interpreter.ForCallback || f.Timeout != 15*time.Second {
		return interpreter.Response{}, fmt.Errorf("purpose %q, time limit %v", f.Purpose, f.Timeout)
	}
	status, err := w.answer(ctx, f)
	if err == nil && status > 299 {
		err = &interpreter.Fault{Code: interpreter.CodeRetrieval, Msg: fmt.Sprint("status ", status)}
	}
	return interpreter.Response{Status: status}, err
}

func (w *web) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.log...)
}

// sent counts the idempotency tokens seen.
func (w *web) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tokens)
}

func always(status int) func(context.Context, interpreter.Fetch) (int, error) {
	return func(context.Context, interpreter.Fetch) (int, error) { return status, nil }
}

// takes answers 204 after the time that the query's t says, or when the attempt is broken off.
func takes(ctx context.Context, f interpreter.Fetch) (int, error) {
	u, _ := url.Parse(f.URL)
	d, _ := time.ParseDuration(u.Query().Get("t"))
	return 204, interpreter.Sleep(ctx, d)
}

type rig struct {
	*outbox.Outbox
	records *memstore.Records

	mu    sync.Mutex // guards texts
	texts []string
}

// told is what the trace was told so far.
func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.texts...)
}

// start makes an outbox on records, which may come from an earlier one.
func start(t *testing.T, w *web, records *memstore.Records, cfg outbox.Config) *rig {
	t.Helper()
	r := &rig{records: records}
	cfg.Records, cfg.Web = records, w
	cfg.Observer = func(e interpreter.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.texts = append(r.texts, fmt.Sprintf("%s %s %d", e.Call, e.Text, e.Fault))
	}
	r.Outbox = outbox.New(cfg)
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func post(call, path string) interpreter.Post {
	return interpreter.Post{Call: call, Account: "acc", What: "status", URL: "https://user:secret@app.test" + path}
}

func queue(t *testing.T, o *rig, posts ...interpreter.Post) {
	t.Helper()
	if err := o.Queue(t.Context(), posts); err != nil {
		t.Fatal(err)
	}
}

func wantLog(t *testing.T, w *web, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, w.seen()); d != "" {
		t.Errorf("exchanges (-want +got):\n%s", d)
	}
}

func wantStored(t *testing.T, o *rig, kind string, n int) {
	t.Helper()
	ids, err := o.records.List(t.Context(), kind, interpreter.Query{Limit: 20_000})
	if err != nil || len(ids) != n {
		t.Errorf("%d records of kind %s, %v; want %d", len(ids), kind, err, n)
	}
}

func TestFirstAttemptsOfACallGoInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(takes)
		o := start(t, w, memstore.NewRecords(), outbox.Config{})
		queue(t, o, post("c1", "/ringing?t=2s"), post("c1", "/answered?t=12s"), post("c1", "/completed?t=1s"))
		queue(t, o, post("c1", "/recording"), post("c2", "/other"))
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The second takes 12 s and holds up the third by 5 s only; the other call waits for nobody.
		wantTimes(t, w, map[string]string{"/ringing": "0s", "/other": "0s", "/answered": "2s", "/completed": "7s",
			"/recording": "8s"})
		if d := time.Since(w.begun); d != 14*time.Second {
			t.Errorf("drained after %v, want 14s", d)
		}
		wantStored(t, o, interpreter.KindOutbox, 0)
		if n := o.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
	})
}

func wantTimes(t *testing.T, w *web, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, l := range w.seen() {
		f := strings.Fields(l)
		got[f[2]] = f[0]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("times of the attempts (-want +got):\n%s", d)
	}
}

func TestThreeAttemptsThenDeadLetter(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(context.Context, interpreter.Fetch) (int, error)
		times  []string
	}{
		{"5xx", always(503), []string{"0s POST /a", "30s POST /a", "5m0s POST /a"}},
		{"4xx", always(404), []string{"0s POST /a"}},
		{"connection refused", func(context.Context, interpreter.Fetch) (int, error) {
			return 0, &interpreter.Fault{Code: interpreter.CodeConnect, Msg: "refused"}
		}, []string{"0s POST /a", "30s POST /a", "5m0s POST /a"}},
		{"time-out", func(ctx context.Context, _ interpreter.Fetch) (int, error) {
			return 0, errors.Join(interpreter.Sleep(ctx, 15*time.Second),
				&interpreter.Fault{Code: interpreter.CodeConnect, Msg: "time-out"})
		}, []string{"0s POST /a", "30s POST /a", "5m0s POST /a"}},
		{"address refused", func(context.Context, interpreter.Fetch) (int, error) {
			return 0, &interpreter.Fault{Code: interpreter.CodeAddress, Msg: "private"}
		}, []string{"0s POST /a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWeb(c.answer)
				o := start(t, w, memstore.NewRecords(), outbox.Config{})
				queue(t, o, post("c1", "/a"))
				time.Sleep(time.Hour)
				wantLog(t, w, c.times...)
				dead, err := o.DeadLetters(t.Context(), 0)
				if err != nil || len(dead) != 1 || dead[0].Attempts != len(c.times) || dead[0].Code == 0 {
					t.Errorf("dead letters %+v, %v", dead, err)
				}
				wantStored(t, o, interpreter.KindOutbox, 0)
				if w.sent() != 1 {
					t.Errorf("%d idempotency tokens, want the same on each attempt", w.sent())
				}
				told := o.told()
				last := told[len(told)-1]
				if !strings.Contains(last, "given up after") || !strings.HasSuffix(last, "15003") {
					t.Errorf("trace ends with %q", last)
				}
			})
		})
	}
}

func TestRetryHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(nil)
		w.answer = func(_ context.Context, f interpreter.Fetch) (int, error) {
			if strings.HasSuffix(f.URL, "/bad") && time.Since(w.begun) < 10*time.Second {
				return 500, nil
			}
			return 204, nil
		}
		o := start(t, w, memstore.NewRecords(), outbox.Config{})
		queue(t, o, post("c1", "/bad"), post("c1", "/good"))
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantLog(t, w, "0s POST /bad", "0s POST /good")
		if n := o.Pending(); n != 1 {
			t.Errorf("%d pending, want the one that failed", n)
		}
		time.Sleep(time.Minute)
		wantLog(t, w, "0s POST /bad", "0s POST /good", "30s POST /bad")
		wantStored(t, o, outbox.KindDead, 0)
	})
}

func TestRestartTakesUpWhatWasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(nil)
		up := false
		w.answer = func(ctx context.Context, f interpreter.Fetch) (int, error) {
			switch {
			case up:
				return 204, nil
			case strings.HasSuffix(f.URL, "/fails"):
				return 500, nil
			default:
				return 0, interpreter.Sleep(ctx, 15*time.Second)
			}
		}
		o := start(t, w, memstore.NewRecords(), outbox.Config{})
		queue(t, o, post("c1", "/fails"), post("c2", "/hangs"), post("c2", "/behind"))
		time.Sleep(2 * time.Second)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		queue(t, o, post("c3", "/late")) // stored although nobody delivers any more
		wantStored(t, o, interpreter.KindOutbox, 4)
		time.Sleep(8 * time.Second)
		up = true
		next := start(t, w, o.records, outbox.Config{})
		time.Sleep(time.Hour)
		wantTimes(t, w, map[string]string{"/fails": "30s", "/hangs": "10s", "/behind": "10s", "/late": "10s"})
		wantStored(t, next, interpreter.KindOutbox, 0)
		wantStored(t, next, outbox.KindDead, 0)
		if w.sent() != 4 {
			t.Errorf("%d idempotency tokens for 4 callbacks", w.sent())
		}
	})
}

func TestEightAtOnceAtOneHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(takes)
		o := start(t, w, memstore.NewRecords(), outbox.Config{})
		for i := range 40 {
			queue(t, o, post(fmt.Sprint("c", i), "/x?t=1s"))
		}
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if d := time.Since(w.begun); w.most != 8 || d != 5*time.Second {
			t.Errorf("%d at once, done after %v; want 8, 5s", w.most, d)
		}
	})
}

// refusing is a store whose batches fail.
type refusing struct{ *memstore.Records }

func (refusing) Batch(context.Context, []interpreter.Write) error { return errors.New("disk full") }

func TestNothingIsDeliveredThatWasNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(always(204))
		o := outbox.New(outbox.Config{Records: refusing{memstore.NewRecords()}, Web: w})
		defer o.Close()
		if err := o.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := o.Queue(t.Context(), []interpreter.Post{post("c", "/a")}); err == nil {
			t.Error("no error")
		}
		time.Sleep(time.Hour)
		wantLog(t, w)
		if n := o.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
	})
}

func TestBatchHoldsOtherWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(takes)
		o := start(t, w, memstore.NewRecords(), outbox.Config{})
		cdr := interpreter.Write{Kind: interpreter.KindCDR, ID: "c", Value: interpreter.CDR{By: "caller"}}
		if err := o.Queue(t.Context(), nil, cdr); err != nil {
			t.Fatal(err)
		}
		get := post("c", "/a")
		get.Method, get.Params = "GET", url.Values{"n": {"7"}}
		if err := o.Queue(t.Context(), []interpreter.Post{get}, cdr); err != nil {
			t.Fatal(err)
		}
		wantStored(t, o, interpreter.KindCDR, 1)
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantLog(t, w, "0s GET /a7")
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(always(404))
		o := start(t, w, memstore.NewRecords(), outbox.Config{Pending: 3, Dead: 4})
		var posts []interpreter.Post
		for i := range 5 {
			posts = append(posts, post("c", fmt.Sprint("/", i)))
		}
		queue(t, o, posts...)
		time.Sleep(time.Hour)
		wantLog(t, w, "0s POST /0", "0s POST /1", "0s POST /2")
		wantStored(t, o, outbox.KindDead, 4) // of the two refused and the three that failed
		dead, err := o.DeadLetters(t.Context(), 1)
		if err != nil || len(dead) != 1 || !strings.HasSuffix(dead[0].URL, "/2") {
			t.Errorf("newest dead letter %+v, %v", dead, err)
		}
		if strings.Contains(strings.Join(o.told(), ""), "secret") {
			t.Error("a password of a URL is in the trace")
		}
	})
}
