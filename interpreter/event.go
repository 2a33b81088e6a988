package interpreter

import "time"

// Lane is the line of the timeline an event stands in.
type Lane string

// The lanes.
const (
	LaneCaller Lane = "caller" // what the caller does and hears
	LaneVerb   Lane = "verb"
	LaneHTTP   Lane = "http"
	LaneSIP    Lane = "sip"
	LaneMedia  Lane = "media"
	LaneFlow   Lane = "flow" // documents, warnings, fallback hops
)

// Kinds of events. Every view of a call (timeline, transcript, inspector, tests) is made from these alone.
const (
	EvRequest   = "request"  // HTTP request about to be sent; Data is RequestData
	EvResponse  = "response" // HTTP answer; Data is ResponseData
	EvRetry     = "retry"    // a try failed and another follows; Fault, Text
	EvFallback  = "fallback" // a hop of the fallback chain with its reason; Fault, Text
	EvDocument  = "document" // a document was parsed; Data is DocumentData
	EvWarning   = "warning"  // something in a document was skipped or defaulted; Data is Warning
	EvFault     = "fault"    // a numbered failure that the call survives or dies of; Fault, Text
	EvVerb      = "verb"     // a step begins; Step, Pos, Text
	EvVerbEnd   = "verb-end" // a step is over; Text is its outcome
	EvPlay      = "play"     // a prompt begins; Data is PromptData
	EvPlayEnd   = "play-end" // a prompt is over or was stopped; Data is PromptData
	EvDigit     = "digit"    // a key was pressed; Data is DigitData
	EvRecord    = "record"   // a recording begins; Text
	EvRecordEnd = "recorded" // a recording is over; Data is Recording
	EvDial      = "dial"     // a leg is called; Text
	EvLeftOut   = "left-out" // someone is not called; Text is who, and why
	EvProgress  = "progress" // a called leg rings, gives sound, answers; Text
	EvDialEnd   = "dial-end" // a Dial is over; Data is DialResult
	EvBridge    = "bridge"   // two legs are joined, or parted; Text
	EvStatus    = "status"   // the call has a new status; Text
	EvCallback  = "callback" // a callback was queued, delivered or given up; Text
	EvSIP       = "sip"      // a milestone of the dialog: INVITE, 180, 200, ACK, BYE; Text
	EvMedia     = "media"    // a milestone of the sound: first packet, time-out, source locked; Text
	EvHangup    = "hangup"   // the leg is over; Text
	EvCDR       = "cdr"      // the last event: Data is CDR
)

// Event is one entry of a call's trace.
type Event struct {
	Seq    int           `json:"seq"`
	Time   time.Time     `json:"time"`
	Offset time.Duration `json:"offset"` // since the call began
	Call   string        `json:"call"`
	Lane   Lane          `json:"lane"`
	Kind   string        `json:"kind"`
	Text   string        `json:"text"`           // one line for people, without the offset
	Step   string        `json:"step,omitempty"` // verb or module
	URL    string        `json:"url,omitempty"`  // document the step stands in
	Pos    Pos           `json:"pos,omitzero"`
	Fault  int           `json:"fault,omitempty"` // numbered code, docs/errors.md
	Data   any           `json:"data,omitempty"`
}

// RequestData of EvRequest.
type RequestData struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Params  [][2]string `json:"params"` // sorted by name
	Purpose Purpose     `json:"purpose"`
}

// ResponseData of EvResponse.
type ResponseData struct {
	Status      int           `json:"status"`
	ContentType string        `json:"content_type"`
	Bytes       int           `json:"bytes"`
	Took        time.Duration `json:"took"`
	Cached      bool          `json:"cached,omitempty"`
	Body        string        `json:"body,omitempty"`
}

// DocumentData of EvDocument.
type DocumentData struct {
	Dialect  string `json:"dialect"`
	Steps    int    `json:"steps"`
	Warnings int    `json:"warnings"`
	Source   string `json:"source"` // where it came from: webhook, fallback, last-good, local, inline
}

// PromptData of EvPlay and EvPlayEnd.
type PromptData struct {
	Kind    string        `json:"kind"` // file, say, tone, digits, silence, audio
	What    string        `json:"what"` // URL, words, name
	Voice   string        `json:"voice,omitempty"`
	Stopped string        `json:"stopped,omitempty"` // why it ended early: digit, hangup, redirect
	Key     string        `json:"key,omitempty"`     // the key that stopped it; a private one is shown as *
	Took    time.Duration `json:"took,omitempty"`
}

// DigitData of EvDigit. A private key is shown as *.
type DigitData struct {
	Key    string      `json:"key"`
	Source DigitSource `json:"source,omitempty"`
}

// Observer is told of every event of every call, in order for each call. It must not block and must not keep Data's
// slices beyond the call unless it copies them.
type Observer func(Event)
