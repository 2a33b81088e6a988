package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"pintle/interpreter"
)

// Config of a Store. Only Dir is required.
type Config struct {
	Dir       string        // made when absent, readable by its owner alone
	Beat      time.Duration // between two signs of life; 10 s
	Sweep     time.Duration // between two looks for what has expired; 1 min
	KeepTrace time.Duration // how long traces of calls are kept; 7 days
	Reserve   int64         // room kept for the records of running calls on a full disk, in octets; 16 MiB
	Log       *logrus.Entry

	fullPause time.Duration // before a full disk is tried again; 1 s
}

// Store keeps records of all kinds, and the traces of calls.
type Store struct {
	cfg    Config
	path   string
	lock   *os.File
	db     *sql.DB // the writer's connection
	read   *sql.DB
	writer *writer
	trace  *traceLog

	opened time.Time
	alive  time.Time // last sign of life of the run before this one

	stop   context.CancelFunc
	wg     sync.WaitGroup
	closed atomic.Bool
}

var _ interpreter.Records = (*Store)(nil)

const databaseName = "pintle.db"

// readers is how many connections read at once.
const readers = 4

// Open opens the store, or makes it. It fails when another process has it, or when the file is damaged; the message
// then says how to repair it. It never begins anew in place of a file that cannot be read.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg.withDefaults(), path: filepath.Join(cfg.Dir, databaseName), opened: time.Now()}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	var err error
	if s.lock, err = takeLock(filepath.Join(cfg.Dir, "pintle.lock")); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.wg.Go(s.writer.run)
	s.wg.Go(s.trace.run)
	s.wg.Go(func() { s.every(run, s.cfg.Beat, s.beat) })
	s.wg.Go(func() { s.every(run, s.cfg.Sweep, s.sweep) })
	s.beat(run)
	return s, nil
}

func (c Config) withDefaults() Config {
	set := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&c.Beat, 10*time.Second)
	set(&c.Sweep, time.Minute)
	set(&c.KeepTrace, 7*24*time.Hour)
	set(&c.fullPause, time.Second)
	if c.Reserve <= 0 {
		c.Reserve = 16 << 20
	}
	if c.Log == nil {
		l := logrus.New()
		l.SetLevel(logrus.PanicLevel)
		c.Log = logrus.NewEntry(l)
	}
	return c
}

func (s *Store) open(ctx context.Context) error {
	if err := checkFile(s.path); err != nil {
		return err
	}
	if err := makeFile(ctx, s.path); err != nil {
		return fmt.Errorf("make database %s: %w", s.path, err)
	}
	var err error
	if s.db, err = connect(ctx, s.path, 1, "synchronous(NORMAL)"); err != nil {
		return damaged(s.path, err)
	}
	if err = checkContent(ctx, s.db); err != nil {
		return damaged(s.path, err)
	}
	if err = migrate(ctx, s.db, migrations); err != nil {
		return fmt.Errorf("open database %s: %w", s.path, err)
	}
	if s.alive, err = lastBeat(ctx, s.db); err != nil {
		return damaged(s.path, err)
	}
	if s.writer, err = newWriter(ctx, s.db, s.cfg); err != nil {
		return damaged(s.path, err)
	}
	if s.read, err = connect(ctx, s.path, readers, "query_only(1)"); err != nil {
		return damaged(s.path, err)
	}
	s.trace, err = openTrace(ctx, s.cfg)
	return err
}

// Close writes what waits, ends the store's goroutines and gives the directory back. A second call does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.stop()
	s.trace.close()
	s.writer.close()
	s.wg.Wait()
	return s.release()
}

// Health is nil while the store takes writes, and says otherwise what is wrong: the disk is full, or a write failed and
// the store stopped. New calls should be refused then.
func (s *Store) Health() error { return s.writer.health() }

// Backup writes a consistent copy of the records to a new file while the store runs.
func (s *Store) Backup(ctx context.Context, path string) error {
	db, err := connect(ctx, s.path, 1, "synchronous(FULL)")
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer db.Close() //nolint:errcheck // VACUUM has written all by itself
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return nil
}

func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.release())
	}
	if s.trace != nil {
		errs = append(errs, s.trace.db.Close())
	}
	for _, db := range []*sql.DB{s.read, s.db} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// every calls f at each interval until ctx ends.
func (s *Store) every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	for interpreter.Sleep(ctx, interval) == nil {
		f(ctx)
	}
}

// connect opens a file in WAL mode with so many connections at most.
func connect(ctx context.Context, path string, n int, pragma string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(1)",
		"journal_size_limit(67108864)", pragma}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
