package sqlitestore

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pintle/interpreter"
)

// Limits of the trace: it is written in batches, and what comes faster than it can be written is dropped.
const (
	traceQueue = 8192
	traceBatch = 500
	tracePause = 50 * time.Millisecond
	squeezeAt  = 1 << 10 // events above this size are compressed
)

const traceForm = `CREATE TABLE IF NOT EXISTS events (
	n     INTEGER PRIMARY KEY,
	call  TEXT    NOT NULL,
	seq   INTEGER NOT NULL,
	time  INTEGER NOT NULL, -- Unix time in milliseconds
	event BLOB    NOT NULL  -- JSON, or JSON in gzip
);
CREATE INDEX IF NOT EXISTS events_call ON events (call, n);
CREATE INDEX IF NOT EXISTS events_time ON events (time);`

// traceLog keeps the events of calls in a file of its own, so that a busy trace never delays a record, and a broken one
// never keeps the engine from starting.
type traceLog struct {
	cfg  Config
	db   *sql.DB
	wake chan struct{}
	quit chan struct{}
	gzip *gzip.Writer // of run alone; a new one for each event would be half a megabyte of garbage

	mu      sync.Mutex // guards what follows
	queue   []row
	dropped uint64
}

type row struct {
	call  string
	seq   int
	at    int64
	event []byte
}

func openTrace(ctx context.Context, cfg Config) (*traceLog, error) {
	path := filepath.Join(cfg.Dir, "trace.db")
	db, err := tryTrace(ctx, path)
	if err != nil {
		aside := fmt.Sprintf("%s.damaged-%d", path, time.Now().Unix())
		cfg.Log.WithError(err).Errorf("the trace of earlier calls cannot be read; it is kept as %s", aside)
		for _, end := range []string{"", "-wal", "-shm"} {
			_ = os.Rename(path+end, aside+end) //nolint:errcheck // what is not there need not be moved
		}
		if db, err = tryTrace(ctx, path); err != nil {
			return nil, fmt.Errorf("open trace %s: %w", path, err)
		}
	}
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &traceLog{cfg: cfg, db: db, wake: make(chan struct{}, 1), quit: make(chan struct{}), gzip: z}, nil
}

func tryTrace(ctx context.Context, path string) (*sql.DB, error) {
	db, err := connect(ctx, path, 2, "synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, traceForm); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Observe is an [interpreter.Observer] that keeps the events of all calls for [Store.Trace]. It never waits: when
// events come faster than they can be written the finer ones are dropped first, and counted; the end of a call and its
// faults are never dropped.
func (s *Store) Observe(e interpreter.Event) { s.trace.add(e) }

// Dropped counts the events that had no room.
func (s *Store) Dropped() uint64 {
	s.trace.mu.Lock()
	defer s.trace.mu.Unlock()
	return s.trace.dropped
}

func (t *traceLog) add(e interpreter.Event) {
	t.mu.Lock()
	n := len(t.queue)
	if (n >= traceQueue && !lasting(e.Kind)) || (n >= traceQueue/2 && fine(e.Kind)) {
		t.dropped++
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	b, err := json.Marshal(e) // now: the event's slices belong to the call
	if err != nil {
		e.Data = nil
		b, _ = json.Marshal(e) //nolint:errcheck // without Data there is nothing that cannot be encoded
	}
	t.mu.Lock()
	t.queue = append(t.queue, row{call: e.Call, seq: e.Seq, at: e.Time.UnixMilli(), event: b})
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// fine tells of events that one can do without when there are too many.
func fine(kind string) bool {
	switch kind {
	case interpreter.EvMedia, interpreter.EvSIP, interpreter.EvVerbEnd, interpreter.EvPlayEnd:
		return true
	default:
		return false
	}
}

func lasting(kind string) bool {
	switch kind {
	case interpreter.EvCDR, interpreter.EvHangup, interpreter.EvFault:
		return true
	default:
		return false
	}
}

// run writes batches until close, and then what is left.
func (t *traceLog) run() {
	for {
		select {
		case <-t.wake:
		case <-t.quit:
			for t.flush() > 0 {
			}
			return
		}
		select {
		case <-time.After(tracePause): // more comes in the meantime
		case <-t.quit:
		}
		for t.flush() == traceBatch {
		}
	}
}

// flush writes one batch and returns its size.
func (t *traceLog) flush() int {
	t.mu.Lock()
	n := min(traceBatch, len(t.queue))
	batch := append([]row(nil), t.queue[:n]...)
	t.queue = append(t.queue[:0], t.queue[n:]...)
	t.mu.Unlock()
	if n == 0 {
		return 0
	}
	if err := t.write(batch); err != nil {
		t.cfg.Log.WithError(err).Warn("write trace")
		t.mu.Lock()
		t.dropped += uint64(n) //nolint:gosec // n is small
		t.mu.Unlock()
	}
	return n
}

func (t *traceLog) write(batch []row) error {
	ctx := context.Background()
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	st, err := tx.PrepareContext(ctx, "INSERT INTO events (call, seq, time, event) VALUES (?, ?, ?, ?)")
	for i := 0; err == nil && i < len(batch); i++ {
		r := batch[i]
		_, err = st.ExecContext(ctx, r.call, r.seq, r.at, t.squeeze(r.event))
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (t *traceLog) sweep(ctx context.Context, before time.Time) {
	const some = "DELETE FROM events WHERE n IN (SELECT n FROM events WHERE time < ? ORDER BY time LIMIT 2000)"
	for ctx.Err() == nil {
		r, err := t.db.ExecContext(ctx, some, before.UnixMilli())
		if err != nil {
			t.cfg.Log.WithError(err).Debug("delete old trace")
			return
		}
		if n, err := r.RowsAffected(); err != nil || n < 2000 {
			return
		}
	}
}

func (t *traceLog) close() { close(t.quit) }

func (t *traceLog) squeeze(b []byte) []byte {
	if len(b) < squeezeAt {
		return b
	}
	var buf bytes.Buffer
	t.gzip.Reset(&buf)
	if _, err := t.gzip.Write(b); err != nil || t.gzip.Close() != nil {
		return b
	}
	return buf.Bytes()
}

func stretch(b []byte) ([]byte, error) {
	if len(b) < 2 || b[0] != 0x1f || b[1] != 0x8b {
		return b, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, 16<<20))
}
