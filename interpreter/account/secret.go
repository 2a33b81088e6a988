package account

import (
	"crypto/md5" //nolint:gosec // the algorithm of RFC 3261 digest
	"crypto/sha256"
	"encoding/hex"
)

// hidden stands where a secret would be printed.
const hidden = "(hidden)"

// Secret is a password. It shows itself to nobody: printing, logging and JSON give a placeholder.
type Secret string

// String hides it.
func (Secret) String() string { return hidden }

// GoString hides it from %#v.
func (Secret) GoString() string { return hidden }

// MarshalText hides it from JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal gives the clear text, to whom it belongs alone.
func (s Secret) Reveal() string { return string(s) }

// PIN is what a caller types to be let in. Logs hide it; REST shows it to the account that it belongs to.
type PIN string

// String hides it.
func (PIN) String() string { return hidden }

// GoString hides it from %#v.
func (PIN) GoString() string { return hidden }

// HA1 is what is kept of a device's password: the digest of user name, realm and password per algorithm, in lower-case
// hex digits (RFC 7616 §3.4.2). It shows itself to nobody.
type HA1 struct{ MD5, SHA256 string }

// String hides it.
func (HA1) String() string { return hidden }

// GoString hides it from %#v.
func (HA1) GoString() string { return hidden }

// MarshalText hides it from JSON and YAML.
func (HA1) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// hashPassword makes the HA1 of a clear password.
func hashPassword(username, realm string, password Secret) HA1 {
	text := []byte(username + ":" + realm + ":" + password.Reveal())
	m := md5.Sum(text) //nolint:gosec // see above
	s := sha256.Sum256(text)
	return HA1{hex.EncodeToString(m[:]), hex.EncodeToString(s[:])}
}
