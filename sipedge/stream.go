package sipedge

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	streamMessage  = 10 * time.Second  // from the first octet of a message to its last
	streamIdle     = 120 * time.Second // without any octet, unless a call lives on the connection
	streamWrite    = 5 * time.Second
	streamConnect  = 5 * time.Second
	streamLinger   = 100 * time.Millisecond
	streamPerIP    = 64
	streamTotal    = 4096
	streamReadSize = 4096
)

var errListenerClosed = fmt.Errorf("sip stream listener: %w", net.ErrClosed) // the library is silent about it

// streamListener accepts connections for sipgo, and takes in those that we dialled ourselves, so that every stream
// passes the same guard. It bounds the connections of one address and in all.
type streamListener struct {
	net.Listener
	guard   *guard
	busy    func(remote string) bool // reports whether a dialog lives on this connection
	limits  streamLimits
	greet   greeting // nil: the stream carries SIP as it is
	ready   chan net.Conn
	done    chan struct{}
	handoff map[net.Conn]chan struct{}

	mu    sync.Mutex
	conns map[*streamConn]struct{}
	perIP map[netip.Addr]int
	last  net.Conn

	wg   sync.WaitGroup
	once sync.Once
}

// streamLimits are the bounds of streams; zero fields take the defaults.
type streamLimits struct {
	message, idle time.Duration
	perIP, total  int
}

// greeting makes the connection that carries SIP out of one that was accepted: TLS, WebSocket. It may take greetTime,
// and gives nil when the peer is not to be heard.
type greeting func(c *streamConn) net.Conn

func newStreamListener(l net.Listener, g *guard, limits streamLimits, busy func(string) bool) *streamListener {
	return newGreetedListener(l, g, streamOptions{limits: limits, busy: busy})
}

// streamOptions are what a listener for streams works with.
type streamOptions struct {
	limits streamLimits
	busy   func(remote string) bool
	greet  greeting
}

func newGreetedListener(l net.Listener, g *guard, o streamOptions) *streamListener {
	limits, busy := o.limits, o.busy
	if limits.message == 0 {
		limits.message = streamMessage
	}
	if limits.idle == 0 {
		limits.idle = streamIdle
	}
	if limits.perIP == 0 {
		limits.perIP = streamPerIP
	}
	if limits.total == 0 {
		limits.total = streamTotal
	}
	s := &streamListener{Listener: l, guard: g, busy: busy, limits: limits, greet: o.greet, ready: make(chan net.Conn),
		done:    make(chan struct{}),
		handoff: make(map[net.Conn]chan struct{}), conns: make(map[*streamConn]struct{}), perIP: make(map[netip.Addr]int)}
	s.wg.Go(s.accept)
	return s
}

func (s *streamListener) accept() {
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			case <-time.After(20 * time.Millisecond): // out of file descriptors, or a peer that left in the handshake
				if errors.Is(err, net.ErrClosed) {
					return
				}
				continue
			}
		}
		sc := s.admit(c)
		if sc == nil {
			s.guard.count.overflow.Add(1)
			c.Close()
			continue
		}
		if s.greet != nil {
			s.wg.Go(func() { s.welcome(sc) })
			continue
		}
		select {
		case s.ready <- sc:
		case <-s.done:
			sc.Close()
			return
		}
	}
}

// welcome greets one peer, beside the others: a silent one holds up nobody (R-LOAD-3).
func (s *streamListener) welcome(sc *streamConn) {
	c := s.greet(sc)
	if c == nil {
		sc.Close()
		return
	}
	select {
	case s.ready <- c:
	case <-s.done:
		c.Close()
	}
}

// admit counts a connection in, or gives nil when its address or the engine has enough.
func (s *streamListener) admit(c net.Conn) *streamConn {
	remote := addrPortOf(c.RemoteAddr())
	if s.guard.bans.Banned(remote.Addr()) {
		s.guard.count.banned.Add(1)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.limits.total || s.perIP[remote.Addr()] >= s.limits.perIP {
		return nil
	}
	sc := &streamConn{Conn: c, owner: s, remote: remote, idleAt: time.Now()}
	s.conns[sc] = struct{}{}
	s.perIP[remote.Addr()]++
	return sc
}

// Accept gives sipgo the next connection. That it is called again means that the one before is registered.
func (s *streamListener) Accept() (net.Conn, error) {
	s.mu.Lock()
	if ch := s.handoff[s.last]; ch != nil {
		close(ch)
		delete(s.handoff, s.last)
	}
	s.last = nil
	s.mu.Unlock()
	select {
	case c := <-s.ready:
		s.mu.Lock()
		s.last = c
		s.mu.Unlock()
		return c, nil
	case <-s.done:
		return nil, errListenerClosed
	}
}

// dial opens a connection to addr and waits until requests can be sent over it. wrap may put another layer over it; nil
// leaves it as it is.
func (s *streamListener) dial(
	ctx context.Context, addr string, wrap func(context.Context, net.Conn) (net.Conn, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, streamConnect)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	if wrap != nil {
		plain := c
		if c, err = wrap(ctx, plain); err != nil {
			plain.Close()
			return err
		}
	}
	sc := s.admit(c)
	if sc == nil {
		c.Close()
		s.guard.count.overflow.Add(1)
		return errors.New("too many connections")
	}
	registered := make(chan struct{})
	s.mu.Lock()
	s.handoff[sc] = registered
	s.mu.Unlock()
	select {
	case s.ready <- sc:
	case <-ctx.Done():
		s.forgetHandoff(sc)
		sc.Close()
		return context.Cause(ctx)
	case <-s.done:
		s.forgetHandoff(sc)
		sc.Close()
		return errListenerClosed
	}
	select {
	case <-registered:
		return nil
	case <-s.done:
		return errListenerClosed
	}
}

func (s *streamListener) forgetHandoff(c net.Conn) {
	s.mu.Lock()
	delete(s.handoff, c)
	s.mu.Unlock()
}

// Close ends the listener and every connection, and waits for the accepting goroutine.
func (s *streamListener) Close() error {
	var err error
	s.once.Do(func() {
		close(s.done)
		err = s.Listener.Close()
		s.mu.Lock()
		open := make([]*streamConn, 0, len(s.conns))
		for c := range s.conns {
			open = append(open, c)
		}
		s.mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	s.wg.Wait()
	return err
}

// streamConn cuts a stream into messages and gives only whole, checked ones to its reader.
type streamConn struct {
	net.Conn
	owner  *streamListener
	remote netip.AddrPort
	in     []byte // what came and is no message yet
	out    []byte // a checked message, partly read
	idleAt time.Time
	began  time.Time // first octet of the message in the making
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
	limit := c.idleAt.Add(c.owner.limits.idle)
	if !c.began.IsZero() {
		limit = c.began.Add(c.owner.limits.message)
	}
	if err := c.SetReadDeadline(limit); err != nil {
		return err
	}
	var chunk [streamReadSize]byte
	n, err := c.Conn.Read(chunk[:])
	if n > 0 {
		now := time.Now()
		c.idleAt = now
		c.in = append(c.in, chunk[:n]...)
		if c.began.IsZero() && len(bytes.Trim(c.in, crlf)) > 0 {
			c.began = now
		}
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.began.IsZero() && c.owner.busy(c.RemoteAddr().String()) {
		c.idleAt = time.Now()
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed // silent: the library would log a read error
	}
	return err
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

func addrPortOf(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
