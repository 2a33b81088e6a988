package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pintle/interpreter"
	"pintle/interpreter/outbox"
	"pintle/interpreter/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Reserve: 100_000, Beat: time.Hour, fullPause: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestSuite(t *testing.T) {
	storetest.Records(t, func(t *testing.T) interpreter.Records { return open(t, t.TempDir()) })
}

func TestRecordsOutliveTheStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 5 {
		if err := s.Put(t.Context(), "cdr", fmt.Sprint("id", 9-i), i, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "cdr", "late", 1, 0); err == nil {
		t.Error("put after close: no error")
	}
	s = open(t, dir)
	if err := s.Put(t.Context(), "cdr", "new", 5, 0); err != nil {
		t.Fatal(err)
	}
	ids, err := s.List(t.Context(), "cdr", interpreter.Query{Newest: true, Limit: 3})
	if err != nil || !cmp.Equal(ids, []string{"new", "id5", "id6"}) {
		t.Errorf("after a restart: %q, %v", ids, err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	begun := time.Now()
	_, err := Open(t.Context(), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("second open: %v", err)
	}
	if d := time.Since(begun); d > time.Second {
		t.Errorf("refused after %v", d)
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, path string)
	}{
		{"header", func(t *testing.T, path string) { overwrite(t, path, 0, "not a database") }},
		{"a page", func(t *testing.T, path string) { overwrite(t, path, 3*4096, strings.Repeat("torn", 512)) }},
		{"many pages", func(t *testing.T, path string) { overwrite(t, path, 4096, strings.Repeat("\x00", 5*4096)) }},
		{"emptied", func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }},
		{"cut in half", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.Truncate(path, info.Size()/2))
		}},
		{"gone, with a log left", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.WriteFile(path+"-wal", []byte("left"), 0o600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			var w []interpreter.Write
			for i := range 300 {
				w = append(w, interpreter.Write{Kind: "cdr", ID: interpreter.NewID(),
					Value: fmt.Sprint(i, strings.Repeat("x", 200))})
			}
			must(t, s.Batch(t.Context(), w))
			must(t, s.Close())
			path := filepath.Join(dir, "pintle.db")
			c.damage(t, path)
			again, err := Open(t.Context(), Config{Dir: dir})
			if err == nil {
				again.Close()
				t.Fatal("a damaged file was opened")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "to repair:") {
				t.Errorf("message without file and hint: %v", err)
			}
		})
	}
}

func overwrite(t *testing.T, path string, at int64, with string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(with), at)
	must(t, errors.Join(err, f.Close()))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyFileIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser writes to read-only files")
	}
	dir := t.TempDir()
	must(t, open(t, dir).Close())
	must(t, os.Chmod(filepath.Join(dir, "pintle.db"), 0o400))
	if _, err := Open(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "writable") {
		t.Errorf("open: %v", err)
	}
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	db, err := connect(t.Context(), filepath.Join(t.TempDir(), "m.db"), 1, "synchronous(NORMAL)")
	must(t, err)
	defer db.Close()
	must(t, migrate(t.Context(), db, migrations))
	broken := append(append([]string(nil), migrations...), "CREATE TABLE extra (a); INSERT INTO nowhere VALUES (1);")
	if err := migrate(t.Context(), db, broken); err == nil {
		t.Fatal("no error")
	}
	var n int
	must(t, db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").Scan(&n))
	if n != 0 {
		t.Error("half a migration stayed")
	}
	mended := append(append([]string(nil), migrations...), "CREATE TABLE extra (a); INSERT INTO extra VALUES (1);")
	must(t, migrate(t.Context(), db, mended))
	must(t, migrate(t.Context(), db, mended)) // runs once
	must(t, db.QueryRow("SELECT count(*) FROM extra").Scan(&n))
	if n != 1 {
		t.Errorf("%d rows of the migration, want 1", n)
	}
	if err := migrate(t.Context(), db, migrations); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("file of a newer program: %v", err)
	}
}

func TestBatchesShareCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		var mu sync.Mutex
		commits, synced := 0, 0
		hold, held := make(chan struct{}), make(chan struct{}, 1000)
		inject(s, func(o op) error {
			mu.Lock()
			defer mu.Unlock()
			switch o {
			case opCommit:
				commits++
				if commits == 1 {
					held <- struct{}{}
					<-hold
				}
			case opSync:
				synced++
			default:
			}
			return nil
		})
		var wg sync.WaitGroup
		write := func(i int) {
			must(t, s.Batch(t.Context(), []interpreter.Write{{Kind: "cdr", ID: fmt.Sprint(i), Value: i}}))
		}
		wg.Go(func() { write(0) })
		<-held
		for i := range 100 {
			wg.Go(func() { write(i + 1) })
		}
		synctest.Wait()
		close(hold)
		wg.Wait()
		if commits != 2 || synced < 1 || synced > 2 {
			t.Errorf("%d commits, synced %d times; want 2, and as often at most", commits, synced)
		}
	})
}

func inject(s *Store, f func(op) error) {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	s.writer.inject = f
}

func TestFailedWriteStopsTheStore(t *testing.T) {
	for name, at := range map[string]op{"begin": opBegin, "put": opPut, "commit": opCommit, "sync": opSync} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			must(t, s.Put(t.Context(), "cdr", "before", 1, 0))
			inject(s, func(o op) error {
				if o == at {
					return errors.New("input/output error")
				}
				return nil
			})
			w := []interpreter.Write{{Kind: "cdr", ID: "lost", Value: 1}}
			if err := s.Batch(t.Context(), w); err == nil {
				t.Fatal("a failed commit was called a success")
			}
			inject(s, nil)
			if err := s.Batch(t.Context(), w); !errors.Is(err, errFailed) {
				t.Errorf("next batch: %v, want %v", err, errFailed)
			}
			if s.Health() == nil {
				t.Error("store says it is well")
			}
			var n int
			must(t, s.Get(t.Context(), "cdr", "before", &n)) // reading goes on
			if err := s.Get(t.Context(), "cdr", "lost", &n); at != opSync && !errors.Is(err, interpreter.ErrNotFound) {
				t.Errorf("the failed write: %v", err)
			}
		})
	}
}

