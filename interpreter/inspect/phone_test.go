package inspect

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"pintle/interpreter"
	"pintle/interpreter/httpd"
)

func newServer(t *testing.T, p *Phone) *httpd.Server {
	t.Helper()
	p.Auth = httpd.NewAuth(interpreter.Account{ID: strings.Repeat("a", 32), Token: "secret"})
	if p.Issue == nil {
		p.Issue = func(identity string, life time.Duration) (string, time.Time, error) {
			if identity == "" {
				return "", time.Time{}, errors.New("an identity is missing")
			}
			return "token of " + identity + " for " + life.String(), time.Unix(0, 0), nil
		}
	}
	s := httpd.New(httpd.Config{Addr: "127.0.0.1:0"})
	p.Register(s)
	return s
}

// post asks a handler without a listener.
func post(s *httpd.Server, path, body string, header ...string) *fasthttp.Response {
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000}, nil)
	ctx.Request.Header.SetMethod(http.MethodPost)
	ctx.Request.SetRequestURI(path)
	ctx.Request.Header.SetHost("127.0.0.1:8080")
	for i := 0; i < len(header); i += 2 {
		ctx.Request.Header.Set(header[i], header[i+1])
	}
	ctx.Request.SetBodyString(body)
	s.Serve(&ctx)
	return &ctx.Response
}

func TestTokens(t *testing.T) {
	s := newServer(t, &Phone{})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("AC"+strings.Repeat("a", 32)+":secret"))
	for _, tc := range []struct {
		name, body, auth, want string
		code                   int
	}{
		{"an hour", `{"identity":"ann","ttl":3600}`, basic, "token of ann for 1h0m0s", 201},
		{"too long a life is cut", `{"identity":"ann","ttl":99999999}`, basic, "for 24h0m0s", 201},
		{"nobody", `{}`, basic, "an identity is missing", 400},
		{"not JSON", `identity=ann`, basic, "Send JSON", 400},
		{"no log-in", `{"identity":"ann"}`, "", "Authenticate", 401},
		{"a wrong one", `{"identity":"ann"}`, "Basic eDp5", "Authenticate", 401},
	} {
		r := post(s, "/v1/phone/tokens", tc.body, "Authorization", tc.auth)
		if r.StatusCode() != tc.code || !strings.Contains(string(r.Body()), tc.want) {
			t.Errorf("%s: %d %s", tc.name, r.StatusCode(), r.Body())
		}
	}
}

// Pages on this machine get a token, pages of strangers in the same browser do not.
func TestLocalTokens(t *testing.T) {
	const own, body = "http://127.0.0.1:8080", `{"identity":"me"}`
	for _, tc := range []struct {
		name   string
		local  bool
		header []string
		code   int
	}{
		{"our page", true, []string{"Origin", own}, 201},
		{"not on a public server", false, []string{"Origin", own}, 403},
		{"a stranger's page", true, []string{"Origin", "https://evil.example"}, 403},
		{"no origin", true, nil, 403},
		{"null", true, []string{"Origin", "null"}, 403},
		{"DNS rebinding", true, []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080"}, 403},
		{"through a proxy", true, []string{"Origin", own, "X-Forwarded-For", "203.0.113.9"}, 403},
		{"by name", true, []string{"Host", "localhost:8080", "Origin", "http://localhost:8080"}, 201},
	} {
		r := post(newServer(t, &Phone{Local: tc.local}), "/v1/phone/local", body, tc.header...)
		if r.StatusCode() != tc.code {
			t.Errorf("%s: %d %s", tc.name, r.StatusCode(), r.Body())
		}
	}
}

func TestPage(t *testing.T) {
	s := newServer(t, &Phone{})
	for path, kind := range map[string]string{"/phone": "text/html", "/phone/phone.js": "text/javascript",
		"/phone/phone.css": "text/css"} {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(path)
		s.Serve(&ctx)
		h := &ctx.Response.Header
		if ctx.Response.StatusCode() != 200 || !strings.HasPrefix(string(h.ContentType()), kind) ||
			!strings.Contains(string(h.Peek("Content-Security-Policy")), "default-src 'none'") ||
			len(ctx.Response.Body()) < 500 {
			t.Errorf("%s: %d %s", path, ctx.Response.StatusCode(), h.ContentType())
		}
		if bytes.Contains(ctx.Response.Body(), []byte("https://")) {
			t.Errorf("%s refers to another server", path)
		}
	}
}

// The WebSocket echoes here; foreign, null and absent origins are refused, and so are messages that are too long.
func TestSocket(t *testing.T) {
	served := make(chan error, 10)
	p := &Phone{Origins: []string{"https://app.example.com"}, Serve: func(_ context.Context, s Socket, from netip.Addr) {
		for {
			b, err := s.Read()
			if err == nil {
				err = s.Write(append([]byte(from.String()+" "), b...))
			}
			if err != nil {
				served <- err
				return
			}
		}
	}}
	s := newServer(t, p)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dial := func(origin string) (*websocket.Conn, int) {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		c, r, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.Addr()+"/v1/phone", h)
		if err != nil {
			if r == nil {
				t.Fatal(err)
			}
			return nil, r.StatusCode
		}
		return c, r.StatusCode
	}
	for origin, want := range map[string]int{"http://" + s.Addr(): 101, "https://app.example.com": 101,
		"https://evil.example": 403, "null": 403, "": 403} {
		c, code := dial(origin)
		if code != want {
			t.Errorf("origin %q: %d", origin, code)
		}
		if c == nil {
			continue
		}
		if err := c.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Error(err)
		}
		if _, b, err := c.ReadMessage(); string(b) != "127.0.0.1 hello" {
			t.Errorf("echo %q, %v", b, err)
		}
		long := bytes.Repeat([]byte("x"), socketMessage+1)
		_ = c.WriteMessage(websocket.TextMessage, long)
		if err := <-served; !errors.Is(err, errSocket) {
			t.Errorf("a long message: %v", err)
		}
		_ = c.Close()
	}
	c, _ := dial("http://" + s.Addr())
	_ = c.WriteMessage(websocket.BinaryMessage, []byte("hello"))
	if err := <-served; !errors.Is(err, errSocket) {
		t.Errorf("a binary message: %v", err)
	}
	_ = c.Close()
}
