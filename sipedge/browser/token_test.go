package browser

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens("secret")
		token, expires, err := tokens.Issue("Ann Lee", time.Hour)
		if err != nil || time.Until(expires) != time.Hour {
			t.Fatalf("issued until %v, %v", expires, err)
		}
		if who, err := tokens.Check(token); who != "Ann Lee" || err != nil {
			t.Errorf("%q, %v", who, err)
		}
		if _, err := NewTokens("another secret").Check(token); !errors.Is(err, ErrToken) {
			t.Errorf("token of another account: %v", err)
		}
		text, sig, _ := strings.Cut(token, ".")
		other, _, _ := tokens.Issue("Bob", time.Hour)
		otherText, _, _ := strings.Cut(other, ".")
		for _, forged := range []string{"", ".", text, text + ".", text + "." + sig[1:], otherText + "." + sig,
			token + strings.Repeat("A", maxToken)} {
			if _, err := tokens.Check(forged); !errors.Is(err, ErrToken) {
				t.Errorf("%.40q: %v", forged, err)
			}
		}
		time.Sleep(time.Hour)
		if _, err := tokens.Check(token); !errors.Is(err, ErrExpired) {
			t.Errorf("after its end: %v", err)
		}
		if _, expires, _ := tokens.Issue("Ann", 90*24*time.Hour); time.Until(expires) > MaxTokenLife {
			t.Errorf("a token for 90 days lives until %v", expires)
		}
		for _, bad := range []string{"", " x", "x\n", "\xff", strings.Repeat("x", 257)} {
			if _, _, err := tokens.Issue(bad, 0); !errors.Is(err, ErrIdentity) {
				t.Errorf("identity %.20q: %v", bad, err)
			}
		}
	})
}

func FuzzTokens(f *testing.F) {
	tokens := NewTokens("secret")
	good, _, _ := tokens.Issue("ann", 0)
	f.Add(good)
	f.Add("e30.AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if who, err := tokens.Check(s); err == nil && who != "ann" {
			t.Errorf("%q lets %q in", s, who)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"type":"call","call":"1","to":"100","sdp":"v=0","params":{"a":"b"}}`))
	f.Add([]byte(`{"type":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err == nil && (m.Type == "" || len(m.SDP) > maxDescription || len(m.Params) > maxParams) {
			t.Errorf("beyond the bounds: %+v", m)
		}
		if err != nil && !errors.Is(err, errMessage) {
			t.Errorf("error %v", err)
		}
	})
}

// A page may say much at once and little for long.
func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	allowed := 0
	for range 1000 {
		if p.allow(now) {
			allowed++
		}
	}
	if allowed != burst {
		t.Errorf("%d at once, want %d", allowed, burst)
	}
	for range 10 * perSecond {
		now = now.Add(time.Second / (2 * perSecond))
		if p.allow(now) {
			allowed++
		}
	}
	if got := allowed - burst; got < 5*perSecond-2 || got > 5*perSecond+2 {
		t.Errorf("%d in five seconds, want %d", got, 5*perSecond)
	}
}

// Keys at the 8 kHz clock are shown at that of the sound.
func TestLevelKeys(t *testing.T) {
	p := newPackets()
	p.agree = agreed{events: 110, clock: 48000, slow: 126}
	close(p.bound)
	packet := func(number byte, duration ...byte) []byte {
		return append([]byte{0x80, number, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 0x8a}, duration...)
	}
	for _, tc := range []struct{ in, want []byte }{
		{packet(126, 0x03, 0x20), packet(110, 0x12, 0xc0)}, // 800 becomes 4800
		{packet(126, 0xff, 0xff), packet(110, 0xff, 0xff)},
		{packet(0x80|126, 0, 160), packet(0x80|110, 0x03, 0xc0)},
		{packet(111, 0x03, 0x20), packet(111, 0x03, 0x20)},
		{packet(126)[:13], packet(126)[:13]},
	} {
		got := append([]byte(nil), tc.in...)
		p.level(got)
		if string(got) != string(tc.want) {
			t.Errorf("% x: got % x, want % x", tc.in, got, tc.want)
		}
	}
}
