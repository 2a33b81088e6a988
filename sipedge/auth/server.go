package auth

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // most phones know nothing else (RFC 8760 §2.4)
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"pintle/interpreter/memstore"
)

const (
	nonceLife  = 300 * time.Second
	nonceMax   = 100_000 // nonces in use whose counts are remembered
	stampSize  = 4
	randomSize = 8
	macSize    = 16
	nonceSize  = stampSize + randomSize + macSize
	sweepEvery = time.Minute
	algMD5     = "MD5"
	algSHA256  = "SHA-256"

	// SecretSize is the length of the secret behind the nonces.
	SecretSize = 32
)

// Verdict is what became of an answer.
type Verdict int

// The verdicts.
const (
	// Fresh is an answer to no challenge of ours: it was not looked at. Challenge again.
	Fresh Verdict = iota
	// Wrong is a wrong answer to a challenge of ours. Challenge again.
	Wrong
	// Stale is a right answer to a nonce that is too old or was used already. Challenge again with stale=true.
	Stale
	// Full is a right answer that cannot be protected against replay now. Refuse for the moment.
	Full
	// Right lets the client in.
	Right
)

// Server makes challenges and checks answers. It keeps nothing of a challenge; only the counts of nonces that were
// answered rightly are remembered, in bounded memory.
type Server struct {
	secret [SecretSize]byte
	counts *memstore.Map[uint32]
}

// NewServer makes a server. Nonces outlive the process if the secret does.
func NewServer(secret [SecretSize]byte) *Server {
	return &Server{secret: secret, counts: memstore.NewMap[uint32](nonceMax)}
}

// Sweep forgets old counts until ctx ends.
func (s *Server) Sweep(ctx context.Context) { s.counts.Sweep(ctx, sweepEvery) }

// Nonces is the number of nonces whose counts are remembered.
func (s *Server) Nonces() int { return s.counts.Len() }

// Nonce makes a nonce: the time, what makes it unique, and a mark that only we can set, for this realm and the network
// of this source.
func (s *Server) Nonce(realm string, source netip.Addr) string {
	var b [nonceSize]byte
	binary.BigEndian.PutUint32(b[:], uint32(time.Now().Unix())) //nolint:gosec // wraps in 2106, and so does the check
	rand.Read(b[stampSize : stampSize+randomSize])
	copy(b[stampSize+randomSize:], s.mark(b[:stampSize+randomSize], realm, source))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *Server) mark(head []byte, realm string, source netip.Addr) []byte {
	mac := hmac.New(sha256.New, s.secret[:])
	mac.Write(head)
	mac.Write([]byte(realm))
	mac.Write([]byte{0})
	mac.Write([]byte(network(source)))
	return mac.Sum(nil)[:macSize]
}

// network is what of a source a nonce is bound to: phones behind a large NAT change their address within it.
func network(a netip.Addr) string {
	a = a.Unmap()
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// nonce reports whether a nonce is ours, and whether it is still good.
func (s *Server) nonce(text, realm string, source netip.Addr) (ours, young bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != nonceSize {
		return false, false
	}
	head := b[:stampSize+randomSize]
	if !hmac.Equal(b[stampSize+randomSize:], s.mark(head, realm, source)) {
		return false, false
	}
	age := time.Duration(uint32(time.Now().Unix())-binary.BigEndian.Uint32(head)) * time.Second //nolint:gosec // see Nonce
	return true, age < nonceLife
}

// Challenge is one way to ask.
type Challenge struct {
	Realm   string
	Source  netip.Addr
	Stale   bool
	MD5Only bool
}

// Challenges gives the values of the WWW-Authenticate or Proxy-Authenticate headers, best first (RFC 8760 §2.4).
func (s *Server) Challenges(c Challenge) []string {
	nonce := s.Nonce(c.Realm, c.Source)
	stale := ""
	if c.Stale {
		stale = ", stale=true"
	}
	var list []string
	for _, alg := range []string{algSHA256, algMD5} {
		if alg == algMD5 || !c.MD5Only {
			list = append(list, `Digest realm="`+escape.Replace(c.Realm)+`", nonce="`+nonce+`", algorithm=`+alg+
				`, qop="auth"`+stale)
		}
	}
	return list
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Check says what an answer is worth. h is nil for a user who does not exist or may not log in: the work is the same,
// and the answer is never right.
func (s *Server) Check(a Answer, h *HA1, method string, source netip.Addr) Verdict {
	ours, young := s.nonce(a.Nonce, a.Realm, source)
	if !ours {
		// Nothing is said about an answer to a nonce that somebody made up, and it is held against nobody: its source may
		// be made up too.
		return Fresh
	}
	decoy := Hash(a.Username, a.Realm, string(s.secret[:])) // made for those who exist too: it takes time
	known := h != nil
	if h == nil {
		h = &decoy
	}
	secret := h.MD5
	if a.Algorithm == algSHA256 {
		secret = h.SHA256
	}
	want := respond(a, secret, method)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(a.Response))) == 1 && secret != "" && known
	switch {
	case !right:
		return Wrong
	case !young:
		return Stale
	}
	return s.count(a)
}

// count takes a nonce's count if it is higher than the last one, else the answer is a replay.
func (s *Server) count(a Answer) Verdict {
	if err := s.counts.Add(a.Nonce, a.count, nonceLife); err == nil {
		return Right
	}
	last, ok := s.counts.Take(a.Nonce) // of two at once, one gets it
	if !ok {
		if s.counts.Len() >= nonceMax {
			return Full
		}
		return Stale
	}
	if a.count <= last {
		_ = s.counts.Add(a.Nonce, last, nonceLife)
		return Stale
	}
	if err := s.counts.Add(a.Nonce, a.count, nonceLife); err != nil {
		return Stale
	}
	return Right
}

// respond computes the answer that the owner of secret gives (RFC 7616 §3.4.1).
func respond(a Answer, secret, method string) string {
	return digest(a.Algorithm, secret+":"+a.Nonce+":"+a.NC+":"+a.Cnonce+":"+a.QOP+":"+
		digest(a.Algorithm, method+":"+a.URI))
}

func digest(algorithm, text string) string {
	if algorithm == algSHA256 {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum([]byte(text)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
