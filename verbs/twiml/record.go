package twiml

import (
	"context"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

// Record records what the caller says.
type Record struct {
	Action     link
	Capture    verbs.Capture
	Transcribe bool
	TextTo     string // URL that is told of the text; empty: none
}

var _ = register(spec{
	name: "Record",
	doc:  "Record records the caller, and sends the URL of the recording to its action.",
	attrs: append([]attr{
		{"action", "", "URL that is asked with the result; left out: that of the current document"},
		{"method", "POST", "GET or POST"},
		{"timeout", "5", "seconds of silence that end it; 0: silence never does"},
		{"finishOnKey", "1234567890*#", "keys that end it; empty: none"},
		{"maxLength", "3600", "longest recording in seconds, 2 to 86400; with transcribe the default is 120"},
		{"playBeep", "true", "a beep is played first"},
		{"trim", "trim-silence", "trim-silence or do-not-trim: silence at both ends"},
		{"transcribe", "false", "the recording is turned into text"},
		{"transcribeCallback", "", "URL that is told of the text"},
	}, recordingAttrs...),
	answers: true, waits: true,
	decode: decodeRecord,
})

// Limits of a recording, in seconds.
const (
	maxRecording         = 24 * 60 * 60
	maxTranscribed       = 120
	transcribedByDefault = maxTranscribed * time.Second
)

func decodeRecord(_ *reader, e *element) interpreter.Verb {
	e.leaf()
	v := Record{
		Action:     e.action(codeRecordMethod),
		Transcribe: e.boolean("transcribe", codeRecordTranscribe),
		TextTo:     e.callback("transcribeCallback", codeTranscribeCallback),
		Capture: verbs.Capture{
			MaxLength: e.seconds("maxLength", bounds{code: codeRecordMaxLength, min: 2, max: maxRecording}),
			Silence:   e.seconds("timeout", bounds{code: codeRecordTimeout, min: 0, max: maxRecording}),
			Finish:    e.finishKeys(),
			Trim:      e.trim(),
			Source:    "RecordVerb",
			Callback:  e.recordingCallback(),
		},
	}
	if e.boolean("playBeep", codeRecordPlayBeep) {
		v.Capture.Beep = "beep"
	}
	v.transcription(e)
	return v
}

// transcription checks the attributes that concern the text.
func (v *Record) transcription(e *element) {
	switch {
	case !v.Transcribe && v.TextTo == "":
		return
	case !v.Transcribe:
		e.warn(codeTranscribeCallback, "transcribeCallback", "transcribeCallback without transcribe=\"true\" is never asked")
		v.TextTo = ""
		return
	case !e.has("maxLength"):
		v.Capture.MaxLength = transcribedByDefault
	case v.Capture.MaxLength > transcribedByDefault:
		e.warn(codeRecordLongForText, "maxLength", "recordings of more than %d s are not turned into text", maxTranscribed)
	}
	e.warn(codeNoTranscription, "transcribe",
		"recordings are not turned into text here; the transcribeCallback is told that it failed")
}

// finishKeys reads the set of keys that end the recording; some engines write -1 for none.
func (e *element) finishKeys() string {
	s := e.str("finishOnKey")
	if s == "-1" {
		return ""
	}
	kept, whole := keys(s, "0123456789*#")
	if !whole {
		return e.bad(codeRecordFinishOnKey, "finishOnKey", "a set of 0-9 * #")
	}
	return kept
}

// Run records. The action's document takes over, unless nothing was recorded. A caller who hangs up is told to the
// action as well, whose answer is ignored then.
func (v Record) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	got, err := v.Capture.Run(ctx, c)
	heard := got.Recording.ID != "" && !got.Empty
	if heard && v.Transcribe {
		v.noText(ctx, c, got.Recording)
	}
	res := interpreter.Result{Recording: &got.Recording}
	switch {
	case err != nil && got.Hungup && heard:
		v.lastRequest(c, res)
		return interpreter.Continue(), err
	case err != nil || !heard:
		return interpreter.Continue(), err
	default:
		return v.Action.follow(c, res)
	}
}

// lastRequest tells the action of a recording whose caller has left.
func (v Record) lastRequest(c *interpreter.Call, res interpreter.Result) {
	r, err := v.Action.request(c, res)
	if err != nil {
		c.Fault(err)
		return
	}
	c.LastRequest(r)
}

// noText tells the transcribeCallback that there is no text. The caller may have left already.
func (v Record) noText(ctx context.Context, c *interpreter.Call, rec interpreter.Recording) {
	c.Fault(&interpreter.Fault{Code: codeNoTranscription,
		Msg: "the recording is not turned into text: no engine does that here"})
	if v.TextTo == "" {
		return
	}
	p := c.Encode(Name, interpreter.Result{})
	p.Set("TranscriptionSid", interpreter.SID("TR", interpreter.NewID()))
	p.Set("TranscriptionText", "")
	p.Set("TranscriptionStatus", "failed")
	p.Set("RecordingSid", interpreter.SID("RE", rec.ID))
	p.Set("RecordingUrl", rec.URL)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), callbackTime)
	defer cancel()
	post := interpreter.Post{What: "transcription failed", Method: "POST", URL: v.TextTo, Params: p}
	if err := c.Callback(after, post); err != nil {
		c.Fault(err)
	}
}

// callbackTime bounds queueing a callback after the caller has left.
const callbackTime = 5 * time.Second
