//go:build !unix

package sqlitestore

import (
	"fmt"
	"os"
)

// takeLock cannot lock here; SQLite's own locks keep the file whole, and two engines would fail on their ports.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return f, nil
}
