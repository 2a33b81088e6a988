package httpd

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// lookAgain is how often the files of a certificate are looked at, when somebody connects.
const lookAgain = 10 * time.Second

// Certificates is a certificate from files. A renewed one is shown without a restart; one that cannot be used never
// replaces a good one.
type Certificates struct {
	cert, key string
	log       *logrus.Entry

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	seen    [2]time.Time // when the files were changed
	looked  time.Time
}

// LoadCertificates reads a certificate with its chain, and its key, both in PEM.
func LoadCertificates(cert, key string, log *logrus.Entry) (*Certificates, error) {
	c := &Certificates{cert: cert, key: key, log: log}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Config is that of a server which shows the certificate.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// Reload reads the files now. An error leaves the certificate that was good.
func (c *Certificates) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// ReloadFrom reads other files from now on. An error leaves everything as it was.
func (c *Certificates) ReloadFrom(cert, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	oldCert, oldKey := c.cert, c.key
	c.cert, c.key = cert, key
	err := c.read()
	if err != nil {
		c.cert, c.key = oldCert, oldKey
	}
	return err
}

func (c *Certificates) read() error {
	c.seen, c.looked = c.changed(), time.Now()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.cert, c.key, err)
	}
	c.current = &pair
	return nil
}

// changed gives the times of both files, zero where one is not there.
func (c *Certificates) changed() (at [2]time.Time) {
	for i, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

func (c *Certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookAgain {
		return c.current, nil
	}
	c.looked = time.Now()
	if c.changed() != c.seen {
		if err := c.read(); err != nil {
			c.log.WithError(err).Error("the changed certificate is not usable; the one before is kept")
		} else {
			c.log.WithField("file", c.cert).Info("certificate read again")
		}
	}
	return c.current, nil
}

// Stale tells whether the files have changed since they were read.
func (c *Certificates) Stale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed() != c.seen
}
