package sipedge

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// trunkOf finds the trunk that a request comes from: by the line that we told its registrar, else by its source, the
// narrowest network first.
func (e *Edge) trunkOf(req *sip.Request) *trunk {
	if line, ok := req.Recipient.UriParams.Get("line"); ok && line != "" {
		for _, t := range e.allTrunks() {
			if t.cfg.Register && t.line == line {
				return t
			}
		}
	}
	return e.trunkAt(sourceOf(req))
}

// trunkAt finds the trunk that an address belongs to.
func (e *Edge) trunkAt(a netip.Addr) *trunk {
	var best *trunk
	narrow := -1
	for _, t := range e.allTrunks() {
		if bits := t.matches(a); bits > narrow {
			best, narrow = t, bits
		}
	}
	return best
}

// TrunksAt are the ids of all trunks that calls from an address may belong to: several customers may have the same
// carrier.
func (e *Edge) TrunksAt(a netip.Addr) []string {
	var list []string
	for _, t := range e.allTrunks() {
		if t.matches(a) >= 0 {
			list = append(list, t.cfg.ID)
		}
	}
	return list
}

// matches gives the length of the trunk's narrowest prefix that holds a, or -1.
func (t *trunk) matches(a netip.Addr) int {
	a, narrow := a.Unmap(), -1
	for _, p := range t.cfg.Networks {
		if p.Contains(a) {
			narrow = max(narrow, p.Bits())
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.ContainsFunc(t.order, func(f flow) bool { return addrOf(f) == a.String() }) {
		return a.BitLen()
	}
	return narrow
}

// LeadsToTrunk reports a SIP URI that ends at an address of a trunk, whatever name it gives it: such a call is one to
// the public network.
func (e *Edge) LeadsToTrunk(ctx context.Context, uri string) bool {
	u, _, err := targetURI(uri)
	if err != nil || len(e.allTrunks()) == 0 {
		return false
	}
	hops, err := e.hopsTo(ctx, &u)
	for _, t := range e.allTrunks() {
		if strings.EqualFold(strings.TrimSuffix(t.uri.Host, "."), strings.TrimSuffix(u.Host, ".")) &&
			(t.uri.Port == u.Port || u.Port == 0) {
			return true
		}
		if err == nil && t.has(hops) {
			return true
		}
	}
	return false
}

// has tells whether one of these addresses is the trunk's, by any transport.
func (t *trunk) has(hops []flow) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(hops, func(f flow) bool {
		return slices.ContainsFunc(t.order, func(g flow) bool { return f.remote == g.remote })
	})
}
