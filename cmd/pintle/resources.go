package main

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/sipedge"
	"pintle/verbs"
)

// resourceTrunks are the gateways of a resource as the SIP side sees them; those that are switched off, and those that
// nothing can be made of, are left out. The errors say why.
func resourceTrunks(r *account.Resource, realm string) (list []sipedge.Trunk, failed []error) {
	if !r.Enabled {
		return nil, nil
	}
	for i := range r.Gateways {
		g := &r.Gateways[i]
		if !g.Enabled {
			continue
		}
		t := gatewayTrunk(r, g, realm)
		t.ID = verbs.GatewayTrunk(r, i)
		if err := sipedge.CheckTrunks([]sipedge.Trunk{t}); err != nil {
			failed = append(failed, fmt.Errorf("resource %s, gateway %d (%s): %w", r.Name, i+1, r.Origin, err))
			continue
		}
		list = append(list, t)
	}
	return list, failed
}

func gatewayTrunk(r *account.Resource, g *account.Gateway, realm string) sipedge.Trunk {
	t := sipedge.Trunk{Name: r.Name + " (" + g.Server + ")", URI: "sip:" + serverOf(g), Username: g.Username,
		Password: string(g.Password), Realm: g.Realm, Register: g.Register, Identity: g.Trusted, In: g.Inbound,
		Out: g.Outbound, Codecs: ourCodecs(g.Codecs)}
	if g.Register && g.Realm != "" {
		t.Registrar = g.Realm
	}
	if is(g.FormatFromURI) || is(r.FormatFromURI) {
		t.FromDomain = g.FromURIRealm
		if t.FromDomain == "" {
			t.FromDomain = r.FromURIRealm
		}
		if t.FromDomain == "" && r.FromAccount {
			t.FromDomain = realm
		}
	}
	if g.Headers != nil {
		headers := maps.Clone(g.Headers.In)
		if headers == nil {
			headers = map[string]string{}
		}
		maps.Copy(headers, g.Headers.Out)
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			t.Headers = append(t.Headers, interpreter.Header{Name: name, Value: headers[name]})
		}
	}
	return t
}

// serverOf is host and port of a gateway. The port that every SIP server has is left to SRV records.
func serverOf(g *account.Gateway) string {
	host := strings.Trim(g.Server, "[]")
	switch {
	case g.Port != 0 && g.Port != 5060:
		return net.JoinHostPort(host, fmt.Sprint(g.Port))
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

func is(b *bool) bool { return b != nil && *b }

// ourCodecs are those of Kazoo's names that this engine speaks.
func ourCodecs(names []string) []string {
	var list []string
	for _, n := range names {
		switch n {
		case "PCMU", "PCMA", "G722", "OPUS":
			list = append(list, n)
		}
	}
	return list
}
