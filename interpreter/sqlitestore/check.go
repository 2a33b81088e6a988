package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// header is what every SQLite file begins with.
const header = "SQLite format 3\x00"

// hint says how to get the records back.
const hint = "stop the engine and keep a copy of the directory; " +
	"then put a backup in its place, or rebuild the file with\n" +
	"  sqlite3 pintle.db .recover | sqlite3 rebuilt.db && rm -f pintle.db-wal pintle.db-shm && mv rebuilt.db pintle.db"

var errEmpty = errors.New("the file is empty although it was made before")

// damaged wraps the error of a file that cannot be used.
func damaged(path string, err error) error {
	return fmt.Errorf("open database %s: %w\nto repair: %s", path, err, hint)
}

// checkFile looks at a file before SQLite does. SQLite takes an empty file for a new database and throws the log beside
// it away; that would be a store that is silently empty.
func checkFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if info, missing := os.Stat(path + "-wal"); missing == nil && info.Size() > 0 {
			return damaged(path, errors.New("the file is gone, its write-ahead log is still there"))
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("open database: %w; it must be readable and writable for the engine's user", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	b := make([]byte, len(header))
	n, err := io.ReadFull(f, b)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return damaged(path, errEmpty)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return damaged(path, err)
	case !bytes.Equal(b, []byte(header)):
		return damaged(path, errors.New("the header is not that of a database"))
	}
	return nil
}

// makeFile makes the database when there is none. It gets its name when it is complete, so that a crash in the first
// moment of its life does not look like damage.
func makeFile(ctx context.Context, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := path + ".new"
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(fresh + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	db, err := connect(ctx, fresh, 1, "synchronous(FULL)")
	if err != nil {
		return err
	}
	if err := errors.Join(migrate(ctx, db, migrations), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// checkContent reads the whole file and compares it with its indexes.
func checkContent(ctx context.Context, db *sql.DB) error {
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return errors.New(result)
	}
	return nil
}

// syncDir makes the names of new files last.
func syncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing is written through it
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
