//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// openFiles is how many files this process has open, 0 where that cannot be seen, and how many it may.
func openFiles() (open int, limit uint64) {
	if list, err := os.ReadDir("/dev/fd"); err == nil {
		open = len(list)
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return open, 0
	}
	return open, uint64(l.Cur) //nolint:unconvert // signed on some systems
}

// diskSpace is what an ordinary user may still write in a folder, and the size of its disk.
func diskSpace(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size := uint64(st.Bsize)                               //nolint:unconvert // signed on Linux, unsigned on others
	return uint64(st.Bavail) * size, st.Blocks * size, nil //nolint:unconvert // signed on some systems
}
