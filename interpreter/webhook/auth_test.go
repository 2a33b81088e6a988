package webhook

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/icholy/digest"

	"pintle/interpreter"
)

func TestBasic(t *testing.T) {
	var auths []string
	protect := func(w http.ResponseWriter, r *http.Request) {
		auths = append(auths, r.Header.Get("Authorization"))
		if user, pw, _ := r.BasicAuth(); user != "u@x" || pw != "canarypw:1" {
			w.Header().Set("WWW-Authenticate", `Basic realm="voice"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	s := serve(t, protect)
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went to another origin")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="voice"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	c := open(t, Config{})
	call := c.Session(account)
	ask := func(f interpreter.Fetcher, u string) error {
		r, err := f.Fetch(t.Context(), interpreter.Fetch{Method: "POST", URL: u, Params: form("a", "1")})
		if strings.Contains(r.URL+r.Asked, "canarypw") {
			t.Errorf("the password is in %s or %s", r.URL, r.Asked)
		}
		return err
	}
	with := strings.Replace(s.URL, "http://", "http://u%40x:canarypw%3A1@", 1)
	for i, u := range []string{with + "/a", s.URL + "/b"} {
		if err := ask(call, u); err != nil {
			t.Error(err)
		}
		if want := i + 2; len(auths) != want || auths[0] != "" || auths[want-1] == "" {
			t.Errorf("Authorization so far: %q", auths)
		}
	}
	wantCode(t, ask(call, other.URL), interpreter.CodeRetrieval)
	// Another call of the account: its relative URLs have no login, yet are let in; it too begins without.
	auths = nil
	if err := ask(c.Session(account), s.URL+"/whisper"); err != nil || len(auths) != 2 || auths[0] != "" {
		t.Errorf("another call: %v, %q", err, auths)
	}
	auths = nil
	wantCode(t, ask(c.Session(interpreter.Account{ID: "f", Token: "x"}), s.URL), interpreter.CodeRetrieval)
	wantCode(t, ask(c.Session(account), strings.Replace(s.URL, "http://", "http://u:wrong@", 1)),
		interpreter.CodeRetrieval)
	if len(auths) != 3 {
		t.Errorf("requests of a stranger and of a wrong password: %q", auths)
	}
}

func TestDigest(t *testing.T) {
	type login struct{ nonce, nc string }
	var logins []login
	nonce := "n1"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cred, err := digest.ParseCredentials(r.Header.Get("Authorization"))
		if err == nil {
			logins = append(logins, login{cred.Nonce, fmt.Sprint(cred.Nc)})
			want, _ := digest.Digest(&digest.Challenge{Realm: "v", Nonce: nonce, QOP: []string{"auth"}, Algorithm: "SHA-256"},
				digest.Options{Method: r.Method, URI: r.RequestURI, Username: "u", Password: "p", Cnonce: cred.Cnonce,
					Count: cred.Nc})
			if cred.Response == want.Response {
				return
			}
		}
		stale := err == nil && cred.Nonce != nonce
		w.Header().Add("WWW-Authenticate",
			fmt.Sprintf(`Basic realm="v", Digest realm="v", nonce=%q, algorithm=MD5, qop="auth", stale=%v`, nonce, stale))
		w.Header().Add("WWW-Authenticate",
			fmt.Sprintf(`Digest realm="v", nonce=%q, algorithm=SHA-256, qop="auth-int, auth", stale=%v`, nonce, stale))
		w.WriteHeader(http.StatusUnauthorized)
	})
	call := open(t, Config{}).Session(account)
	u := strings.Replace(s.URL, "http://", "http://u:p@", 1) + "/x?y=1"
	for i := range 3 {
		if i == 2 {
			nonce = "n2"
		}
		if _, err := call.Fetch(t.Context(), interpreter.Fetch{Method: "GET", URL: u, Params: form("a", "1")}); err != nil {
			t.Fatal(err)
		}
	}
	want := []login{{"n1", "1"}, {"n1", "2"}, {"n1", "3"}, {"n2", "1"}}
	if diff := cmp.Diff(want, logins, cmp.AllowUnexported(login{})); diff != "" {
		t.Errorf("logins (-want +got):\n%s", diff)
	}
	_, err := call.Fetch(t.Context(), interpreter.Fetch{Method: "GET", URL: strings.Replace(u, "u:p", "u:bad", 1)})
	wantCode(t, err, interpreter.CodeRetrieval)
	if len(logins) != 5 {
		t.Errorf("a wrong password was tried %d times", len(logins)-4)
	}
}

// TestDigestOfRFC2617 checks our use of the library with the example of the RFC, section 3.5.
func TestDigestOfRFC2617(t *testing.T) {
	h := func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }
	best, _, ok := choose(parseChallenges([]string{`Digest realm="testrealm@host.com", qop="auth,auth-int", ` +
		`nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`}))
	if !ok || best == nil {
		t.Fatal("no challenge")
	}
	k := keyring{keys: map[string]*key{"o": {login: login{"Mufasa", "Circle Of Life"}, challenge: best}}}
	cred, err := digest.ParseCredentials(k.authorize("o", "GET", "/dir/index.html", nil))
	if err != nil {
		t.Fatal(err)
	}
	want := h(h("Mufasa:testrealm@host.com:Circle Of Life") + ":" + cred.Nonce + ":00000001:" + cred.Cnonce + ":auth:" +
		h("GET:/dir/index.html"))
	if cred.Response != want || cred.Opaque != "5ccc069c403ebaf9f0171e9517f40e41" {
		t.Errorf("got %+v, want response %s", cred, want)
	}
}

func TestParseChallenges(t *testing.T) {
	type c = challenge
	for line, want := range map[string][]challenge{
		``:      nil,
		`Basic`: {c{"basic", map[string]string{}}},
		`Basic realm="a, b=\"c\"", charset="UTF-8"`: {c{"basic",
			map[string]string{"realm": `a, b="c"`, "charset": "UTF-8"}}},
		`Negotiate, Basic realm=x , DIGEST Nonce = "n",qop=a`: {c{"negotiate", map[string]string{}},
			c{"basic", map[string]string{"realm": "x"}}, c{"digest", map[string]string{"nonce": "n", "qop": "a"}}},
		`Digest nonce="open`: {c{"digest", map[string]string{}}},
		`Digest a=1, a=2`:    {c{"digest", map[string]string{"a": "1"}}},
		`"quoted"`:           nil,
	} {
		if diff := cmp.Diff(want, parseChallenges([]string{line}), cmp.AllowUnexported(challenge{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	for _, s := range []string{`Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256`,
		`Basic realm="x", Digest nonce=a`, `Digest nonce="\`, `NTLM abc==`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		list := parseChallenges([]string{line, line})
		if len(list) > maxChallenges {
			t.Errorf("%d challenges", len(list))
		}
		best, _, ok := choose(list)
		if best != nil && !ok {
			t.Error("a challenge that does not count")
		}
		if best == nil {
			return
		}
		k := keyring{keys: map[string]*key{"o": {login: login{"u", "p"}, challenge: best}}}
		if k.authorize("o", "POST", "/", []byte("x")) == "" {
			t.Errorf("%q was chosen and cannot be answered", line)
		}
	})
}
