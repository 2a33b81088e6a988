package rtpio

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrRemote means that an address is not one to send media to.
var ErrRemote = errors.New("not a media address")

// CheckRemote refuses addresses that no single peer can have: unspecified,
// multicast, broadcast, or without a port. The error wraps ErrRemote.
func CheckRemote(a netip.AddrPort) error {
	ip := a.Addr().Unmap()
	switch {
	case !ip.IsValid() || ip.IsUnspecified() || a.Port() == 0:
	case ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
	case ip.Is4() && ip.As4()[0] == 0: // "this network", RFC 1122
	default:
		return nil
	}
	return fmt.Errorf("%v: %w", a, ErrRemote)
}

// A source is learned when learnSteady of learnWindow packets came from it.
const (
	learnWindow = 5
	learnSteady = 3
)

// learner decides from where packets are taken. The address of the SDP is
// good at once; another one is learned only where it is permitted, once, from
// one steady source with one SSRC. Then it is locked, until a re-INVITE.
type learner struct {
	expected   netip.AddrPort // of the SDP
	signalling netip.Addr     // where the signalling comes from; invalid permits no learning
	anywhere   bool           // learn from any address: registered devices, or the trunk's setting
	locked     netip.AddrPort
	former     netip.AddrPort // locked before a re-INVITE that named the same address again

	seen       int
	candidates [learnWindow]candidate
}

type candidate struct {
	addr  netip.AddrPort
	ssrc  uint32
	count int
}

// accept tells whether to take a packet; learned is true when it made addr the
// locked source.
func (l *learner) accept(addr netip.AddrPort, ssrc uint32) (ok, learned bool) {
	if l.locked.IsValid() {
		return addr == l.locked, false
	}
	negotiated := addr == l.expected || addr == l.former
	if !negotiated && !l.anywhere && (!l.signalling.IsValid() || addr.Addr() != l.signalling) {
		return false, false
	}
	if l.steady(addr, ssrc) {
		l.locked = addr
		return true, true
	}
	return negotiated, false
}

// plausible tells whether a packet from addr may count at all, before it is known what it is.
func (l *learner) plausible(addr netip.AddrPort) bool {
	if l.locked.IsValid() {
		return addr.Addr() == l.locked.Addr()
	}
	return l.anywhere || addr.Addr() == l.expected.Addr() || addr == l.former ||
		l.signalling.IsValid() && addr.Addr() == l.signalling
}

// from tells whether RTCP from ip may be believed.
func (l *learner) from(ip netip.Addr) bool {
	if l.locked.IsValid() {
		return ip == l.locked.Addr()
	}
	return ip == l.expected.Addr() || (l.former.IsValid() && ip == l.former.Addr())
}

// reopen lets a source be learned again, after a re-INVITE.
func (l *learner) reopen(p Params) {
	former := l.former
	if l.locked.IsValid() {
		former = l.locked
	}
	if p.Remote != l.expected {
		former = netip.AddrPort{}
	}
	*l = learner{expected: p.Remote, signalling: p.Signalling, anywhere: p.AnySource, former: former}
}

func (l *learner) steady(addr netip.AddrPort, ssrc uint32) bool {
	if l.seen == learnWindow {
		l.seen, l.candidates = 0, [learnWindow]candidate{}
	}
	l.seen++
	for i := range l.candidates {
		c := &l.candidates[i]
		if c.count == 0 {
			c.addr, c.ssrc = addr, ssrc
		}
		if c.addr == addr && c.ssrc == ssrc {
			c.count++
			return c.count == learnSteady
		}
	}
	return false
}
