package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
)

// seen is what a server saw of a request.
type seen struct{ Method, URI, Type, Body string }

type record struct {
	mu   sync.Mutex
	list []seen
	head []http.Header
	host string
}

func (l *record) add(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, seen{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)})
	l.head = append(l.head, r.Header.Clone())
	l.host = r.Host
}

// all returns what was seen so far.
func (l *record) all() ([]seen, []http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list), slices.Clone(l.head)
}

func TestRequests(t *testing.T) {
	const formType = "application/x-www-form-urlencoded; charset=UTF-8"
	params := form("From", "+1555", "Note", "a b&ü", "Empty", "")
	encoded := "Empty=&From=%2B1555&Note=a+b%26%C3%BC"
	for _, tc := range []struct {
		name, path string
		f          interpreter.Fetch
		want       seen
		asked      string
	}{
		{"POST", "/v?z=1&a=%20#rc=2", interpreter.Fetch{Method: "post", Params: params},
			seen{"POST", "/v?z=1&a=%20", formType, encoded}, "/v?z=1&a=%20"},
		{"GET", "/v", interpreter.Fetch{Method: "GET", Params: params}, seen{"GET", "/v?" + encoded, "", ""}, "/v"},
		{"GET with query", "/v?z=1&a=%7e+x", interpreter.Fetch{Method: "GET", Params: params},
			seen{"GET", "/v?z=1&a=%7e+x&" + encoded, "", ""}, "/v?z=1&a=%7e+x"},
		{"GET with nothing", "/v?", interpreter.Fetch{Method: "GET"}, seen{"GET", "/v?", "", ""}, "/v?"},
		{"blank and letters", "/a b?q=a b\"ü", interpreter.Fetch{Method: "GET"},
			seen{"GET", "/a%20b?q=a%20b%22%C3%BC", "", ""}, "/a%20b?q=a%20b%22%C3%BC"},
		{"JSON", "/v?z=1", interpreter.Fetch{Method: "POST", JSON: []byte("{}")},
			seen{"POST", "/v?z=1&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
				"application/json", "{}"}, "/v?z=1"},
		{"POST with nothing", "", interpreter.Fetch{Method: "POST"}, seen{"POST", "/", formType, ""}, "/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var l record
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				l.add(r)
				w.Header().Set("Content-Type", "text/xml")
				io.WriteString(w, "<Response/>")
			})
			tc.f.URL = s.URL + tc.path
			resp, err := open(t, Config{}).Session(account).Fetch(t.Context(), tc.f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]seen{tc.want}, l.list); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if resp.Asked != s.URL+tc.asked || resp.URL != resp.Asked || resp.Status != 200 ||
				string(resp.Body) != "<Response/>" ||
				resp.ContentType != "text/xml" || resp.Method != strings.ToUpper(tc.f.Method) || resp.Tries != 1 || resp.Cached {
				t.Errorf("got %+v", resp)
			}
			var posted url.Values
			if tc.want.Type == formType {
				posted = params
				if tc.f.Params == nil {
					posted = nil
				}
			}
			h := l.head[0]
			if ok, why := Verify(secretToken, "http://"+l.host+tc.want.URI, posted, h.Get(SignatureHeader)); !ok {
				t.Error(why)
			}
			if h.Get("User-Agent") != "TwilioProxy/1.1" || h.Get("Accept") != "*/*" || h.Get("Accept-Encoding") != "gzip" ||
				len(h.Get("I-Twilio-Idempotency-Token")) != 32 || h["X-Idempotency-Key"] != nil || h.Get("Authorization") != "" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	var l record
	mux := http.NewServeMux()
	for _, code := range []int{301, 302, 303, 307, 308} {
		mux.HandleFunc(fmt.Sprintf("/%d", code), func(w http.ResponseWriter, r *http.Request) {
			l.add(r)
			http.Redirect(w, r, "../to/end?x=1", code)
		})
	}
	mux.HandleFunc("/to/end", func(_ http.ResponseWriter, r *http.Request) { l.add(r) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(302) })
	mux.HandleFunc("/scheme",
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "ftp://a.test/", http.StatusFound) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://u:canarypw@[bad")
		w.WriteHeader(302)
	})
	mux.HandleFunc("/count/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.PathValue("n"), &n)
		if n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/count/%d", n-1), http.StatusTemporaryRedirect)
		}
	})
	s := serve(t, mux.ServeHTTP)
	c := open(t, Config{})
	for _, code := range []int{301, 302, 303, 307, 308} {
		l.list, l.head = nil, nil
		var ev events
		resp, err := c.Session(account).Fetch(t.Context(),
			interpreter.Fetch{Method: "POST", URL: fmt.Sprintf("%s/%d", s.URL, code), Params: form("a", "1"), Emit: ev.add})
		if err != nil || resp.URL != s.URL+"/to/end?x=1" || resp.Asked != fmt.Sprintf("%s/%d", s.URL, code) ||
			resp.Method != "POST" {
			t.Errorf("%d: %+v, %v", code, resp, err)
			continue
		}
		last, warned := l.list[1], len(ev.texts(interpreter.EvWarning))
		want, posted := seen{"GET", "/to/end?x=1", "", ""}, url.Values(nil)
		if code >= 307 {
			want, posted = seen{"POST", "/to/end?x=1", l.list[0].Type, "a=1"}, form("a", "1")
			warned++
		}
		if last != want || warned != 1 {
			t.Errorf("%d: sent %+v, want %+v; %d warnings", code, last, want, warned)
		}
		if ok, why := Verify(secretToken, s.URL+last.URI, posted, l.head[1].Get(SignatureHeader)); !ok {
			t.Errorf("%d: %s", code, why)
		}
		if got, want := ev.texts(interpreter.EvRetry),
			[]string{fmt.Sprintf("redirect %d -> %s/to/end", code, s.URL)}; !slices.Equal(got, want) {
			t.Errorf("%d: told %q, want %q", code, got, want)
		}
	}
	for path, code := range map[string]int{"/none": interpreter.CodeProtocol, "/scheme": interpreter.CodeURL,
		"/bad":      interpreter.CodeURL,
		"/count/10": 0, "/count/11": interpreter.CodeRedirects} {
		if _, err := get(t, c, s.URL+path); code != 0 {
			wantCode(t, err, code)
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCookies(t *testing.T) {
	var l record
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		l.add(r)
		for i := range 30 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%02d", i), Value: r.URL.Path[1:], Path: "/"})
		}
	})
	c := open(t, Config{})
	a, b := c.Session(account), c.Session(account)
	for _, f := range []struct {
		session interpreter.Fetcher
		path    string
		want    int
		first   string
	}{{a, "/one", 0, ""}, {a, "/two", 20, "c00=one"}, {a, "/three", 20, "c00=two"}, {b, "/four", 0, ""}} {
		if _, err := f.session.Fetch(t.Context(), interpreter.Fetch{Method: "POST", URL: s.URL + f.path}); err != nil {
			t.Fatal(err)
		}
		got := l.head[len(l.head)-1].Get("Cookie")
		if n := strings.Count(got, "="); n != f.want || !strings.HasPrefix(got, f.first) {
			t.Errorf("%s: sent %d cookies %q, want %d", f.path, n, got, f.want)
		}
	}
	tokens := map[string]bool{}
	for _, h := range l.head {
		tokens[h.Get("I-Twilio-Idempotency-Token")] = true
	}
	if len(tokens) != len(l.head) {
		t.Errorf("%d requests carried %d tokens, want one each", len(l.head), len(tokens))
	}
}

