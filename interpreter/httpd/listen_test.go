package httpd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// TestRealListener holds the limits of connections against real sockets.
func TestRealListener(t *testing.T) {
	r := newRig(t, httpd.Config{Addr: "127.0.0.1:0", HeaderTime: 150 * time.Millisecond, BodyTime: 250 * time.Millisecond,
		Body: 1000, Header: 2000})
	entered, leave := make(chan struct{}), make(chan struct{})
	r.Handle("GET", "/slow", func(ctx *fasthttp.RequestCtx) { close(entered); <-leave; ctx.SetBodyString("done") })
	r.Handle("POST", "/echo", func(ctx *fasthttp.RequestCtx) { ctx.SetBody(ctx.PostBody()) })
	must(t, r.Start())
	if err := httpd.New(httpd.Config{Addr: r.Addr()}).Start(); err == nil || !strings.Contains(err.Error(), r.Addr()) {
		t.Errorf("second server on the port: %v", err)
	}
	var wg sync.WaitGroup
	for _, c := range []struct{ name, send, want string }{
		{"good", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "200 OK"},
		{"header that never ends", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", "408"},
		{"body that never comes", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", "408"},
		{"large body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "413"},
		{"large header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 3000) + "\r\n\r\n", "431"},
		{"two lengths", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
		{"not HTTP", "\x16\x03\x01\x00\x00\r\n\r\n", "400"},
	} {
		wg.Go(func() {
			got := exchange(t, r.Addr(), c.send)
			if !strings.Contains(got, c.want) {
				t.Errorf("%s: got %q, want %s", c.name, got, c.want)
			}
		})
	}
	wg.Wait()

	var answer string
	wg.Go(func() { answer = exchange(t, r.Addr(), "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") })
	<-entered
	time.AfterFunc(50*time.Millisecond, func() { close(leave) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, r.Shutdown(ctx))
	wg.Wait()
	if !strings.Contains(answer, "200 OK") {
		t.Errorf("a request that ran at shutdown: %q", answer)
	}
	if _, err := net.Dial("tcp", r.Addr()); err == nil {
		t.Error("still listening")
	}
}

func TestCloseBreaksOff(t *testing.T) {
	r := newRig(t, httpd.Config{Addr: "127.0.0.1:0"})
	must(t, r.Start())
	c, err := net.Dial("tcp", r.Addr())
	must(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ")
	must(t, err)
	begun := time.Now()
	must(t, r.Close())
	if d := time.Since(begun); d > 2*time.Second {
		t.Errorf("closed after %v", d)
	}
}

// exchange sends octets and returns the first line that comes back.
func exchange(t *testing.T, addr, send string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	if err = c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Error(err)
	}
	if _, err = io.WriteString(c, send); err != nil {
		return fmt.Sprint("write: ", err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return fmt.Sprint("read: ", err)
	}
	return line
}
