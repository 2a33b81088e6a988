package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// Limits of a WebSocket.
const (
	socketMessage = 32 << 10 // octets of one message
	socketWrite   = 10 * time.Second
	socketPing    = 20 * time.Second
	socketSilence = 60 * time.Second // without any word, pongs included
)

// Socket is the WebSocket of a page. Read and Write are called by one goroutine each; Close from any, and it ends both.
type Socket interface {
	Read() ([]byte, error)
	Write(b []byte) error
	Close() error
}

// socket upgrades a request and hands the connection to Serve.
func (p *Phone) socket(ctx *fasthttp.RequestCtx) {
	if !p.allowed(string(ctx.Request.Header.Peek("Origin")), string(ctx.Host())) {
		httpd.Refuse(ctx, http.StatusForbidden, 20403, "Pages of this origin may not connect; see http.phone_origins")
		return
	}
	source, _ := netip.AddrFromSlice(ctx.RemoteIP())
	up := websocket.FastHTTPUpgrader{HandshakeTimeout: socketWrite, ReadBufferSize: 4096, WriteBufferSize: 4096,
		CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }, // checked above
		Error: func(ctx *fasthttp.RequestCtx, status int, reason error) {
			httpd.Refuse(ctx, status, 20001, "This is a WebSocket: "+reason.Error())
		}}
	// The error has been answered.
	_ = up.Upgrade(ctx, func(c *websocket.Conn) { p.visit(c, source.Unmap()) })
}

func (p *Phone) visit(c *websocket.Conn, source netip.Addr) {
	s := &webSocket{conn: c}
	ctx, cancel := context.WithCancel(context.Background())
	var pinging sync.WaitGroup
	pinging.Go(func() { s.ping(ctx) })
	defer pinging.Wait()
	defer cancel()
	defer s.Close() //nolint:errcheck // it may be closed already
	c.SetReadLimit(socketMessage)
	c.SetPongHandler(func(string) error { return c.SetReadDeadline(time.Now().Add(socketSilence)) })
	p.Serve(ctx, s, source)
}

// webSocket is a Socket over a connection.
type webSocket struct {
	conn *websocket.Conn
	once sync.Once
}

// Read gives the next text message; another kind ends the socket.
func (s *webSocket) Read() ([]byte, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(socketSilence)); err != nil {
		return nil, fmt.Errorf("%w: %w", errSocket, err)
	}
	kind, b, err := s.conn.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSocket, err)
	}
	if kind != websocket.TextMessage {
		return nil, fmt.Errorf("%w: not a text message", errSocket)
	}
	return b, nil
}

// Write sends a message, within ten seconds.
func (s *webSocket) Write(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(socketWrite)); err != nil {
		return fmt.Errorf("%w: %w", errSocket, err)
	}
	if err := s.conn.WriteMessage(websocket.TextMessage, b); err != nil {
		return fmt.Errorf("%w: %w", errSocket, err)
	}
	return nil
}

// Close says goodbye and ends the connection.
func (s *webSocket) Close() error {
	var err error
	s.once.Do(func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)) // it may be gone
		err = s.conn.Close()
	})
	return err
}

func (s *webSocket) ping(ctx context.Context) {
	t := time.NewTicker(socketPing)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(socketWrite)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
