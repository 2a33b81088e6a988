package audio

import (
	"context"
	"errors"
	"io"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/file"
)

const (
	// tapDepth is how much sound waits for a slow disk before frames are lost.
	tapDepth = 2 * time.Second
	// hangOver is how long media.Activity goes on to report sound that is over.
	hangOver = 200 * time.Millisecond
	// flowing is how long after a packet they count as coming: more than the longest packet lasts.
	flowing = 200 * time.Millisecond
)

// Record writes what the party says to w until a limit or ctx ends it; see interpreter.Recorder. When the half is
// closed first, the error is ErrCallOver.
func (h *Half) Record(ctx context.Context, w io.WriteSeeker, o interpreter.RecordOptions) (interpreter.Recorded,
	error) {
	rate := h.stream.Rate()
	out, err := file.NewWriter(writerAt(w), rate, 1)
	if err != nil {
		return interpreter.Recorded{Why: interpreter.RecordFault}, recordFault(err)
	}
	from, err := h.listen(rate)
	if err != nil {
		return interpreter.Recorded{Why: interpreter.RecordFault}, recordFault(err)
	}
	defer from.stop()
	r := &recording{half: h, from: from, o: o, trim: newTrimmer(out, rate, o.Trim), seen: h.stream.Stats().Received}
	why, err := r.run(ctx)
	var key *interpreter.Pressed
	tone := why == interpreter.RecordCancelled && errors.As(context.Cause(ctx), &key) &&
		key.Digit.Source == interpreter.DigitInband
	failed := r.trim.finish(tone)
	if closed := out.Close(); failed == nil {
		failed = closed
	}
	if failed != nil && why != interpreter.RecordFault {
		why, err = interpreter.RecordFault, recordFault(failed)
	}
	return interpreter.Recorded{Length: r.length, Trimmed: out.Duration(), Why: why}, err
}

// recording is one recording under way.
type recording struct {
	half   *Half
	from   *listener
	o      interpreter.RecordOptions
	trim   *trimmer
	heard  media.Activity
	loud   bool          // the last frame was sound
	quiet  time.Duration // silence while packets came
	length time.Duration
	seen   uint64    // packets received so far
	came   time.Time // when that changed last
}

// run records until something ends it. What waited for a slow disk then is still written.
func (r *recording) run(ctx context.Context) (interpreter.RecordEnd, error) {
	for {
		f, real, err := r.from.next(ctx)
		if err != nil {
			break
		}
		if why, err := r.take(f, real); why != "" {
			return why, err
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.from.stop()
	for {
		f, real, err := r.from.next(context.Background()) //nolint:contextcheck // what waits is written after ctx too
		if err != nil {
			break
		}
		if why, err := r.take(f, real); why == interpreter.RecordFault {
			return why, err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return interpreter.RecordCancelled, cause
	}
	return interpreter.RecordCancelled, interpreter.ErrCallOver
}

// take writes one frame and tells why the recording is over, or nothing.
func (r *recording) take(f media.Frame, real bool) (interpreter.RecordEnd, error) {
	r.length += media.FrameDuration
	loud := real && r.heard.Write(f)
	if real {
		r.judge(loud)
	}
	if err := r.trim.write(f, loud); err != nil {
		return interpreter.RecordFault, recordFault(err)
	}
	switch {
	case r.o.MaxLength > 0 && r.length >= r.o.MaxLength:
		return interpreter.RecordMaxLength, nil
	case r.o.Silence > 0 && r.quiet >= r.o.Silence:
		return interpreter.RecordSilence, nil
	}
	return "", nil
}

// judge counts silence. While no packets come the clock stands still.
func (r *recording) judge(loud bool) {
	if got := r.half.stream.Stats().Received; got != r.seen {
		r.seen, r.came = got, time.Now()
	}
	switch {
	case loud:
		r.quiet = 0
	case r.loud:
		r.quiet = hangOver
	case time.Since(r.came) < flowing:
		r.quiet += media.FrameDuration
	}
	r.loud = loud
}

func recordFault(err error) error {
	var f *interpreter.Fault
	if errors.As(err, &f) {
		return f
	}
	return &interpreter.Fault{Code: interpreter.CodeRecording, Msg: "write the recording", Err: err}
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
	if _, err = s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := s.Write(p)
	if _, back := s.Seek(at, io.SeekStart); err == nil {
		err = back
	}
	return n, err
}