// TestRetries counts what a failing server gets, and checks that all tries carry one token.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fragment string
		answers  []int // 0: the connection is closed without an answer
		tries    int
		code     int
	}{
		{"", []int{500, 200}, 1, interpreter.CodeRetrieval},
		{"#rc=1", []int{500, 200}, 1, interpreter.CodeRetrieval},
		{"#rp=5xx&rc=1", []int{503, 200}, 2, 0},
		{"#rp=5xx&rc=1", []int{404, 200}, 1, interpreter.CodeRetrieval},
		{"#rp=4xx&rc=1", []int{404, 200}, 2, 0},
		{"#rp=all&rc=2", []int{500, 404, 200}, 3, 0},
		{"#rp=5xx&rc=2", []int{500, 502, 503, 200}, 3, interpreter.CodeRetrieval},
		{"#rp=5xx&rc=0", []int{500, 200}, 1, interpreter.CodeRetrieval},
		{"", []int{0, 200}, 1, interpreter.CodeConnect},
		{"#rp=rt&rc=1", []int{0, 200}, 2, 0},
	} {
		t.Run(fmt.Sprint(tc.fragment, tc.answers), func(t *testing.T) {
			t.Parallel()
			var l record
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				l.add(r)
				got, _ := l.all()
				status := tc.answers[len(got)-1]
				if status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(status)
			})
			var ev events
			f := interpreter.Fetch{Method: "POST", URL: s.URL + "/" + tc.fragment, Params: form("a", "1"), Emit: ev.add}
			resp, err := open(t, Config{}).Session(account).Fetch(t.Context(), f)
			list, head := l.all()
			if interpreter.CodeOf(err) != tc.code || len(list) != tc.tries || resp.Tries != tc.tries {
				t.Errorf("%s %v: %v after %d requests, told %d; want code %d after %d", tc.fragment, tc.answers, err, len(list),
					resp.Tries, tc.code, tc.tries)
			}
			if got := len(ev.texts(interpreter.EvRetry)); got != tc.tries-1 {
				t.Errorf("%s %v: told of %d retries", tc.fragment, tc.answers, got)
			}
			for i, h := range head {
				if h.Get("I-Twilio-Idempotency-Token") != head[0].Get("I-Twilio-Idempotency-Token") || list[i] != list[0] {
					t.Errorf("%s: try %d differs from the first", tc.fragment, i+1)
				}
			}
		})
	}
}

func TestConnectionFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := open(t, Config{})
	for _, tc := range []struct {
		fragment string
		purpose  interpreter.Purpose
		retries  int
	}{{"", interpreter.ForDocument, 1}, {"#rc=2", "", 2}, {"#rp=5xx", "", 0}, {"", interpreter.ForCallback, 0},
		{"#rc=1", interpreter.ForCallback, 1}} {
		t.Run(fmt.Sprint(tc.fragment, tc.purpose), func(t *testing.T) {
			t.Parallel()
			var ev events
			begun := time.Now()
			_, err := c.Session(account).Fetch(t.Context(), interpreter.Fetch{Method: "POST",
				URL: "http://" + l.Addr().String() + tc.fragment, Purpose: tc.purpose, Emit: ev.add})
			wantCode(t, err, interpreter.CodeConnect)
			if got := len(ev.texts(interpreter.EvRetry)); got != tc.retries ||
				time.Since(begun) < time.Duration(tc.retries)*minWait {
				t.Errorf("%q: %d retries in %v, want %d", tc.fragment, got, time.Since(begun), tc.retries)
			}
		})
	}
}

// TestStaleConnection lets the server close a kept connection just as the next POST is sent.
func TestStaleConnection(t *testing.T) {
	var conns atomic.Int32
	u := raw(t, func(c net.Conn) {
		first := conns.Add(1) == 1
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if first {
			buf := make([]byte, 4096)
			c.Read(buf) // the second request dies unanswered
		}
	})
	s := open(t, Config{}).Session(account)
	for range 2 {
		if _, err := s.Fetch(t.Context(), interpreter.Fetch{Method: "POST", URL: u, Params: form("a", "1")}); err != nil {
			t.Error(err)
		}
	}
	if conns.Load() != 2 {
		t.Errorf("%d connections, want 2", conns.Load())
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/fail") {
			w.WriteHeader(500)
			w.Write(make([]byte, 8000))
			return
		}
		w.Write(make([]byte, 30000))
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := open(t, Config{})
	for i := range 20 {
		path := "/ok"
		if i%5 == 0 {
			path = "/fail"
		}
		get(t, c, s.URL+path)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for 20 calls one after another, want 1", n)
	}
}

// TestHangingHostStarvesNobody asks a good server while calls hang at another, all of its connections taken.
func TestHangingHostStarvesNobody(t *testing.T) {
	u := raw(t, hold)
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	c := open(t, Config{PerHost: 50})
	median := func() time.Duration {
		var took []time.Duration
		for range 100 {
			begun := time.Now()
			if _, err := get(t, c, good.URL); err != nil {
				t.Error(err)
			}
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		if worst := took[len(took)-1]; worst > time.Second {
			t.Errorf("the slowest answer of the good server took %v", worst)
		}
		return took[len(took)/2]
	}
	alone := median()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			c.Session(account).Fetch(ctx, interpreter.Fetch{Method: "POST", URL: u})
		})
	}
	t.Logf("median of the good server: alone %v, beside 200 calls that hang %v", alone, median())
	cancel()
	wg.Wait()
}

func TestEndOfContextAndClient(t *testing.T) {
	t.Parallel()
	u := raw(t, hold)
	c := open(t, Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := &interpreter.Hangup{By: interpreter.ByCaller}
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	if _, err := c.Session(account).Fetch(ctx, interpreter.Fetch{Method: "POST", URL: u}); !errors.Is(err, error(gone)) {
		t.Errorf("got %v, want the hang-up", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { c.Close() })
	if _, err := get(t, c, u); !errors.Is(err, interpreter.ErrShutdown) {
		t.Errorf("got %v, want the shutdown", err)
	}
	if _, err := get(t, c, u); !errors.Is(err, interpreter.ErrShutdown) {
		t.Errorf("after Close: got %v", err)
	}
}
