package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pintle/interpreter"
)

// listLimit is how many ids a List without a limit gives.
const listLimit = 1000

var (
	errNoValue = errors.New("no value")
	errNoName  = errors.New("a record needs a kind and an id")
)

// Get decodes a record into v, or returns ErrNotFound.
func (s *Store) Get(ctx context.Context, kind, id string, v any) error {
	var b []byte
	err := s.read.QueryRowContext(ctx,
		"SELECT value FROM records WHERE kind = ? AND id = ? AND (expires = 0 OR expires > ?)",
		kind, id, time.Now().UnixMilli()).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		err = interpreter.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("get %s %s: %w", kind, id, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %s %s: %w", kind, id, err)
	}
	return nil
}

// List returns ids in order of their first write. It returns ErrNotFound when q.After is gone.
func (s *Store) List(ctx context.Context, kind string, q interpreter.Query) ([]string, error) {
	ids, err := s.list(ctx, kind, q)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	return ids, nil
}

func (s *Store) list(ctx context.Context, kind string, q interpreter.Query) ([]string, error) {
	text, after := "SELECT id FROM records WHERE kind = ? AND seq > ? "+
		"AND (expires = 0 OR expires > ?) ORDER BY seq LIMIT ?", int64(0)
	if q.Newest {
		text, after = "SELECT id FROM records WHERE kind = ? AND seq < ? "+
			"AND (expires = 0 OR expires > ?) ORDER BY seq DESC LIMIT ?", 1<<62
	}
	if q.After != "" {
		err := s.read.QueryRowContext(ctx, "SELECT seq FROM records WHERE kind = ? AND id = ?", kind, q.After).Scan(&after)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("after %s: %w", q.After, interpreter.ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
	}
	limit := q.Limit
	if limit <= 0 {
		limit = listLimit
	}
	rows, err := s.read.QueryContext(ctx, text, kind, after, time.Now().UnixMilli(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Put writes a record that survives the process when Put returns, and the machine's power a little later.
func (s *Store) Put(ctx context.Context, kind, id string, v any, ttl time.Duration) error {
	if v == nil {
		return fmt.Errorf("put %s %s: %w", kind, id, errNoValue)
	}
	return s.write(ctx, []interpreter.Write{{Kind: kind, ID: id, Value: v, TTL: ttl}}, inLog)
}

// Delete removes a record; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, kind, id string) error {
	return s.write(ctx, []interpreter.Write{{Kind: kind, ID: id}}, inLog)
}

// Batch writes all or nothing, and it is on the disk when Batch returns. Batches at the same time share one fsync.
// While the disk is full it waits for room until ctx ends. An error of ctx means that nothing was written.
func (s *Store) Batch(ctx context.Context, w []interpreter.Write) error {
	return s.write(ctx, w, onDisk)
}

// write hands changes to the writer and waits for their commit.
func (s *Store) write(ctx context.Context, writes []interpreter.Write, how durability) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	r := &request{how: how, done: make(chan error, 1)}
	now := time.Now()
	for _, w := range writes {
		c, err := encode(w, now)
		if err != nil {
			return err
		}
		r.changes = append(r.changes, c)
	}
	if len(r.changes) == 0 {
		return nil
	}
	if err := s.writer.do(ctx, r); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

func encode(w interpreter.Write, now time.Time) (change, error) {
	if w.Kind == "" || w.ID == "" {
		return change{}, fmt.Errorf("write %s %s: %w", w.Kind, w.ID, errNoName)
	}
	if w.Value == nil {
		return change{op: opDelete, kind: w.Kind, id: w.ID}, nil
	}
	b, err := json.Marshal(w.Value)
	if err != nil {
		return change{}, fmt.Errorf("encode %s %s: %w", w.Kind, w.ID, err)
	}
	c := change{op: opPut, kind: w.Kind, id: w.ID, value: b}
	if w.TTL > 0 {
		c.at = now.Add(w.TTL + time.Millisecond - 1).UnixMilli()
	}
	return c, nil
}
