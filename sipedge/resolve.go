package sipedge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	resolveTime = 5 * time.Second
	answerLife  = time.Minute      // the machine's resolver does not tell the TTL
	failureLife = 5 * time.Second  // a name that is not there is not asked for again so soon
	staleLife   = 10 * time.Minute // an old answer is better than none while the name servers are silent
	maxLookUps  = 1024             // remembered
	maxAddrs    = 8                // addresses tried for one request
)

// Resolver answers the questions of RFC 3263. Its methods may be called from any goroutine.
type Resolver interface {
	// SRV gives the servers of a service, "_sip._udp.example.com", in any order. A name without such records is a
	// *net.DNSError with IsNotFound, or an empty list.
	SRV(ctx context.Context, name string) ([]Server, error)
	// Addrs gives the addresses of a host, best first.
	Addrs(ctx context.Context, host string) ([]netip.Addr, error)
}

// Server is one SRV record.
type Server struct {
	Host             string
	Port             uint16
	Priority, Weight uint16
}

// machine is the resolver of the machine.
type machine struct{}

func (machine) SRV(ctx context.Context, name string) ([]Server, error) {
	_, list, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
	var out []Server
	for _, s := range list {
		out = append(out, Server{Host: strings.TrimSuffix(s.Target, "."), Port: s.Port, Priority: s.Priority,
			Weight: s.Weight})
	}
	return out, err
}

func (machine) Addrs(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// resolving asks a Resolver and remembers its answers for a while.
type resolving struct {
	ask Resolver

	mu  sync.Mutex // guards old
	old map[string]answer
}

type answer struct {
	servers []Server
	addrs   []netip.Addr
	err     error
	at      time.Time
}

func newResolving(r Resolver) *resolving {
	if r == nil {
		r = machine{}
	}
	return &resolving{ask: r, old: make(map[string]answer)}
}

// fresh tells whether an answer may be used again.
func (a answer) fresh(now time.Time) bool {
	life := answerLife
	if a.err != nil {
		life = failureLife
	}
	return now.Sub(a.at) < life
}

// get gives the remembered answer, or asks. While the name servers are silent an old answer goes on serving.
func (r *resolving) get(ctx context.Context, key string, ask func(context.Context) answer) answer {
	now := time.Now()
	r.mu.Lock()
	old, known := r.old[key]
	r.mu.Unlock()
	if known && old.fresh(now) {
		return old
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	a := ask(ctx)
	a.at = time.Now()
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return a // the caller went away: this says nothing about the name
	}
	if a.err != nil && !missing(a.err) && known && old.err == nil && now.Sub(old.at) < staleLife {
		return old
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.old) >= maxLookUps {
		r.sweep(a.at)
	}
	r.old[key] = a
	return a
}

// sweep makes room: answers that are over go, and if all are young, all go.
func (r *resolving) sweep(now time.Time) {
	for k, a := range r.old {
		if !a.fresh(now) {
			delete(r.old, k)
		}
	}
	if len(r.old) >= maxLookUps {
		clear(r.old)
	}
}

// missing reports that the name servers said: there is no such record.
func missing(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

func (r *resolving) servers(ctx context.Context, name string) ([]Server, error) {
	a := r.get(ctx, "srv "+strings.ToLower(name), func(ctx context.Context) answer {
		list, err := r.ask.SRV(ctx, name)
		return answer{servers: list, err: err}
	})
	return inOrder(a.servers), a.err
}

func (r *resolving) addrs(ctx context.Context, host string) ([]netip.Addr, error) {
	a := r.get(ctx, "host "+strings.ToLower(host), func(ctx context.Context) answer {
		list, err := r.ask.Addrs(ctx, host)
		return answer{addrs: list, err: err}
	})
	return a.addrs, a.err
}

// inOrder sorts servers as RFC 2782 says: by priority, and among equals by lot, weight for weight.
func inOrder(list []Server) []Server {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Server) int { return cmp.Compare(a.Priority, b.Priority) })
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].Priority == list[i].Priority {
			j++
		}
		byLot(list[i:j])
		i = j
	}
	return list
}

// byLot orders servers of one priority: each is drawn with the chance that its weight has among those that are left.
func byLot(list []Server) {
	for i := range list {
		sum := 0
		for _, s := range list[i:] {
			sum += int(s.Weight) + 1 // one for all, so that weight 0 has a chance too
		}
		n := rand.IntN(sum)
		for j := i; j < len(list); j++ {
			if n -= int(list[j].Weight) + 1; n < 0 {
				list[i], list[j] = list[j], list[i]
				break
			}
		}
	}
}

