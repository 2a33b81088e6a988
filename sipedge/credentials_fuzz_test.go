package sipedge

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

// Whatever a peer challenges us with, the answer is none or one that names our user and nobody else's words break out
// of their quotes into a second header.
func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{"", "Digest", `Digest realm="x", nonce="y"`, `Basic realm="x"`,
		`Digest realm="a", nonce="b", qop="auth,auth-int"`, `Digest realm="x",nonce="y",algorithm=SHA-256`,
		`Digest realm="\"", nonce=`, `Digest realm="x", algorithm=??`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, challenge string) {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "a", Host: "127.0.0.1"})
		res := sip.NewResponse(401, "Unauthorized")
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge))
		if !newCredentials("alice", "secret").authorize(req, res, 0) {
			return
		}
		h := req.GetHeader("Authorization")
		if h == nil {
			t.Fatal("authorised without a header")
		}
		for _, c := range h.Value() {
			if c == '\r' || c == '\n' {
				t.Errorf("challenge %q broke out of the header: %q", challenge, h.Value())
			}
		}
	})
}
