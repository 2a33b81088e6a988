//go:build unix

package sqlitestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// takeLock makes this process the only one that uses the directory, until the file is closed or the process ends
// however it does. The file holds the process id for the message that the next one gets.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close() //nolint:errcheck // it was only read
		return nil, fmt.Errorf(
			"data directory is in use by process %s: %s is locked; stop that process, or choose another directory",
			strings.TrimSpace(string(pid)), path)
	}
	if err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return nil, fmt.Errorf("lock data directory: %s: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}
