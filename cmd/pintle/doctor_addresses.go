package main

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// lookUpTime is how long one name may take.
const lookUpTime = 4 * time.Second

// trunkFound is a trunk and where its name leads.
type trunkFound struct {
	id, uri   string
	addresses []netip.Addr
	failed    error
}

// interfaceNames are the addresses of this machine's interfaces.
func interfaceNames() []string {
	var list []string
	for _, a := range interfaces() {
		list = append(list, a.String())
	}
	return list
}

func interfaces() []netip.Addr {
	var list []netip.Addr
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			list = append(list, p.Addr().Unmap())
		}
	}
	return list
}

// told is the address that peers learn from us; it is not valid when that is a name.
func (c *config) told() (netip.Addr, string) {
	host := c.SIP.Advertise
	if host == "" {
		if a, err := netip.ParseAddrPort(c.SIP.Listen); err == nil {
			return a.Addr().Unmap(), a.Addr().String()
		}
		return netip.Addr{}, c.SIP.Listen
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, host
	}
	return a.Unmap(), host
}

// checkAddresses compares what peers are told with what this machine has.
func (p *patient) checkAddresses(ctx context.Context) {
	if p.cfg == nil {
		return
	}
	told, text := p.cfg.told()
	if !told.IsValid() {
		looked, err := lookUp(ctx, text)
		if err != nil {
			p.fail("address", "Give sip.advertise a name that leads here, or an address.",
				"peers are told %s, which is unknown: %v", text, err)
			return
		}
		told = looked[0]
	}
	p.judgeAddress(told, text, interfaces())
}

func (p *patient) judgeAddress(told netip.Addr, text string, own []netip.Addr) {
	here := false
	for _, a := range own {
		here = here || a == told
	}
	switch {
	case told.IsLoopback() && (len(p.trunks) > 0 || p.cfg.accounts):
		p.warn("address", "Give sip.listen the address of an interface, or sip.advertise.",
			"peers are told %s: programs on this machine alone reach it", text)
	case told.IsLoopback():
		p.ok("address", "peers are told %s: programs on this machine alone reach it", text)
	case here:
		p.ok("address", "peers are told %s, which is this machine's", text)
	case private(told):
		p.fail("address", "Correct sip.advertise.",
			"peers are told %s, a private address that this machine does not have", text)
	default:
		low, high, _ := p.cfg.RTP.ports() //nolint:errcheck // checked with the configuration
		p.ok("address", "peers are told %s, which a router must lead here: the SIP port, and UDP %d-%d unchanged", text,
			low, high)
	}
}

// private tells an address that the internet does not lead to; shared ones (RFC 6598) are.
func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() ||
		netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// checkTrunkNames looks the trunks' names up.
func (p *patient) checkTrunkNames(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range p.trunks {
		t := &p.trunks[i]
		wg.Go(func() { t.addresses, t.failed = t.find(ctx) })
	}
	wg.Wait()
	for _, t := range p.trunks {
		if t.failed != nil {
			p.fail("dns", "Correct its uri, or ask whoever keeps that name.", "trunk %s: %s: %v", t.id, t.uri, t.failed)
			continue
		}
		var list []string
		for _, a := range t.addresses {
			list = append(list, a.String())
		}
		p.ok("dns", "trunk %s: %s leads to %s", t.id, t.uri, strings.Join(list, ", "))
	}
}

// find looks up where a trunk is: its SRV records, else the addresses of its name (RFC 3263).
func (t *trunkFound) find(ctx context.Context) ([]netip.Addr, error) {
	host, port, service, transport := trunkPlace(t.uri)
	if port != "" || isAddress(host) {
		return lookUp(ctx, host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	_, records, err := net.DefaultResolver.LookupSRV(ctx, service, transport, host)
	if err != nil || len(records) == 0 {
		return lookUp(ctx, host)
	}
	var all []netip.Addr
	for _, r := range records {
		found, one := lookUp(ctx, r.Target)
		all = append(all, found...)
		if one != nil {
			err = one
		}
	}
	if len(all) == 0 {
		return nil, err
	}
	return all, nil
}

// trunkPlace reads host, port, and the service and transport of SRV records from the URI of a trunk.
func trunkPlace(uri string) (host, port, service, transport string) {
	scheme, rest, _ := strings.Cut(uri, ":")
	rest, parameters, _ := strings.Cut(rest, ";")
	service, transport = "sip", "udp"
	for p := range strings.SplitSeq(strings.ToLower(parameters), ";") {
		switch p {
		case "transport=tcp":
			transport = "tcp"
		case "transport=tls":
			service, transport = "sips", "tcp"
		}
	}
	if strings.EqualFold(scheme, "sips") {
		service, transport = "sips", "tcp"
	}
	if h, p, err := net.SplitHostPort(rest); err == nil {
		return h, p, service, transport
	}
	return strings.Trim(rest, "[]"), "", service, transport
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range list {
		list[i] = list[i].Unmap()
	}
	return list, err
}

// checkNAT guesses whether the sound of public trunks finds its way to us.
func (p *patient) checkNAT(context.Context) {
	if p.cfg == nil {
		return
	}
	told, text := p.cfg.told()
	if !told.IsValid() || !private(told) {
		return
	}
	for _, t := range p.trunks {
		for _, a := range t.addresses {
			if !private(a) {
				p.warn("nat", "Give sip.advertise the public address, and lead the SIP port and rtp.ports here.",
					"trunk %s is on the internet (%s) and is told %s, where its sound does not arrive unless it answers to where "+
						"ours comes from", t.id, a, text)
				return
			}
		}
	}
}
