package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"pintle/interpreter"
)

// Blobs runs the suite. Open gives a fresh, empty store for each case and closes it by t.Cleanup.
func Blobs(t *testing.T, open func(t *testing.T) interpreter.Blobs) {
	cases := []struct {
		name string
		run  func(t *testing.T, s interpreter.Blobs)
	}{
		{"RoundTrip", blobRoundTrip},
		{"PatchedHeader", patchedHeader},
		{"ThereWhenClosed", thereWhenClosed},
		{"NamesOnce", namesOnce},
		{"Removed", removed},
		{"ForeignNames", foreignNames},
		{"ManyAtOnce", manyAtOnce},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, open(t)) })
		})
	}
}

func blobRoundTrip(t *testing.T, s interpreter.Blobs) {
	name := interpreter.NewID() + ".wav"
	want := bytes.Repeat([]byte("0123456789abcdef"), 70_000)
	write(t, s, name, want)
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read back %d octets, %v; want %d", len(got), err, len(want))
	}
	if at, err := r.Seek(-6, io.SeekEnd); err != nil || at != int64(len(want)-6) {
		t.Errorf("seek: %d, %v", at, err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "abcdef" {
		t.Errorf("after the seek: %q, %v", got, err)
	}
}

// patchedHeader writes as writers of WAV files do: sizes at the front become known at the end.
func patchedHeader(t *testing.T, s interpreter.Blobs) {
	name := interpreter.NewID() + ".wav"
	b, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, "RIFF????data")
	if _, err := b.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, "0008")
	if _, err := b.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, "end")
	if w, ok := b.(io.WriterAt); ok { // a blob that has it need not be seeked to refresh its header
		if _, err := w.WriteAt([]byte("9"), 7); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, b, "!")
	} else {
		t.Error("the blob is no io.WriterAt; a crash would leave its recording with a stale header")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, name); got != "RIFF0009dataend!" {
		t.Errorf("got %q", got)
	}
}

func thereWhenClosed(t *testing.T, s interpreter.Blobs) {
	name := interpreter.NewID() + ".wav"
	b, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, "half")
	if _, err := s.Open(t.Context(), name); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("open of a blob being written: %v, want ErrNotFound", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, name); got != "half" {
		t.Errorf("got %q", got)
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("write after close: no error")
	}
	if err := b.Close(); err == nil {
		t.Error("second close: no error")
	}
}

func namesOnce(t *testing.T, s interpreter.Blobs) {
	name := interpreter.NewID() + ".wav"
	b, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), name); err == nil {
		t.Error("create while the name is being written: no error")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), name); err == nil {
		t.Error("create of a name that is there: no error")
	}
}

func removed(t *testing.T, s interpreter.Blobs) {
	name := interpreter.NewID() + ".wav"
	write(t, s, name, []byte("x"))
	for range 2 { // removing what is not there is no error
		if err := s.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(t.Context(), name); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("open of a removed blob: %v, want ErrNotFound", err)
	}
}

func foreignNames(t *testing.T, s interpreter.Blobs) {
	id := interpreter.NewID()
	for _, name := range []string{
		"", ".", "..", "/", "a", "a.wav", id[:8] + "/" + id[8:], "../" + id, "/" + id, id + "/..", `..\` + id,
		id + "\x00.wav",
		id + ".wav/", id + "..", id + ".", id + ".w/v", "%2e%2e%2f" + id, id + ".wav.wav.wav", id + " .wav", "C:" + id,
		"．．/" + id,
		id + id + id + id,
	} {
		if b, err := s.Create(t.Context(), name); err == nil {
			b.Close()
			t.Errorf("create %q: no error", name)
		}
		if r, err := s.Open(t.Context(), name); !errors.Is(err, interpreter.ErrNotFound) {
			if r != nil {
				r.Close()
			}
			t.Errorf("open %q: %v, want ErrNotFound", name, err)
		}
		if err := s.Remove(t.Context(), name); err == nil {
			t.Errorf("remove %q: no error", name)
		}
	}
}

func manyAtOnce(t *testing.T, s interpreter.Blobs) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := interpreter.NewID() + ".wav"
			want := fmt.Sprint("sound ", i)
			b, err := s.Create(t.Context(), name)
			if err != nil {
				t.Error(err)
				return
			}
			_, werr := io.WriteString(b, want)
			if err = errors.Join(werr, b.Close()); err != nil {
				t.Error(err)
				return
			}
			r, err := s.Open(t.Context(), name)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}

func write(t *testing.T, s interpreter.Blobs, name string, data []byte) {
	t.Helper()
	b, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, string(data))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(w, s); err != nil || n != len(s) {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func read(t *testing.T, s interpreter.Blobs, name string) string {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
