package file

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/maypok86/otter/v2"
)

// Library gives the sound of files in one directory of the operator. Names never lead out of it, not even by links.
// It is safe for concurrent use.
type Library struct {
	root    *os.Root
	flights *flights
	clips   *otter.Cache[string, *Clip]
}

// OpenLibrary opens a directory; memory bounds the octets of decoded sound that are kept (DefaultMemoryBytes if zero).
func OpenLibrary(dir string, memory int64) (*Library, error) {
	if memory <= 0 {
		memory = DefaultMemoryBytes
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open audio directory: %w", err)
	}
	clips, err := otter.New(&otter.Options[string, *Clip]{
		MaximumWeight: uint64(memory),
		Weigher:       func(_ string, c *Clip) uint32 { return uint32(min(c.Bytes(), 1<<31)) + 512 },
		Executor:      func(f func()) { f() },
	})
	if err != nil {
		return nil, fmt.Errorf("open audio directory: %w", err)
	}
	return &Library{root: root, flights: newFlights(), clips: clips}, nil
}

// Get returns the sound of a file, named relative to the directory with slashes. A file that was changed is read
// again. The error wraps fs.ErrNotExist when there is none, or is one of those of Code.
func (l *Library) Get(ctx context.Context, name string) (*Clip, error) {
	info, err := l.root.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("open audio file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open audio file %s: %w", name, unusable("not a regular file"))
	}
	key := name + "\x00" + strconv.FormatInt(info.ModTime().UnixNano(), 36) + "\x00" + strconv.FormatInt(info.Size(), 36)
	if c, ok := l.clips.GetIfPresent(key); ok {
		return c, nil
	}
	return l.flights.do(ctx, key, func(context.Context) (*Clip, error) {
		f, err := l.root.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open audio file: %w", err)
		}
		defer func() { _ = f.Close() }()
		c, err := Open(f, Hint{Name: name})
		if err != nil {
			return nil, err
		}
		l.clips.Set(key, c)
		return c, nil
	})
}

// Close waits for files being read and closes the directory.
func (l *Library) Close() error {
	l.flights.close()
	return l.root.Close()
}
