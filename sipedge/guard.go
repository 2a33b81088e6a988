package sipedge

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"pintle/sipedge/auth"
)

// Counters of what never reached a dialog. All of them only grow.
type Counters struct {
	Limited    uint64 // packets dropped by the rate limit of their source prefix
	Foreign    uint64 // packets and streams that were not SIP: STUN, RTP, HTTP, TLS, zeros
	Malformed  uint64 // messages dropped because no reply could be built
	Refused    uint64 // requests answered 4xx or 5xx by the strict layer
	Overflow   uint64 // connections refused because a limit was reached
	Handshakes uint64 // connections whose TLS or WebSocket handshake was refused
	Banned     uint64 // packets and connections of addresses that guessed passwords
}

type counters struct {
	limited, foreign, malformed, refused, overflow, handshakes, banned atomic.Uint64
}

func (c *counters) snapshot() Counters {
	return Counters{c.limited.Load(), c.foreign.Load(), c.malformed.Load(), c.refused.Load(), c.overflow.Load(),
		c.handshakes.Load(), c.banned.Load()}
}

// guard turns octets from the wire into messages that every layer behind it reads the same way, or into a refusal.
type guard struct {
	count  counters
	secret [16]byte
	bans   *auth.Bans          // nil: nobody is banned
	closed func(remote string) // told of every stream that closes; may be nil
}

func newGuard() *guard {
	g := &guard{}
	rand.Read(g.secret[:]) // never fails: crypto/rand.Read ends the program instead
	return g
}

// inspect checks one whole message that came from source. clean is what the library may parse, nil if the message is
// refused; reply is what to send back, nil for nothing; shut says that a stream has lost its message boundary.
func (g *guard) inspect(data []byte, source netip.AddrPort, stream bool) (clean, reply []byte, shut bool) {
	m, f := splitMessage(data)
	if f == nil {
		f = checkMessage(m, stream)
	}
	if f == nil {
		if m.request {
			stampVia(m, source)
		}
		return m.encode(), nil, false
	}
	if _, healthy := m.get("Via"); healthy && checkVia(m) == nil {
		stampVia(m, source)
	}
	if reply = m.refusal(f, g.tagOf); reply != nil {
		g.count.refused.Add(1)
	} else {
		g.count.malformed.Add(1)
	}
	return nil, reply, f.close
}

// stampVia notes where a request really came from (RFC 3261 §18.2.1, RFC 3581 §4). What the sender claims about it is
// overwritten.
func stampVia(m *rawMessage, source netip.AddrPort) {
	for i, h := range m.headers {
		if h.name != "Via" {
			continue
		}
		v, _ := parseVia(h.value)
		_, wantsPort := v.param("rport")
		host, port, err := net.SplitHostPort(v.sentBy)
		if err != nil {
			host = v.sentBy
		}
		if port == "0" {
			v.sentBy, wantsPort = strings.TrimSuffix(v.sentBy, ":0"), true
		}
		kept := ""
		for p := range strings.SplitSeq(strings.TrimPrefix(v.params, ";"), ";") {
			if k, _, _ := strings.Cut(p, "="); p != "" && k != "received" && k != "rport" {
				kept += ";" + p
			}
		}
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if wantsPort || err != nil || addr.Unmap() != source.Addr().Unmap() {
			kept += ";received=" + source.Addr().Unmap().String()
		}
		if wantsPort {
			kept += ";rport=" + port16(source.Port())
		}
		v.params = kept
		m.headers[i].value = v.String()
		return
	}
}

// tagOf is the To tag of everything we ever answer to a request that has none. It is made from the request itself, so
// that a retransmission, a CANCEL and the refusal of either carry the same one, and nobody else can guess it.
func (g *guard) tagOf(m *rawMessage) string {
	top, _ := m.get("Via")
	v, _ := parseVia(top)
	branch, _ := v.param("branch")
	id, _ := m.get("Call-ID")
	seq, _ := m.get("CSeq")
	number, _, _ := strings.Cut(seq, " ")
	return g.tag(id, branch, number)
}

func (g *guard) tag(callID, branch, cseq string) string {
	mac := hmac.New(sha256.New, g.secret[:])
	mac.Write([]byte(callID + "\x00" + branch + "\x00" + cseq))
	return hex.EncodeToString(mac.Sum(nil)[:10])
}
