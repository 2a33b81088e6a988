package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
)

// writePair writes a certificate with this serial number, and its key.
func writePair(t *testing.T, dir string, serial int64, changed time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"sip.example.com"},
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	octets, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der},
		key: {Type: "PRIVATE KEY", Bytes: octets}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestCertificatesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		log := logrus.New()
		log.SetOutput(io.Discard)
		cert, key := writePair(t, dir, 1, time.Now())
		c, err := LoadCertificates(cert, key, logrus.NewEntry(log))
		if err != nil {
			t.Fatal(err)
		}
		serial := func() int64 {
			t.Helper()
			pair, err := c.Config().GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(pair.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			return leaf.SerialNumber.Int64()
		}
		writePair(t, dir, 2, time.Now().Add(time.Minute))
		if got := serial(); got != 1 {
			t.Errorf("at once: %d, want 1 for as long as nobody looks", got)
		}
		time.Sleep(lookAgain)
		if got := serial(); got != 2 {
			t.Errorf("after %v: %d, want 2", lookAgain, got)
		}
		if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookAgain)
		if got := serial(); got != 2 {
			t.Errorf("a broken file replaced the certificate: %d", got)
		}
		if err := c.Reload(); err == nil {
			t.Error("a broken file was read")
		}
		writePair(t, dir, 3, time.Now())
		if err := c.Reload(); err != nil || serial() != 3 {
			t.Errorf("Reload: %v, %d", err, serial())
		}
	})
}

func TestCertificatesThatAreNotThere(t *testing.T) {
	if _, err := LoadCertificates("nowhere.pem", "nowhere.key", nil); err == nil {
		t.Error("missing files were read")
	}
}

// Other files take the place of those of the start, unless they are bad.
func TestCertificatesFromOtherFiles(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	first, second := t.TempDir(), t.TempDir()
	cert, key := writePair(t, first, 1, time.Now())
	c, err := LoadCertificates(cert, key, logrus.NewEntry(log))
	if err != nil {
		t.Fatal(err)
	}
	if c.Stale() {
		t.Error("files that were just read have changed")
	}
	if err := c.ReloadFrom(filepath.Join(second, "none.pem"), key); err == nil {
		t.Error("a file that is not there was read")
	}
	if got := c.current.Leaf.SerialNumber.Int64(); got != 1 || c.cert != cert {
		t.Errorf("after the bad one: %d of %s", got, c.cert)
	}
	otherCert, otherKey := writePair(t, second, 2, time.Now())
	if err := c.ReloadFrom(otherCert, otherKey); err != nil || c.current.Leaf.SerialNumber.Int64() != 2 {
		t.Errorf("other files: %v, %v", err, c.current.Leaf.SerialNumber)
	}
	writePair(t, second, 3, time.Now().Add(time.Minute))
	if !c.Stale() {
		t.Error("files that were written again have not changed")
	}
}
