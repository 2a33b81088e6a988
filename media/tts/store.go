package tts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/maypok86/otter/v2"

	"pintle/media"
	"pintle/media/file"
)

const (
	defaultMemory = 32 << 20
	defaultDisk   = 256 << 20
)

// store keeps what was spoken, by the hash of engine, voice, rate and text.
type store struct {
	clips *otter.Cache[string, *file.Clip]
	files *otter.Cache[string, int64] // sizes of the files in root; nil without a directory
	root  *os.Root
}

func newStore(o Options) (*store, error) {
	s := &store{}
	var err error
	s.clips, err = otter.New(&otter.Options[string, *file.Clip]{
		MaximumWeight: uint64(orDefault(o.MemoryBytes, defaultMemory)),
		Weigher:       func(_ string, c *file.Clip) uint32 { return uint32(c.Bytes()) + 512 },
		Executor:      func(f func()) { f() },
	})
	if err != nil || o.Dir == "" {
		return s, err
	}
	if err = os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	if s.root, err = os.OpenRoot(o.Dir); err != nil {
		return nil, err
	}
	s.files, err = otter.New(&otter.Options[string, int64]{
		MaximumWeight: uint64(orDefault(o.DiskBytes, defaultDisk)),
		Weigher:       func(_ string, size int64) uint32 { return uint32(size) + 512 },
		Executor:      func(f func()) { f() },
		OnDeletion: func(d otter.DeletionEvent[string, int64]) {
			if d.Cause != otter.CauseReplacement {
				_ = s.root.Remove(d.Key)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return s, s.scan(o.Dir)
}

func orDefault(v, otherwise int64) int64 {
	if v > 0 {
		return v
	}
	return otherwise
}

// scan takes over the files of an earlier start.
func (s *store) scan(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.HasSuffix(e.Name(), partEnd) {
			_ = s.root.Remove(e.Name())
			continue
		}
		s.files.Set(e.Name(), info.Size())
	}
	return nil
}

const partEnd = ".part"

// speak returns what is kept, or lets the engine speak and keeps that.
func (s *store) speak(ctx context.Context, e Engine, say Sentence) (*file.Clip, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%.3f\x00%t\x00%s", e.Name(), say.Voice, say.Rate, say.SSML,
		say.Text))
	name := hex.EncodeToString(sum[:]) + ".wav"
	if c, ok := s.clips.GetIfPresent(name); ok {
		return c, nil
	}
	c, err := s.read(name)
	if err != nil {
		if c, err = e.Speak(ctx, say); err != nil {
			return nil, err
		}
		if e.Name() != recordedName { // recordings are in the binary anyway
			s.write(name, c)
		}
	}
	s.clips.Set(name, c)
	return c, nil
}

var errNotKept = errors.New("not kept")

func (s *store) read(name string) (*file.Clip, error) {
	if s.root == nil {
		return nil, errNotKept
	}
	if _, ok := s.files.GetIfPresent(name); !ok {
		return nil, errNotKept
	}
	raw, err := s.root.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return open(raw, "kept")
}

// write keeps a clip on disk. A disk that is full costs time, not the call.
func (s *store) write(name string, c *file.Clip) {
	if s.root == nil || len(c.Samples()) == 0 {
		return
	}
	part := name[:16] + "-" + rand.Text() + partEnd
	if err := writeWAV(s.root, part, c); err != nil {
		_ = s.root.Remove(part)
		return
	}
	if err := s.root.Rename(part, name); err != nil {
		_ = s.root.Remove(part)
		return
	}
	s.files.Set(name, c.Bytes())
}

func writeWAV(root *os.Root, name string, c *file.Clip) (err error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := file.NewWriter(f, c.Rate(), 1)
	if err != nil {
		return err
	}
	return errors.Join(w.WriteFrame(media.Frame(c.Samples())), w.Close())
}