func TestFullDiskIsWaitedOut(t *testing.T) {
	s := open(t, t.TempDir())
	limit := func(pages string) {
		if _, err := s.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Error(err)
		}
	}
	var full string
	must(t, s.writer.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&full))
	limit(full)
	var room atomic.Bool
	tries := make(chan struct{}, 1000)
	inject(s, func(o op) error {
		if o == opBegin {
			tries <- struct{}{}
			if room.Load() {
				limit("1000000")
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	big := strings.Repeat("x", 1<<20)
	wg.Go(func() {
		if err := s.Batch(t.Context(), []interpreter.Write{{Kind: "cdr", ID: "patient", Value: big}}); err != nil {
			t.Errorf("a batch that waits: %v", err)
		}
	})
	<-tries
	<-tries // the second try: the first has failed
	if s.Health() == nil {
		t.Error("store says it is well while the disk is full")
	}
	if _, err := os.Stat(s.writer.reserve.path); err == nil {
		t.Error("the reserve was not given up")
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Batch(short, []interpreter.Write{{Kind: "cdr", ID: "hasty", Value: big}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a batch that gives up: %v", err)
	}
	room.Store(true)
	wg.Wait()
	var v string
	must(t, s.Get(t.Context(), "cdr", "patient", &v))
	if err := s.Get(t.Context(), "cdr", "hasty", &v); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("given up: %v, want ErrNotFound", err)
	}
	if err := s.Health(); err != nil {
		t.Errorf("after it has healed: %v", err)
	}
	s.sweep(t.Context())
	if _, err := os.Stat(s.writer.reserve.path); err != nil {
		t.Errorf("the reserve was not filled again: %v", err)
	}
}

func TestSweepDeletesWhatExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		var w []interpreter.Write
		for i := range 700 {
			w = append(w, interpreter.Write{Kind: "nonce", ID: fmt.Sprint(i), Value: i, TTL: time.Minute})
		}
		must(t, s.Batch(t.Context(), append(w, interpreter.Write{Kind: "cdr", ID: "kept", Value: 1})))
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		var n int
		must(t, s.read.QueryRow("SELECT count(*) FROM records").Scan(&n))
		if n != 1 {
			t.Errorf("%d rows left, want 1", n)
		}
	})
}

func TestRecoverClosesCutCalls(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	begun := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	last := interpreter.Post{ID: interpreter.NewID(), Call: "c0", Account: "acc", Method: "POST",
		URL:    "https://app.test/status",
		Params: map[string][]string{"CallStatus": {"in-progress"}, "CallSid": {"CAc0"}, "SequenceNumber": {"2"}}}
	for i := range 250 {
		r := interpreter.CallRecord{ID: fmt.Sprint("c", i), Status: interpreter.StatusInProgress, Started: begun,
			Heartbeat: begun}
		if i == 0 {
			r.Answered, r.Last = begun.Add(5*time.Second), []interpreter.Post{last}
		}
		must(t, s.Put(t.Context(), interpreter.KindCall, r.ID, r, 0))
	}
	must(t, s.Put(t.Context(), interpreter.KindCDR, "c7", interpreter.CDR{Reason: "ended in time"}, 0))
	must(t, s.Close())

	s = open(t, dir)
	o := outbox.New(outbox.Config{Records: s})
	defer o.Close()
	n, err := s.Recover(t.Context(), o)
	if n != 250 || err != nil {
		t.Fatalf("recovered %d, %v; want 250", n, err)
	}
	if n, err = s.Recover(t.Context(), o); n != 0 || err != nil {
		t.Errorf("recovered again %d, %v", n, err)
	}
	var cdr interpreter.CDR
	must(t, s.Get(t.Context(), interpreter.KindCDR, "c0", &cdr))
	if cdr.Fault != 90005 || cdr.Status != interpreter.StatusCompleted || cdr.Last != nil {
		t.Errorf("CDR %+v", cdr)
	}
	if cdr.Ended.After(s.alive) || cdr.Ended.Before(begun) || cdr.Duration != cdr.Ended.Sub(begun) {
		t.Errorf("ended %v after %v; the last sign of life was at %v", cdr.Ended, cdr.Duration, s.alive)
	}
	cdr = interpreter.CDR{}
	must(t, s.Get(t.Context(), interpreter.KindCDR, "c7", &cdr))
	if cdr.Reason != "ended in time" {
		t.Errorf("the record of a call that had ended was replaced: %+v", cdr)
	}
	var post interpreter.Post
	must(t, s.Get(t.Context(), interpreter.KindOutbox, last.ID, &post))
	want := map[string]string{"CallStatus": "completed", "CallSid": "CAc0", "SequenceNumber": "2", "ErrorCode": "90005"}
	for k, v := range want {
		if got := post.Params.Get(k); got != v {
			t.Errorf("last callback: %s=%q, want %q", k, got, v)
		}
	}
}

func TestBackupIsAStore(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.Put(t.Context(), "cdr", "a", 42, 0))
	dir := t.TempDir()
	must(t, s.Backup(t.Context(), filepath.Join(dir, "pintle.db")))
	copied := open(t, dir)
	var n int
	must(t, copied.Get(t.Context(), "cdr", "a", &n))
	if n != 42 {
		t.Errorf("got %d", n)
	}
}
