package verbs

import (
	"context"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"pintle/interpreter"
)

// saveTime bounds what must still happen to a recording after the caller has left.
const saveTime = 10 * time.Second

// States of a recording.
const (
	RecordingInProgress = "in-progress"
	RecordingCompleted  = "completed"
	RecordingAbsent     = "absent"
	RecordingFailed     = "failed"
)

// RecordingCallback is a subscription to the states of a recording.
type RecordingCallback struct {
	URL    string   // empty: none
	Method string   // GET or POST; empty: POST
	Events []string // in-progress completed absent; empty: completed. A failed recording is told to those of absent
}

func (b RecordingCallback) wants(status string) bool {
	if b.URL == "" {
		return false
	}
	if status == RecordingFailed {
		status = RecordingAbsent
	}
	if len(b.Events) == 0 {
		return status == RecordingCompleted
	}
	return slices.Contains(b.Events, status)
}

// recording is a recording being made: its blob, its record and its subscription.
type recording struct {
	c     *interpreter.Call
	blob  interpreter.Blob
	name  string
	track string
	cb    RecordingCallback
	rec   interpreter.Recording
	fault int
}

// openRecording creates the blob and commits the open record, so that a crash leaves a recording that can be found.
func openRecording(ctx context.Context, c *interpreter.Call, r recording) (*recording, error) {
	id := interpreter.NewID()
	r.c, r.name = c, id+".wav"
	r.rec.ID, r.rec.URL, r.rec.Started, r.rec.Status = id, c.RecordingURL(id), time.Now(), RecordingInProgress
	blob, err := c.Blobs.Create(ctx, r.name)
	if err != nil {
		return nil, recordingFault("create the recording", err)
	}
	r.blob = blob
	if err := r.store(ctx); err != nil {
		blob.Close()                //nolint:errcheck // the failure below is the one to tell
		c.Blobs.Remove(ctx, r.name) //nolint:errcheck // an empty blob costs nothing
		return nil, recordingFault("write the recording's record", err)
	}
	c.Emit(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvRecord, Text: "record"})
	return &r, nil
}

// writer is where the sound goes; nil where there is no recording.
func (r *recording) writer() io.WriteSeeker {
	if r == nil {
		return nil
	}
	return r.blob
}

// close ends the recording in its final state and tells subscribers, all in one batch. It works on a context that has
// ended, since a recording is saved also when the caller has left.
func (r *recording) close(ctx context.Context, ran interpreter.Recorded) interpreter.Recording {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	r.rec.Duration, r.rec.Length = ran.Length, ran.Trimmed
	r.rec.Status = RecordingCompleted
	if err := r.blob.Close(); err != nil {
		r.fail(recordingFault("close the recording", err))
	}
	if ran.Why == interpreter.RecordFault {
		r.fault, r.rec.Status = interpreter.CodeRecording, RecordingFailed
	}
	if r.rec.Status == RecordingCompleted && ran.Trimmed <= 0 {
		r.rec.Status = RecordingAbsent
		if err := r.c.Blobs.Remove(after, r.name); err != nil {
			r.c.Fault(recordingFault("remove an empty recording", err))
		}
	}
	if err := r.store(after); err != nil {
		r.fail(recordingFault("write the recording's record", err))
	}
	if r.rec.Status != RecordingAbsent {
		r.c.AddRecording(r.rec.ID)
	}
	r.c.Emit(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvRecordEnd, Text: r.title(), Data: r.rec})
	return r.rec
}

func (r *recording) fail(f *interpreter.Fault) {
	r.fault, r.rec.Status = f.Code, RecordingFailed
	r.c.Fault(f)
}

func (r *recording) title() string {
	s := "recorded " + r.rec.Duration.String()
	if r.rec.Length != r.rec.Duration {
		s += " (" + r.rec.Length.String() + " kept)"
	}
	if r.rec.Status != RecordingCompleted {
		s += " " + r.rec.Status
	}
	if r.rec.Key != "" {
		s += ", ended by " + r.rec.Key
	}
	return s
}

// store writes the record together with the callback of its state, if anybody wants that.
func (r *recording) store(ctx context.Context) error {
	w := interpreter.Write{Kind: interpreter.KindRecording, ID: r.rec.ID, Value: r.record()}
	if !r.cb.wants(r.rec.Status) {
		return r.c.Records.Batch(ctx, []interpreter.Write{w})
	}
	method := r.cb.Method
	if method == "" {
		method = "POST"
	}
	post := interpreter.Post{What: "recording " + r.rec.Status, Method: method, URL: r.cb.URL, Params: r.params()}
	return r.c.Callback(ctx, post, w)
}

func (r *recording) record() interpreter.RecordingRecord {
	return interpreter.RecordingRecord{
		ID: r.rec.ID, CallID: r.c.ID, Account: r.c.Account.ID, Blob: r.name, Started: r.rec.Started,
		Duration: r.rec.Length, Channels: r.rec.Channels, Source: r.rec.Source, Status: r.rec.Status, Fault: r.fault,
	}
}

// params are the parameters of a recording's callback. They are the same in every dialect, and are not the standard
// parameters of a call.
func (r *recording) params() url.Values {
	v := url.Values{
		"AccountSid":         {interpreter.SID("AC", r.c.Account.ID)},
		"CallSid":            {interpreter.SID("CA", r.c.ID)},
		"RecordingSid":       {interpreter.SID("RE", r.rec.ID)},
		"RecordingUrl":       {r.rec.URL},
		"RecordingStatus":    {r.rec.Status},
		"RecordingChannels":  {strconv.Itoa(r.rec.Channels)},
		"RecordingStartTime": {r.rec.Started.UTC().Format(time.RFC1123Z)},
		"RecordingSource":    {r.rec.Source},
		"RecordingTrack":     {r.track},
	}
	if r.rec.Status == RecordingCompleted {
		v.Set("RecordingDuration", Seconds(r.rec.Length))
	}
	if r.fault != 0 {
		v.Set("ErrorCode", strconv.Itoa(r.fault))
	}
	return v
}

func recordingFault(msg string, err error) *interpreter.Fault {
	return &interpreter.Fault{Code: interpreter.CodeRecording, Msg: msg, Err: err}
}

// Seconds prints a length in whole seconds, rounded, as webhooks report it.
func Seconds(d time.Duration) string { return strconv.Itoa(int(math.Round(d.Seconds()))) }
