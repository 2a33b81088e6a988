package dirstore_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pintle/interpreter"
	"pintle/interpreter/dirstore"
	"pintle/interpreter/memstore"
	"pintle/interpreter/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg dirstore.Config) *dirstore.Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := dirstore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) interpreter.Blobs { return open(t, dirstore.Config{}) })
}

func TestCutRecordingIsRepairedAtStart(t *testing.T) {
	dir, id := t.TempDir(), interpreter.NewID()
	s := open(t, dirstore.Config{Dir: dir})
	b, err := s.Create(t.Context(), id+".wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(b, "half a sentence"); err != nil {
		t.Fatal(err)
	}
	s.Close() // the blob is left open, as by a crash

	bad := interpreter.NewID() + ".wav"
	if err = os.WriteFile(filepath.Join(dir, "partial", bad), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no header")
	again := open(t, dirstore.Config{Dir: dir, Repair: func(path string) (bool, error) {
		if strings.HasSuffix(path, bad) {
			return false, broken
		}
		return true, os.WriteFile(path, []byte("mended"), 0o600)
	}})
	r, err := again.Open(t.Context(), id+".wav")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, _ := io.ReadAll(r); string(got) != "mended" {
		t.Errorf("got %q", got)
	}
	cut := again.Recovered()
	if len(cut) != 2 {
		t.Fatalf("recovered %+v, want 2", cut)
	}
	for _, c := range cut {
		if (c.Name == bad) != errors.Is(c.Err, broken) || (c.Name != bad && c.Size != 6) {
			t.Errorf("recovered %+v", c)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "partial")); len(left) != 0 {
		t.Errorf("left in partial: %v", left)
	}

	records := memstore.NewRecords()
	rec := interpreter.RecordingRecord{ID: id, Blob: id + ".wav", Status: "in-progress"}
	if err := records.Put(t.Context(), interpreter.KindRecording, id, rec, 0); err != nil {
		t.Fatal(err)
	}
	if n, err := dirstore.Settle(t.Context(), records, cut); n != 1 || err != nil {
		t.Fatalf("settled %d, %v", n, err)
	}
	if err := records.Get(t.Context(), interpreter.KindRecording, id, &rec); err != nil || rec.Status != "completed" ||
		rec.Fault != 90005 {
		t.Errorf("record %+v, %v", rec, err)
	}
}

func TestFullDiskStopsAndKeeps(t *testing.T) {
	free := uint64(3 << 30)
	s := open(t, dirstore.Config{Free: func(string) (uint64, uint64, error) { return free, 100 << 30, nil }})
	name := interpreter.NewID() + ".wav"
	b, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 256<<10)
	for range 8 {
		if _, err = b.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	free = 1<<30 - 1
	written := 8
	for err = error(nil); err == nil && written < 20; written++ {
		_, err = b.Write(chunk)
	}
	if interpreter.CodeOf(err) != interpreter.CodeRecording {
		t.Fatalf("write to a full disk: %v, want fault 90004", err)
	}
	if _, err = b.(io.WriterAt).WriteAt([]byte("RIFF"), 0); err != nil {
		t.Errorf("the header of a cut recording: %v", err)
	}
	if err = b.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if size, _ := r.Seek(0, io.SeekEnd); size != int64((written-1)*len(chunk)) {
		t.Errorf("%d octets kept, want %d", size, (written-1)*len(chunk))
	}
	if _, err = s.Create(t.Context(), interpreter.NewID()+".wav"); interpreter.CodeOf(err) != interpreter.CodeRecording {
		t.Errorf("create on a full disk: %v, want fault 90004", err)
	}
	free = 2 << 30 // heals without a restart
	b, err = s.Create(t.Context(), interpreter.NewID()+".wav")
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

func TestSymbolicLinksLeadNowhere(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dirstore.Config{Dir: dir})
	id := interpreter.NewID()
	canary := filepath.Join(outside, id+".wav")
	if err := os.WriteFile(canary, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, id[30:])); err != nil {
		t.Skipf("symbolic links cannot be made here: %v", err)
	}
	if r, err := s.Open(t.Context(), id+".wav"); err == nil {
		r.Close()
		t.Error("a link out of the directory was followed")
	}
	if err := s.Remove(t.Context(), id+".wav"); err == nil {
		t.Error("remove followed the link")
	}
	if _, err := os.Stat(canary); errors.Is(err, fs.ErrNotExist) {
		t.Error("the canary is gone")
	}
}
