package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// durability is what a commit waits for.
type durability uint8

const (
	inLog  durability = iota // written to the log: survives the process
	onDisk                   // and fsynced: survives the power
)

// op is one kind of statement of the writer.
type op uint8

const (
	opBegin op = iota
	opCommit
	opRollback
	opPut
	opDelete
	opBeat
	opSweep
	ops // how many there are

	opSync = ops // no statement: the log is brought to the disk
)

var statements = [ops]string{
	opBegin:    "BEGIN IMMEDIATE",
	opCommit:   "COMMIT",
	opRollback: "ROLLBACK",
	// A record that has expired does not exist: writing it again is its first write.
	opPut: `INSERT INTO records (seq, kind, id, expires, value) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value, expires = excluded.expires,
		seq = CASE WHEN records.expires > 0 AND records.expires <= ?6 THEN excluded.seq ELSE records.seq END`,
	opDelete: "DELETE FROM records WHERE kind = ?1 AND id = ?2",
	opBeat: "INSERT INTO meta (name, value) VALUES ('alive', ?1) " +
		"ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	opSweep: "DELETE FROM records WHERE seq IN (SELECT seq FROM records WHERE expires > 0 AND expires <= ?1 LIMIT 500)",
}

// change is one statement with its values; at is a time in Unix milliseconds.
type change struct {
	op       op
	kind, id string
	at       int64
	value    []byte
}

// request is a list of changes that are written together, and whom to tell.
type request struct {
	changes []change
	how     durability
	state   atomic.Uint32
	done    chan error // one error; buffered, so that the writer never waits
}

// States of a request: the writer takes a waiting one, its owner may abandon one that waits.
const (
	waiting uint32 = iota
	taken
	abandoned
)

// groupMost bounds one transaction, so that the first of a group does not wait for ever.
const groupMost = 512

var (
	errClosed = errors.New("store is closed")
	errFailed = errors.New("store has stopped after a failed write; restart the engine when the disk is well")
)

// writer owns the one connection that writes. It commits without waiting for the disk; what must be there before
// anyone is told goes on to the syncer.
type writer struct {
	cfg      Config
	conn     *sql.Conn
	prepared [ops]*sql.Stmt
	reserve  reserve

	requests chan *request
	quit     chan struct{} // asks run to end
	ended    chan struct{} // run has ended

	seq int64 // of the latest new record
	log syncer

	mu     sync.Mutex     // guards what follows
	state  error          // nil while all is well
	failed bool           // for good
	inject func(op) error // fails statements in tests
}

func newWriter(ctx context.Context, db *sql.DB, cfg Config) (*writer, error) {
	w := &writer{cfg: cfg, log: newSyncer(cfg), requests: make(chan *request, groupMost), quit: make(chan struct{}),
		ended: make(chan struct{}), reserve: newReserve(cfg)}
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM records").Scan(&w.seq); err != nil {
		return nil, err
	}
	var err error
	if w.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	for i, text := range statements {
		if w.prepared[i], err = w.conn.PrepareContext(ctx, text); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare statement: %w", err), w.release())
		}
	}
	if err := w.reserve.fill(); err != nil {
		cfg.Log.WithError(err).Warn("no room for the reserve that records use when the disk is full")
	}
	return w, nil
}

