package httpd

import (
	"net"
	"sync"
	"time"
)

// listener hands out connections that the server can break off and that do not wait for ever for a slow reader.
type listener struct {
	net.Listener
	s *Server
}

// Accept wraps the next connection.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, s: l.s}
	l.s.mu.Lock()
	l.s.conns[c] = struct{}{}
	l.s.mu.Unlock()
	return c, nil
}

// conn bounds each write by itself: a long recording may take long, a client that takes nothing may not.
type conn struct {
	net.Conn
	s    *Server
	once sync.Once
}

// Write sends b within the time for one piece.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close forgets the connection.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.s.mu.Lock()
		delete(c.s.conns, c)
		c.s.mu.Unlock()
	})
	return c.Conn.Close()
}
