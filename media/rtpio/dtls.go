package rtpio

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"time"
)

// DTLS names the far end of a DTLS-SRTP association (RFC 5763). The zero value is none.
type DTLS struct {
	Fingerprint string // of its certificate, as ParseFingerprint gives it
	Client      bool   // we begin the handshake: our description says setup:active
}

// Identity is the certificate that an engine shows in DTLS. Peers know it by the fingerprint in our descriptions, so it
// is made anew at each start and signed by nobody.
type Identity struct {
	cert        tls.Certificate
	fingerprint string
}

// identityLife is how long a certificate says it is good; nobody looks.
const identityLife = 10 * 365 * 24 * time.Hour

// NewIdentity makes a key and a certificate that says nothing about the host.
func NewIdentity() (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("DTLS key: %w", err)
	}
	serial := make([]byte, 16)
	rand.Read(serial)
	now := time.Now()
	form := &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: "pintle"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(identityLife), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("DTLS certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, printSum("sha-256", sum[:])}, nil
}

// Fingerprint is what a=fingerprint says of it.
func (i *Identity) Fingerprint() string {
	if i == nil {
		return ""
	}
	return i.fingerprint
}

// hashes of fingerprints; weaker ones are not taken (RFC 8122 §5).
var hashes = map[string]func() hash.Hash{"sha-256": sha256.New, "sha-384": sha512.New384, "sha-512": sha512.New}

// ParseFingerprint reads the value of a=fingerprint into its one spelling. It is false for a hash that is not spoken.
func ParseFingerprint(value string) (string, bool) {
	name, text, _ := strings.Cut(strings.TrimSpace(value), " ")
	name = strings.ToLower(name)
	make, ok := hashes[name]
	if !ok {
		return "", false
	}
	sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(sum) != make().Size() {
		return "", false
	}
	return printSum(name, sum), true
}

func printSum(name string, sum []byte) string {
	var b strings.Builder
	b.WriteString(name)
	for i, o := range sum {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, "%02X", o)
	}
	return b.String()
}

var errFingerprint = errors.New("the certificate is not the one of the description")

// matches tells whether a certificate has the fingerprint.
func (d DTLS) matches(der []byte) error {
	name, _, _ := strings.Cut(d.Fingerprint, " ")
	make, ok := hashes[name]
	if !ok {
		return errFingerprint
	}
	h := make()
	h.Write(der)
	if subtle.ConstantTimeCompare([]byte(printSum(name, h.Sum(nil))), []byte(d.Fingerprint)) != 1 {
		return errFingerprint
	}
	return nil
}

// isDTLS tells the records of a handshake from media on one port (RFC 7983 §7).
func isDTLS(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

// rekey puts the protection of an agreement into force: none, keys of the descriptions, or those of a handshake, which
// begins now unless it runs or is done with this far end already.
func (s *Stream) rekey(p Params, now time.Time) error {
	s.handshakes.Lock()
	defer s.handshakes.Unlock()
	old := s.association
	if p.DTLS != (DTLS{}) && s.options.Identity == nil {
		return errors.New("stream parameters: DTLS without a certificate")
	}
	if old != nil && old.far == p.DTLS {
		return nil
	}
	if old != nil {
		old.cancel()
		s.association = nil
		s.hand(nil)
	}
	if p.DTLS == (DTLS{}) {
		return s.useKeys(p.Keys, false, now)
	}
	if err := s.useKeys(Keys{}, true, now); err != nil {
		return err
	}
	a := newAssociation(s, p.DTLS)
	a.peer = p.Remote
	s.association = a
	s.hand(a)
	s.readers.Go(a.run)
	return nil
}

// hand lets records go to an association, or to nobody.
func (s *Stream) hand(a *association) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.association = a
}

// endHandshake stops what runs; Close then waits for it.
func (s *Stream) endHandshake() {
	s.handshakes.Lock()
	defer s.handshakes.Unlock()
	if s.association != nil {
		s.association.cancel()
	}
}
