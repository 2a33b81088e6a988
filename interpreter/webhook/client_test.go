package webhook

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

func fetchWith(t *testing.T, hc *http.Client, u string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", u, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestHTTPClient(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		if user, pw, _ := r.BasicAuth(); user != "u" || pw != "p" || r.UserAgent() != "TwilioProxy/1.1" {
			w.WriteHeader(400)
		}
		w.Write(make([]byte, 1<<20))
	})
	mux.HandleFunc("/count/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.PathValue("n"), &n)
		if n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/count/%d", n-1), http.StatusFound)
		}
	})
	mux.HandleFunc("/stall", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("begin"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := serve(t, mux.ServeHTTP)
	c := open(t, Config{FirstByte: 300 * time.Millisecond})
	hc := c.HTTPClient("audio")
	if resp, body, err := fetchWith(t, hc, strings.Replace(s.URL, "//", "//u:p@", 1)+"/large"); err != nil ||
		resp.StatusCode != 200 || len(body) != 1<<20 {
		t.Errorf("large: %d bytes, %v", len(body), err)
	}
	for path, code := range map[string]int{"/count/10": 0, "/count/11": interpreter.CodeRedirects,
		"/stall": interpreter.CodeConnect} {
		_, _, err := fetchWith(t, hc, s.URL+path)
		if code != 0 {
			wantCode(t, err, code)
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOperatorClientIsExempt(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	c := closed(t, New(Config{}))
	if _, body, err := fetchWith(t, c.OperatorClient(), s.URL); err != nil || string(body) != "ok" {
		t.Errorf("operator: %q, %v", body, err)
	}
	_, _, err := fetchWith(t, c.HTTPClient("operator"), s.URL)
	wantCode(t, err, interpreter.CodeAddress)
	_, err = c.Dial(t.Context(), "tcp", s.Listener.Addr().String())
	wantCode(t, err, interpreter.CodeAddress)
}

// TestUpgrade keeps the connection of a WebSocket handshake usable for longer than any limit.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	u := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			time.Sleep(250 * time.Millisecond) // longer than the limit on a silent body, over a real socket
			io.WriteString(c, line)
		}
	})
	c := open(t, Config{FirstByte: 200 * time.Millisecond})
	req, err := http.NewRequestWithContext(t.Context(), "GET", u, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	resp, err := c.HTTPClient("stream").Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, ok := resp.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("the body is a %T and cannot be written", resp.Body)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(conn).ReadString('\n'); got != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestCloseEndsReaders closes the client while somebody reads a body that never ends.
func TestCloseEndsReaders(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	c := open(t, Config{})
	time.AfterFunc(100*time.Millisecond, func() { c.Close() })
	if _, _, err := fetchWith(t, c.HTTPClient("audio"), s.URL); !errors.Is(err, interpreter.ErrShutdown) {
		t.Errorf("got %v, want the shutdown", err)
	}
	if _, _, err := fetchWith(t, c.HTTPClient("audio"), s.URL); !errors.Is(err, interpreter.ErrShutdown) {
		t.Errorf("after Close: got %v, want the shutdown", err)
	}
}

// TestOwnHeadersAcrossHosts gives a caller's credentials to the host that was asked and to no other.
func TestOwnHeadersAcrossHosts(t *testing.T) {
	var got []http.Header
	far := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Clone()) })
	near := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		http.Redirect(w, r, far.URL, http.StatusTemporaryRedirect)
	})
	own := http.Header{"Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "X-Own": {"1"}, "Accept": {"application/json"}}
	_, err := open(t, Config{}).Session(account).Fetch(t.Context(),
		interpreter.Fetch{Method: "POST", URL: near.URL, Header: own})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Get("Authorization") != "Bearer x" || got[0].Get("Accept") != "application/json" ||
		got[0].Get("X-Own") != "1" {
		t.Errorf("first host got %v", got[0])
	}
	if got[1].Get("Authorization") != "" || got[1].Get("Cookie") != "" || got[1].Get("X-Own") != "1" {
		t.Errorf("other host got %v", got[1])
	}
}

// TestTraceHoldsNoSecrets sends an exchange through everything that tells the trace something.
func TestTraceHoldsNoSecrets(t *testing.T) {
	var s string
	n := 0
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			http.Redirect(w, r, strings.Replace(s, "//", "//u:canarypw@", 1)+"/next?key=canarykey#canaryfragment",
				http.StatusFound)
			return
		}
		w.WriteHeader(503)
	})
	s = srv.URL
	var ev events
	f := interpreter.Fetch{Method: "POST", URL: strings.Replace(s, "//", "//u:canarypw@", 1) +
		"/?key=canarykey#rp=5xx&rc=9", Emit: ev.add,
		Params: form("Digits", "canarydigits")}
	resp, err := open(t, Config{}).Session(account).Fetch(t.Context(), f)
	wantCode(t, err, interpreter.CodeRetrieval)
	if len(ev.texts(interpreter.EvRetry)) != 6 || len(ev.texts(interpreter.EvWarning)) != 2 || resp.Tries != 6 {
		t.Errorf("told %+v after %d tries", ev.list, resp.Tries)
	}
	for _, text := range []string{fmt.Sprintf("%+v", ev.list), err.Error(),
		strings.Replace(resp.URL+resp.Asked, "canarykey", "", 2)} {
		if strings.Contains(text, "canary") || strings.Contains(text, secretToken) {
			t.Errorf("a secret in %s", text)
		}
	}
}
