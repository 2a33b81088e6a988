package interpreter

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Lines makes legs and joins them.
type Lines interface {
	// Dial calls to and returns its leg when the far end has answered. A *DialError says why it has not. When ctx
	// ends the attempt is cancelled and context.Cause(ctx) returned; an answer that crosses is hung up.
	Dial(ctx context.Context, to Target, o DialOptions) (Leg, error)
	// Bridge joins two answered legs until one of them ends (then it returns nil) or ctx ends (then
	// context.Cause(ctx)); both legs live on except the one that ended. A *Fault 90004 instead says that it came so too,
	// and that the recording broke off before.
	Bridge(ctx context.Context, a, b Leg, o BridgeOptions) error
}

// Target is whom to call.
type Target struct {
	URI      string        // sip:user@host;params, or a number to send through the default trunk
	Name     string        // as the customer wrote it, for the trace and the To parameter
	Username string        // digest credentials for this target, may be empty
	Password string        //
	Headers  []Header      // custom headers of the INVITE, already allowed by the dialect
	Timeout  time.Duration // ring time; 0: DialOptions.Timeout
	Delay    time.Duration // wait before it rings, when several ring together

	Redirects  int    // 3xx answers that are followed, at most 5; 0: none, the redirection is a failure
	Alert      string // Alert-Info for a distinctive ring: a URI, or a name such as "Bellcore-dr2"; empty: none
	AutoAnswer bool   // the telephone is asked to answer by itself, for paging and intercom

	User   string        // user part of the Request-URI at a registered telephone; empty: that of its contact
	Trunk  string        // id of the trunk that carries it; empty: the URI's host, or "default" for a number
	Sign   time.Duration // given up when it does not even ring so long after the INVITE; 0: Timeout alone counts
	From   Address       // caller id for this target alone; zero: DialOptions.From
	Number string        // what was dialled, where URI is written for a carrier; empty: URI

	Privacy   Privacy // what of the caller id is kept from this target; empty: DialOptions.Privacy
	Asserted  Address // who calls in truth, for trunks that are trusted with it (RFC 3325); zero: From
	Emergency bool    // a call for help: no limit of calls counts
	FromHost  string  // host of From towards a trunk; empty: as the trunk says
}

// DialOptions of one attempt.
type DialOptions struct {
	ID       string         // id of the new leg; empty: made
	From     Address        // caller id presented
	Account  string         // id of the account that calls, for its limits; may be empty
	Device   string         // id of the telephone of that account that calls; empty: none does
	Caller   Address        // caller of the call that dials, who may be shown although the account does not own him
	Timeout  time.Duration  // ring time; 0: 60 s
	EarlyTo  Leg            // leg that hears the far end's early media; nil: nobody
	Progress func(Progress) // told of every change in order, never concurrently; must not block; may be nil
	Emit     func(Event)    // told of the milestones of the attempt, as Tracer says; may be nil

	Privacy     Privacy // what of From is kept from the called party
	ForwardedBy Address // who sent the call on, for Diversion and History-Info; zero: nobody
	ReferredBy  string  // who transferred the call, as Referred-By said; empty: nobody
}

// Privacy says what of a caller's identity the called party is not shown (RFC 3323). A trusted trunk is told all the
// same, as an asserted identity that it keeps to itself.
type Privacy string

// The kinds of privacy.
const (
	PrivacyNone   Privacy = ""
	PrivacyFull   Privacy = "full"
	PrivacyName   Privacy = "name"
	PrivacyNumber Privacy = "number"
	PrivacyOff    Privacy = "none" // of one target: shown although the caller asked for privacy
)

// Progress is a step of a call attempt.
type Progress struct {
	Status CallStatus // StatusInitiated, StatusRinging, StatusInProgress
	Code   int        // SIP code
	Early  bool       // sound before the answer
	CallID string     // SIP Call-ID of the attempt
}

// DialError is why a call attempt was not answered.
type DialError struct {
	Status CallStatus // StatusBusy, StatusNoAnswer, StatusFailed, StatusCanceled
	Code   int        // SIP code, ours where none came
	Cause  string     // USER_BUSY, NO_ANSWER, CALL_REJECTED …
	Reason string     // one sentence
	Fault  int        // numbered code of docs/errors.md, or 0
	CallID string     // SIP Call-ID of the attempt, may be empty

	Unreached bool     // the far end could not even be asked: no address, no connection
	Headers   []Header // X- headers of the refusal
	Contacts  []string // addresses that a 3xx redirects to, the preferred one first
}

// Error is status, code and reason.
func (e *DialError) Error() string { return fmt.Sprintf("%s: %d %s", e.Status, e.Code, e.Reason) }

// BridgeOptions of one bridge.
type BridgeOptions struct {
	Record   io.WriteSeeker // WAV of the conversation; nil: none
	Stereo   bool           // a in the left channel, b in the right; else both mixed
	Track    string         // "both" (default), "inbound" (a alone), "outbound" (b alone)
	KeepKeys string         // keys of a that stay here instead of going to b
	Lead     time.Duration  // silence written to Record first: the time it rang
	Hold     Prompt         // what one party hears while the other has put it on hold, over and over; zero: music of ours
}
