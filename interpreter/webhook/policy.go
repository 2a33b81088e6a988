package webhook

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"pintle/interpreter"
)

// Allow opens one network that the address policy would refuse: one port of it, or all.
type Allow struct {
	Prefix netip.Prefix
	Port   uint16 // 0: every port
}

// ParseAllow reads an address or a network in CIDR form, with or without a port: 10.0.0.0/8, 10.1.2.3:8080,
// 10.0.0.0/8:8080, fd00::/8, [fd00::/8]:8080.
func ParseAllow(s string) (Allow, error) {
	host, port := s, ""
	if rest, ok := strings.CutPrefix(s, "["); ok {
		i := strings.LastIndexByte(rest, ']')
		if i < 0 {
			return Allow{}, fmt.Errorf("allowed network %q: no closing bracket", s)
		}
		host, port = rest[:i], strings.TrimPrefix(rest[i+1:], ":")
	} else if strings.Count(s, ":") == 1 {
		host, port, _ = strings.Cut(s, ":")
	}
	a := Allow{}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Allow{}, fmt.Errorf("allowed network %q: the port is not a number from 1 to 65535", s)
		}
		a.Port = uint16(n)
	}
	if !strings.Contains(host, "/") {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return Allow{}, fmt.Errorf("allowed network %q: %w", s, err)
		}
		addr = addr.Unmap()
		a.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return a, nil
	}
	p, err := netip.ParsePrefix(host)
	if err != nil {
		return Allow{}, fmt.Errorf("allowed network %q: %w", s, err)
	}
	a.Prefix = p.Masked()
	return a, nil
}

// String is the form that ParseAllow reads.
func (a Allow) String() string {
	if a.Port == 0 {
		return a.Prefix.String()
	}
	if a.Prefix.Addr().Is6() {
		return fmt.Sprintf("[%s]:%d", a.Prefix, a.Port)
	}
	return fmt.Sprintf("%s:%d", a.Prefix, a.Port)
}

// Loopback lists what has to be allowed so that applications on this machine can be asked: 127.0.0.0/8, ::1, and the
// unspecified addresses, which development servers print and which lead here as well.
func Loopback() []Allow {
	var list []Allow
	for _, s := range []string{"127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128"} {
		list = append(list, Allow{Prefix: netip.MustParsePrefix(s)})
	}
	return list
}

// policy says which addresses may be connected to. The zero value refuses everything that is not public.
type policy struct {
	private bool // loopback and private networks are open
	allow   []Allow
	setting string // what the allow-list is called in the configuration
}

// reach is how far an address is from the public internet.
type reach int

const (
	public  reach = iota
	private       // opened by --allow-private
	special       // opened only by naming it in the allow-list
	never         // cannot be the address of a web server
)

type network struct {
	prefix netip.Prefix
	reach  reach
	what   string
}

// networks lists what is not public, the narrower network first. IANA's special-purpose registries (RFC 6890) and
// the addresses under which clouds hand out machine credentials.
var networks = []network{
	{netip.MustParsePrefix("100.100.100.200/32"), special, "a cloud metadata address"},
	{netip.MustParsePrefix("168.63.129.16/32"), special, "a cloud metadata address"},
	{netip.MustParsePrefix("fd00:ec2::/32"), special, "a cloud metadata address"},
	{netip.MustParsePrefix("0.0.0.0/32"), private, "the unspecified address"},
	{netip.MustParsePrefix("0.0.0.0/8"), special, "a reserved address"},
	{netip.MustParsePrefix("10.0.0.0/8"), private, "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), private, "a shared (carrier NAT) address"},
	{netip.MustParsePrefix("127.0.0.0/8"), private, "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), special, "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), private, "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), special, "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), special, "a documentation address"},
	{netip.MustParsePrefix("192.88.99.0/24"), special, "a relay address"},
	{netip.MustParsePrefix("192.168.0.0/16"), private, "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), special, "a benchmark address"},
	{netip.MustParsePrefix("198.51.100.0/24"), special, "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), special, "a documentation address"},
	{netip.MustParsePrefix("224.0.0.0/4"), never, "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), never, "a reserved address"},
	{netip.MustParsePrefix("::/128"), private, "the unspecified address"},
	{netip.MustParsePrefix("::1/128"), private, "a loopback address"},
	{netip.MustParsePrefix("2001::/23"), special, "a reserved address"},
	{netip.MustParsePrefix("2001:db8::/32"), special, "a documentation address"},
	{netip.MustParsePrefix("3fff::/20"), special, "a documentation address"},
	{netip.MustParsePrefix("fc00::/7"), private, "a unique local address"},
	{netip.MustParsePrefix("fe80::/10"), special, "a link-local address"},
	{netip.MustParsePrefix("ff00::/8"), never, "a multicast address"},
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour     = netip.MustParsePrefix("2002::/16")
)

// judge tells how far an address is, and what kind it is.
func judge(a netip.Addr) (reach, string) {
	a = a.WithZone("").Unmap()
	if !a.IsValid() {
		return never, "not an address"
	}
	if inner, ok := embedded(a); ok {
		if r, what := judge(inner); r != public {
			return max(r, special), what + " in an IPv6 wrapper"
		}
		return public, ""
	}
	for _, n := range networks {
		if n.prefix.Contains(a) {
			return n.reach, n.what
		}
	}
	if a.Is6() && !globalUnicast.Contains(a) {
		return special, "a reserved address"
	}
	return public, ""
}

// embedded finds the IPv4 address that a translator would take out of an IPv6 address: NAT64 (RFC 6052), 6to4
// (RFC 3056), ISATAP (RFC 5214).
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe:
		return netip.AddrFrom4([4]byte(b[12:16])), true
	}
	return netip.Addr{}, false
}

// check returns nil when a connection to the address may be made, else the fault that says what to do.
func (p *policy) check(ap netip.AddrPort) error {
	addr := ap.Addr().WithZone("").Unmap()
	r, what := judge(addr)
	if r == public || r == private && p.private {
		return nil
	}
	if r != never {
		for _, a := range p.allow {
			if a.Prefix.Contains(addr) && (a.Port == 0 || a.Port == ap.Port()) {
				return nil
			}
		}
	}
	f := &interpreter.Fault{Code: interpreter.CodeAddress}
	switch r {
	case private:
		f.Msg = fmt.Sprintf("%s is %s and refused; start with --allow-private, or list %s under %s in the configuration",
			addr, what, netip.PrefixFrom(addr, addr.BitLen()), p.setting)
	case special:
		f.Msg = fmt.Sprintf("%s is %s and refused; list %s under %s in the configuration (--allow-private does not open it)",
			addr, what, netip.PrefixFrom(addr, addr.BitLen()), p.setting)
	default:
		f.Msg = fmt.Sprintf("%s is %s and no web server; neither --allow-private nor %s opens it, use another address",
			addr, what, p.setting)
	}
	return f
}
