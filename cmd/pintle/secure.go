package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"pintle/interpreter/httpd"
	"pintle/sipedge"
)

// sipSecurity is what the section sip says about encryption.
type sipSecurity struct {
	TLS         sipTLSConfig    `yaml:"tls"`
	WS          webSocketConfig `yaml:"ws"`
	SRTP        string          `yaml:"srtp"`          // off, optional, required; empty: optional
	SDESInClear bool            `yaml:"srtp_in_clear"` // SRTP keys may travel over unencrypted signalling
}

// sipTLSConfig is SIP over TLS, and how we trust peers.
type sipTLSConfig struct {
	Listen   string   `yaml:"listen"`   // IP:port; empty: none
	CA       string   `yaml:"ca"`       // PEM file of authorities that sign peers, beside those of the system
	Cert     string   `yaml:"cert"`     // shown to peers that ask for it; PEM
	Key      string   `yaml:"key"`      //
	Insecure []string `yaml:"insecure"` // names and addresses of peers whose certificate is not checked
}

// webSocketConfig is SIP over WebSocket.
type webSocketConfig struct {
	Listen  string   `yaml:"listen"`        // IP:port in the clear
	Secure  string   `yaml:"secure_listen"` // IP:port over TLS
	Path    string   `yaml:"path"`          // empty: any
	Origins []string `yaml:"origins"`       // pages that may connect; empty: those of the same host
}

// tlsConfig is the certificate of this engine, for SIP and HTTP.
type tlsConfig struct {
	Cert string     `yaml:"cert"` // PEM file, with its chain; read again when it changes
	Key  string     `yaml:"key"`
	ACME acmeConfig `yaml:"acme"`
}

// given reports whether there is a certificate.
func (t tlsConfig) given() bool { return t.Cert != "" || len(t.ACME.Domains) > 0 }

func (c *config) checkSecurity() error {
	s := c.SIP.Security
	for name, address := range map[string]string{"sip.tls.listen": s.TLS.Listen, "sip.ws.listen": s.WS.Listen,
		"sip.ws.secure_listen": s.WS.Secure} {
		if address == "" {
			continue
		}
		if _, err := netip.ParseAddrPort(address); err != nil {
			return fmt.Errorf("%s %q: give IP:PORT, such as 192.0.2.1:5061", name, address)
		}
		if name != "sip.ws.listen" && !c.TLS.given() {
			return fmt.Errorf("%s: a certificate is needed: give tls.cert and tls.key, or tls.acme.domains", name)
		}
	}
	if c.HTTP.TLS && !c.TLS.given() {
		return errors.New("http.tls: a certificate is needed: give tls.cert and tls.key, or tls.acme.domains")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") || (s.TLS.Cert == "") != (s.TLS.Key == "") {
		return errors.New("tls: cert and key belong together")
	}
	if c.TLS.Cert != "" && len(c.TLS.ACME.Domains) > 0 {
		return errors.New("tls: give either cert and key, or acme")
	}
	if _, err := sipedge.ParseSRTP(s.SRTP); err != nil {
		return fmt.Errorf("sip.srtp: %w", err)
	}
	if s.WS.Path != "" && !strings.HasPrefix(s.WS.Path, "/") {
		return fmt.Errorf("sip.ws.path %q: it begins with a slash", s.WS.Path)
	}
	return nil
}

// openCertificates reads, or begins to obtain, the certificate of this engine. It is nil when none is configured.
func (e *engine) openCertificates() (*tls.Config, error) {
	switch t := e.cfg.TLS; {
	case t.Cert != "":
		files, err := httpd.LoadCertificates(t.Cert, t.Key, e.log)
		if err != nil {
			return nil, exitf(exitUsage, "tls: %w", err)
		}
		e.pem = files
		return files.Config(), nil
	case len(t.ACME.Domains) > 0:
		return e.openACME(t.ACME)
	}
	return nil, nil //nolint:nilnil // no certificate is a good configuration
}

// httpsConfig is that of the HTTP server: nil for plain HTTP.
func (e *engine) httpsConfig() *tls.Config {
	if !e.cfg.HTTP.TLS || e.certificates == nil {
		return nil
	}
	c := e.certificates.Clone()
	// Not h2, which the server does not speak.
	c.NextProtos = slices.DeleteFunc(slices.Clone(c.NextProtos), func(p string) bool { return p == "h2" })
	return c
}

// security is what the SIP edge is told.
func (e *engine) security() (sipedge.Security, error) {
	c := e.cfg.SIP.Security
	policy, err := sipedge.ParseSRTP(c.SRTP)
	if err != nil {
		return sipedge.Security{}, err
	}
	return sipedge.Security{SRTP: policy, SDESInClear: c.SDESInClear, TLSListen: c.TLS.Listen, WSListen: c.WS.Listen,
		WSSListen: c.WS.Secure, WebSocketPath: c.WS.Path, Origins: c.WS.Origins, Certificates: e.certificates,
		ClientTLS: func(name string) *tls.Config { return e.live.Load().peerTLS(name) }}, nil
}

// peers says how each peer that we connect to is trusted.
func (t sipTLSConfig) peers() (func(name string) *tls.Config, error) {
	trusting := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate", t.CA)
		}
		trusting.RootCAs = roots
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("cert: %w", err)
		}
		trusting.Certificates = []tls.Certificate{pair}
	}
	blind := trusting.Clone()
	blind.InsecureSkipVerify = true //nolint:gosec // the operator has named the peer
	return func(name string) *tls.Config {
		if slices.ContainsFunc(t.Insecure, func(n string) bool { return strings.EqualFold(n, name) }) {
			return blind
		}
		return trusting
	}, nil
}

// srtp is the policy of a trunk; check has read it before.
func (t trunkConfig) srtp() sipedge.SRTP {
	policy, err := sipedge.ParseSRTP(t.SRTP)
	if err != nil {
		return sipedge.SRTPRequired
	}
	return policy
}
