package browser

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of tokens.
const (
	DefaultTokenLife = time.Hour
	MaxTokenLife     = 24 * time.Hour
	maxIdentity      = 256
	maxToken         = 1024
)

// The errors of tokens. Their texts are told to the page.
var (
	ErrToken    = errors.New("the token is not genuine")
	ErrExpired  = errors.New("the token has expired: ask for a new one")
	ErrIdentity = errors.New("an identity has 1 to 256 characters, no control characters and no blanks at its ends")
)

// Tokens makes and checks what a page logs in with: an identity and an end, signed with a key made of the account's
// auth token. A new auth token makes all of them void.
type Tokens struct{ key []byte }

// NewTokens returns the tokens of an account.
func NewTokens(authToken string) *Tokens {
	m := hmac.New(sha256.New, []byte(authToken))
	m.Write([]byte("pintle phone"))
	return &Tokens{key: m.Sum(nil)}
}

// claims is the content of a token.
type claims struct {
	Identity string `json:"identity"`
	Expires  int64  `json:"expires"` // Unix seconds
}

// Issue makes a token for identity that is good for life; 0 means an hour, and a day is the most.
func (t *Tokens) Issue(identity string, life time.Duration) (token string, expires time.Time, err error) {
	if !goodIdentity(identity) {
		return "", time.Time{}, ErrIdentity
	}
	if life <= 0 {
		life = DefaultTokenLife
	}
	expires = time.Now().Add(min(life, MaxTokenLife)).Truncate(time.Second)
	body, err := json.Marshal(claims{identity, expires.Unix()})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(t.mac(text)), expires, nil
}

// Check returns the identity of a token. The error is ErrToken or ErrExpired.
func (t *Tokens) Check(token string) (identity string, err error) {
	text, sig, ok := strings.Cut(token, ".")
	got, bad := base64.RawURLEncoding.DecodeString(sig)
	if !ok || len(token) > maxToken || bad != nil || !hmac.Equal(got, t.mac(text)) {
		return "", ErrToken
	}
	var c claims
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(body, &c) != nil || !goodIdentity(c.Identity) {
		return "", ErrToken
	}
	if left := time.Until(time.Unix(c.Expires, 0)); left <= 0 || left > MaxTokenLife {
		return "", ErrExpired
	}
	return c.Identity, nil
}

func (t *Tokens) mac(text string) []byte {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func goodIdentity(s string) bool {
	if s == "" || len(s) > maxIdentity || strings.TrimSpace(s) != s {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
}
