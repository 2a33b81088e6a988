package webhook

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/icholy/digest"
)

// maxVault is how many logins are remembered for all calls.
const maxVault = 1024

type login struct{ name, password string }

// vault remembers the logins that URLs carried, by account and origin, because URLs are shown without them and a
// relative URL in a document that another leg runs has none. It answers challenges only, and only to its account.
type vault struct {
	mu     sync.Mutex
	logins map[[2]string]login
}

func (v *vault) put(account, origin string, l login) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.logins == nil {
		v.logins = make(map[[2]string]login)
	}
	if len(v.logins) >= maxVault {
		for k := range v.logins {
			delete(v.logins, k)
			break
		}
	}
	v.logins[[2]string{account, origin}] = l
}

func (v *vault) get(account, origin string) (login, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l, ok := v.logins[[2]string{account, origin}]
	return l, ok
}

// keyring holds what a call knows of the servers that asked it to log in. From the first challenge on, requests to
// that origin carry credentials at once.
type keyring struct {
	vault   *vault
	account string

	mu    sync.Mutex
	keys  map[string]*key
	names map[string]login // from the URLs of this call
}

// key opens one origin.
type key struct {
	login     login
	challenge *digest.Challenge // nil: Basic
	count     int               // requests made with the challenge's nonce
}

// know remembers the login of a URL.
func (k *keyring) know(origin string, user *url.Userinfo) {
	if user == nil {
		return
	}
	password, _ := user.Password()
	l := login{user.Username(), password}
	k.vault.put(k.account, origin, l)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names == nil {
		k.names, k.keys = make(map[string]login), make(map[string]*key)
	}
	if old := k.keys[origin]; old != nil && old.login != l {
		delete(k.keys, origin)
	}
	k.names[origin] = l
}

// authorize returns the value of Authorization for a request, or "" when its origin never asked.
func (k *keyring) authorize(origin, method, uri string, body []byte) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[origin]
	if key == nil {
		return ""
	}
	if key.challenge == nil {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(key.login.name+":"+key.login.password))
	}
	key.count++
	c, err := digest.Digest(key.challenge, digest.Options{Method: method, URI: uri, Count: key.count,
		Username: key.login.name, Password: key.login.password, GetBody: replay(body)})
	if err != nil {
		return ""
	}
	return c.String()
}

// knows tells whether there is a login for an origin.
func (k *keyring) knows(origin string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.names[origin]
	if !ok {
		_, ok = k.vault.get(k.account, origin)
	}
	return ok
}

// answer takes the challenge of a 401 and tells whether the request is worth repeating: there is a login for the
// origin and it was not just refused. used is the Authorization that the refused request carried.
func (k *keyring) answer(origin, used string, header http.Header) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.names[origin]
	if !ok {
		if l, ok = k.vault.get(k.account, origin); !ok {
			return false
		}
	}
	best, stale, ok := choose(parseChallenges(header.Values("WWW-Authenticate")))
	if !ok {
		return false
	}
	if used != "" {
		// Refused with credentials: only a new nonce for the same ones makes another try sensible.
		old := k.keys[origin]
		digested := old != nil && old.challenge != nil && best != nil
		if !digested || best.Nonce == old.challenge.Nonce || !stale && old.count == 1 {
			delete(k.keys, origin)
			return false
		}
	}
	if k.keys == nil {
		k.keys = make(map[string]*key)
	}
	k.keys[origin] = &key{login: l, challenge: best}
	return true
}

// strength orders the algorithms that a digest may have; the strongest one offered is used (RFC 7616 §3.7).
var strength = []string{"MD5", "SHA-256", "SHA-512", "SHA-512-256"}

// choose picks the strongest challenge; nil stands for Basic. stale tells that only the nonce was too old.
func choose(list []challenge) (best *digest.Challenge, stale, ok bool) {
	rank := -1
	for _, c := range list {
		if c.scheme == "basic" {
			ok = true
		}
		if c.scheme != "digest" {
			continue
		}
		d := &digest.Challenge{Realm: c.params["realm"], Nonce: c.params["nonce"], Opaque: c.params["opaque"],
			Algorithm: c.params["algorithm"], Userhash: strings.EqualFold(c.params["userhash"], "true")}
		for q := range strings.SplitSeq(c.params["qop"], ",") {
			if q = strings.ToLower(strings.TrimSpace(q)); q != "" {
				d.QOP = append(d.QOP, q)
			}
		}
		name := strings.ToUpper(d.Algorithm)
		if name == "" {
			name = "MD5"
		}
		if r := slices.Index(strength, name); r > rank && d.Nonce != "" && digest.CanDigest(d) {
			best, rank, ok, stale = d, r, true, strings.EqualFold(c.params["stale"], "true")
		}
	}
	return best, stale, ok
}
