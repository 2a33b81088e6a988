package sipedge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// greetTime bounds a TLS handshake, and that of WebSocket with it (R-SIP-13).
const greetTime = 5 * time.Second

// acmeProtocol is what an authority asks for that looks for its proof on our port (RFC 8737).
const acmeProtocol = "acme-tls/1"

// door is one more place where streams come in, or where only those that we open go through.
type door struct {
	network string // TLS, WS, WSS
	raw     net.Listener
	port    int // of raw; 0: it is closed to others
	streams *streamListener
}

// openDoors listens where the configuration says so. TLS has a door in any case: connections of ours pass it too.
func openDoors(s Security) ([]*door, error) {
	doors := []*door{{network: "TLS"}, {network: "WS"}, {network: "WSS"}}
	for i, address := range []string{s.TLSListen, s.WSListen, s.WSSListen} {
		d := doors[i]
		if address == "" {
			d.raw = newDeafListener()
			continue
		}
		var err error
		if d.network != "WS" && s.Certificates == nil {
			err = errors.New("a certificate is needed")
		} else {
			d.raw, err = net.Listen("tcp", address) //nolint:noctx // it waits for nobody
		}
		if err != nil {
			for _, open := range doors[:i] {
				open.raw.Close()
			}
			return nil, fmt.Errorf("listen for %s on %s: %w", d.network, address, err)
		}
		d.port = int(addrPortOf(d.raw.Addr()).Port())
	}
	return doors, nil
}

// serveDoors lets peers in. It runs before any request can be sent.
func (e *Edge) serveDoors(doors []*door) {
	e.doors = make(map[string]*door)
	for _, d := range doors {
		e.doors[d.network] = d // all of them, before the first one is open
	}
	for _, d := range doors {
		o := streamOptions{busy: e.busy}
		var serve func(net.Listener) error
		switch d.network {
		case "TLS":
			o.greet, serve = e.greetTLS, e.transport.ServeTLS
		case "WS":
			o.greet, serve = e.greetWebSocket, e.transport.ServeWS
		case "WSS":
			o.greet, serve = e.greetSecureWebSocket, e.transport.ServeWSS
		}
		d.streams = newGreetedListener(d.raw, e.guard, o)
		e.serving.Go(func() { _ = serve(d.streams) }) // ends with its listener
	}
}

func (e *Edge) closeDoors() error {
	var errs []error
	for _, d := range e.doors {
		errs = append(errs, d.streams.Close())
	}
	return errors.Join(errs...)
}

// portOf is the port at which peers reach us by a transport.
func (e *Edge) portOf(network string) int {
	if d := e.doors[network]; d != nil && d.port != 0 {
		return d.port
	}
	return e.port
}

// AddrOf is the address listened on for TLS, WS or WSS; empty when there is none.
func (e *Edge) AddrOf(network string) string {
	if d := e.doors[network]; d != nil && d.port != 0 {
		return d.raw.Addr().String()
	}
	return ""
}

// greetTLS is the server's side of a handshake.
func (e *Edge) greetTLS(c *streamConn) net.Conn {
	if e.handshake(c, "sip/2", "sip") {
		return c
	}
	return nil
}

// handshake puts TLS over an accepted connection, with protocols for a client that asks for one.
func (e *Edge) handshake(c *streamConn, protocols ...string) bool {
	if e.cfg.Security.Certificates == nil {
		return false
	}
	cfg := e.cfg.Security.Certificates.Clone()
	for _, p := range cfg.NextProtos {
		if p == acmeProtocol {
			protocols = append(protocols, p)
		}
	}
	cfg.NextProtos = protocols
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	ctx, cancel := context.WithTimeout(e.work, greetTime)
	defer cancel()
	t := tls.Server(c.Conn, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		e.guard.count.handshakes.Add(1)
		e.notice.tell(func() {
			e.log.WithField("from", c.remote.Addr().String()).Info("TLS handshake refused: " + shorten(err.Error()))
		})
		return false
	}
	if t.ConnectionState().NegotiatedProtocol == acmeProtocol {
		_ = t.Close() // the proof was the handshake
		return false
	}
	c.Conn, c.idleAt = t, time.Now()
	return true
}

// dialTLS opens a connection to a peer whose certificate must be for name.
func (e *Edge) dialTLS(ctx context.Context, remote, name string) error {
	d := e.doors["TLS"]
	if net.ParseIP(name) != nil {
		// In a dialog the target is often a bare address; the peer there was known by its name before.
		if known, ok := e.proven.get(remote); ok {
			name = known
		}
	}
	err := d.streams.dial(ctx, remote, func(ctx context.Context, c net.Conn) (net.Conn, error) {
		var cfg *tls.Config
		if e.cfg.Security.ClientTLS != nil {
			cfg = e.cfg.Security.ClientTLS(name)
		}
		if cfg == nil {
			cfg = &tls.Config{}
		}
		cfg = cfg.Clone()
		cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
		if cfg.ServerName == "" {
			cfg.ServerName = name
		}
		t := tls.Client(c, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, tlsFault(err)
		}
		return t, nil
	})
	if err == nil {
		e.proven.put(remote, name)
	}
	return err
}

// tlsFault gives a failed handshake its number and says what to do.
func tlsFault(err error) error {
	f := &interpreter.Fault{Code: interpreter.CodeTLS, Msg: "TLS handshake with the SIP peer failed", Err: err}
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		f.Code, f.Msg = interpreter.CodeCertName, "the certificate of the SIP peer is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.Code, f.Msg = interpreter.CodeCertExpired, "the certificate of the SIP peer has expired"
	case errors.As(err, &unknown), errors.As(err, &invalid):
		f.Code, f.Msg = interpreter.CodeCertTrust, "the certificate of the SIP peer is signed by nobody we trust"
	}
	return f
}

// serverName is the host that a request goes to by its route, as its sender knows it (RFC 5922 §7.3).
func serverName(req *sip.Request) string {
	u := &req.Recipient
	if r := req.Route(); r != nil {
		u = &r.Address
	}
	return strings.Trim(u.Host, "[]")
}

// maxNames bounds the memory of whom we have met at an address.
const maxNames = 4096

// nameMemory remembers the name that a TLS peer has proved.
type nameMemory struct {
	mu    sync.Mutex
	names map[string]string
}

func (m *nameMemory) get(remote string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, ok := m.names[remote]
	return name, ok
}

func (m *nameMemory) put(remote, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil || len(m.names) >= maxNames {
		m.names = make(map[string]string)
	}
	m.names[remote] = name
}

// noticeEvery is the least time between two lines of the log about what strangers do (R-SIP-7).
const noticeEvery = time.Second

// notice keeps strangers from filling the log.
type notice struct {
	mu   sync.Mutex
	last time.Time
}

func (n *notice) tell(line func()) {
	n.mu.Lock()
	now := time.Now()
	due := now.Sub(n.last) >= noticeEvery
	if due {
		n.last = now
	}
	n.mu.Unlock()
	if due {
		line()
	}
}

// deafListener accepts nobody: what comes through its door we have opened ourselves.
type deafListener struct {
	done chan struct{}
	once sync.Once
}

func newDeafListener() *deafListener { return &deafListener{done: make(chan struct{})} }

// Accept waits for Close.
func (l *deafListener) Accept() (net.Conn, error) {
	<-l.done
	return nil, net.ErrClosed
}

// Close ends Accept.
func (l *deafListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is no address.
func (*deafListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }
