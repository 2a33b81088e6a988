package sipedge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// namedPipe is one end of a pipe with an address.
type namedPipe struct{ net.Conn }

func (namedPipe) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5060} }
func (namedPipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4000} }

// onPipe is a connection of ours whose far end the test holds.
func onPipe(t *testing.T, busy bool) (*streamConn, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	s := &streamListener{guard: newGuard(), busy: func(string) bool { return busy },
		limits:  streamLimits{message: streamMessage, idle: streamIdle, nudge: streamNudge},
		handoff: map[net.Conn]chan struct{}{}, conns: map[*streamConn]struct{}{}, perIP: map[netip.Addr]int{},
		done: make(chan struct{})}
	c := &streamConn{Conn: namedPipe{near}, owner: s, remote: addrPortOf(namedPipe{}.RemoteAddr()), idleAt: time.Now()}
	t.Cleanup(func() {
		c.Close()
		far.Close()
	})
	return c, far
}

// A connection that a phone or a call lives on gets a CRLF after 90 s of silence, again and again; one that nobody
// needs gets none and is closed after two minutes.
func TestStreamNudges(t *testing.T) {
	for name, busy := range map[string]bool{"needed": true, "not needed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, far := onPipe(t, busy)
				began := time.Now()
				var nudges []time.Duration
				reading := make(chan struct{})
				go func() {
					defer close(reading)
					for b := make([]byte, 16); ; {
						n, err := far.Read(b)
						if err != nil {
							return
						}
						if !bytes.Equal(b[:n], []byte(crlf)) {
							t.Errorf("%q was sent", b[:n])
						}
						nudges = append(nudges, time.Since(began))
						if len(nudges) == 3 {
							far.Close()
							return
						}
					}
				}()
				_, err := c.Read(make([]byte, 100))
				over := time.Since(began)
				c.Close()
				<-reading
				switch {
				case busy && (len(nudges) != 3 || nudges[0] != streamNudge || nudges[2] != 3*streamNudge):
					t.Errorf("nudged after %v", nudges)
				case !busy && (len(nudges) != 0 || over != streamIdle || !errors.Is(err, net.ErrClosed)):
					t.Errorf("nudged after %v, over after %v with %v", nudges, over, err)
				}
			})
		})
	}
}

// What a phone says late in its time is read whole.
func TestStreamNudgeBetweenHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := onPipe(t, false)
		text := plain("OPTIONS")
		go func() {
			time.Sleep(streamNudge + 10*time.Second)
			io.WriteString(far, text[:20])
			time.Sleep(streamMessage / 2)
			io.WriteString(far, text[20:])
		}()
		b := make([]byte, maxMessage)
		n, err := c.Read(b)
		if err != nil || !bytes.Contains(b[:n], []byte("OPTIONS sip:")) {
			t.Errorf("read %q, %v", b[:n], err)
		}
		if got := time.Since(c.idleAt); got > time.Second {
			t.Errorf("idle for %v after a message", got)
		}
	})
}

// FuzzWebSocketFrames reads octets of a peer after the handshake: whatever they are, nothing is kept beyond a message,
// and what reaches the library is one good frame.
func FuzzWebSocketFrames(f *testing.F) {
	text := []byte(streamRequest("OPTIONS", "WS", "x.invalid", "", 1, ""))
	f.Add(appendFrame(nil, frameText, frameMasked, text))
	f.Add(appendFrame(nil, framePing, frameMasked, []byte("hi")))
	f.Add(append([]byte{0x82, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<62)...))
	f.Add(fragments(6)[:9000])
	f.Add(appendFrame(nil, frameClose, frameMasked, nil))
	f.Add(appendFrame(nil, frameText, frameMasked, []byte(headerFinish)))
	f.Fuzz(func(t *testing.T, octets []byte) {
		conn, far := onPipe(t, false)
		go io.Copy(io.Discard, far) //nolint:errcheck // it ends with the pipe
		c := &webSocketConn{streamConn: conn, in: bufio.NewReader(bytes.NewReader(octets)), heard: time.Now(), shaken: true}
		for range 100 {
			if err := c.next(); err != nil {
				break
			}
			if len(c.message) > webSocketMessage {
				t.Fatalf("%d octets of a message are kept", len(c.message))
			}
			if len(c.give) > 0 && !looksLikeSIP(payloadOf(t, c.give)) {
				t.Fatalf("the library is given %q", c.give)
			}
			c.give = nil
		}
	})
}

// payloadOf checks a frame for the library and takes it out.
func payloadOf(t *testing.T, b []byte) []byte {
	t.Helper()
	head := 6
	switch b[1] & 0x7f {
	case 126:
		head = 8
	case 127:
		head = 14
	}
	if b[0] != frameFinal|frameText || b[1]&frameMasked == 0 || frameSize(b)+4 != len(b) {
		t.Fatalf("the library is given the frame %q", b)
	}
	return b[head:]
}

// giving is a connection on which octets wait already.
type giving struct {
	net.Conn
	r io.Reader
}

func (g giving) Read(p []byte) (int, error) { return g.r.Read(p) }

// FuzzWebSocketHead reads a handshake: it is answered with 101 and the subprotocol, refused, or not answered at all.
func FuzzWebSocketHead(f *testing.F) {
	f.Add([]byte("GET /sip HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01"))
	e := &Edge{guard: newGuard(), log: quietLog(), cfg: Config{Security: Security{WebSocketPath: "/sip"}}}
	f.Fuzz(func(t *testing.T, octets []byte) {
		conn, far := onPipe(t, false)
		var said bytes.Buffer
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			io.Copy(&said, far) //nolint:errcheck // it ends with the pipe
		}()
		conn.Conn = namedPipe{giving{conn.Conn, bytes.NewReader(octets)}}
		got := e.greetWebSocket(conn)
		conn.Close()
		<-heard
		switch text := said.Bytes(); {
		case got != nil && (!bytes.HasPrefix(text, []byte("HTTP/1.1 101 ")) ||
			!bytes.Contains(text, []byte("\r\nSec-WebSocket-Protocol: sip\r\n"))):
			t.Errorf("taken with %q", text)
		case got == nil && len(text) > 0 && !bytes.HasPrefix(text, []byte("HTTP/1.1 4")):
			t.Errorf("refused with %q", text)
		}
	})
}
