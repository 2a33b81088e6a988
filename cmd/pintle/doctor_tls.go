package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	soonOver      = 14 * 24 * time.Hour // before its end a certificate must be renewed
	handshakeTime = 5 * time.Second
)

// checkTLS looks at the certificate of this engine: the files, or what a running engine shows.
func (p *patient) checkTLS(ctx context.Context) {
	if p.cfg == nil || !p.cfg.TLS.given() {
		return
	}
	var chain []*x509.Certificate
	var err error
	if p.cfg.TLS.Cert != "" {
		chain, err = chainOfFiles(p.cfg.TLS.Cert, p.cfg.TLS.Key)
	} else if chain, err = p.shown(ctx); chain == nil && err == nil {
		p.ok("tls", "the certificate comes by ACME; start the engine to see it")
		return
	}
	if err != nil {
		p.fail("tls", "Look into the engine's log, and docs/tls.md.", "no certificate: %v", err)
		return
	}
	p.judgeCertificate(chain, p.cfg.names(), time.Now())
}

func chainOfFiles(cert, key string) ([]*x509.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, raw := range pair.Certificate {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// shown asks a running engine for its certificate; none of both: there is no engine, or it has no TLS port.
func (p *patient) shown(ctx context.Context) ([]*x509.Certificate, error) {
	if p.status == nil {
		return nil, nil
	}
	address := p.status.Listens["tls"]
	if address == "" {
		address = p.status.Listens["wss"]
	}
	if address == "" && p.cfg.HTTP.TLS {
		address = p.status.Listens["http"]
	}
	if address == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, //nolint:gosec // the certificate is judged afterwards
		ServerName: p.cfg.TLS.ACME.Domains[0]}}
	conn, err := d.DialContext(ctx, "tcp", reachable(address))
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil, nil
	}
	return c.ConnectionState().PeerCertificates, nil
}

// reachable is an address that a program on this machine can call.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	switch host {
	case "0.0.0.0", "":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// names are those by which peers call this engine by TLS.
func (c *config) names() []string {
	var list []string
	if host := c.SIP.Advertise; host != "" && !isAddress(host) {
		list = append(list, host)
	}
	if u, err := url.Parse(c.HTTP.PublicURL); err == nil && c.HTTP.TLS && u.Hostname() != "" {
		list = append(list, u.Hostname())
	}
	return list
}

// judgeCertificate looks at life, names and chain.
func (p *patient) judgeCertificate(chain []*x509.Certificate, names []string, now time.Time) {
	leaf := chain[0]
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			p.fail("tls", "Get a certificate for that name.", "the certificate is for %s, and peers call %s",
				dash(strings.Join(leaf.DNSNames, ", ")), name)
			return
		}
	}
	left := leaf.NotAfter.Sub(now)
	switch {
	case now.Before(leaf.NotBefore):
		p.fail("tls", "Look at the clock.", "the certificate begins on %s", leaf.NotBefore.Format(time.DateOnly))
	case left <= 0:
		p.fail("tls", "Renew it.", "the certificate ended on %s", leaf.NotAfter.Format(time.DateOnly))
	case left < soonOver:
		p.warn("tls", "Renew it; a new file is taken without a restart.", "the certificate ends in %s", span(left))
	default:
		between := x509.NewCertPool()
		for _, c := range chain[1:] {
			between.AddCert(c)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			p.warn("tls",
				"Put the certificates of the authorities between into the file too; peers of your own need your authority.",
				"the certificate, for %s, is good until %s, but this system does not trust it: %v",
				strings.Join(leaf.DNSNames, ", "), leaf.NotAfter.Format(time.DateOnly), err)
			return
		}
		p.ok("tls", "the certificate for %s is good until %s", strings.Join(leaf.DNSNames, ", "),
			leaf.NotAfter.Format(time.DateOnly))
	}
	if name := filepath.Clean(p.cfg.TLS.Key); p.cfg.TLS.Key != "" {
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o004 != 0 {
			p.warn("tls", "Run 'chmod 640 "+name+"'.", "everybody may read the key %s", name)
		}
	}
}
