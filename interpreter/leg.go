package interpreter

import (
	"context"
	"io"
	"time"
)

// Direction of a call, in the words that webhooks see.
type Direction string

// The directions.
const (
	Inbound      Direction = "inbound"
	OutboundAPI  Direction = "outbound-api"
	OutboundDial Direction = "outbound-dial"
)

// Address is one end of a call as signalling gave it.
type Address struct {
	Display string `json:"display,omitempty"` // display name, may be empty
	User    string `json:"user"`              // user part: a number, a name
	Host    string `json:"host,omitempty"`    // host part, without port
	URI     string `json:"uri,omitempty"`     // whole URI: sip:alice@example.com
}

// LegInfo is what is known of a leg when it begins. It does not change while the leg lives, except Answered.
type LegInfo struct {
	ID            string    // 32 hex digits
	CallID        string    // SIP Call-ID
	Direction     Direction //
	From, To      Address   //
	Request       Address   // Request-URI of an inbound INVITE: the number that was dialled
	ForwardedFrom string    // number of a Diversion or History-Info header
	SourceIP      string    // address the signalling came from, without port
	Username      string    // credential that authenticated the INVITE, if any
	Device        string    // id of the device that an inbound leg is of, or that was dialled; empty for strangers
	Account       string    // id of its account; empty for strangers
	Trunk         string    // id of the trunk that brought or carries the call; empty: none did
	Headers       []Header  // X- headers, User-to-User and Diversion of the INVITE, or of the 200 on a leg we dialled
	Privacy       Privacy   // what a trusted trunk asks to be kept from others
	Started       time.Time // INVITE received or sent
	Answered      time.Time // zero until the leg is answered
}

// Header is one SIP header.
type Header struct{ Name, Value string }

// Leg is one party's line, seen from the domain. All methods may be called from any goroutine.
type Leg interface {
	Info() LegInfo
	// Context ends with the dialog; its cause is a *Hangup.
	Context() context.Context
	// Ring tells an unanswered inbound leg that it rings (180). Early opens its sound before the answer (183).
	Ring(ctx context.Context) error
	Early(ctx context.Context) error
	// Answer answers an inbound leg; an answered leg stays so and gets nil. It returns when the answer is sent.
	Answer(ctx context.Context) error
	// Hangup ends the leg: BYE, CANCEL, or the refusal that why.Code says. It returns when the leg's context has
	// ended. A second call does nothing.
	Hangup(ctx context.Context, why Hangup) error
	Player
	Collector
	Recorder
}

// Player makes a leg's party hear something.
type Player interface {
	// Play returns when the prompt is over. When ctx ends it stops the sound at once and returns context.Cause(ctx).
	// A prompt that cannot be played as asked gives a *Fault; the caller goes on with what follows. A leg plays one
	// prompt at a time: a second Play waits for nothing and takes the first one's place.
	Play(ctx context.Context, p Prompt) error
}

// Preparer is a Player that can fetch and decode prompts ahead of time, so that they follow each other without a gap.
type Preparer interface {
	// Prepare fetches what p needs. A *Fault says why p cannot be played; Play would return the same.
	Prepare(ctx context.Context, p Prompt) error
}

// Collector gives the keys that a leg's party presses.
type Collector interface {
	// Digits is the one queue of keys pressed, oldest first, at most 128; each key appears once however it was
	// signalled. The channel is never closed.
	Digits() <-chan Digit
}

// Recorder keeps what a leg's party says.
type Recorder interface {
	// Record writes the party's sound to w as a WAV file until MaxLength, Silence, or ctx ends; in the last case the
	// error is context.Cause(ctx). Recorded is right, and the file complete, in every case, errors of w (a *Fault
	// 90004) included.
	Record(ctx context.Context, w io.WriteSeeker, o RecordOptions) (Recorded, error)
}

// RecordOptions of one recording.
type RecordOptions struct {
	MaxLength time.Duration // 0: no limit of its own
	Silence   time.Duration // so much silence ends it; 0: never. Time without any packets does not count
	Trim      bool          // cut silence off both ends of the file
}

// Recorded is what became of a recording.
type Recorded struct {
	Length  time.Duration // of the recording as it ran
	Trimmed time.Duration // of the file: equal to Length unless trimmed
	Why     RecordEnd
}

// RecordEnd is why a recording ended.
type RecordEnd string

// The ends of a recording.
const (
	RecordMaxLength RecordEnd = "max-length"
	RecordSilence   RecordEnd = "silence"
	RecordCancelled RecordEnd = "cancelled" // the context ended it: key, hang-up, redirect
	RecordFault     RecordEnd = "fault"     // the file could not be written on
)

// DigitSource is how a key was signalled.
type DigitSource string

// The ways of signalling keys.
const (
	DigitRTP    DigitSource = "rfc4733"
	DigitINFO   DigitSource = "info"
	DigitInband DigitSource = "inband"
)

// Digit is one key pressed: 0-9, *, #, A-D.
type Digit struct {
	Key    byte
	At     time.Time
	Source DigitSource
}

// Prompt is anything played, as plain data: exactly one of URL, Text, Tone, Digits, Audio or Silence is set.
type Prompt struct {
	URL     string        // audio file, absolute
	Text    []Speech      // words to synthesise
	Voice   string        // voice for Text as the customer named it; empty: the default of Language
	Lang    string        // BCP-47 language of Text
	Tone    string        // "beep", "busy", "ringback", "ringback:fr" … (package media/tone)
	Digits  string        // keys to send: 0-9 * # A-D, w half a second, W a second of silence
	KeyTone time.Duration // length of each key of Digits; 0: the engine's own
	Audio   []byte        // an audio file as it was received
	Silence time.Duration //
	Loop    int           // times to play; 0 and 1 once, Forever until stopped
}

// Forever as a prompt's Loop plays it until it is stopped.
const Forever = -1

// Speech is one piece of a text: words, or the pause after them.
type Speech struct {
	Text  string
	Break time.Duration
}

// Words makes the pieces of a plain text.
func Words(text string) []Speech { return []Speech{{Text: text}} }
