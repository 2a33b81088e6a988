package file

import (
	"errors"
	"fmt"
)

// Numbers under which the owner of a flow sees why a file was not played.
const (
	CodeRetrieval = 11200 // the server did not give the file
	CodeTooLarge  = 11750 // larger than the limit
	CodeType      = 13420 // not an audio file we know
	CodeUnusable  = 90003 // an audio file that cannot be played
)

// StatusError is an HTTP answer other than success.
type StatusError struct{ Status int }

// Error names the status.
func (e *StatusError) Error() string { return fmt.Sprintf("audio file: HTTP status %d", e.Status) }

// TooLargeError is a file of more octets than allowed.
type TooLargeError struct{ Limit int64 }

// Error names the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("audio file: larger than %d octets", e.Limit)
}

// TypeError is a file that is no audio, or audio of a kind that is not played here.
type TypeError struct {
	ContentType string // as declared by the server, may be empty
	Found       string // what the content looks like
}

// Error names both.
func (e *TypeError) Error() string {
	if e.ContentType == "" {
		return fmt.Sprintf("audio file: content is %s", e.Found)
	}
	return fmt.Sprintf("audio file: declared as %.80q, content is %s", e.ContentType, e.Found)
}

// UnusableError is an audio file that cannot be played or would be unsafe to play.
type UnusableError struct{ Reason string }

// Error gives the reason.
func (e *UnusableError) Error() string { return "audio file: " + e.Reason }

func unusable(format string, args ...any) error {
	return &UnusableError{Reason: fmt.Sprintf(format, args...)}
}

// Code returns the number for an error of this package, or 0 for errors of others, such as those of the network.
func Code(err error) int {
	var (
		status *StatusError
		large  *TooLargeError
		kind   *TypeError
		bad    *UnusableError
	)
	switch {
	case errors.As(err, &status):
		return CodeRetrieval
	case errors.As(err, &large):
		return CodeTooLarge
	case errors.As(err, &kind):
		return CodeType
	case errors.As(err, &bad):
		return CodeUnusable
	}
	return 0
}
