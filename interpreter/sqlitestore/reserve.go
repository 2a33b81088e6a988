package sqlitestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// reserve is a file that exists to be deleted.
type reserve struct {
	path string
	size int64
}

func newReserve(cfg Config) reserve {
	return reserve{path: filepath.Join(cfg.Dir, "pintle.reserve"), size: cfg.Reserve}
}

// fill writes the file unless it is there. The octets are written, since a hole would reserve nothing.
func (r reserve) fill() error {
	if info, err := os.Stat(r.path); err == nil && info.Size() == r.size {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	block := make([]byte, min(r.size, 1<<20))
	for n := int64(0); n < r.size && err == nil; n += int64(len(block)) {
		_, err = f.Write(block[:min(int64(len(block)), r.size-n)])
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(r.path))
	}
	return nil
}

// free gives the room back to the disk and tells whether there was any.
func (r reserve) free() bool {
	err := os.Remove(r.path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}
