package webhook

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
)

// memory answers requests without a network, so that a bubble's time passes.
type memory func(r *http.Request) (status int, header string, body string)

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := m(r)
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: r}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		resp.Header.Add(name, value)
	}
	return resp, nil
}

// TestCaching asks twice in each of two calls, a minute apart, and counts what reaches the server.
func TestCaching(t *testing.T) {
	for _, tc := range []struct {
		name, header string
		method       string
		asked        int    // requests that reached the server
		conditional  int    // of these with a condition, answered by 304
		cached       string // which of the four answers came from the cache
	}{
		{"fresh for all", "Cache-Control: max-age=600", "GET", 1, 0, "nyyy"},
		{"fresh for one call", "Cache-Control: max-age=600, private", "GET", 2, 0, "nyny"},
		{"fresh for 90 s", "Cache-Control: max-age=90", "GET", 2, 0, "nyny"},
		{"for shared caches longer", "Cache-Control: max-age=1, s-maxage=600", "GET", 1, 0, "nyyy"},
		{"aged", "Cache-Control: max-age=600\nAge: 595", "GET", 4, 0, "nnnn"},
		{"expires", "Date: Sat, 01 Jan 2000 00:00:00 GMT\nExpires: Sat, 01 Jan 2000 01:00:00 GMT", "GET", 1, 0, "nyyy"},
		{"expired", "Date: Sat, 01 Jan 2000 00:00:00 GMT\nExpires: 0", "GET", 4, 0, "nnnn"},
		{"validator alone", "ETag: \"v1\"", "GET", 4, 3, "nyyy"},
		{"date alone", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "GET", 4, 3, "nyyy"},
		{"no-cache", "ETag: \"v1\"\nCache-Control: no-cache, max-age=600", "GET", 4, 3, "nyyy"},
		{"no-store", "ETag: \"v1\"\nCache-Control: no-store, max-age=600", "GET", 4, 0, "nnnn"},
		{"nothing said", "", "GET", 4, 0, "nnnn"},
		{"varies", "Cache-Control: max-age=600\nVary: Cookie", "GET", 4, 0, "nnnn"},
		{"varies with what is constant", "Cache-Control: max-age=600\nVary: Accept-Encoding", "GET", 1, 0, "nyyy"},
		{"cookie", "Cache-Control: max-age=600\nSet-Cookie: a=b", "GET", 2, 0, "nyny"},
		{"POST", "Cache-Control: max-age=600\nETag: \"v1\"", "POST", 4, 0, "nnnn"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, conditional := 0, 0
				c := closed(t, New(Config{}))
				served := memory(func(r *http.Request) (int, string, string) {
					asked++
					if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
						conditional++
						return 304, tc.header, ""
					}
					return 200, tc.header + "\nContent-Type: text/xml", "<Response/>"
				})
				c.documents = &http.Transport{}
				c.documents.RegisterProtocol("http", served)
				got := ""
				for range 2 {
					s := c.Session(account)
					for range 2 {
						resp, err := s.Fetch(t.Context(), interpreter.Fetch{Method: tc.method, URL: "http://app.test/x"})
						if err != nil || string(resp.Body) != "<Response/>" || resp.ContentType != "text/xml" || resp.Status != 200 {
							t.Fatalf("got %+v, %v", resp, err)
						}
						got += map[bool]string{true: "y", false: "n"}[resp.Cached]
						time.Sleep(time.Minute)
					}
				}
				if asked != tc.asked || conditional != tc.conditional || got != tc.cached {
					t.Errorf("asked %d, conditional %d, cached %s; want %d, %d, %s", asked, conditional, got, tc.asked, tc.conditional,
						tc.cached)
				}
			})
		})
	}
}

func TestCacheKeepsAccountsApart(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		fmt.Fprint(w, asked.Add(1))
	})
	c := open(t, Config{})
	for i, a := range []interpreter.Account{account, {ID: "other"}, account} {
		resp, err := c.Session(a).Fetch(t.Context(), interpreter.Fetch{Method: "GET", URL: s.URL})
		if want := []string{"1", "2", "1"}[i]; err != nil || string(resp.Body) != want {
			t.Errorf("account %s got %q, %v; want %s", a.ID, resp.Body, err, want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100 << 10)
	for i := range 1000 {
		c.put(&entry{key: fmt.Sprint(i), body: make([]byte, 10<<10)})
	}
	c.put(&entry{key: "huge", body: make([]byte, 90<<10)})
	if c.used > c.most || len(c.byKey) != c.order.Len() || len(c.byKey) == 0 || c.get("999") == nil ||
		c.get("huge") != nil || c.get("0") != nil {
		t.Errorf("%d bytes in %d entries", c.used, len(c.byKey))
	}
	for k := range c.byKey {
		c.remove(k)
	}
	if c.used != 0 {
		t.Errorf("%d bytes in an empty cache", c.used)
	}
}

// TestPrivateAnswersAreNotShared asks with a cookie in one call and without in another.
func TestPrivateAnswersAreNotShared(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "who", Value: "me", Path: "/"})
			return
		}
		w.Header().Set("Cache-Control", "max-age=600")
		io.WriteString(w, "for "+r.Header.Get("Cookie"))
	})
	c := open(t, Config{})
	first := c.Session(account)
	for _, step := range []struct {
		call       interpreter.Fetcher
		path, want string
	}{{first, "/login", ""}, {first, "/page", "for who=me"}, {c.Session(account), "/page", "for "},
		{first, "/page", "for who=me"}} {
		resp, err := step.call.Fetch(t.Context(), interpreter.Fetch{Method: "GET", URL: s.URL + step.path})
		if err != nil || string(resp.Body) != step.want {
			t.Errorf("%s: got %q, %v; want %q", step.path, resp.Body, err, step.want)
		}
	}
}
