package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// door is one address that the engine listens on.
type door struct {
	setting, network, address string
	running                   string // its name in api.Status.Listens
}

func (c *config) doors() []door {
	return []door{{"sip.listen", "udp", c.SIP.Listen, "udp"}, {"sip.listen", "tcp", c.SIP.Listen, "tcp"},
		{"sip.tls.listen", "tcp", c.SIP.Security.TLS.Listen, "tls"}, {"sip.ws.listen", "tcp", c.SIP.Security.WS.Listen, "ws"},
		{"sip.ws.secure_listen", "tcp", c.SIP.Security.WS.Secure, "wss"}, {"http.listen", "tcp", c.HTTP.Listen, "http"}}
}

// checkPorts tries whether the engine can listen, or does.
func (p *patient) checkPorts(context.Context) {
	if p.cfg == nil {
		return
	}
	for _, d := range p.cfg.doors() {
		if d.address == "" {
			continue
		}
		if p.status != nil && p.status.Listens[d.running] == d.address {
			p.ok("port", "%s %s is the engine's (%s)", d.network, d.address, d.setting)
			continue
		}
		p.judgePort(d, tryListen(d.network, d.address))
	}
}

func (p *patient) judgePort(d door, err error) {
	switch {
	case err == nil:
		p.ok("port", "%s %s is free (%s)", d.network, d.address, d.setting)
	case errors.Is(err, syscall.EADDRINUSE):
		p.fail("port", "Stop that program, or choose another port in "+d.setting+".", "%s %s is taken by %s", d.network,
			d.address, portOwner(d.network, d.address))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		p.fail("port", "Give "+d.setting+" one of: "+strings.Join(interfaceNames(), ", ")+".",
			"no interface of this machine has the address of %s %s", d.network, d.address)
	case errors.Is(err, fs.ErrPermission):
		p.fail("port", "Take a port above 1023, or run 'setcap cap_net_bind_service=+ep' on the program.",
			"%s %s may not be opened by this user", d.network, d.address)
	default:
		p.fail("port", "Choose another address in "+d.setting+".", "%s %s: %v", d.network, d.address, err)
	}
}

// tryListen opens a port and closes it again.
func tryListen(network, address string) error {
	if network == "udp" {
		c, err := net.ListenPacket("udp", address) //nolint:noctx // it waits for nobody
		if err == nil {
			err = c.Close()
		}
		return err
	}
	l, err := net.Listen("tcp", address) //nolint:noctx // it waits for nobody
	if err == nil {
		err = l.Close()
	}
	return err
}

// rangeSample is how many ports of the range are tried.
const rangeSample = 200

// checkRange looks at the ports of sound.
func (p *patient) checkRange(context.Context) {
	if p.cfg == nil {
		return
	}
	low, high, err := p.cfg.RTP.ports()
	if err != nil {
		return // checked with the configuration
	}
	calls := p.cfg.Limits.Calls
	if calls == 0 {
		calls = 1000
	}
	legs := (high - low + 1) / 2
	if legs < calls {
		p.warn("rtp ports", "Widen rtp.ports, or lower limits.calls.",
			"%d-%d has room for %d legs, but %d calls may run", low, high, legs, calls)
		return
	}
	if a, b, ok := ephemeralPorts(); ok && a <= high && low <= b {
		p.warn("rtp ports",
			fmt.Sprintf("Run 'sysctl -w net.ipv4.ip_local_reserved_ports=%d-%d', or choose others.", low, high),
			"%d-%d overlaps the ports %d-%d that this system gives to any program", low, high, a, b)
		return
	}
	busy, tried := p.busyPorts(low, high)
	if busy > tried/10 {
		p.warn("rtp ports", "Choose a range in rtp.ports that no other program uses.",
			"%d of %d ports tried in %d-%d are taken", busy, tried, low, high)
		return
	}
	p.ok("rtp ports", "%d-%d, room for %d legs", low, high, legs)
}

// busyPorts tries some ports of the range; those of a running engine count as free.
func (p *patient) busyPorts(low, high int) (busy, tried int) {
	listen, err := netip.ParseAddrPort(p.cfg.SIP.Listen)
	if err != nil || p.status != nil && p.status.Calls > 0 {
		return 0, 0
	}
	step := max(2, (high-low)/rangeSample/2*2)
	for port := low; port <= high; port += step {
		tried++
		if tryListen("udp", netip.AddrPortFrom(listen.Addr(), uint16(port)).String()) != nil {
			busy++
		}
	}
	return busy, tried
}

// ephemeralPorts is the range from which this system gives ports to programs that ask for none, where it tells.
func ephemeralPorts() (low, high int, ok bool) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, false
	}
	n, err := fmt.Sscan(string(b), &low, &high)
	return low, high, n == 2 && err == nil
}
