package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxStale is how long after its lifetime a copy may stand in for a server that fails.
const maxStale = 7 * 24 * time.Hour

// meta is what is remembered about a file besides its content.
type meta struct {
	URL            string    `json:"url"`
	Name           string    `json:"name"`
	ContentType    string    `json:"content_type,omitempty"`
	ETag           string    `json:"etag,omitempty"`
	LastModified   string    `json:"last_modified,omitempty"`
	Expires        time.Time `json:"expires"`
	MustRevalidate bool      `json:"must_revalidate,omitempty"`
	Sum            string    `json:"sha256,omitempty"` // of the content on disk
}

func (e *entry) fresh(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return now.Before(e.meta.Expires)
}

func (e *entry) copyMeta() meta {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.meta
}

// refresh takes over what a 304 said, and reports whether it is worth writing down. It may leave out validators, which
// then stay. A file without a lifetime is asked for at every play: that it expired a little later is written down once
// an hour only, for the time that it may be played stale after a restart.
func (e *entry) refresh(m meta, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.meta
	e.meta.Expires, e.meta.MustRevalidate = m.Expires, m.MustRevalidate
	if m.ETag != "" {
		e.meta.ETag = m.ETag
	}
	if m.LastModified != "" {
		e.meta.LastModified = m.LastModified
	}
	changed := e.meta.ETag != old.ETag || e.meta.LastModified != old.LastModified || m.MustRevalidate != old.MustRevalidate
	worth := changed || m.Expires.After(now) || m.Expires.Sub(e.noted) > time.Hour
	if worth {
		e.noted = m.Expires
	}
	return worth
}

// mayBeStale tells whether the copy may be played although its server failed with err. An answer that the file is
// gone or forbidden is no failure.
func (e *entry) mayBeStale(err error, now time.Time) bool {
	var status *StatusError
	if errors.As(err, &status) && status.Status < 500 {
		return false
	}
	m := e.copyMeta()
	return !m.MustRevalidate && now.Before(m.Expires.Add(maxStale))
}

// fetched is a server's answer.
type fetched struct {
	unchanged bool // 304
	storable  bool
	meta      meta
	body      []byte
}

// fetch asks the server, with the validators of e unless it is nil.
func (c *Cache) fetch(ctx context.Context, u *url.URL, e *entry) (fetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fetched{}, err
	}
	req.Header.Set("Accept", "audio/*, */*;q=0.1")
	if e != nil {
		m := e.copyMeta()
		if m.ETag != "" {
			req.Header.Set("If-None-Match", m.ETag)
		}
		if m.LastModified != "" {
			req.Header.Set("If-Modified-Since", m.LastModified)
		}
	}
	resp, err := c.o.Client.Do(req)
	if err != nil {
		return fetched{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusNotModified && e != nil:
		m, _ := remember(u, resp.Header, time.Now())
		return fetched{unchanged: true, meta: m}, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		// A little is read so that the connection can be used again.
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		return fetched{}, &StatusError{Status: resp.StatusCode}
	case resp.ContentLength > c.o.MaxBytes:
		return fetched{}, &TooLargeError{Limit: c.o.MaxBytes}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBytes+1))
	if err != nil {
		return fetched{}, fmt.Errorf("read body: %w", err)
	}
	if int64(len(body)) > c.o.MaxBytes {
		return fetched{}, &TooLargeError{Limit: c.o.MaxBytes}
	}
	m, storable := remember(u, resp.Header, time.Now())
	return fetched{meta: m, storable: storable, body: body}, nil
}

// remember reads what an answer says about keeping it. Without a lifetime a file with validators is asked for each
// time; a guessed lifetime would make owners wonder why their new prompt is not heard.
func remember(u *url.URL, h http.Header, now time.Time) (m meta, storable bool) {
	control := directives(h)
	m = meta{
		URL: u.String(), ContentType: h.Get("Content-Type"), ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified"),
		Expires: now.Add(lifetime(h, control, now)),
	}
	_, must := control["must-revalidate"]
	_, noCache := control["no-cache"]
	m.MustRevalidate = must
	if noCache {
		m.Expires = now
	}
	if _, no := control["no-store"]; no || h.Get("Vary") == "*" {
		return m, false
	}
	return m, m.ETag != "" || m.LastModified != "" || m.Expires.After(now)
}

func lifetime(h http.Header, control map[string]string, now time.Time) time.Duration {
	const most = 365 * 24 * 3600
	if v, ok := control["max-age"]; ok {
		age, _ := strconv.Atoi(h.Get("Age"))
		seconds, err := strconv.Atoi(v)
		if err != nil {
			return 0
		}
		return time.Duration(max(0, min(seconds, most)-max(0, min(age, most)))) * time.Second
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // both by the clock of the server
	}
	return max(0, min(expires.Sub(now), most*time.Second))
}

func directives(h http.Header) map[string]string {
	out := map[string]string{}
	for _, line := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(line, ",") {
			k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
			out[strings.ToLower(k)] = strings.Trim(v, `"`)
		}
	}
	return out
}
