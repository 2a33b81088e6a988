package dtmf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrContentType is returned by ParseInfo when the body is of a type that carries no digits.
var ErrContentType = errors.New("content type carries no digits")

const (
	maxInfoBody = 512              // a digit needs 30 octets
	maxInfoHold = 10 * time.Second // nobody holds a key longer
)

// ParseInfo reads the body of a SIP INFO: application/dtmf-relay (lines Signal= and Duration= in milliseconds),
// application/dtmf (the bare digit) and application/hook-flash. Without a duration it is DefaultTone. The error wraps
// ErrContentType when the type is another one; any other error means a body that names no digit.
func ParseInfo(contentType string, body []byte) (digit byte, d time.Duration, err error) {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch kind {
	case "application/hook-flash":
		return Flash, DefaultTone, nil
	case "application/dtmf-relay", "application/dtmf":
	default:
		return 0, 0, fmt.Errorf("read digit of %.60q: %w", kind, ErrContentType)
	}
	if len(body) > maxInfoBody {
		return 0, 0, fmt.Errorf("read digit: body of %d octets", len(body))
	}
	d = DefaultTone
	for line := range strings.Lines(string(body)) {
		name, value, named := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimSpace(value)
		switch {
		case !named && digit == 0:
			digit = signal(strings.TrimSpace(name))
		case named && strings.EqualFold(strings.TrimSpace(name), "signal"):
			digit = signal(value)
		case named && strings.EqualFold(strings.TrimSpace(name), "duration"):
			d = holdTime(value)
		}
	}
	if digit == 0 {
		return 0, 0, fmt.Errorf("read digit: no key in %.60q", body)
	}
	return digit, d, nil
}

// signal reads a key: the character itself, or its event code from 10 up, as some gateways write * and #.
func signal(value string) byte {
	if len(value) == 1 {
		if code, ok := codeOf(value[0]); ok {
			return digitOf(code)
		}
		return 0
	}
	code, err := strconv.ParseUint(value, 10, 8)
	if err != nil || len(value) != 2 {
		return 0
	}
	return digitOf(byte(code))
}

func holdTime(value string) time.Duration {
	ms, err := strconv.ParseUint(value, 10, 32)
	if err != nil || ms == 0 {
		return DefaultTone
	}
	return min(time.Duration(ms)*time.Millisecond, maxInfoHold)
}

// InfoType is the content type of the bodies that AppendInfo writes.
const InfoType = "application/dtmf-relay"

// AppendInfo appends the body of a SIP INFO that sends one digit.
func AppendInfo(dst []byte, digit byte, d time.Duration) []byte {
	dst = append(dst, "Signal="...)
	dst = append(dst, digit, '\r', '\n')
	dst = append(dst, "Duration="...)
	dst = strconv.AppendInt(dst, d.Milliseconds(), 10)
	return append(dst, '\r', '\n')
}
