package sipedge

import (
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const (
	maxChallenges = 2   // nonces that one exchange may use up: the first, and the fresh one after a stale answer
	maxNonces     = 100 // remembered for one dialog
)

// credentials answer the challenges of one target. They go nowhere else (R-AUTH-8). A nil value answers none.
type credentials struct {
	username, password string
	trunk              *trunk // whose they are; nil: of a target that the document named

	mu    sync.Mutex
	used  map[string]int // nonce → answers given
	realm string
}

func newCredentials(username, password string) *credentials {
	if username == "" {
		return nil
	}
	return &credentials{username: username, password: password, used: make(map[string]int)}
}

// authorize puts the answer to the challenge in res into req, whose CSeq the caller moves on. It reports false when
// there is nothing more to try: no usable challenge, another realm than before, a nonce that was refused already. round
// counts the answers of this exchange, from 0.
func (c *credentials) authorize(req *sip.Request, res *sip.Response, round int) bool {
	if c == nil || round >= maxChallenges || c.trunk != nil && !c.trunk.owns(req.Destination()) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ask, give := "www-authenticate", "Authorization"
	if res.StatusCode == 407 {
		ask, give = "proxy-authenticate", "Proxy-Authorization"
	}
	best := strongest(res.GetHeaders(ask))
	if best == nil || c.used[best.Nonce] > 0 || c.realm != "" && c.realm != best.Realm {
		return false
	}
	if len(c.used) >= maxNonces {
		clear(c.used)
	}
	c.used[best.Nonce]++
	c.realm = best.Realm
	cred, err := digest.Digest(best, digest.Options{
		Method: string(req.Method), URI: req.Recipient.String(), Username: c.username, Password: c.password, Count: 1,
	})
	if err != nil {
		return false
	}
	req.RemoveHeader(give)
	req.AppendHeader(sip.NewHeader(give, cred.String()))
	return true
}

// strongest picks the best algorithm among all challenges that can be answered (RFC 8760).
func strongest(headers []sip.Header) *digest.Challenge {
	rank := map[string]int{"": 1, "MD5": 1, "SHA-256": 2, "SHA-512-256": 3, "SHA-512": 4}
	var best *digest.Challenge
	for _, h := range headers {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || !digest.CanDigest(c) || len(c.QOP) > 0 && !c.SupportsQOP("auth") {
			continue
		}
		if best == nil || rank[strings.ToUpper(c.Algorithm)] > rank[strings.ToUpper(best.Algorithm)] {
			best = c
		}
	}
	return best
}
