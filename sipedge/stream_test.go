package sipedge

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// R-SIP-5: a stream may be cut anywhere and hold several messages.
func TestStreamSplits(t *testing.T) {
	b := newBench(t, nil)
	for cut := 1; cut < 2*len(plain("OPTIONS")); cut += 7 {
		fresh := func() string { return strings.ReplaceAll(plain("OPTIONS"), "z9hG4bKa", "z9hG4bK"+token(4)) }
		two := fresh() + "\r\n\r\n" + fresh()
		c := dialStream(t, b)
		c.Write([]byte(two[:cut]))
		c.Write([]byte(two[cut:]))
		// Both are answered, and the double CRLF between them is a ping that gets its pong.
		readUntil(t, c, func(s string) bool {
			return strings.Count(s, "200 OK") == 2 && (strings.HasPrefix(s, "\r\n") || strings.Contains(s, "\r\n\r\n\r\n"))
		})
		c.Close()
	}
}

// R-SIP-4, R-LOAD-3: slow, silent, foreign and boundless streams are closed; one address has a limited number.
func TestStreamLimits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard()
	s := newStreamListener(l, g, streamLimits{message: 40 * time.Millisecond, idle: 80 * time.Millisecond, perIP: 8},
		func(string) bool { return false })
	defer s.Close()
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for buf := make([]byte, 1000); ; {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	for name, text := range map[string]string{
		"silent": "", "half a message": "OPTIONS sip:a@b SIP/2.0\r\nVia", "HTTP": "GET / HTTP/1.0\r\n\r\n",
		"TLS": "\x16\x03\x01", "endless line": strings.Repeat("A", 9000),
		"endless headers": "OPTIONS sip:a@b SIP/2.0\r\n" + strings.Repeat("X: 1\r\n", 12000),
		"no length":       strings.Replace(plain("OPTIONS"), "Content-Length: 0\r\n", "", 1),
		"bad length":      strings.Replace(plain("OPTIONS"), "Length: 0", "Length: -5", 1),
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(text))
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		var all []byte
		buf := make([]byte, 4096)
		for err = nil; err == nil; {
			var n int
			n, err = c.Read(buf)
			all = append(all, buf[:n]...)
		}
		if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
			t.Errorf("%s: not closed", name)
		}
		if want := strings.HasSuffix(name, "length"); want != bytes.HasPrefix(all, []byte("SIP/2.0 400")) {
			t.Errorf("%s: answered %q", name, all)
		}
		c.Close()
	}
	waitFor(t, "connections to be gone", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) == 0 &&
			len(s.perIP) == 0
	})
	var open []net.Conn
	for range 10 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	waitFor(t, "refusals", func() bool { return g.count.overflow.Load() == 2 })
	for _, c := range open {
		c.Close()
	}
}

func dialStream(t *testing.T, b *bench) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.edge.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func readUntil(t *testing.T, c net.Conn, done func(string) bool) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	var all []byte
	buf := make([]byte, 4096)
	for !done(string(all)) {
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			t.Fatalf("%v after %q", err, all)
		}
	}
	return string(all)
}

// A call over TCP: keys in one segment keep their order, our BYE comes over the same connection, or a new one if that
// is gone.
func TestStreamCall(t *testing.T) {
	for _, lost := range []bool{false, true} {
		b := newBench(t, nil)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := dialStream(t, b)
		text := func(method string, seq int, tag, head, body string) string {
			return fmt.Sprintf("%s sip:100@x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK%s\r\n"+
				"From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>%s\r\nCall-ID: tcp1\r\n"+
				"CSeq: %d %s\r\nContact: <sip:ann@%s;transport=tcp>\r\n%sContent-Length: %d\r\n\r\n%s", method, token(5), tag, seq,
				method, l.Addr(), head, len(body), body)
		}
		c.Write([]byte(text("INVITE", 1, "", sdpHead, sdpOf(30000, ""))))
		leg := b.leg()
		leg.Answer(t.Context())
		got := readUntil(t, c, func(s string) bool {
			return strings.Contains(s, "200 OK") &&
				strings.Contains(s, "a=sendrecv")
		})
		_, got, _ = strings.Cut(got, "200 OK")
		tag := ";tag=" + readMessage(got).tag()
		all := text("ACK", 1, tag, "", "")
		for i, key := range "123456789" {
			all += text("INFO", 2+i, tag, "Content-Type: application/dtmf\r\n", string(key))
		}
		c.Write([]byte(all))
		waitFor(t, "keys", func() bool { return len(b.sound().pressed()) == 9 })
		if keys := b.sound().pressed(); keys != "123456789" {
			t.Errorf("keys %q out of order", keys)
		}
		if lost {
			c.Close()
			waitFor(t, "the connection to be gone", func() bool { return !b.edge.hasStream(c.LocalAddr().String()) })
			leg.Hangup(t.Context(), hangupNow)
			if c, err = l.Accept(); err != nil {
				t.Fatal(err)
			}
		} else {
			leg.Hangup(t.Context(), hangupNow)
		}
		got = readUntil(t, c, func(s string) bool {
			return strings.Contains(s, "BYE sip:ann@") &&
				strings.HasSuffix(s, "\r\n\r\n")
		})
		bye := readMessage(got[strings.LastIndex(got, "BYE sip:"):])
		fmt.Fprintf(c, "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: tcp1\r\nCSeq: %s\r\n"+
			"Content-Length: 0\r\n\r\n",
			bye.get("via"), bye.get("from"), bye.get("to"), bye.get("cseq"))
		waitFor(t, "the end of the dialog", func() bool { return b.edge.Legs() == 0 })
		l.Close()
	}
}
