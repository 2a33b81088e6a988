package file

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// disk keeps files in one directory: KEY-N.body with the content and KEY-N.meta beside it. Every copy has names of its
// own, so that dropping an old one never touches its successor. A nil disk keeps nothing.
type disk struct {
	root *os.Root
	next atomic.Int64
}

const (
	bodyEnd = ".body"
	metaEnd = ".meta"
	partEnd = ".part"
)

func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{root: root}
	d.next.Store(time.Now().UnixNano())
	return d, nil
}

// scan reports all whole copies and removes what an end in mid-write left behind.
func (d *disk) scan(found func(key string, e *entry)) error {
	files, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	whole := map[string]bool{}
	for _, f := range files {
		base, isMeta := strings.CutSuffix(f.Name(), metaEnd)
		if !isMeta {
			continue
		}
		e, err := d.load(base)
		if err != nil {
			continue
		}
		whole[base] = true
		key, _, _ := strings.Cut(base, "-")
		found(key, e)
	}
	for _, f := range files {
		base, ours := strings.CutSuffix(f.Name(), bodyEnd)
		if !ours {
			base, ours = strings.CutSuffix(f.Name(), metaEnd)
		}
		if strings.HasSuffix(f.Name(), partEnd) || ours && !whole[base] {
			_ = d.root.Remove(f.Name())
		}
	}
	return nil
}

func (d *disk) load(base string) (*entry, error) {
	raw, err := d.root.ReadFile(base + metaEnd)
	if err != nil {
		return nil, err
	}
	info, err := d.root.Stat(base + bodyEnd)
	if err != nil {
		return nil, err
	}
	e := &entry{body: base, size: info.Size()}
	return e, json.Unmarshal(raw, &e.meta)
}

// write stores a new copy and names it in e.
func (d *disk) write(key string, e *entry, body []byte) error {
	base := key + "-" + strconv.FormatInt(d.next.Add(1), 10)
	if err := d.put(base+bodyEnd, body); err != nil {
		return err
	}
	e.body, e.meta.Sum = base, checksum(body)
	if err := d.putMeta(e); err != nil {
		d.remove(base)
		return err
	}
	return nil
}

// note writes down changed facts about a copy. What is lost here costs one more request after the next start.
func (d *disk) note(e *entry) {
	if d != nil && e.body != "" {
		_ = d.putMeta(e)
	}
}

func (d *disk) putMeta(e *entry) error {
	raw, err := json.Marshal(e.copyMeta())
	if err != nil {
		return err
	}
	return d.put(e.body+metaEnd, raw)
}

// put makes a file appear whole or not at all.
func (d *disk) put(name string, content []byte) error {
	part := name + partEnd
	if err := d.root.WriteFile(part, content, 0o600); err != nil {
		return errors.Join(fmt.Errorf("store audio: %w", err), d.root.Remove(part))
	}
	return d.root.Rename(part, name)
}

// read returns the content of a copy, if it still is what was stored.
func (d *disk) read(e *entry) ([]byte, error) {
	if d == nil || e.body == "" {
		return nil, fs.ErrNotExist
	}
	body, err := d.root.ReadFile(e.body + bodyEnd)
	if err != nil {
		return nil, err
	}
	if checksum(body) != e.copyMeta().Sum {
		return nil, errors.New("audio on disk was changed")
	}
	return body, nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// remove drops a copy; the meta first, so that a body without one is what an early end leaves.
func (d *disk) remove(base string) {
	if d == nil || base == "" {
		return
	}
	_ = d.root.Remove(base + metaEnd)
	_ = d.root.Remove(base + bodyEnd)
}

func (d *disk) close() error {
	if d == nil {
		return nil
	}
	return d.root.Close()
}
