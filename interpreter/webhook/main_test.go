package webhook

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"pintle/interpreter"
)

func TestMain(m *testing.M) {
	// net/http logs what servers send out of turn.
	log.SetOutput(io.Discard)
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

const secretToken = "t0ken-canary"

var account = interpreter.Account{ID: "0123456789abcdef0123456789abcdef", Token: secretToken}

// open makes a client that may ask servers on this machine.
func open(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Allow = append(cfg.Allow, Loopback()...)
	return closed(t, New(cfg))
}

func closed(t *testing.T, c *Client) *Client {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// raw answers each connection by hand, after it has read the request's header.
func raw(t *testing.T, answer func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				defer c.Close()
				buf := make([]byte, 64<<10)
				for n := 0; !strings.Contains(string(buf[:n]), "\r\n\r\n"); {
					m, err := c.Read(buf[n:])
					if err != nil {
						return
					}
					n += m
				}
				answer(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); wg.Wait() })
	return "http://" + l.Addr().String() + "/voice"
}

// hold waits until the other side or the test closes the connection.
func hold(c net.Conn) { io.Copy(io.Discard, c) }

// events collects what the trace is told.
type events struct {
	mu   sync.Mutex
	list []interpreter.Event
}

func (e *events) add(ev interpreter.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) texts(kind string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []string
	for _, ev := range e.list {
		if ev.Kind == kind {
			list = append(list, ev.Text)
		}
	}
	return list
}

func get(t *testing.T, c *Client, rawURL string) (interpreter.Response, error) {
	t.Helper()
	return c.Session(account).Fetch(t.Context(), interpreter.Fetch{Method: "GET", URL: rawURL})
}

// wantCode checks the numbered code of a failed fetch, and that its sentence holds no secret.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var f *interpreter.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want code %d", err, code)
		return
	}
	if strings.Contains(err.Error(), secretToken) || strings.Contains(err.Error(), "canarypw") {
		t.Errorf("a secret in %q", err)
	}
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// names is a resolver that answers from a function; an empty answer means that there is no such name.
func names(answer func(name string) []string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			far.SetDeadline(time.Now().Add(5 * time.Second))
			for answerDNS(far, answer) == nil {
			}
		}()
		return near, nil
	}}
}

func answerDNS(c net.Conn, answer func(string) []string) error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	msg := make([]byte, int(head[0])<<8|int(head[1]))
	if _, err := io.ReadFull(c, msg); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	found := answer(strings.TrimSuffix(q.Name.String(), "."))
	if len(found) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range found {
		ip := net.ParseIP(a)
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		if v4 := ip.To4(); v4 != nil && q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(v4)}})
		} else if v4 == nil && q.Type == dnsmessage.TypeAAAA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}})
		}
	}
	out, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...))
	return err
}
