package file

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pintle/media"
)

func create(t *testing.T) (*os.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

// sizes reads both sizes of a header.
func sizes(t *testing.T, path string) (riff, data, file int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	return int(le.Uint32(raw[4:])), int(le.Uint32(raw[40:])), len(raw)
}

func TestWriterMono(t *testing.T) {
	f, path := create(t)
	w, err := NewWriter(f, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := ramp(160 * 70)
	for s := range slices.Chunk(want, 160) {
		if err := w.WriteFrame(s); err != nil {
			t.Fatal(err)
		}
	}
	if d := w.Duration(); d != 1400*time.Millisecond {
		t.Errorf("duration %v, want 1.4s", d)
	}
	// Not closed: a crash now loses less than a second and leaves a header that is true.
	riff, data, size := sizes(t, path)
	if data != 16000 || riff != data+36 || size != data+44 {
		t.Errorf("in mid-recording: RIFF %d, data %d, file %d", riff, data, size)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if got := mustOpen(t, raw, "").Samples(); !slices.Equal(got, want) {
		t.Errorf("%d samples came back, want %d", len(got), len(want))
	}
	if changed, err := Repair(path); changed || err != nil {
		t.Errorf("repair of a whole file: %v %v", changed, err)
	}
	if w.WriteFrame(want) == nil {
		t.Error("a closed writer took a frame")
	}
}

func TestWriterStereo(t *testing.T) {
	f, path := create(t)
	w, err := NewWriter(f, 16000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteStereo(media.Frame{1, 2, 3}, media.Frame{-1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if want := pcm16([]int16{1, -1, 2, 0, 3, 0}); !bytes.Equal(raw[44:], want) {
		t.Errorf("samples % x, want % x", raw[44:], want)
	}
	if w.WriteFrame(media.Frame{1}) == nil {
		t.Error("one frame for two channels was taken")
	}
}

func TestWriterToStream(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := ramp(160)
	if err := w.WriteFrame(want); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, b.Bytes(), "").Samples(); !slices.Equal(got, want) {
		t.Errorf("%d samples came back, want %d", len(got), len(want))
	}
}

func TestRepair(t *testing.T) {
	whole := append(header(8000, 2, 400), make([]byte, 400)...)
	patched := func(size uint32) []byte { return append(header(8000, 2, size), make([]byte, 403)...) }
	for name, raw := range map[string][]byte{
		"size 0": patched(0), "open end": patched(openSize), "too small": patched(100), "too large": patched(100_000),
		"cut in a block": append(slices.Clone(whole), 1, 2, 3),
	} {
		f, path := create(t)
		if _, err := f.Write(raw); err != nil {
			t.Fatal(err)
		}
		if changed, err := Repair(path); !changed || err != nil {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
		if riff, data, size := sizes(t, path); riff != 436 || data != 400 || size != 444 {
			t.Errorf("%s: RIFF %d, data %d, file %d", name, riff, data, size)
		}
	}
	f, path := create(t)
	_, _ = f.WriteString("this is no recording, and it must stay what it is")
	if changed, err := Repair(path); changed || err == nil {
		t.Errorf("a text file: %v %v", changed, err)
	}
}

func TestWriterAllocatesNothing(t *testing.T) {
	f, _ := create(t)
	w, err := NewWriter(f, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	frame := make(media.Frame, 160)
	if n := testing.AllocsPerRun(200, func() { _ = w.WriteFrame(frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
