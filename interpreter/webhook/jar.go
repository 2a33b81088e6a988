package webhook

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// maxCookies is how many different cookies a call keeps.
const maxCookies = 20

// jar keeps the cookies of one call.
type jar struct {
	inner *cookiejar.Jar

	mu    sync.Mutex
	names map[[3]string]bool // host or domain, path, name of those kept
}

func newJar() *jar {
	// New fails only for options it does not know.
	inner, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	return &jar{inner: inner, names: make(map[[3]string]bool)}
}

// SetCookies keeps the cookies of an answer, new ones only up to the call's limit.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := cookies[:0:0]
	for _, c := range cookies {
		domain := c.Domain
		if domain == "" {
			domain = u.Hostname()
		}
		key := [3]string{domain, c.Path, c.Name}
		if !j.names[key] && len(j.names) >= maxCookies {
			continue
		}
		j.names[key] = true
		kept = append(kept, c)
	}
	j.inner.SetCookies(u, kept)
}

// Cookies returns those that go to u.
func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.inner.Cookies(u) }
