package verbs

import (
	"context"
	"errors"
	"strings"
	"time"

	"pintle/interpreter"
)

// Capture records what the caller says.
type Capture struct {
	Beep      string        // tone played first and not recorded ("beep"); empty: none
	MaxLength time.Duration // 0: no limit
	Silence   time.Duration // so much silence ends it; 0: never
	Finish    string        // keys that end it; empty: none
	Trim      bool          // cut silence off both ends; a recording that is silence alone then becomes absent
	Source    string        // for callbacks: RecordVerb …
	Callback  RecordingCallback
}

// Captured is what became of a recording.
type Captured struct {
	Recording interpreter.Recording // Key is the key that ended it, "hangup", or empty; Status says whether it is usable
	Key       string                // key that ended it, or empty
	Hungup    bool                  // the caller hung up; the recording is saved all the same
	Empty     bool                  // nothing but silence was left after trimming
}

// Run plays the beep and records. However it ends, what was recorded is saved and its record is on disk before Run
// returns; when the caller hung up or the call was redirected, the error is context.Cause(ctx) and Captured is right.
// Where nothing was recorded at all, because ctx ended in the beep or the file could not be made, Recording.ID is
// empty; the latter is noted on the call.
func (r Capture) Run(ctx context.Context, c *interpreter.Call) (Captured, error) {
	if r.Beep != "" {
		if _, err := playOne(ctx, c, interpreter.Prompt{Tone: r.Beep}); err != nil {
			return Captured{Hungup: isHangup(err)}, err
		}
	}
	Drop(c.Leg)
	rec, err := openRecording(ctx, c, recording{
		cb: r.Callback, track: "inbound", rec: interpreter.Recording{Channels: 1, Source: r.Source},
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return Captured{Hungup: isHangup(cause)}, cause
		}
		c.Fault(err)
		return Captured{Recording: interpreter.Recording{Source: r.Source, Status: RecordingFailed}}, nil
	}
	ran, key := r.record(ctx, c, rec)
	cause := context.Cause(ctx)
	got := Captured{Key: key, Hungup: isHangup(cause)}
	rec.rec.Key = key
	if got.Hungup {
		rec.rec.Key = "hangup"
	}
	got.Recording = rec.close(ctx, ran)
	got.Empty = got.Recording.Status == RecordingAbsent
	return got, cause
}

// record runs the leg's recorder until it ends by itself, by a finish key, or with ctx.
func (r Capture) record(ctx context.Context, c *interpreter.Call, rec *recording) (interpreter.Recorded, string) {
	recording, stop := context.WithCancelCause(ctx)
	var g group
	defer g.Wait()
	defer stop(nil)
	var ran interpreter.Recorded
	over := make(chan struct{})
	g.Go(func() {
		defer close(over)
		var err error
		o := interpreter.RecordOptions{MaxLength: r.MaxLength, Silence: r.Silence, Trim: r.Trim}
		ran, err = c.Leg.Record(recording, rec.blob, o)
		var f *interpreter.Fault
		if errors.As(err, &f) {
			c.Fault(f)
		}
	})
	keys := c.Leg.Digits()
	if r.Finish == "" {
		keys = nil
	}
	for {
		select {
		case <-over:
			return ran, ""
		case d := <-keys:
			if strings.IndexByte(r.Finish, d.Key) < 0 {
				continue
			}
			stop(&interpreter.Pressed{Digit: d})
			<-over
			return ran, string(d.Key)
		}
	}
}

func isHangup(cause error) bool {
	var h *interpreter.Hangup
	return errors.As(cause, &h)
}
