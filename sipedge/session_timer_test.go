package sipedge

import (
	"context"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

func TestSessionExpires(t *testing.T) {
	for text, want := range map[string]struct {
		length time.Duration
		who    string
		ok     bool
	}{
		"1800":                               {30 * time.Minute, "", true},
		"90;refresher=uac":                   {90 * time.Second, "uac", true},
		"90 ; x=1 ; Refresher=UAS":           {90 * time.Second, "uas", true},
		"90;refresher=both":                  {90 * time.Second, "", true},
		"4294967295":                         {24 * time.Hour, "", true},
		"":                                   {},
		"-1":                                 {},
		"1e3":                                {},
		"99999999999999999999;refresher=uac": {},
	} {
		length, who, ok := sessionExpires(text)
		if length != want.length || who != want.who || ok != want.ok {
			t.Errorf("%q: %v %q %v, want %+v", text, length, who, ok, want)
		}
	}
}

func FuzzSessionExpires(f *testing.F) {
	for _, s := range []string{"1800;refresher=uac", "90", ";", "1;refresher", "0;refresher=\"uas\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		length, who, ok := sessionExpires(s)
		if length < 0 || length > maxSession || !ok && length != 0 || who != "" && who != "uac" && who != "uas" {
			t.Errorf("%q: %v %q %v", s, length, who, ok)
		}
	})
}

func TestGiveUpAfter(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		90 * time.Second: 60 * time.Second, 30 * time.Minute: 30*time.Minute - 32*time.Second,
	} {
		if got := giveUpAfter(interval); got != want {
			t.Errorf("session of %v: given up after %v, want %v", interval, got, want)
		}
	}
}

// Who refreshes, and how long a session lasts, for every kind of caller (RFC 4028 §9, table 2).
func TestSessionOfInboundCalls(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SessionExpires = 20 * time.Minute })
	for _, tc := range []struct{ head, expires, require string }{
		{"", "", ""}, // a phone that knows nothing of it
		{"Supported: timer\r\n", "1200;refresher=uac", "timer"},
		{"k: timer\r\nx: 600\r\n", "600;refresher=uac", "timer"},
		{"Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas", ""},
		{"Require: timer\r\nSupported: timer\r\nSession-Expires: 3600\r\n", "1200;refresher=uac", "timer"},
		{"Supported: timer\r\nSession-Expires: 3600\r\nMin-SE: 1500\r\n", "1500;refresher=uac", "timer"},
		{"Session-Expires: 600\r\n", "600;refresher=uas", ""}, // a proxy asks, the phone does not know
	} {
		p := newPeer(t, b)
		p.request("INVITE", tc.head+sdpHead, sdpOf(30000, ""))
		l := b.leg()
		if err := l.Answer(context.Background()); err != nil {
			t.Fatal(err)
		}
		ok := p.expect("200")
		if ok.get("session-expires") != tc.expires || ok.get("require") != tc.require ||
			!strings.Contains(ok.get("supported"), "timer") {
			t.Errorf("%q: Session-Expires %q Require %q Supported %q, want %q %q", tc.head, ok.get("session-expires"),
				ok.get("require"), ok.get("supported"), tc.expires, tc.require)
		}
		p.tag = ok.tag()
		p.requestAs("ACK", p.seq, "", "")
	}
	p := newPeer(t, b)
	p.request("INVITE", "Supported: timer\r\nSession-Expires: 60\r\n"+sdpHead, sdpOf(30000, ""))
	if m := p.expect("422"); m.get("min-se") != "90" {
		t.Errorf("422 with Min-SE %q", m.get("min-se"))
	}
}

// A caller who promised to refresh and does not is hung up before the session ends.
func TestSessionRunsOut(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SessionExpires, c.MinSE = 2*time.Second, time.Second })
	p := newPeer(t, b)
	began := time.Now()
	p.request("INVITE", "Supported: timer\r\n"+sdpHead, sdpOf(30000, ""))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	if ok.get("session-expires") != "2;refresher=uac" {
		t.Fatalf("Session-Expires %q", ok.get("session-expires"))
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	p.request("UPDATE", "Supported: timer\r\nSession-Expires: 2;refresher=uac\r\n", "")
	for m := p.expect("200"); !strings.HasSuffix(m.get("cseq"), "UPDATE"); m = p.expect("200") {
	}
	bye := p.expect("BYE")
	if took := time.Since(began); took < time.Second {
		t.Errorf("BYE after %v", took)
	}
	if !strings.Contains(bye.get("reason"), "session timer") {
		t.Errorf("Reason %q", bye.get("reason"))
	}
	p.answer(bye, 200, "", "", "")
	if h := hangupOf(t, l); h.Code != 408 || h.By != interpreter.ByEngine {
		t.Errorf("hangup %+v", h)
	}
}

// As refresher we say at half time that the call runs: by UPDATE, by a re-INVITE that changes nothing where that is not
// known; a refusal is no reason to end the call before its time.
func TestSessionIsRefreshed(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SessionExpires, c.MinSE = 2*time.Second, time.Second })
	p := newPeer(t, b)
	p.request("INVITE", "Supported: timer\r\nAllow: INVITE, BYE, UPDATE\r\nSession-Expires: 2;refresher=uas\r\n"+sdpHead,
		sdpOf(30000, ""))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	u := p.expect("UPDATE")
	if u.body != "" || u.get("session-expires") != "2;refresher=uac" {
		t.Errorf("refresh %q:\n%s", u.get("session-expires"), u.body)
	}
	p.answer(u, 501, "", "", "")
	m := p.expect("INVITE")
	if m.body != ok.body {
		t.Errorf("the refresh changes something:\n%s\nwas:\n%s", m.body, ok.body)
	}
	p.answer(m, 500, "", "", "") // not now
	p.expect("ACK")
	m = p.expect("INVITE")
	p.answer(m, 200, "", p.contact()+"Session-Expires: 2;refresher=uac\r\n"+sdpHead, sdpOf(30000, ""))
	p.expect("ACK")
	m = p.expect("INVITE")
	p.answer(m, 481, "", "", "")
	p.answer(p.expect("BYE"), 200, "", "", "")
	hangupOf(t, l)
}
