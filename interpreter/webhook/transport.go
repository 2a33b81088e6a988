package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"syscall"
	"time"

	"pintle/interpreter"
)

const (
	maxHeader    = 64 << 10
	idlePerHost  = 64
	idleInAll    = 1024
	idleTime     = 90 * time.Second
	pingTime     = 10 * time.Second // of an HTTP/2 connection that is silent
	abandonedTLS = 10 * time.Second // a handshake whose request has gone
)

// everywhere is the allow-list of hosts that the operator named.
var everywhere = []Allow{{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, {Prefix: netip.MustParsePrefix("::/0")}}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// transport makes a pool of connections. A slow host can use up only its own share of it.
func (c *Client) transport(dial dialFunc) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        c.tls.Clone(),
		TLSHandshakeTimeout:    abandonedTLS,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingTime, PingTimeout: pingTime},
		MaxConnsPerHost:        c.cfg.PerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxIdleConns:           idleInAll,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: maxHeader,
		ExpectContinueTimeout:  time.Second,
	}
}

// Dial connects under the address policy, for protocols that begin as HTTP. It ends with ctx, or with Close.
func (c *Client) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return c.dialer(&c.policy)(ctx, network, addr)
}

// dialer connects only to addresses that the policy allows. The policy is asked with the very address of the system
// call, so that neither a name that resolves differently each time nor an odd spelling gets around it.
func (c *Client) dialer(p *policy) dialFunc {
	d := &net.Dialer{
		Timeout:  maxConnectTime,
		Resolver: c.cfg.Resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return &interpreter.Fault{Code: interpreter.CodeAddress, Msg: "the address cannot be judged;" +
					" use another one", Err: err}
			}
			return p.check(ap)
		},
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !c.begin() {
			return nil, interpreter.ErrShutdown
		}
		defer c.work.Done()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(c.root, func() { cancel(interpreter.ErrShutdown) })()
		return d.DialContext(ctx, network, addr)
	}
}

// dialNameless makes a TLS connection whose handshake does not name the server, for those that choke on it. The
// certificate is verified all the same.
func (c *Client) dialNameless(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.dialer(&c.policy)(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		conn.Close()
		return nil, err
	}
	cfg := c.tls.Clone()
	cfg.InsecureSkipVerify = true // replaced by the check below, which needs no server name
	if !c.cfg.InsecureTLS {
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return verify(s, host, c.cfg.Roots) }
	}
	if t := httptrace.ContextClientTrace(ctx); t != nil && t.TLSHandshakeStart != nil {
		t.TLSHandshakeStart()
	}
	ctx, cancel := context.WithTimeout(ctx, abandonedTLS)
	defer cancel()
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func verify(s tls.ConnectionState, host string, roots *x509.CertPool) error {
	o := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: x509.NewCertPool()}
	for _, cert := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}
