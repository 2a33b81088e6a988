package httpd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
)

// linkLife is how long a signed link may live at most.
const linkLife = 24 * time.Hour

// Links makes and checks links that need no log-in: ?expires=…&sig=…, for one path and at most 24 hours.
type Links struct{ key []byte }

// NewLinks returns the links of an account. A new token makes all links of the old one void.
func NewLinks(token string) *Links {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("pintle link"))
	return &Links{key: m.Sum(nil)}
}

// Sign returns path with the query that makes it readable for life, at most 24 hours.
func (l *Links) Sign(path string, life time.Duration) string {
	expires := strconv.FormatInt(time.Now().Add(min(life, linkLife)).Unix(), 10)
	return fmt.Sprintf("%s?expires=%s&sig=%s", path, expires, base64.RawURLEncoding.EncodeToString(l.mac(path, expires)))
}

// Valid tells whether a link's query is genuine for path and has not expired.
func (l *Links) Valid(path, expires, sig string) bool {
	got, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil || !hmac.Equal(got, l.mac(path, expires)) {
		return false
	}
	unix, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return false
	}
	left := time.Until(time.Unix(unix, 0))
	return left > 0 && left <= linkLife
}

func (l *Links) mac(path, expires string) []byte {
	m := hmac.New(sha256.New, l.key)
	fmt.Fprintf(m, "GET\n%s\n%s", path, expires)
	return m.Sum(nil)
}
