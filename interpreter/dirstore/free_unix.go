//go:build unix

package dirstore

import "golang.org/x/sys/unix"

// diskFree is what an ordinary user may still write, and the size of the disk.
func diskFree(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size := uint64(st.Bsize) //nolint:unconvert // signed on Linux, unsigned on others
	return st.Bavail * size, st.Blocks * size, nil
}