// do waits until the request is committed. An error of ctx means that it was not and will not be.
func (w *writer) do(ctx context.Context, r *request) error {
	select {
	case w.requests <- r:
	case <-w.quit:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-r.done:
		return err
	case <-w.ended:
		return r.late()
	case <-ctx.Done():
	}
	for !r.state.CompareAndSwap(waiting, abandoned) { // under way: the outcome is near, unless the disk is full
		select {
		case err := <-r.done:
			return err
		case <-w.ended:
			return r.late()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return context.Cause(ctx)
}

// late is what became of a request when the writer has ended: it may have been the last one, or have come too late.
func (r *request) late() error {
	select {
	case err := <-r.done:
		return err
	default:
		return errClosed
	}
}

// run commits groups of requests until close, and then those that wait.
func (w *writer) run() {
	defer close(w.ended)
	var syncing sync.WaitGroup
	syncing.Go(w.syncAll)
	defer syncing.Wait()
	defer close(w.log.committed)
	for {
		select {
		case r := <-w.requests:
			w.group(r)
		case <-w.quit:
			for {
				select {
				case r := <-w.requests:
					w.group(r)
				default:
					return
				}
			}
		}
	}
}

// group commits a request together with all that wait behind it.
func (w *writer) group(first *request) {
	list := append(make([]*request, 0, 16), first)
	for more := true; more && len(list) < groupMost; {
		select {
		case r := <-w.requests:
			list = append(list, r)
		default:
			more = false
		}
	}
	for {
		list = take(list)
		if len(list) == 0 {
			return
		}
		err := w.commit(list)
		if err == nil {
			w.tell(list)
			return
		}
		if !w.waitOut(err) {
			for _, r := range list {
				r.done <- err
			}
			return
		}
		for _, r := range list {
			r.state.Store(waiting)
		}
		select {
		case <-time.After(w.cfg.fullPause):
		case <-w.quit: // one last try
		}
	}
}

// take keeps the requests whose owners still wait.
func take(list []*request) []*request {
	kept := list[:0]
	for _, r := range list {
		if r.state.CompareAndSwap(waiting, taken) {
			kept = append(kept, r)
		}
	}
	return kept
}

// waitOut tells whether a failed commit is tried again: a full disk may get room. Any other failure is for good.
func (w *writer) waitOut(err error) bool {
	var e *sqlite.Error
	full := errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL
	w.mu.Lock()
	before := w.state
	w.state, w.failed = err, w.failed || !full
	failed := w.failed
	w.mu.Unlock()
	if failed {
		if before == nil {
			w.cfg.Log.WithError(err).Error("store stopped: a write failed")
		}
		return false
	}
	if w.reserve.free() {
		w.cfg.Log.Warn("disk full: records use the reserve now; make room")
	} else if before == nil {
		w.cfg.Log.WithError(err).Error("disk full: records wait for room")
	}
	select {
	case <-w.quit:
		return false
	default:
		return true
	}
}

// commit writes all changes of a group in one transaction.
func (w *writer) commit(list []*request) error {
	if w.stopped() {
		return errFailed
	}
	if err := w.exec(opBegin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	seq := w.seq
	err := w.apply(list)
	if err == nil {
		err = w.exec(opCommit)
	}
	if err != nil {
		w.seq = seq
		if back := w.exec(opRollback); back != nil {
			w.cfg.Log.WithError(back).Debug("roll back") // a full disk may have rolled back by itself
		}
		return fmt.Errorf("commit: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.failed { // the log may have failed to reach the disk meanwhile
		w.state = nil
	}
	return nil
}

func (w *writer) apply(list []*request) error {
	now := time.Now().UnixMilli()
	for _, r := range list {
		for _, c := range r.changes {
			var err error
			switch c.op {
			case opPut:
				w.seq++
				err = w.exec(opPut, w.seq, c.kind, c.id, c.at, c.value, now)
			case opDelete:
				err = w.exec(opDelete, c.kind, c.id)
			default:
				err = w.exec(c.op, c.at)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) exec(o op, args ...any) error {
	if err := w.injected(o); err != nil {
		return err
	}
	// Not under a request's context: a commit that has begun is brought to its end.
	_, err := w.prepared[o].ExecContext(context.Background(), args...)
	return err
}

// injected is what a test lets an operation end with.
func (w *writer) injected(o op) error {
	w.mu.Lock()
	inject := w.inject
	w.mu.Unlock()
	if inject == nil {
		return nil
	}
	return inject(o)
}

func (w *writer) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *writer) health() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *writer) close() { close(w.quit) }

func (w *writer) release() error {
	var errs []error
	for _, st := range w.prepared {
		if st != nil {
			errs = append(errs, st.Close())
		}
	}
	return errors.Join(append(errs, w.conn.Close())...)
}