// hopTo finds the first next hop of a URI; see hopsTo.
func (e *Edge) hopTo(ctx context.Context, u *sip.Uri) (flow, error) {
	hops, err := e.hopsTo(ctx, u)
	if err != nil {
		return flow{}, err
	}
	return hops[0], nil
}

// hopsTo finds transport and address of the next hops, best first (RFC 3263 without NAPTR): a literal address as it is,
// a name without a port by SRV, else by its addresses. There is at least one when the error is nil, and never more than
// eight.
func (e *Edge) hopsTo(ctx context.Context, u *sip.Uri) ([]flow, error) {
	network, named, err := transportOf(u)
	if err != nil {
		return nil, err
	}
	host := strings.Trim(u.Host, "[]")
	if m, ok := u.UriParams.Get("maddr"); ok && m != "" {
		host = strings.Trim(m, "[]")
	}
	hops, err := e.locate(ctx, place{host: host, port: u.Port, network: network, named: named})
	if err != nil {
		return nil, fmt.Errorf("look up %.100s: %w", host, err)
	}
	hops = slices.DeleteFunc(hops, func(f flow) bool { return !reachable(f) })
	if len(hops) == 0 {
		return nil, fmt.Errorf("look up %.100s: %w", host, errTransport)
	}
	return hops[:min(len(hops), maxAddrs)], nil
}

// transportOf is the transport that a URI asks for; named says that it does.
func transportOf(u *sip.Uri) (network string, named bool, err error) {
	network = "UDP"
	if t, ok := u.UriParams.Get("transport"); ok {
		network, named = strings.ToUpper(t), true
	}
	if u.Scheme == "sips" {
		network, named = "TLS", true // RFC 5630 §4: never less, whatever the parameter says
	}
	if network != "UDP" && network != "TCP" && network != "TLS" {
		return "", false, fmt.Errorf("transport %.10s of %.60s: %w", network, u.Host, errTransport)
	}
	return network, named, nil
}

// reachable refuses addresses that nobody has for himself.
func reachable(f flow) bool {
	ap, err := netip.ParseAddrPort(f.remote)
	a := ap.Addr()
	return err == nil && ap.Port() != 0 && !a.IsMulticast() && !a.IsUnspecified() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// place is what a URI says about where to go.
type place struct {
	host    string
	port    int
	network string
	named   bool // the transport was asked for
}

func (e *Edge) locate(ctx context.Context, p place) ([]flow, error) {
	if a, err := netip.ParseAddr(p.host); err == nil {
		return []flow{p.flow(a, p.port)}, nil
	}
	if p.port == 0 {
		if hops := e.locateServers(ctx, p); len(hops) > 0 {
			return hops, nil
		}
	}
	list, err := e.addrsOf(ctx, p.host)
	if err != nil {
		return nil, err
	}
	var hops []flow
	for _, a := range list {
		hops = append(hops, p.flow(a, p.port))
	}
	return hops, nil
}

// locateServers asks for the SRV records of the transport, or of both where none was asked for (RFC 3263 §4.1).
func (e *Edge) locateServers(ctx context.Context, p place) []flow {
	networks := []string{p.network}
	if !p.named {
		networks = []string{"UDP", "TCP"}
	}
	var hops []flow
	for _, p.network = range networks {
		service := "_sip._" + strings.ToLower(p.network)
		if p.network == "TLS" {
			service = "_sips._tcp"
		}
		servers, err := e.names.servers(ctx, service+"."+p.host)
		if err != nil {
			continue
		}
		for _, s := range servers {
			if len(hops) >= maxAddrs || s.Host == "" || s.Host == "." {
				break
			}
			list, err := e.addrsOf(ctx, strings.TrimSuffix(s.Host, "."))
			if err != nil {
				continue
			}
			for _, a := range list {
				hops = append(hops, p.flow(a, int(s.Port)))
			}
		}
		if len(hops) > 0 {
			break
		}
	}
	return hops
}

// addrsOf gives the addresses of a host in the family that we listen on.
func (e *Edge) addrsOf(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	all, err := e.names.addrs(ctx, host)
	if err != nil {
		return nil, err
	}
	var list []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); a.Is4() == e.local.Addr().Unmap().Is4() {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no address of the family that SIP listens on", Name: host, IsNotFound: true}
	}
	return list, nil
}

func (p place) flow(a netip.Addr, port int) flow {
	if port == 0 {
		port = 5060
		if p.network == "TLS" {
			port = 5061
		}
	}
	return flow{p.network, netip.AddrPortFrom(a.Unmap(), uint16(port)).String()}
}
