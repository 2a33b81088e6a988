package interpreter

import (
	"errors"
	"fmt"
)

// Conditions that callers in other packages branch on.
var (
	// ErrNotFound is returned by stores and look-ups for an id that does not exist.
	ErrNotFound = errors.New("no such object")
	// ErrShutdown is the cause of every leg context when the engine stops.
	ErrShutdown = errors.New("engine is shutting down")
	// ErrTimeLimit is the cause of a context that a verb's own time limit ended.
	ErrTimeLimit = errors.New("time limit reached")
	// ErrBargeIn is the cause of a prompt's context when the caller's input stopped it.
	ErrBargeIn = errors.New("stopped by the caller's input")
	// ErrElsewhere is the cause of a call attempt that ended because another party answered; phones are told, so that
	// they list no missed call.
	ErrElsewhere = errors.New("another party answered")
	// ErrCallOver is returned to those who want to change a call that has ended.
	ErrCallOver = errors.New("call is over")
	// ErrOverload is returned when a limit on concurrent calls is reached or the engine drains.
	ErrOverload = errors.New("no capacity for another call")
	// ErrUnsupported is returned by a leg that cannot do what was asked of it.
	ErrUnsupported = errors.New("not supported by this leg")
)

// Party says who ended a leg.
type Party string

// The parties of a hang-up.
const (
	ByCaller Party = "caller" // the far end of the leg
	ByFlow   Party = "flow"   // a verb, or the end of the document
	ByAPI    Party = "api"    // a REST client or an operator
	ByEngine Party = "engine" // a limit, a fault, the end of the process
)

// Hangup is why a leg ended. It is the cause of the leg's context, read with errors.As(context.Cause(ctx), &h), and
// the argument that ends a leg. On an unanswered leg a Code of 300 or more is the SIP reply that refuses the call.
type Hangup struct {
	By     Party
	Code   int    // SIP code that stands for it: 200 a normal end, 486 busy, 487 cancelled, 500 a fault
	Cause  string // cause in the words of the telephone network: NORMAL_CLEARING, USER_BUSY …; may be empty
	Reason string // one sentence for the trace and the record
	Fault  int    // numbered code of docs/errors.md when a fault ended the leg, else 0

	Status  CallStatus // final state of a leg that was never answered; empty: what Code stands for
	Headers []Header   // X- headers of the message by which the far end ended it

	endOfDocument bool // no verb was left
}

// Error names the party and the reason.
func (h *Hangup) Error() string {
	s := "hangup by " + string(h.By)
	if h.Reason != "" {
		s += ": " + h.Reason
	}
	return s
}

// Redirect is the cause of a document's context when the document is replaced from outside.
type Redirect struct{ Request Request }

// Error names the new document.
func (r *Redirect) Error() string { return "redirected to " + shownURL(r.Request.URL) }

// Pressed is the cause of a context that a key ended: the finish key of a recording, the star of a bridge.
type Pressed struct{ Digit Digit }

// Error names the key.
func (p *Pressed) Error() string { return fmt.Sprintf("key %c pressed", p.Digit.Key) }

// Fault is a failure with a numbered code that a call survives: a prompt that cannot be played, a recording cut
// short, a webhook that does not answer. Its sentence says what to do.
type Fault struct {
	Code int
	Msg  string
	Err  error // the cause, or nil
}

// Error is "code: sentence: cause".
func (f *Fault) Error() string {
	s := fmt.Sprintf("%d: %s", f.Code, f.Msg)
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// CodeOf returns the numbered code an error carries, or 0.
func CodeOf(err error) int {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	var d *DocumentError
	if errors.As(err, &d) {
		return d.Code
	}
	return 0
}
