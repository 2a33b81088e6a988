package audio

import (
	"context"
	"errors"
	"io"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/file"
	"pintle/media/rtpio"
)

const (
	// tapDepth is how much sound waits for a slow disk before frames are lost.
	tapDepth = 2 * time.Second
	// keyTail is cut off a recording that a key ended which was heard as a tone.
	keyTail = 120 * time.Millisecond
	// lead is kept before the first and after the last sound of a trimmed recording.
	lead = 100 * time.Millisecond
)

// Record writes what the party says to w until a limit or ctx ends it; see interpreter.Recorder.
func (h *Half) Record(ctx context.Context, w io.WriteSeeker, o interpreter.RecordOptions) (interpreter.Recorded, error) {
	rate := h.stream.Rate()
	out, err := file.NewWriter(writerAt(w), rate, 1)
	if err != nil {
		return interpreter.Recorded{Why: interpreter.RecordFault}, recordFault(err)
	}
	tap := media.NewTap(rate, tapDepth)
	h.stream.AddTap(rtpio.Received, tap)
	defer tap.Close()
	defer h.stream.RemoveTap(tap)
	r := &recording{half: h, tap: tap, out: out, o: o, trim: trimmer{out: out, on: o.Trim}}
	why, err := r.run(ctx)
	var key *interpreter.Pressed
	r.trim.finish(errors.As(context.Cause(ctx), &key) && key.Digit.Source == interpreter.DigitInband)
	if closed := out.Close(); err == nil && closed != nil {
		why, err = interpreter.RecordFault, recordFault(closed)
	}
	return interpreter.Recorded{Length: r.length, Trimmed: out.Duration(), Why: why}, err
}

// recording is one recording under way.
type recording struct {
	half   *Half
	tap    *media.Tap
	out    *file.Writer
	o      interpreter.RecordOptions
	trim   trimmer
	heard  media.Activity
	quiet  time.Duration // silence while packets came
	length time.Duration
	seen   uint64 // packets received so far
}

func (r *recording) run(ctx context.Context) (interpreter.RecordEnd, error) {
	frame := make(media.Frame, media.FrameSize(r.half.stream.Rate()))
	blank := make(media.Frame, len(frame))
	for {
		n, lost, err := r.tap.Read(ctx, frame)
		if cause := context.Cause(ctx); cause != nil {
			return interpreter.RecordCancelled, cause
		}
		if err != nil {
			return interpreter.RecordCancelled, io.EOF
		}
		for range lost {
			if err := r.take(blank, false); err != nil {
				return interpreter.RecordFault, err
			}
		}
		if err := r.take(frame[:n], true); err != nil {
			return interpreter.RecordFault, err
		}
		switch {
		case r.o.MaxLength > 0 && r.length >= r.o.MaxLength:
			return interpreter.RecordMaxLength, nil
		case r.o.Silence > 0 && r.quiet >= r.o.Silence:
			return interpreter.RecordSilence, nil
		}
	}
}

// take writes one frame. While no packets come the clock of the silence detector stands still.
func (r *recording) take(f media.Frame, listen bool) error {
	r.length += media.FrameDuration
	loud := false
	if listen {
		loud = r.heard.Write(f)
		got := r.half.stream.Stats().Received
		switch {
		case loud:
			r.quiet = 0
		case got != r.seen:
			r.quiet += media.FrameDuration
		}
		r.seen = got
	}
	if err := r.trim.write(f, loud); err != nil {
		return recordFault(err)
	}
	return nil
}

func recordFault(err error) error {
	var f *interpreter.Fault
	if errors.As(err, &f) {
		return f
	}
	return &interpreter.Fault{Code: interpreter.CodeRecording, Msg: "write the recording", Err: err}
}

// trimmer writes frames a little late, so that the key's own tone, and silence at both ends, can be left out.
type trimmer struct {
	out     *file.Writer
	on      bool
	begun   bool
	pending []int16 // not written yet
	quiet   int     // samples of silence at the end of pending
	size    int     // samples of one frame
}

