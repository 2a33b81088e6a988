package auth

import (
	"crypto/md5" //nolint:gosec // most phones know nothing else (RFC 8760 §2.4)
	"crypto/sha256"
	"encoding/hex"
)

// HA1 is what digest needs to know of a password, per algorithm: the hash of username, realm and password in lower-case
// hex digits. It is as good as the password within its realm, so it prints and encodes as stars.
type HA1 struct {
	MD5, SHA256 string
}

// Hash makes the HA1 of a password (RFC 7616 §3.4.2).
func Hash(username, realm, password string) HA1 {
	text := []byte(username + ":" + realm + ":" + password)
	m, s := md5.Sum(text), sha256.Sum256(text) //nolint:gosec // see above
	return HA1{MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

const hidden = "***"

// String hides the value.
func (HA1) String() string { return hidden }

// GoString hides the value.
func (HA1) GoString() string { return hidden }

// MarshalText hides the value.
func (HA1) MarshalText() ([]byte, error) { return []byte(hidden), nil }
