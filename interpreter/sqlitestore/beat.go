package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"pintle/interpreter"
)

// recoverChunk is how many calls Recover closes in one batch.
const recoverChunk = 100

// beat writes a sign of life: one for all open calls, since they live and die with the process.
func (s *Store) beat(ctx context.Context) {
	r := &request{changes: []change{{op: opBeat, at: time.Now().UnixMilli()}}, done: make(chan error, 1)}
	if err := s.writer.do(ctx, r); err != nil && ctx.Err() == nil {
		s.cfg.Log.WithError(err).Debug("write a sign of life")
	}
}

// sweep deletes what has expired, a little at a time so that calls do not wait for it, and fills the reserve again.
func (s *Store) sweep(ctx context.Context) {
	now := time.Now().UnixMilli()
	for ctx.Err() == nil {
		var one int
		err := s.read.QueryRowContext(ctx, "SELECT 1 FROM records WHERE expires > 0 AND expires <= ? LIMIT 1", now).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err == nil {
			err = s.writer.do(ctx, &request{changes: []change{{op: opSweep, at: now}}, done: make(chan error, 1)})
		}
		if err != nil {
			s.cfg.Log.WithError(err).Debug("delete expired records")
			return
		}
	}
	if s.writer.health() == nil {
		if err := s.writer.reserve.fill(); err != nil {
			s.cfg.Log.WithError(err).Debug("fill the reserve")
		}
	}
	s.trace.sweep(ctx, time.Now().Add(-s.cfg.KeepTrace))
}

func lastBeat(ctx context.Context, db *sql.DB) (time.Time, error) {
	var ms int64
	err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'alive'").Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(ms).UTC(), nil
}

// Recover closes the calls that an earlier run left open: each gets a CDR with code 90005 that ends at the last sign of
// life, and its last status callbacks are queued in the same batch. It is called before the first call is taken and
// returns how many calls it closed. When it fails it may be called again: what was closed stays so.
func (s *Store) Recover(ctx context.Context, out interpreter.Outbox) (int, error) {
	n := 0
	for {
		ids, err := s.List(ctx, interpreter.KindCall, interpreter.Query{Limit: recoverChunk})
		if err != nil {
			return n, fmt.Errorf("recover calls: %w", err)
		}
		closed, err := s.closeCut(ctx, out, ids)
		n += closed
		if err != nil {
			return n, fmt.Errorf("recover calls: %w", err)
		}
		if len(ids) < recoverChunk || closed == 0 {
			return n, nil
		}
	}
}

// closeCut closes calls of an earlier run in one batch.
func (s *Store) closeCut(ctx context.Context, out interpreter.Outbox, ids []string) (int, error) {
	var posts []interpreter.Post
	var writes []interpreter.Write
	n := 0
	for _, id := range ids {
		var r interpreter.CallRecord
		if err := s.Get(ctx, interpreter.KindCall, id, &r); err != nil {
			return 0, err
		}
		if !r.Started.Before(s.opened) {
			continue
		}
		n++
		writes = append(writes, interpreter.Write{Kind: interpreter.KindCall, ID: id})
		var done interpreter.CDR
		err := s.Get(ctx, interpreter.KindCDR, id, &done)
		if err == nil { // the call had ended; a late change brought its open record back
			continue
		}
		if !errors.Is(err, interpreter.ErrNotFound) {
			return 0, err
		}
		cdr, last := interpreter.Interrupted(r, s.alive)
		writes = append(writes, interpreter.Write{Kind: interpreter.KindCDR, ID: id, Value: cdr})
		posts = append(posts, last...)
	}
	if n == 0 {
		return 0, nil
	}
	return n, out.Queue(ctx, posts, writes...)
}
