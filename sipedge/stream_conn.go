package sipedge

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// streamConn cuts a stream into messages and gives only whole, checked ones to its reader.
type streamConn struct {
	net.Conn
	owner  *streamListener
	remote netip.AddrPort
	in     []byte // what came and is no message yet
	out    []byte // a checked message, partly read
	idleAt time.Time
	began  time.Time // first octet of the message in the making
	nudged time.Time // when a nudge was due that nobody needed; zero: none was
	served bool      // a good message came
	once   sync.Once
}

// Read gives octets of checked messages. It is called by one goroutine only.
func (c *streamConn) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// next takes one message out of what came, or reads more.
func (c *streamConn) next() error {
	if c.owner.guard.bans.Banned(c.remote.Addr()) {
		c.owner.guard.count.banned.Add(1)
		return net.ErrClosed
	}
	c.keepAlive()
	size, f := frameLength(c.in)
	if f == nil && size == 0 {
		return c.fill()
	}
	if f != nil {
		c.owner.guard.count.foreign.Add(1)
		if f.code != 0 {
			_, reply, _ := c.owner.guard.inspect(c.in, c.remote, true)
			if reply != nil {
				_, _ = c.Write(reply)
			}
		}
		c.linger()
		return net.ErrClosed
	}
	clean, reply, shut := c.owner.guard.inspect(c.in[:size], c.remote, true)
	c.in = append(c.in[:0], c.in[size:]...)
	c.began = time.Time{}
	if len(c.in) > 0 {
		c.began = time.Now()
	}
	c.idleAt = time.Now()
	if reply != nil {
		if _, err := c.Write(reply); err != nil {
			return err
		}
	}
	if shut {
		c.linger()
		return net.ErrClosed
	}
	c.out, c.served = clean, clean != nil || c.served
	return nil
}

// linger lets the replies to good messages out before what followed them closes the connection.
func (c *streamConn) linger() {
	if !c.served {
		return
	}
	select {
	case <-time.After(streamLinger):
	case <-c.owner.done:
	}
}

// keepAlive takes CRLF between messages away and answers a ping with a pong (RFC 5626 §3.5.1).
func (c *streamConn) keepAlive() {
	for bytes.HasPrefix(c.in, []byte(headerFinish)) {
		c.in = c.in[4:]
		_, _ = c.Write([]byte(crlf))
	}
	if len(c.in) > 2 && bytes.HasPrefix(c.in, []byte(crlf)) && c.in[2] != '\r' {
		c.in = c.in[2:]
	}
}

// fill reads once, within the time that the state of the stream leaves.
func (c *streamConn) fill() error {
	if err := c.SetReadDeadline(c.patience()); err != nil {
		return err
	}
	if len(c.in) == 0 && cap(c.in) > streamReadSize {
		c.in = nil // what one large message needed is not kept for an idle connection
	}
	c.in = slices.Grow(c.in, streamReadSize)
	n, err := c.Conn.Read(c.in[len(c.in) : len(c.in)+streamReadSize])
	if n > 0 {
		now := time.Now()
		c.idleAt, c.nudged = now, time.Time{}
		c.in = c.in[:len(c.in)+n]
		if c.began.IsZero() && len(bytes.Trim(c.in, crlf)) > 0 {
			c.began = now
		}
		return nil
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if c.began.IsZero() && c.owner.busy(c.RemoteAddr().String()) {
		return c.nudge()
	}
	if c.began.IsZero() && time.Since(c.idleAt) < c.owner.limits.idle {
		c.nudged = time.Now() // nobody needs this connection: nothing is sent over it
		return nil
	}
	return net.ErrClosed // silent: the library would log a read error
}

// patience is when reading ends: with the time for a message, with that for silence, or to nudge before that.
func (c *streamConn) patience() time.Time {
	l := &c.owner.limits
	if !c.began.IsZero() {
		return c.began.Add(l.message)
	}
	over := c.idleAt.Add(l.idle)
	if !c.nudged.IsZero() || l.nudge >= l.idle {
		return over
	}
	return c.idleAt.Add(l.nudge)
}

// nudge sends what every peer passes over between messages (RFC 3261 §7.5), so that firewalls on the way to a phone or
// a call keep the connection, and a dead one is found out.
func (c *streamConn) nudge() error {
	if _, err := c.Write([]byte(crlf)); err != nil {
		return net.ErrClosed // silent, see above
	}
	c.idleAt, c.nudged = time.Now(), time.Time{}
	return nil
}

// Write bounds the time a peer that does not read can hold us.
func (c *streamConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close gives the connection's place back.
func (c *streamConn) Close() error {
	c.once.Do(func() {
		s := c.owner
		s.mu.Lock()
		delete(s.conns, c)
		if s.perIP[c.remote.Addr()]--; s.perIP[c.remote.Addr()] <= 0 {
			delete(s.perIP, c.remote.Addr())
		}
		if ch := s.handoff[c]; ch != nil {
			close(ch)
			delete(s.handoff, c)
		}
		s.mu.Unlock()
		if s.guard.closed != nil {
			s.guard.closed(c.remote.String())
		}
	})
	err := c.Conn.Close()
	if _, secure := c.Conn.(*tls.Conn); secure {
		return nil // its good-bye comes late where the peer has left
	}
	return err
}

// frameLength gives the size of the first message in b, 0 if it is not whole yet, or a fault when no more octets could
// make one.
func frameLength(b []byte) (int, *fault) {
	trimmed := bytes.TrimLeft(b, crlf)
	if len(trimmed) == 0 {
		return 0, nil
	}
	lead := len(b) - len(trimmed)
	if !isToken(string(trimmed[:1])) {
		return 0, &fault{reason: "not SIP"}
	}
	if line, _, whole := bytes.Cut(trimmed, []byte(crlf)); whole && !looksLikeSIP(trimmed) || len(line) > maxLine {
		return 0, &fault{reason: "not SIP"}
	}
	end := bytes.Index(trimmed, []byte(headerFinish))
	if end < 0 {
		if len(b) > maxMessage {
			return 0, &fault{reason: "message too large"}
		}
		return 0, nil
	}
	end += len(headerFinish)
	m, _ := splitMessage(trimmed[:end])
	declared, ok := m.get("Content-Length")
	n, valid := digits(declared, maxMessage)
	if !ok || !valid || uint64(end)+n > maxMessage {
		return 0, &fault{code: 400, reason: "no usable Content-Length"}
	}
	if total := lead + end + int(n); len(b) >= total {
		return total, nil
	}
	return 0, nil
}
