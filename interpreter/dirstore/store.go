package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"pintle/interpreter"
)

// Config of a Store.
type Config struct {
	// Dir is made when it is absent, readable by its owner alone.
	Dir string
	// Repair mends a file that a crash cut off and tells whether it changed it. Nil: files are taken as they are. It
	// gets the file's path because it is code that knows audio and not this package.
	Repair func(path string) (changed bool, err error)
	// Free measures the disk that holds dir, in octets. Nil: the system is asked; a test says what it likes.
	Free func(dir string) (free, total uint64, err error)
	// Floor is how much of the disk stays free. 0: the smaller of 1 GiB and 5 % of the disk.
	Floor uint64
}

// Store is a directory of blobs.
type Store struct {
	cfg       Config
	root      *os.Root
	recovered []Recovered

	mu sync.Mutex // a name is checked and taken, or published, in one go
}

var _ interpreter.Blobs = (*Store)(nil)

// Recovered is a blob that was being written when the process ended.
type Recovered struct {
	Name string
	Size int64
	Err  error // why it could not be repaired; it is kept as it is
}

const partial = "partial"

// generated is what a name made by us looks like: an id, perhaps behind two letters, and an extension.
var generated = regexp.MustCompile(`^[A-Za-z0-9]{16,64}(\.[a-z0-9]{1,8})?$`)

// Open opens the directory and brings what a crash left behind to its place; Recovered tells what that was.
func Open(cfg Config) (*Store, error) {
	if cfg.Free == nil {
		cfg.Free = diskFree
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, partial), 0o700); err != nil {
		return nil, fmt.Errorf("make audio directory: %w", err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open audio directory: %w", err)
	}
	s := &Store{cfg: cfg, root: root}
	if err := s.recover(); err != nil {
		root.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return s, nil
}

// Close gives the directory back. Blobs that are being written must have been closed before.
func (s *Store) Close() error { return s.root.Close() }

// Recovered tells which blobs Open found half written.
func (s *Store) Recovered() []Recovered { return s.recovered }

// Create makes a new blob. It returns a *Fault 90004 when the disk is too full to begin.
func (s *Store) Create(ctx context.Context, name string) (interpreter.Blob, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	if !generated.MatchString(name) {
		return nil, fmt.Errorf("create blob %q: %w", name, fs.ErrInvalid)
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.root.Stat(place(name)); err == nil {
		return nil, fmt.Errorf("create blob %s: %w", name, fs.ErrExist)
	}
	f, err := s.root.OpenFile(path.Join(partial, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fault(fmt.Errorf("create blob: %w", err))
	}
	return &blob{store: s, name: name, file: f}, nil
}

// Open reads a blob that is complete, or returns ErrNotFound.
func (s *Store) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	if !generated.MatchString(name) {
		return nil, fmt.Errorf("open blob %q: %w", name, interpreter.ErrNotFound)
	}
	f, err := s.root.Open(place(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %s: %w", name, interpreter.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Remove deletes a blob; one that is not there is no error.
func (s *Store) Remove(_ context.Context, name string) error {
	if !generated.MatchString(name) {
		return fmt.Errorf("remove blob %q: %w", name, fs.ErrInvalid)
	}
	if err := s.root.Remove(place(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob: %w", err)
	}
	return nil
}

// place is where a complete blob stands. The last two characters before the extension are random whatever letters the
// id begins with, so they spread the files evenly.
func place(name string) string {
	stem, _, _ := strings.Cut(name, ".")
	return path.Join(strings.ToLower(stem[len(stem)-2:]), name)
}

// publish moves a complete, synced file to its place and makes the move last.
func (s *Store) publish(name string) error {
	to := place(name)
	made := false
	if err := s.root.Mkdir(path.Dir(to), 0o700); err == nil {
		made = true
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.root.Rename(path.Join(partial, name), to); err != nil {
		return err
	}
	if err := s.syncDir(path.Dir(to)); err != nil {
		return err
	}
	if made {
		return s.syncDir(".")
	}
	return nil
}

func (s *Store) syncDir(name string) error {
	d, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// recover brings the files under partial/ to their places. One that cannot be repaired is kept all the same.
func (s *Store) recover() error {
	list, err := fs.ReadDir(s.root.FS(), partial)
	if err != nil {
		return fmt.Errorf("read audio directory: %w", err)
	}
	for _, e := range list {
		if !e.Type().IsRegular() || !generated.MatchString(e.Name()) {
			continue
		}
		r := Recovered{Name: e.Name()}
		if s.cfg.Repair != nil {
			_, r.Err = s.cfg.Repair(filepath.Join(s.cfg.Dir, partial, e.Name()))
		}
		if info, err := s.root.Stat(path.Join(partial, e.Name())); err == nil {
			r.Size = info.Size()
		}
		if err := s.syncFile(path.Join(partial, e.Name())); err != nil {
			return fmt.Errorf("recover recording: %w", err)
		}
		if err := s.publish(e.Name()); err != nil {
			return fmt.Errorf("recover recording: %w", err)
		}
		s.recovered = append(s.recovered, r)
	}
	return nil
}

func (s *Store) syncFile(name string) error {
	f, err := s.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// room returns a fault when the disk has less free space than must stay free.
func (s *Store) room() error {
	free, total, err := s.cfg.Free(s.cfg.Dir)
	if err != nil {
		return nil //nolint:nilerr // a disk that cannot be measured is written to until it refuses
	}
	floor := s.cfg.Floor
	if floor == 0 {
		floor = min(1<<30, total/20)
	}
	if free >= floor {
		return nil
	}
	return fault(fmt.Errorf("%d MiB free, %d MiB must stay free", free>>20, floor>>20))
}

func fault(err error) error {
	return &interpreter.Fault{Code: interpreter.CodeRecording, Msg: "recording cannot be written", Err: err}
}
