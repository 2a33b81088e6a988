package interpreter

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// CallStatus is the state of a call in the words that customers see.
type CallStatus string

// The states of a call.
const (
	StatusQueued     CallStatus = "queued"
	StatusInitiated  CallStatus = "initiated"
	StatusRinging    CallStatus = "ringing"
	StatusInProgress CallStatus = "in-progress"
	StatusCompleted  CallStatus = "completed"
	StatusBusy       CallStatus = "busy"
	StatusFailed     CallStatus = "failed"
	StatusNoAnswer   CallStatus = "no-answer"
	StatusCanceled   CallStatus = "canceled"
)

// Final tells whether a call in this state is over.
func (s CallStatus) Final() bool {
	switch s {
	case StatusCompleted, StatusBusy, StatusFailed, StatusNoAnswer, StatusCanceled:
		return true
	default:
		return false
	}
}

// rank orders the states: a call only ever moves to a higher one.
func (s CallStatus) rank() int {
	switch s {
	case StatusQueued:
		return 1
	case StatusInitiated:
		return 2
	case StatusRinging:
		return 3
	case StatusInProgress:
		return 4
	case "":
		return 0
	default:
		return 5
	}
}

// event is the subscription word of a state: in-progress is reported as "answered", every end as "completed".
func (s CallStatus) event() string {
	switch {
	case s == StatusInProgress:
		return "answered"
	case s.Final():
		return "completed"
	default:
		return string(s)
	}
}

// StatusOf maps the final SIP code of an unanswered leg to its state.
func StatusOf(code int) CallStatus {
	switch {
	case code >= 200 && code < 300:
		return StatusCompleted
	case code == 486 || code == 600 || code == 603:
		return StatusBusy
	case code == 480 || code == 408 || code == 487:
		return StatusNoAnswer
	default:
		return StatusFailed
	}
}

// StatusCallback is a subscription to the states of one call.
type StatusCallback struct {
	URL     string
	Method  string   // GET or POST; empty: POST
	Events  []string // initiated ringing answered completed; empty: completed
	Dialect string   // whose parameter names are sent; empty: twiml
}

func (s StatusCallback) wants(event string) bool {
	if len(s.Events) == 0 {
		return event == "completed"
	}
	return slices.Contains(s.Events, event)
}

// statusParams are the parameters of a status callback beyond the standard ones.
func statusParams(seq int, at time.Time, cdr *CDR) url.Values {
	v := url.Values{
		"Timestamp":      {at.UTC().Format(time.RFC1123Z)},
		"CallbackSource": {"call-progress-events"},
		"SequenceNumber": {strconv.Itoa(seq)},
	}
	if cdr == nil {
		return v
	}
	secs := int(cdr.Billed.Round(time.Second) / time.Second)
	v.Set("CallDuration", strconv.Itoa(secs))
	v.Set("Duration", strconv.Itoa((secs+59)/60))
	v.Set("SipResponseCode", strconv.Itoa(cdr.Code))
	if cdr.Status == StatusFailed && cdr.Fault != 0 {
		v.Set("ErrorCode", strconv.Itoa(cdr.Fault))
		v.Set("ErrorMessage", cdr.Reason)
	}
	return v
}
