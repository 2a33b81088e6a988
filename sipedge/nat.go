package sipedge

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// behindNAT reports whether a contact cannot be reached where it says it is, so that requests go to the address its
// messages come from: a private host seen from a public source, or a name that is declared unusable (RFC 7118 §5).
func behindNAT(u *sip.Uri, seen flow) bool {
	if seen.remote == "" {
		return false
	}
	host := strings.ToLower(strings.Trim(u.Host, "[]"))
	if strings.HasSuffix(host, ".invalid") {
		return true
	}
	a, err := netip.ParseAddr(host)
	source, err2 := netip.ParseAddrPort(seen.remote)
	if err != nil || err2 != nil {
		return false
	}
	return inside(a.Unmap()) && !inside(source.Addr().Unmap())
}

// inside reports an address that means nothing outside its own network.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || sharedSpace.Contains(a)
}

// sharedSpace is the carrier's own private range (RFC 6598).
var sharedSpace = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
