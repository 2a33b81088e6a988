package dtmf

import "time"

// Source says in which shape a digit arrived.
type Source uint8

// The shapes a digit comes in.
const (
	FromRTP  Source = iota // RFC 4733 telephone-event
	FromInfo               // SIP INFO
	FromTone               // tones in the audio
)

// String names the source as traces print it.
func (s Source) String() string {
	switch s {
	case FromRTP:
		return "rtp"
	case FromInfo:
		return "info"
	case FromTone:
		return "tone"
	}
	return "unknown"
}

// Event is one key that was pressed.
type Event struct {
	Digit    byte          // 0-9 * # A-D, or Flash
	Duration time.Duration // how long it was held, as far as known
	Source   Source
}

// Flash is the digit that stands for a hook flash, event 16 of RFC 4733.
const Flash = '!'

// Durations of a sent digit. The floor is what ITU-T Q.24 lets a receiver insist on.
const (
	DefaultTone = 100 * time.Millisecond
	DefaultGap  = 100 * time.Millisecond
	MinTone     = 40 * time.Millisecond
	MinGap      = 40 * time.Millisecond
)

const digits = "0123456789*#ABCD!" // indexed by event code, RFC 4733 §3.2

// digitOf returns the digit of an event code, or 0 for codes that are no key.
func digitOf(code byte) byte {
	if int(code) < len(digits) {
		return digits[code]
	}
	return 0
}

// codeOf is the reverse of digitOf and accepts small letters.
func codeOf(digit byte) (byte, bool) {
	if digit >= 'a' && digit <= 'd' {
		digit -= 'a' - 'A'
	}
	for i := range len(digits) {
		if digits[i] == digit {
			return byte(i), true
		}
	}
	return 0, false
}
