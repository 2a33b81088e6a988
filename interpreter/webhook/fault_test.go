package webhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func drip(c net.Conn, s string) {
	for i := range len(s) {
		if _, err := c.Write([]byte{s[i]}); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond) // the fault under test: bytes that come one by one over a real socket
	}
}

func reset(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }

// TestFaultyServers has one row for each way a server can misbehave.
func TestFaultyServers(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	say := func(s string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, s) } }
	stay := func(s string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, s); hold(c) } }
	for _, tc := range []struct {
		name   string
		answer func(net.Conn)
		code   int
		words  string
	}{
		{"silent", hold, interpreter.CodeConnect, "did not answer in time"},
		{"closed without an answer", say(""), interpreter.CodeConnect, "without an answer"},
		{"reset without an answer", reset, interpreter.CodeConnect, "without an answer"},
		{"half-closed", func(c net.Conn) { c.(*net.TCPConn).CloseWrite(); hold(c) }, interpreter.CodeConnect,
			"without an answer"},
		{"dripping header", func(c net.Conn) { drip(c, ok+"X: "+strings.Repeat("x", 100)) }, interpreter.CodeConnect,
			"half-way"},
		{"dripping body", func(c net.Conn) {
			io.WriteString(c, ok+"Content-Length: 999\r\n\r\n")
			drip(c, strings.Repeat("x", 999))
		}, interpreter.CodeConnect, "no complete answer"},
		{"silence in the header", stay("HTTP/1.1 20"), interpreter.CodeConnect, "half-way"},
		{"silence in the body", stay(ok + "Content-Length: 9\r\n\r\nx"), interpreter.CodeConnect, "half-way"},
		{"silence in the body of an error", stay("HTTP/1.1 500 X\r\nContent-Length: 999\r\n\r\nboom\n"),
			interpreter.CodeRetrieval, "boom"},
		{"cut header", say("HTTP/1.1 200 OK\r\nContent-"), interpreter.CodeProtocol, "valid HTTP"},
		{"cut body", say(ok + "Content-Length: 9\r\n\r\nx"), interpreter.CodeProtocol, "cut off"},
		{"reset in the body", func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 9\r\n\r\nx"); reset(c) },
			interpreter.CodeProtocol, "cut off"},
		{"cut chunk", say(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nx"), interpreter.CodeProtocol, "cut off"},
		{"no last chunk", say(ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"), interpreter.CodeProtocol, "cut off"},
		{"chunk overflow", say(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"), interpreter.CodeProtocol,
			""},
		{"bad chunk length", say(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nx"), interpreter.CodeProtocol, ""},
		{"unknown transfer coding", say(ok + "Transfer-Encoding: rot13\r\n\r\nx"), interpreter.CodeProtocol, ""},
		{"two lengths", say(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"), interpreter.CodeProtocol, ""},
		{"negative length", say(ok + "Content-Length: -1\r\n\r\nxy"), interpreter.CodeProtocol, ""},
		{"length is no number", say(ok + "Content-Length: many\r\n\r\nxy"), interpreter.CodeProtocol, ""},
		{"10 GB declared", stay(ok + "Content-Length: 10000000000\r\n\r\n"), interpreter.CodeTooLarge, "larger"},
		{"50 MB", func(c net.Conn) {
			io.WriteString(c, ok+"\r\n")
			for range 50 << 10 {
				if _, err := io.WriteString(c, strings.Repeat("x", 1024)); err != nil {
					return
				}
			}
		}, interpreter.CodeTooLarge, "larger"},
		{"endless", func(c net.Conn) {
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			for {
				if _, err := io.WriteString(c, "400\r\n"+strings.Repeat("x", 1024)+"\r\n"); err != nil {
					return
				}
			}
		}, interpreter.CodeTooLarge, "larger"},
		{"as large as allowed", say(ok + "Content-Length: 65536\r\n\r\n" + strings.Repeat("x", 65536)), 0, ""},
		{"one byte too many", say(ok + "Content-Length: 65537\r\n\r\n" + strings.Repeat("x", 65537)),
			interpreter.CodeTooLarge, "larger"},
		{"large header", say(ok + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n"), interpreter.CodeProtocol, "headers"},
		{"not HTTP", say("220 mail.test ESMTP\r\n"), interpreter.CodeProtocol, "valid HTTP"},
		{"SSH", say("SSH-2.0-OpenSSH_9.9\r\n"), interpreter.CodeProtocol, "valid HTTP"},
		{"HTTP/0.9", say("<Response/>"), interpreter.CodeProtocol, "valid HTTP"},
		{"bad status", say("HTTP/1.1 twenty OK\r\n\r\n"), interpreter.CodeProtocol, "valid HTTP"},
		{"bad header line", say(ok + "No colon here\r\n\r\n"), interpreter.CodeProtocol, "valid HTTP"},
		{"noise", say("\x00\x01\x02\xff\r\n\r\n"), interpreter.CodeProtocol, "valid HTTP"},
		{"no content", say("HTTP/1.1 204 No Content\r\n\r\n"), 0, ""},
		{"not modified out of the blue", say("HTTP/1.1 304 Not Modified\r\n\r\n"), interpreter.CodeRetrieval, "304"},
		{"error page", say("HTTP/1.1 500 X\r\n\r\n<html><head><title>Boom\n at line 3</title></head>"),
			interpreter.CodeRetrieval, `"Boom at line 3"`},
		{"error text", say("HTTP/1.1 404 X\r\n\r\n\r\n  no \x1b[31mroute\x00 here\nmore"), interpreter.CodeRetrieval,
			`"no [31mroute here"`},
		{"choices", say("HTTP/1.1 300 X\r\nLocation: /x\r\n\r\n"), interpreter.CodeRetrieval, "300 Multiple Choices"},
		{"gzip", say(ok + "Content-Encoding: gzip\r\n\r\n" + zipped("<Response/>")), 0, ""},
		{"gzip bomb", say(ok + "Content-Encoding: gzip\r\n\r\n" + zipped(strings.Repeat("\x00", 8<<20))),
			interpreter.CodeTooLarge, "larger"},
		{"gzip that is none", say(ok + "Content-Encoding: gzip\r\n\r\n<Response/>"), interpreter.CodeProtocol, ""},
		{"cut gzip", say(ok + "Content-Encoding: gzip\r\n\r\n" + zipped("<Response/>")[:15]), interpreter.CodeProtocol,
			"cut off"},
		{"nested coding", say(ok + "Content-Encoding: gzip, gzip\r\n\r\n" + zipped(zipped("<Response/>"))),
			interpreter.CodeProtocol, "gzip once"},
		{"unknown coding", say(ok + "Content-Encoding: br\r\n\r\nxx"), interpreter.CodeProtocol, "coding br"},
		{"longer than declared", stay(ok + "Content-Length: 11\r\n\r\n<Response/>and more"), 0, ""},
		{"audio may be large", say(ok + "Content-Type: audio/x-wav; x=1\r\n\r\n" + strings.Repeat("x", 100<<10)), 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			u := raw(t, tc.answer)
			c := open(t, Config{FirstByte: 300 * time.Millisecond, Total: time.Second})
			begun := time.Now()
			resp, err := c.Session(account).Fetch(t.Context(), interpreter.Fetch{Method: "POST",
				URL: strings.Replace(u, "http://", "http://u:canarypw@", 1), Params: form("a", "1")})
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			if tc.code == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, tc.code)
			if err != nil && !strings.Contains(err.Error(), tc.words) {
				t.Errorf("%q does not say %q", err, tc.words)
			}
			if tc.code == interpreter.CodeRetrieval && resp.Status == 0 {
				t.Error("the status is not handed on")
			}
		})
	}
}

// TestBombCostsLittle holds the memory for hostile answers to a little more than the cap.
func TestBombCostsLittle(t *testing.T) {
	bomb := zipped(strings.Repeat("\x00", 16<<20))
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, bomb)
	})
	c := open(t, Config{})
	get(t, c, s.URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := get(t, c, s.URL)
	runtime.ReadMemStats(&after)
	wantCode(t, err, interpreter.CodeTooLarge)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for one hostile answer", n)
	}
}

func TestUnusableURLs(t *testing.T) {
	c := open(t, Config{})
	for _, u := range []string{"", "/voice", "voice", "file:///etc/passwd", "http://", "http://:80/", "http://a.test:0/",
		"http://a.test:65536/",
		"http://a.test:x/", "http://a.test/\x00", "http://a.test/\r\nX: y", "http://a b/", "http://u:canarypw@[::1/",
		"http://u:canarypw@a.test/%zz",
		"http://a.test/" + strings.Repeat("x", 4096), "mailto:a@b.test", "http://a\"b/", "ws://a.test/"} {
		_, err := get(t, c, u)
		wantCode(t, err, interpreter.CodeURL)
	}
	_, err := c.Session(account).Fetch(t.Context(), interpreter.Fetch{Method: "PUT", URL: "http://a.test/"})
	wantCode(t, err, interpreter.CodeURL)
}

// TestTimeLimits checks that the smallest of the limits that apply holds.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	u := raw(t, hold)
	c := open(t, Config{})
	for _, tc := range []struct {
		fragment string
		timeout  time.Duration
		least    time.Duration
	}{
		{"", 150 * time.Millisecond, 150 * time.Millisecond},
		{"#rt=120", 0, 120 * time.Millisecond},
		{"#tt=130", 0, 130 * time.Millisecond},
		{"#tt=15000&rt=15000&rc=5&rp=all", 150 * time.Millisecond, 150 * time.Millisecond},
		{"#rt=100&rc=1&rp=rt", 5 * time.Second, 300 * time.Millisecond},
	} {
		begun := time.Now()
		_, err := c.Session(account).Fetch(t.Context(),
			interpreter.Fetch{Method: "POST", URL: u + tc.fragment, Timeout: tc.timeout})
		wantCode(t, err, interpreter.CodeConnect)
		if took := time.Since(begun); took < tc.least || took > tc.least+time.Second {
			t.Errorf("%q within %v took %v", tc.fragment, tc.timeout, took)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	c := open(t, Config{Resolver: names(func(name string) []string {
		if strings.Contains(strings.ToLower(name), "voice") {
			return []string{"127.0.0.1"}
		}
		return nil
	})})
	for host, code := range map[string]int{"voice_app.test": 0, "VOICE.test": 0, "völcevoice.test": 0,
		"nobody.test": interpreter.CodeHost, "x.trycloudflare.com": interpreter.CodeHost} {
		_, err := get(t, c, "http://"+host+port)
		if code != 0 {
			wantCode(t, err, code)
		} else if err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if tunnelHost(host) != "" && !strings.Contains(fmt.Sprint(err), "cloudflared tunnel has ended") {
			t.Errorf("%s: %v", host, err)
		}
	}
	slow := open(t, Config{Connect: 100 * time.Millisecond,
		Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			<-t.Context().Done() // look-ups are shared and go on when their callers have left
			return nil, context.Canceled
		}}})
	begun := time.Now()
	_, err := get(t, slow, "http://slow.test/")
	wantCode(t, err, interpreter.CodeHost)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("a slow resolver took %v", took)
	}
}

// expired makes a certificate for 127.0.0.1 that was valid yesterday.
func expired(t *testing.T) tls.Certificate {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
}

// hangsUp closes every connection at its first octet.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	start := func(cfg *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.ServerName)
		}))
		s.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
		s.TLS, s.EnableHTTP2 = cfg, true
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	good, old := start(nil), start(&tls.Config{Certificates: []tls.Certificate{expired(t)}})
	ancient := start(&tls.Config{MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10})
	port := good.URL[strings.LastIndexByte(good.URL, ':'):]
	pool := x509.NewCertPool()
	pool.AddCert(good.Certificate())
	oldCert, err := x509.ParseCertificate(old.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(oldCert)
	clear := serve(t, func(http.ResponseWriter, *http.Request) {})
	silent := raw(t, hold)
	local := names(func(string) []string { return []string{"127.0.0.1"} })
	trusting := open(t, Config{Roots: pool, Resolver: local})
	hasty := open(t, Config{Roots: pool, Connect: 200 * time.Millisecond})
	for _, tc := range []struct {
		name string
		c    *Client
		url  string
		code int
		body string
	}{
		{"good", trusting, "https://example.com" + port, 0, "example.com"},
		{"no name sent", trusting, "https://example.com" + port + "/#sni=n", 0, ""},
		{"no name sent, wrong name", trusting, "https://voice.test" + port + "/#sni=n", interpreter.CodeCertName, ""},
		{"wrong name", trusting, "https://voice.test" + port, interpreter.CodeCertName, ""},
		{"expired", trusting, old.URL, interpreter.CodeCertExpired, ""},
		{"not trusted", open(t, Config{}), good.URL, interpreter.CodeCertTrust, ""},
		{"not verified", open(t, Config{InsecureTLS: true}), old.URL, 0, ""},
		{"not verified, no name", open(t, Config{InsecureTLS: true}), old.URL + "/#sni=n", 0, ""},
		{"TLS 1.0", trusting, ancient.URL, interpreter.CodeTLS, ""},
		{"plain HTTP", trusting, strings.Replace(clear.URL, "http", "https", 1), interpreter.CodeTLS, ""},
		{"closed in the handshake", trusting, "https://" + hangsUp(t) + "/#rc=0", interpreter.CodeTLS, ""},
		{"silent in the handshake", hasty, strings.Replace(silent, "http", "https", 1) + "#rc=0", interpreter.CodeConnect,
			""},
	} {
		resp, err := get(t, tc.c, tc.url)
		if tc.code != 0 {
			if got := interpreter.CodeOf(err); got != tc.code {
				t.Errorf("%s: got %v, want %d", tc.name, err, tc.code)
			}
		} else if err != nil || string(resp.Body) != tc.body {
			t.Errorf("%s: got %q, %v", tc.name, resp.Body, err)
		}
	}
}