func (t *trimmer) write(f media.Frame, loud bool) error {
	t.size = len(f)
	t.pending = append(t.pending, f...)
	if loud {
		t.quiet = 0
		t.begun = true
	} else {
		t.quiet += len(f)
	}
	hold := t.samples(keyTail)
	switch {
	case t.on && !t.begun:
		t.drop(len(t.pending) - t.samples(lead))
		return nil
	case t.on:
		hold = max(hold, min(t.quiet, t.samples(time.Minute)))
	}
	return t.flush(len(t.pending) - hold)
}

func (t *trimmer) samples(d time.Duration) int {
	return int(d/media.FrameDuration) * t.size
}

func (t *trimmer) drop(n int) {
	if n > 0 {
		t.pending = append(t.pending[:0], t.pending[n:]...)
	}
}

func (t *trimmer) flush(n int) error {
	if n <= 0 {
		return nil
	}
	err := t.out.WriteFrame(t.pending[:n])
	t.drop(n)
	return err
}

// finish writes what is left, without the tone of the key and without the silence at the end.
func (t *trimmer) finish(tone bool) {
	n := len(t.pending)
	if tone {
		n -= t.samples(keyTail)
	}
	if t.on {
		n = min(n, len(t.pending)-t.quiet+t.samples(lead))
		if !t.begun {
			n = 0
		}
	}
	t.flush(n) //nolint:errcheck // Close tells of a file that cannot be written
}

// recordBoth writes the sound of a bridge until ctx ends.
func (h *Half) recordBoth(ctx context.Context, other *Half, o interpreter.BridgeOptions) {
	channels := 1
	if o.Stereo && (o.Track == "" || o.Track == "both") {
		channels = 2
	}
	rate := h.stream.Rate()
	out, err := file.NewWriter(writerAt(o.Record), rate, channels)
	if err != nil {
		h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvFault, Fault: interpreter.CodeRecording, Text: err.Error()})
		return
	}
	left, right := media.NewTap(rate, tapDepth), media.NewTap(rate, tapDepth)
	h.stream.AddTap(rtpio.Received, left)
	other.stream.AddTap(rtpio.Received, right)
	defer left.Close()
	defer right.Close()
	defer h.stream.RemoveTap(left)
	defer other.stream.RemoveTap(right)
	m := mixdown{size: media.FrameSize(rate), channels: channels, track: o.Track, out: out}
	for quiet := o.Lead; quiet > 0 && err == nil; quiet -= media.FrameDuration {
		err = m.write(nil, nil)
	}
	for err == nil {
		err = m.frame(ctx, left, right)
	}
	if closed := out.Close(); closed != nil || !errors.Is(err, errBridgeOver) {
		h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvFault, Fault: interpreter.CodeRecording,
			Text: recordFault(errors.Join(err, closed)).Error()})
	}
}

var errBridgeOver = errors.New("bridge is over")

// mixdown joins two directions into one file.
type mixdown struct {
	size, channels int
	track          string
	out            *file.Writer
}

// frame takes one frame of each side.
func (m *mixdown) frame(ctx context.Context, left, right *media.Tap) error {
	l, r := make(media.Frame, m.size), make(media.Frame, m.size)
	if _, _, err := left.Read(ctx, l); err != nil {
		return errBridgeOver
	}
	if _, _, err := right.Read(ctx, r); err != nil {
		return errBridgeOver
	}
	return m.write(l, r)
}

// write adds one frame of each side to the file; nil is silence.
func (m *mixdown) write(l, r media.Frame) error {
	if l == nil {
		l, r = make(media.Frame, m.size), make(media.Frame, m.size)
	}
	switch {
	case m.channels == 2:
		return m.out.WriteStereo(l, r)
	case m.track == "outbound":
		return m.out.WriteFrame(r)
	case m.track != "inbound":
		media.Mix(l, r)
	}
	return m.out.WriteFrame(l)
}

// writerAt gives a WriteSeeker the WriteAt by which headers are kept true.
func writerAt(w io.WriteSeeker) io.Writer {
	if _, ok := w.(io.WriterAt); ok {
		return w
	}
	return &seekAt{w}
}

type seekAt struct{ io.WriteSeeker }

// WriteAt writes at an offset and goes back to where it was.
func (s *seekAt) WriteAt(p []byte, off int64) (int, error) {
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := s.Write(p)
	if _, back := s.Seek(at, io.SeekStart); err == nil {
		err = back
	}
	return n, err
}
