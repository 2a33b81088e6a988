package webhook

import (
	"bytes"
	"net/http"
	"time"
)

// cacheKey names an answer. The account is part of it because requests are signed with its token.
func (s *session) cacheKey(h *hop) string { return s.account.ID + " " + h.wire.String() }

// lookup finds the answer to a GET that was kept for this call, or for all. A request with headers of its own is
// never answered from the cache.
func (s *session) lookup(h *hop, own http.Header) *entry {
	if h.method != http.MethodGet || len(own) > 0 {
		return nil
	}
	if e := s.cache.get(s.cacheKey(h)); e != nil {
		return e
	}
	return s.c.shared.get(s.cacheKey(h))
}

// keep stores an answer if it may be, for this call or for all.
func (s *session) keep(a *answered, h *hop, body []byte) {
	key := s.cacheKey(h)
	if !storable(a.resp.StatusCode, a.resp.Header) {
		s.cache.remove(key)
		s.c.shared.remove(key)
		return
	}
	to, ages := s.cache, ownAge
	if !a.secret && shareable(a.resp.Header) {
		to, ages = s.c.shared, sharedAge
		s.cache.remove(key)
	}
	header := a.resp.Header.Clone()
	header.Del("Set-Cookie")
	to.put(&entry{key: key, status: a.resp.StatusCode, header: header, body: bytes.Clone(body),
		expires: time.Now().Add(lifetime(header, ages...))})
}

// renew takes the headers of a 304 over the kept answer (RFC 9111 §3.2) and stores it anew.
func (s *session) renew(a *answered) *entry {
	header := a.stored.header.Clone()
	for name, values := range a.resp.Header {
		if name != "Content-Length" && name != "Content-Encoding" && name != "Set-Cookie" {
			header[name] = values
		}
	}
	e := *a.stored
	e.header = header
	to, ages := s.cache, ownAge
	if !a.secret && shareable(header) && shareable(a.resp.Header) {
		to, ages = s.c.shared, sharedAge
	}
	e.expires = time.Now().Add(lifetime(header, ages...))
	if cacheControl(header).has("no-store") {
		s.cache.remove(e.key)
		s.c.shared.remove(e.key)
		return &e
	}
	to.put(&e)
	return &e
}
