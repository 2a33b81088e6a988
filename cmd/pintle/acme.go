package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// acmeConfig is a certificate from an authority that speaks ACME (RFC 8555).
type acmeConfig struct {
	Domains  []string `yaml:"domains"`
	Email    string   `yaml:"email"`     // the authority writes there before a certificate ends
	CA       string   `yaml:"ca"`        // directory URL; empty: Let's Encrypt
	CAFile   string   `yaml:"ca_file"`   // PEM file of the authority of that URL
	HTTPPort int      `yaml:"http_port"` // where http-01 is answered; 0: 80
	TLSPort  int      `yaml:"tls_port"`  // where tls-alpn-01 is answered; 0: 443
}

// openACME obtains the certificate in the background and renews it. Until it has come handshakes fail; the account and
// the certificates are kept in the data directory.
func (e *engine) openACME(c acmeConfig) (*tls.Config, error) {
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{Logger: zap.NewNop(),
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil }})
	magic = certmagic.New(cache, certmagic.Config{Logger: zap.NewNop(), OnEvent: e.acmeEvent,
		Storage: &certmagic.FileStorage{Path: filepath.Join(e.cfg.Data, "acme")}})
	form := certmagic.ACMEIssuer{CA: c.CA, Email: c.Email, Agreed: true, Logger: zap.NewNop(), AltHTTPPort: c.HTTPPort,
		AltTLSALPNPort: c.TLSPort}
	if form.CA == "" {
		form.CA = certmagic.LetsEncryptProductionCA
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, exitf(exitUsage, "tls.acme.ca_file: %w", err)
		}
		form.TrustedRoots = x509.NewCertPool()
		if !form.TrustedRoots.AppendCertsFromPEM(pem) {
			return nil, exitf(exitUsage, "tls.acme.ca_file: %s holds no certificate", c.CAFile)
		}
	}
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, form)}
	ctx, cancel := context.WithCancel(context.Background())
	if err := magic.ManageAsync(ctx, c.Domains); err != nil {
		cancel()
		cache.Stop()
		return nil, fmt.Errorf("tls.acme: %w", err)
	}
	e.onClose(func() {
		cancel()
		cache.Stop()
	})
	return magic.TLSConfig(), nil
}

// acmeEvent writes into the log what an operator must know. It stops nothing.
func (e *engine) acmeEvent(_ context.Context, event string, data map[string]any) error {
	log := e.log.WithField("domain", data["identifier"])
	switch event {
	case "cert_obtained":
		log.Info("certificate obtained")
	case "cert_failed":
		log.WithField("error", data["error"]).Error("no certificate was obtained; it is tried again. Check that the name " +
			"leads here, and that port 80 or 443 is reachable from the internet")
	}
	return nil
}
