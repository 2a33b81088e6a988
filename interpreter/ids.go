package interpreter

import (
	"crypto/rand"
	"encoding/hex"
)

// NewID returns a new object id: 128 random bits as 32 lower-case hex digits. TwiML and REST print it behind two
// letters ([SID]), Kazoo bare.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// SID prints an object id behind the two letters of its kind, as TwiML and REST show it: SID("CA", id).
func SID(kind, id string) string { return kind + id }

// BareID takes the two letters off a SID; a bare id comes back unchanged.
func BareID(s string) string {
	if len(s) == 34 {
		return s[2:]
	}
	return s
}
