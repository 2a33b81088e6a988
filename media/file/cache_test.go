package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// web is a server without sockets, so that time may be virtual.
type web func(*http.Request) (status int, header http.Header, body []byte)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := w(r)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, Request: r,
	}, nil
}

func newCache(t *testing.T, dir string, w web) *Cache {
	t.Helper()
	c, err := NewCache(CacheOptions{Client: &http.Client{Transport: w}, Dir: dir, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func wavOf(samples int) []byte {
	return append(header(8000, 1, uint32(2*samples)), pcm16(ramp(samples))...)
}

func head(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"audio/wav"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

const song = "http://x.test/a/song.wav"

// TestCacheKeeping tells for each kind of answer when a second and a third look goes to the server.
func TestCacheKeeping(t *testing.T) {
	cases := []struct {
		name   string
		header http.Header
		soon   int // requests after a second look at once
		later  int // after a third look two minutes later
	}{
		{"nothing said", head(), 2, 3},
		{"validator", head("ETag", `"1"`), 2, 3},
		{"minute", head("Cache-Control", "public, max-age=60"), 1, 2},
		{"minute, mostly over", head("Cache-Control", "max-age=60", "Age", "59"), 1, 2},
		{"hour", head("Cache-Control", "max-age=3600", "ETag", `"1"`), 1, 1},
		{"hour, but ask", head("Cache-Control", "max-age=3600, no-cache", "ETag", `"1"`), 2, 3},
		{"hour, but never", head("Cache-Control", "max-age=3600, no-store"), 2, 3},
		{"hour, but Vary", head("Cache-Control", "max-age=3600", "Vary", "*"), 2, 3},
		{"date", head("Expires", "Sat, 01 Jan 2000 01:00:00 GMT", "Date", "Sat, 01 Jan 2000 00:00:00 GMT"), 1, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				c := newCache(t, t.TempDir(), func(r *http.Request) (int, http.Header, []byte) {
					asked++
					if etag := tc.header.Get("ETag"); etag != "" && r.Header.Get("If-None-Match") == etag {
						return 304, tc.header, nil
					}
					return 200, tc.header, wavOf(800)
				})
				for i, want := range []int{1, tc.soon, tc.later} {
					if i == 2 {
						time.Sleep(2 * time.Minute)
					}
					clip, err := c.Get(t.Context(), song+"#fragment")
					if err != nil || clip.Duration() != 100*time.Millisecond || clip.Name() != "song.wav" {
						t.Fatalf("look %d: %v %v", i+1, clip, err)
					}
					if asked != want {
						t.Errorf("look %d: %d requests, want %d", i+1, asked, want)
					}
				}
			})
		})
	}
}

func TestCacheTakesNewContent(t *testing.T) {
	n := 800
	c := newCache(t, t.TempDir(), func(*http.Request) (int, http.Header, []byte) {
		n += 800
		return 200, head("Last-Modified", "now and then"), wavOf(n)
	})
	for _, want := range []time.Duration{200, 300, 400} {
		clip, err := c.Get(t.Context(), song)
		if err != nil || clip.Duration() != want*time.Millisecond {
			t.Fatalf("%v %v, want %d ms", clip.Duration(), err, want)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(c.o.Dir, "*")); len(files) != 2 {
		t.Errorf("files %v, want one body and its meta", files)
	}
}

func TestCachePlaysStaleWhenServerFails(t *testing.T) {
	status := 200
	h := head("ETag", `"1"`)
	c := newCache(t, "", func(*http.Request) (int, http.Header, []byte) { return status, h, wavOf(800) })
	if _, err := c.Get(t.Context(), song); err != nil {
		t.Fatal(err)
	}
	for _, status = range []int{500, 503, 0} {
		if _, err := c.Get(t.Context(), song); err != nil {
			t.Errorf("server says %d: %v", status, err)
		}
	}
	status = 404
	var gone *StatusError
	if _, err := c.Get(t.Context(), song); !errors.As(err, &gone) || gone.Status != 404 || Code(err) != CodeRetrieval {
		t.Errorf("gone: %v", err)
	}
}

func TestCacheSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	asked := 0
	server := func(r *http.Request) (int, http.Header, []byte) {
		asked++
		return 200, head("Cache-Control", "max-age=3600"), wavOf(800)
	}
	for round := range 2 {
		c, err := NewCache(CacheOptions{Client: &http.Client{Transport: web(server)}, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), song); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil || asked != 1 {
			t.Errorf("round %d: %d requests, %v", round, asked, err)
		}
	}
	// What an end in mid-write leaves goes away; a damaged copy is fetched again.
	bodies, _ := filepath.Glob(filepath.Join(dir, "*"+bodyEnd))
	for _, name := range []string{filepath.Join(dir, "x-1"+bodyEnd), filepath.Join(dir, "x-1"+metaEnd+partEnd),
		bodies[0]} {
		if err := os.WriteFile(name, []byte("junk"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newCache(t, dir, server)
	if _, err := c.Get(t.Context(), song); err != nil || asked != 2 {
		t.Errorf("damaged copy: %d requests, %v", asked, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 2 {
		t.Errorf("files %v, want one body and its meta", files)
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	c, err := NewCache(CacheOptions{
		Client: &http.Client{Transport: web(func(*http.Request) (int, http.Header, []byte) {
			return 200, head("Cache-Control", "max-age=3600"), wavOf(10_000)
		})},
		Dir: dir, DiskBytes: 100_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := c.Get(t.Context(), song+strings.Repeat("x", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	bodies, _ := filepath.Glob(filepath.Join(dir, "*"+bodyEnd))
	if len(bodies) == 0 || len(bodies) > 5 {
		t.Errorf("%d files of 20 kB in 100 kB", len(bodies))
	}
}

func TestCacheFetchesOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, cancelled := 0, false
		c := newCache(t, "", func(r *http.Request) (int, http.Header, []byte) {
			asked++
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				cancelled = true
			}
			return 200, head(), wavOf(800)
		})
		left := errors.New("caller left")
		var wg sync.WaitGroup
		for i := range 10 {
			ctx, cancel := context.WithCancelCause(t.Context())
			if i == 0 { // the one who started it hangs up
				time.AfterFunc(500*time.Millisecond, func() { cancel(left) })
			}
			wg.Go(func() {
				defer cancel(nil)
				_, err := c.Get(ctx, song)
				if i == 0 != errors.Is(err, left) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if asked != 1 || cancelled {
			t.Errorf("%d requests, cancelled %v", asked, cancelled)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, left)
		defer cancel()
		if _, err := c.Get(ctx, song); !errors.Is(err, left) {
			t.Errorf("last caller: %v", err)
		}
		synctest.Wait()
		if !cancelled {
			t.Error("the request went on although nobody waits")
		}
	})
}

func TestCacheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, wait := make([]byte, 1<<20+1), time.Duration(0)
		c := newCache(t, "", func(r *http.Request) (int, http.Header, []byte) {
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
			}
			return 200, head("Content-Type", "text/html"), body
		})
		if _, err := c.Get(t.Context(), song); Code(err) != CodeTooLarge {
			t.Errorf("large: %v", err)
		}
		body = []byte("<html>sign in</html>")
		var kind *TypeError
		_, err := c.Get(t.Context(), song)
		if !errors.As(err, &kind) || *kind != (TypeError{ContentType: "text/html", Found: "HTML"}) {
			t.Errorf("page: %v", err)
		}
		wait = time.Hour
		start := time.Now()
		_, err = c.Get(t.Context(), song)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != DefaultFetchLimit {
			t.Errorf("slow: %v after %v", err, time.Since(start))
		}
		if _, err := c.Get(t.Context(), "http://x.test/%zz"); err == nil {
			t.Error("a broken URL was fetched")
		}
	})
}

func TestCacheClosed(t *testing.T) {
	c := newCache(t, "", nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), song); !errors.Is(err, errClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestLibrary(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.wav")
	for path, n := range map[string]int{filepath.Join(dir, "a.wav"): 800, outside: 800} {
		if err := os.WriteFile(path, wavOf(n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.wav")); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLibrary(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	first, err := l.Get(t.Context(), "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Get(t.Context(), "a.wav"); again != first || err != nil {
		t.Errorf("not kept: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.wav"), wavOf(1600), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := l.Get(t.Context(), "a.wav"); err != nil || again.Duration() != 200*time.Millisecond {
		t.Errorf("changed file: %v %v", again, err)
	}
	for _, name := range []string{"none.wav", "../secret.wav", "link.wav", outside, ".", ""} {
		if _, err := l.Get(t.Context(), name); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
	if _, err := l.Get(t.Context(), "none.wav"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
