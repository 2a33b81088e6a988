package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"sync"

	"pintle/interpreter"
)

// Blobs keeps audio in memory.
type Blobs struct {
	mu    sync.Mutex // guards blobs
	blobs map[string][]byte
	open  map[string]bool // names being written
}

var _ interpreter.Blobs = (*Blobs)(nil)

// NewBlobs returns an empty store.
func NewBlobs() *Blobs { return &Blobs{blobs: map[string][]byte{}, open: map[string]bool{}} }

// generated is what a name made by us looks like: an id, perhaps behind two letters, and an extension.
var generated = regexp.MustCompile(`^[A-Za-z0-9]{16,64}(\.[a-z0-9]{1,8})?$`)

// Create makes a new blob; it can be opened when it is closed.
func (b *Blobs) Create(ctx context.Context, name string) (interpreter.Blob, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	if !generated.MatchString(name) {
		return nil, fmt.Errorf("create blob %q: %w", name, fs.ErrInvalid)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.blobs[name]; ok || b.open[name] {
		return nil, fmt.Errorf("create blob %s: %w", name, fs.ErrExist)
	}
	b.open[name] = true
	return &blob{store: b, name: name}, nil
}

// Open reads a blob, or returns ErrNotFound.
func (b *Blobs) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.blobs[name]
	if !ok {
		return nil, fmt.Errorf("open blob %q: %w", name, interpreter.ErrNotFound)
	}
	return readCloser{bytes.NewReader(data)}, nil
}

// Remove deletes a blob; one that is not there is no error.
func (b *Blobs) Remove(_ context.Context, name string) error {
	if !generated.MatchString(name) {
		return fmt.Errorf("remove blob %q: %w", name, fs.ErrInvalid)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.blobs, name)
	return nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// blob is one being written, by one goroutine.
type blob struct {
	store  *Blobs
	name   string
	data   []byte
	at     int64
	closed bool
}

func (b *blob) Write(p []byte) (int, error) {
	n, err := b.WriteAt(p, b.at)
	b.at += int64(n)
	return n, err
}

func (b *blob) WriteAt(p []byte, off int64) (int, error) {
	if b.closed {
		return 0, fs.ErrClosed
	}
	if off < 0 {
		return 0, errNegative
	}
	if gap := off + int64(len(p)) - int64(len(b.data)); gap > 0 {
		b.data = append(b.data, make([]byte, gap)...)
	}
	return copy(b.data[off:], p), nil
}

var errNegative = errors.New("negative offset")

func (b *blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += int64(len(b.data))
	}
	if offset < 0 {
		return b.at, errNegative
	}
	b.at = offset
	return offset, nil
}

func (b *blob) Close() error {
	if b.closed {
		return fs.ErrClosed
	}
	b.closed = true
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	delete(b.store.open, b.name)
	b.store.blobs[b.name] = b.data
	return nil
}
