package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// measureEvery is how much is written between two looks at the free space; a minute of speech at 8 kHz.
const measureEvery = 1 << 20

// blob is a file being written. Its methods may be called by several goroutines, as those of a file.
type blob struct {
	store *Store
	name  string
	file  *os.File

	mu     sync.Mutex // guards what follows
	since  int        // octets since the free space was measured
	full   error      // the disk is full: nothing more is written
	closed bool
}

// Write appends at the blob's place. A *Fault 90004 says that the disk is full or failed; what was written stays.
func (b *blob) Write(p []byte) (int, error) {
	if err := b.may(len(p)); err != nil {
		return 0, err
	}
	n, err := b.file.Write(p)
	return n, b.failed(err)
}

// WriteAt writes at an offset without moving the blob's place: headers are refreshed with it. It never grows a full
// disk's file, so it is allowed to the end.
func (b *blob) WriteAt(p []byte, off int64) (int, error) {
	n, err := b.file.WriteAt(p, off)
	if err != nil {
		err = fault(err)
	}
	return n, err
}

// Seek moves the blob's place.
func (b *blob) Seek(offset int64, whence int) (int64, error) { return b.file.Seek(offset, whence) }

// Close makes what was written last and lets it be opened. When it fails the file stays where the next start finds it.
func (b *blob) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return fs.ErrClosed
	}
	b.closed = true
	b.mu.Unlock()
	err := errors.Join(b.file.Sync(), b.file.Close())
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	if err == nil {
		err = b.store.publish(b.name)
	}
	if err != nil {
		return fault(err)
	}
	return nil
}

func (b *blob) may(n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full != nil {
		return b.full
	}
	b.since += n
	if b.since < measureEvery {
		return nil
	}
	b.since = 0
	b.full = b.store.room()
	return b.full
}

// failed remembers that the disk refused: a recording with a hole in it would lie about its length.
func (b *blob) failed(err error) error {
	if err == nil {
		return nil
	}
	err = fault(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = err
	return err
}
