package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"pintle/media"
)

const (
	wavHeader  = 44
	openSize   = 0xffffffff // what streams say, and readers understand as "to the end"
	maxWAVData = 1<<32 - 1 - wavHeader
)

// Writer writes a WAV file of 16 bit PCM with one or two channels. Twice a second of sound it hands on what it has and
// refreshes the sizes in the header, so that after a crash the file plays as far as it goes. It does not close what it
// writes to, waits for it, and so belongs behind a media.Tap, not into the media path.
type Writer struct {
	w        io.Writer
	at       io.WriterAt // nil: sizes cannot be refreshed
	channels int
	rate     int
	written  int64 // octets of sound handed on
	buf      []byte
	err      error
}

var _ media.Sink = (*Writer)(nil)

// NewWriter writes the header. When w is also an io.WriterAt, as files are, sizes in the header are kept true; else
// they say "open end". Channels is 1 or 2.
func NewWriter(w io.Writer, rate, channels int) (*Writer, error) {
	if channels < 1 || channels > 2 || rate < minRate || rate > maxRate {
		return nil, fmt.Errorf("write WAV: %d channels at %d Hz", channels, rate)
	}
	half := rate * channels // octets of half a second
	f := &Writer{w: w, rate: rate, channels: channels, buf: make([]byte, 0, half+4*media.MaxFrame)}
	f.at, _ = w.(io.WriterAt)
	size := uint32(openSize)
	if f.at != nil {
		size = 0
	}
	if _, err := w.Write(header(rate, channels, size)); err != nil {
		return nil, fmt.Errorf("write WAV header: %w", err)
	}
	return f, nil
}

func header(rate, channels int, size uint32) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, wavHeader), "RIFF"...)
	b = le.AppendUint32(b, riffSize(size))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, wavPCM)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*2))
	b = le.AppendUint16(b, uint16(channels*2))
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	return le.AppendUint32(b, size)
}

func riffSize(data uint32) uint32 {
	if data == openSize {
		return openSize
	}
	return data + wavHeader - 8
}

// WriteFrame appends a frame to a file of one channel. After an error every call returns it.
func (f *Writer) WriteFrame(frame media.Frame) error {
	if f.channels != 1 {
		return errors.New("write WAV: one frame for two channels")
	}
	for _, v := range frame {
		f.buf = binary.LittleEndian.AppendUint16(f.buf, uint16(v))
	}
	return f.passOn()
}

// WriteStereo appends a frame for each side of a file of two channels; the shorter one is filled up with silence.
func (f *Writer) WriteStereo(left, right media.Frame) error {
	if f.channels != 2 {
		return errors.New("write WAV: two frames for one channel")
	}
	sample := func(s media.Frame, i int) uint16 {
		if i < len(s) {
			return uint16(s[i])
		}
		return 0
	}
	for i := range max(len(left), len(right)) {
		f.buf = binary.LittleEndian.AppendUint16(f.buf, sample(left, i))
		f.buf = binary.LittleEndian.AppendUint16(f.buf, sample(right, i))
	}
	return f.passOn()
}

// Duration is the length of what was written so far.
func (f *Writer) Duration() time.Duration {
	octets := f.written + int64(len(f.buf))
	return time.Duration(octets/int64(2*f.channels)) * time.Second / time.Duration(f.rate)
}

func (f *Writer) passOn() error {
	if f.err != nil {
		f.buf = f.buf[:0] // it will never be in the file
		return f.err
	}
	if len(f.buf) < f.rate*f.channels { // half a second
		return nil
	}
	return f.Flush()
}

// Flush hands on everything and makes the header true.
func (f *Writer) Flush() error {
	if f.err != nil {
		return f.err
	}
	if f.written+int64(len(f.buf)) > maxWAVData {
		f.err = errors.New("write WAV: file is full")
		return f.err
	}
	n, err := f.w.Write(f.buf)
	f.written += int64(n - n%(2*f.channels))
	f.buf = f.buf[:0]
	if f.at != nil && (err == nil || n > 0) { // what a full disk still took is heard too
		err = errors.Join(err, patch(f.at, uint32(f.written), wavHeader-4))
	}
	if err != nil {
		f.err = fmt.Errorf("write WAV: %w", err)
	}
	return f.err
}

// Close hands on the rest and makes the header true. The caller closes, and syncs, what the Writer wrote to.
func (f *Writer) Close() error {
	err := f.Flush()
	if f.err == nil {
		f.err = errors.New("write WAV: writer is closed")
	}
	return err
}

// patch writes the size of the sound at its place and that of the whole file at the beginning.
func patch(w io.WriterAt, data uint32, at int64) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], data+uint32(at)+4-8)
	if _, err := w.WriteAt(b[:], 4); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(b[:], data)
	_, err := w.WriteAt(b[:], at)
	return err
}

// Repair makes the header of a recording true that was being written when the process ended, and syncs it. It reports
// whether anything had to be changed. Files that are no WAV are left alone with an error.
func Repair(path string) (changed bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Errorf("repair recording: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("repair recording: %w", cerr)
		}
	}()
	changed, err = repair(f)
	if err != nil {
		return changed, fmt.Errorf("repair recording %s: %w", path, err)
	}
	return changed, nil
}

func repair(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	b := make([]byte, wavHeader)
	if _, err := io.ReadFull(f, b); err != nil {
		return false, err
	}
	if string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" {
		return false, unusable("no recording of ours")
	}
	block := int64(max(1, binary.LittleEndian.Uint16(b[32:])))
	have := (info.Size() - wavHeader) / block * block
	if have > maxWAVData {
		return false, unusable("larger than a WAV file can be")
	}
	if int64(binary.LittleEndian.Uint32(b[40:])) == have && info.Size() == have+wavHeader {
		return false, nil
	}
	if err := f.Truncate(wavHeader + have); err != nil {
		return false, err
	}
	if err := patch(f, uint32(have), wavHeader-4); err != nil {
		return true, err
	}
	return true, f.Sync()
}
