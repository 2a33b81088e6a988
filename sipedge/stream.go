package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	streamMessage  = 10 * time.Second  // from the first octet of a message to its last
	streamIdle     = 120 * time.Second // without any octet, unless a call or a phone lives on the connection
	streamNudge    = 90 * time.Second  // after which a connection with a call or a phone is kept open
	streamWrite    = 5 * time.Second
	streamConnect  = 5 * time.Second
	streamLinger   = 100 * time.Millisecond
	streamPerIP    = 64
	streamTotal    = 4096
	streamReadSize = 1024
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
	message, idle, nudge time.Duration
	perIP, total         int
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
	if limits.nudge == 0 {
		limits.nudge = streamNudge
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

func addrPortOf(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
