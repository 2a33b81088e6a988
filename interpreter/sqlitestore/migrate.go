package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations make the newest form of the file out of any older one. A number that was released never changes; seq
// orders records by their first write.
var migrations = []string{
	1: `CREATE TABLE records (
		seq     INTEGER PRIMARY KEY,
		kind    TEXT    NOT NULL,
		id      TEXT    NOT NULL,
		expires INTEGER NOT NULL, -- Unix time in milliseconds; 0: never
		value   BLOB    NOT NULL  -- JSON
	);
	CREATE UNIQUE INDEX records_id ON records (kind, id);
	CREATE INDEX records_kind ON records (kind, seq);
	CREATE INDEX records_expires ON records (expires) WHERE expires > 0;
	CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);`,
}

// migrate runs the steps the file lacks, each in a transaction of its own: a crash leaves the file as it was before
// the step, and the next start runs it again.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("read the file's version: %w", err)
	}
	if have >= len(steps) {
		return fmt.Errorf("the file has version %d, this program knows %d: it was written by a newer one", have, len(steps)-1)
	}
	for n := have + 1; n < len(steps); n++ {
		if err := step(ctx, db, steps[n], n); err != nil {
			return fmt.Errorf("migrate to version %d: %w", n, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, text string, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, text)
	if err == nil {
		_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", n))
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
