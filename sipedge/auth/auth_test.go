package auth

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	home  = netip.MustParseAddr("192.0.2.1")
	abode = netip.MustParseAddr("198.51.100.7")
)

// client answers a challenge as the phone of ann does.
func client(challenge, password, method string, count int) string {
	const user = "ann"
	get := func(name string) string {
		_, rest, _ := strings.Cut(challenge, name+"=")
		rest = strings.TrimPrefix(rest, `"`)
		return rest[:strings.IndexAny(rest+",", `",`)]
	}
	alg, realm, nonce := get("algorithm"), get("realm"), get("nonce")
	h := Hash(user, realm, password)
	secret := h.MD5
	if alg == algSHA256 {
		secret = h.SHA256
	}
	a := Answer{Username: user, Realm: realm, Nonce: nonce, URI: "sip:pbx", Algorithm: alg, Cnonce: "c0", QOP: "auth",
		NC: fmt.Sprintf("%08x", count)}
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="sip:pbx", response="%s", algorithm=%s, `+
		`cnonce="c0", qop=auth, nc=%s`, user, realm, nonce, respond(a, secret, method), alg, a.NC)
}

func check(t *testing.T, s *Server, header string, h *HA1, from netip.Addr) Verdict {
	t.Helper()
	a, err := ParseAnswer(header)
	if err != nil {
		t.Fatalf("%s: %v", header, err)
	}
	return s.Check(a, h, "REGISTER", from)
}

func TestVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer([SecretSize]byte{1})
		h := Hash("ann", "pbx", "secret")
		asked := s.Challenges(Challenge{Realm: "pbx", Source: home})
		if len(asked) != 2 || !strings.Contains(asked[0], algSHA256) || !strings.Contains(asked[1], "algorithm=MD5") {
			t.Fatalf("challenges %q", asked)
		}
		for _, c := range asked {
			other := NewServer([SecretSize]byte{2}).Challenges(Challenge{Realm: "pbx", Source: home})[0]
			good := client(c, "secret", "REGISTER", 1)
			table := []struct {
				name   string
				header string
				ha1    *HA1
				from   netip.Addr
				want   Verdict
			}{
				{"wrong password", client(c, "guess", "REGISTER", 1), &h, home, Wrong},
				{"other method", client(c, "secret", "INVITE", 1), &h, home, Wrong},
				{"unknown user", good, nil, home, Wrong},
				{"made-up nonce", client(other, "secret", "REGISTER", 1), &h, home, Fresh},
				{"nonce of another network", good, &h, abode, Fresh},
				{"right", good, &h, home, Right},
				{"replay", good, &h, home, Stale},
				{"count rises", client(c, "secret", "REGISTER", 3), &h, home, Right},
				{"count goes back", client(c, "secret", "REGISTER", 2), &h, home, Stale},
				{"replay with a wrong password", client(c, "guess", "REGISTER", 2), &h, home, Wrong},
			}
			for _, row := range table {
				if got := check(t, s, row.header, row.ha1, row.from); got != row.want {
					t.Errorf("%s: verdict %d, want %d", row.name, got, row.want)
				}
			}
			s = NewServer([SecretSize]byte{1})
		}
		good, bad := client(asked[0], "secret", "REGISTER", 9), client(asked[0], "guess", "REGISTER", 9)
		time.Sleep(nonceLife)
		if got := check(t, s, good, &h, home); got != Stale {
			t.Errorf("old nonce, right answer: %d", got)
		}
		if got := check(t, s, bad, &h, home); got != Wrong {
			t.Errorf("old nonce, wrong answer: %d", got)
		}
	})
}

func TestMD5Only(t *testing.T) {
	s := NewServer([SecretSize]byte{})
	c := s.Challenges(Challenge{Realm: `a "b"`, Source: home, MD5Only: true, Stale: true})
	if len(c) != 1 || !strings.Contains(c[0], "algorithm=MD5") || !strings.Contains(c[0], "stale=true") ||
		!strings.Contains(c[0], `realm="a \"b\""`) {
		t.Errorf("challenges %q", c)
	}
}

func TestMalformedAnswers(t *testing.T) {
	good := `Digest username="a", realm="r", nonce="n", uri="sip:x", response="0", cnonce="c", qop=auth, nc=00000001`
	if _, err := ParseAnswer(good); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"", "Digest", "Basic dTpw", `Digest username="a`, good + `, username="b"`, good + ",,", good + ` x`,
		strings.Replace(good, "qop=auth", "qop=auth-int", 1), strings.Replace(good, "qop=auth, ", "", 1),
		strings.Replace(good, "00000001", "1", 1), strings.Replace(good, "00000001", "00000000", 1),
		strings.Replace(good, "00000001", "zzzzzzzz", 1), good + ", algorithm=SHA-1", good + ", algorithm=MD5-sess",
		strings.Replace(good, `"a"`, `""`, 1), good + `, pad="` + strings.Repeat("x", maxHeader) + `"`,
		strings.Replace(good, `response="0", `, "", 1), good + `, q="\`,
	} {
		if a, err := ParseAnswer(s); err == nil {
			t.Errorf("%.80q is taken as %+v", s, a)
		}
	}
}

func TestSecretsHide(t *testing.T) {
	h := Hash("ann", "pbx", "secret")
	js, err := json.Marshal(map[string]any{"h": h})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(h), fmt.Sprintf("%+v %#v %s", h, h, &h), string(js)} {
		if strings.Contains(text, h.MD5) || strings.Contains(text, h.SHA256) {
			t.Errorf("%q shows a secret", text)
		}
	}
	// RFC 7616 §3.9.1 gives the answers of this one.
	if got := Hash("Mufasa", "http-auth@example.org", "Circle of Life").MD5; got != "3d78807defe7de2157e2b0b6573a855f" {
		t.Errorf("MD5 %q", got)
	}
}

func TestBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBans(10)
		for i := range 10 {
			if b.Banned(home) {
				t.Fatalf("banned after %d", i)
			}
			if now := b.Wrong(home); now != (i == 9) {
				t.Errorf("wrong answer %d: banned %v", i, now)
			}
		}
		if !b.Banned(home) || b.Banned(abode) || b.Active() != 1 {
			t.Error("the wrong addresses are banned")
		}
		time.Sleep(banTime)
		if b.Banned(home) || b.Active() != 0 {
			t.Error("banned for ever")
		}
		for range 30 { // one wrong answer every 7 s is a phone with a typo
			if b.Wrong(abode) {
				t.Fatal("a slow phone is banned")
			}
			time.Sleep(7 * time.Second)
		}
		// Whoever owns a /64 cannot hide in it; what is over is forgotten.
		six := netip.MustParseAddr("2001:db8::")
		for i := range 10 {
			b.Wrong(six)
			six = six.Next()
			_ = i
		}
		if !b.Banned(netip.MustParseAddr("2001:db8::ffff")) {
			t.Error("a /64 guesses on")
		}
		time.Sleep(banTime)
		b.Sweep()
		if len(b.list) != 0 || b.Active() != 0 {
			t.Errorf("%d left, %d active", len(b.list), b.Active())
		}
	})
}

func TestBansAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBans(2)
		b.Wrong(abode)
		b.Wrong(abode)
		a := netip.MustParseAddr("10.0.0.0")
		for range 2 * banMax {
			b.Wrong(a)
			a = a.Next()
		}
		if len(b.list) != banMax || !b.Banned(abode) {
			t.Errorf("%d addresses, banned %v", len(b.list), b.Banned(abode))
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(`Digest username="a", realm="r", nonce="n", uri="sip:x", response="0", cnonce="c", qop=auth, nc=00000001`)
	f.Add(`digest nc = 00000001 ,x="\"",algorithm=sha-256`)
	s := NewServer([SecretSize]byte{})
	h := Hash("a", "r", "p")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAnswer(text)
		if err != nil {
			return
		}
		if v := s.Check(a, &h, "REGISTER", home); v == Right {
			t.Errorf("%q is let in", text)
		}
	})
}

// BenchmarkCheck shows that a user who does not exist costs as much as one who does.
func BenchmarkCheck(b *testing.B) {
	s := NewServer([SecretSize]byte{1})
	h := Hash("ann", "pbx", "secret")
	a, err := ParseAnswer(client(s.Challenges(Challenge{Realm: "pbx", Source: home})[0], "guess", "REGISTER", 1))
	if err != nil {
		b.Fatal(err)
	}
	for name, secret := range map[string]*HA1{"known": &h, "unknown": nil} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.Check(a, secret, "REGISTER", home)
			}
		})
	}
}
