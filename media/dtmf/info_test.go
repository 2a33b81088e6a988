package dtmf

import (
	"errors"
	"testing"
	"time"
)

func TestParseInfo(t *testing.T) {
	cases := []struct {
		kind, body string
		digit      byte
		d          time.Duration
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160 * time.Millisecond},
		{"Application/DTMF-Relay; charset=utf-8", "signal= #\nduration = 250", '#', 250 * time.Millisecond},
		{"application/dtmf-relay", "Signal=10\r\nDuration=0", '*', DefaultTone},
		{"application/dtmf-relay", "Signal=11", '#', DefaultTone},
		{"application/dtmf-relay", "Signal=16", Flash, DefaultTone},
		{"application/dtmf-relay", "Signal=b\r\nDuration=99999999999", 'B', DefaultTone},
		{"application/dtmf-relay", "Signal=1\r\nDuration=3600000", '1', 10 * time.Second},
		{"application/dtmf", "7", '7', DefaultTone},
		{"application/dtmf", "\r\n*\r\n", '*', DefaultTone},
		{"application/dtmf", "Signal=3\r\nDuration=100", '3', 100 * time.Millisecond},
		{"application/hook-flash", "", Flash, DefaultTone},
	}
	for _, tc := range cases {
		digit, d, err := ParseInfo(tc.kind, []byte(tc.body))
		if err != nil || digit != tc.digit || d != tc.d {
			t.Errorf("%s %q: %q %v %v, want %q %v", tc.kind, tc.body, digit, d, err, tc.digit, tc.d)
		}
	}
}

func TestParseInfoRefuses(t *testing.T) {
	if _, _, err := ParseInfo("application/media_control+xml", []byte("1")); !errors.Is(err, ErrContentType) {
		t.Errorf("other type: %v, want ErrContentType", err)
	}
	for _, body := range []string{"", "Signal=\r\n", "Signal=x", "Signal=99", "Signal=255", "Duration=160", "hello"} {
		if d, _, err := ParseInfo("application/dtmf-relay", []byte(body)); err == nil || errors.Is(err, ErrContentType) {
			t.Errorf("%q: digit %q, error %v", body, d, err)
		}
	}
}

func TestAppendInfo(t *testing.T) {
	body := AppendInfo(nil, '#', 160*time.Millisecond)
	if got, want := string(body), "Signal=#\r\nDuration=160\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add("application/dtmf", []byte("5"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		digit, d, err := ParseInfo(kind, body)
		if err != nil {
			return
		}
		if d <= 0 || d > maxInfoHold {
			t.Fatalf("duration %v", d)
		}
		again, _, err := ParseInfo(InfoType, AppendInfo(nil, digit, d))
		if err != nil || again != digit {
			t.Fatalf("%q came back as %q, %v", digit, again, err)
		}
	})
}
