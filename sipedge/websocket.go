package sipedge

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // what RFC 6455 §4.2.2 asks for; it protects nothing
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	webSocketHead = 8 << 10 // octets of the HTTP head
	webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sipProtocol   = "sip"
)

// greetWebSocket is the server's side of RFC 6455 §4.2 with the subprotocol of RFC 7118.
func (e *Edge) greetWebSocket(c *streamConn) net.Conn {
	if c.SetDeadline(time.Now().Add(greetTime)) != nil {
		return nil
	}
	head := &io.LimitedReader{R: c.Conn, N: webSocketHead}
	in := bufio.NewReader(head)
	req, err := http.ReadRequest(in)
	if err != nil {
		e.guard.count.handshakes.Add(1)
		return nil // silent, too slow, or no HTTP
	}
	if code, why := e.checkUpgrade(req); code != 0 {
		e.guard.count.handshakes.Add(1)
		e.notice.tell(func() {
			e.log.WithField("from", c.remote.Addr().String()).Info("WebSocket handshake refused: " + why)
		})
		extra := ""
		if code == http.StatusUpgradeRequired {
			extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		}
		// Who is refused may be gone by now.
		_, _ = fmt.Fprintf(c.Conn, "HTTP/1.1 %d %s\r\n%sConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"+
			"Content-Length: %d\r\n\r\n%s\n", code, http.StatusText(code), extra, len(why)+1, why)
		return nil
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-Websocket-Key") + webSocketGUID)) //nolint:gosec // see above
	_, err = fmt.Fprintf(c.Conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]), sipProtocol)
	if err != nil || c.SetDeadline(time.Time{}) != nil {
		return nil
	}
	head.N = math.MaxInt64
	c.idleAt = time.Now()
	return &webSocketConn{streamConn: c, in: in, heard: time.Now(), give: []byte(libraryHandshake)}
}

// greetSecureWebSocket does the same within TLS.
func (e *Edge) greetSecureWebSocket(c *streamConn) net.Conn {
	if !e.handshake(c, "http/1.1") {
		return nil
	}
	return e.greetWebSocket(c)
}

// checkUpgrade gives the refusal of a handshake, or 0.
func (e *Edge) checkUpgrade(req *http.Request) (code int, why string) {
	key, err := base64.StdEncoding.DecodeString(req.Header.Get("Sec-Websocket-Key"))
	path := e.cfg.Security.WebSocketPath
	switch {
	case req.Method != http.MethodGet || !req.ProtoAtLeast(1, 1):
		return http.StatusBadRequest, "a GET of HTTP/1.1 is needed"
	case path != "" && req.URL.Path != path:
		return http.StatusNotFound, "SIP over WebSocket is at another path"
	case !headerLists(req.Header, "Connection", "upgrade") || !headerLists(req.Header, "Upgrade", "websocket"):
		return http.StatusUpgradeRequired, "this port speaks WebSocket alone"
	case req.Header.Get("Sec-Websocket-Version") != "13":
		return http.StatusUpgradeRequired, "WebSocket version 13 is needed"
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, "malformed Sec-WebSocket-Key"
	case !e.originAllowed(req):
		return http.StatusForbidden, "this origin is not among sip.ws.origins"
	case !headerLists(req.Header, "Sec-Websocket-Protocol", sipProtocol):
		return http.StatusBadRequest, "the subprotocol sip is needed (RFC 7118)"
	}
	return 0, ""
}

// originAllowed holds the pages that may connect against the list. Programs that are no browser send no Origin; the
// list is no protection against them, nor needed: they authenticate like every phone.
func (e *Edge) originAllowed(req *http.Request) bool {
	origins := req.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	for _, o := range e.cfg.Security.Origins {
		if o == "*" || strings.EqualFold(o, origins[0]) {
			return true
		}
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Host == "" || len(e.cfg.Security.Origins) > 0 {
		return false
	}
	host, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		host = req.Host
	}
	return strings.EqualFold(u.Hostname(), strings.Trim(host, "[]"))
}

// headerLists looks for a word in a header that is a list.
func headerLists(h http.Header, name, word string) bool {
	for _, v := range h.Values(name) {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), word) {
				return true
			}
		}
	}
	return false
}

// libraryHandshake is the request that sipgo, which wants to shake hands by itself, reads instead of the real one.
const libraryHandshake = "GET / HTTP/1.1\r\nHost: sip\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"

// Read gives the library's handshake, then whole, checked messages, each as one frame. It is called by one goroutine
// only.
func (c *webSocketConn) Read(p []byte) (int, error) {
	for len(c.give) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.give)
	c.give = c.give[n:]
	return n, nil
}

// Write takes what the library sends, in pieces, and lets whole frames out: our own pongs must not fall between the
// pieces of one. Its answer to its own handshake goes nowhere.
func (c *webSocketConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.out = append(c.out, p...)
	if !c.shaken {
		_, rest, whole := bytes.Cut(c.out, []byte(headerFinish))
		if !whole {
			return len(p), nil
		}
		c.shaken = true
		c.out = append(c.out[:0], rest...)
	}
	for {
		n := frameSize(c.out)
		if n == 0 || n > len(c.out) {
			return len(p), nil
		}
		if _, err := c.streamConn.Write(c.out[:n]); err != nil {
			return 0, err
		}
		c.out = append(c.out[:0], c.out[n:]...)
	}
}

// send lets one frame of ours out.
func (c *webSocketConn) send(opcode byte, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.streamConn.Write(appendFrame(nil, opcode, 0, payload))
	return err
}
