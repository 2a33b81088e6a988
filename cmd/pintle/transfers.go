package main

import (
	"errors"
	"net/netip"
	"strings"

	"pintle/interpreter"
)

// Words of the setting sip.transfer: whose REFER is carried out.
const (
	transferNone    = "none"
	transferDevices = "devices" // registered devices
	transferPeers   = "peers"   // and the peers of sip.allow
	transferAll     = "all"     // every party of a call; for laboratories
)

// transfers is the operator's policy for parties that transfer their calls. What is dialled for them passes the same
// rules as every other call.
type transfers struct {
	policy string
	peers  []netip.Prefix
	router interpreter.Router
}

// newTransfers reads the settings.
func newTransfers(c sipConfig, r interpreter.Router) (transfers, error) {
	t := transfers{policy: c.Transfer, router: r}
	switch t.policy {
	case "":
		t.policy = transferDevices
	case transferNone, transferDevices, transferPeers, transferAll:
	default:
		return t, exitf(exitUsage, "sip.transfer %q: write none, devices, peers or all", t.policy)
	}
	for _, a := range c.Allow {
		if p, err := netip.ParsePrefix(a); err == nil { // one that is none is refused where SIP is opened
			t.peers = append(t.peers, p)
		}
	}
	return t, nil
}

// May tells whether the party of a leg may transfer.
func (t transfers) May(by interpreter.LegInfo) bool {
	switch {
	case t.policy == transferAll:
		return true
	case t.policy == transferNone:
		return false
	case by.Device != "":
		return true
	case t.policy == transferDevices:
		return false
	}
	a, err := netip.ParseAddr(by.SourceIP)
	if err != nil {
		return false
	}
	for _, p := range t.peers {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// Destination finds where a transfer leads: what the number runs for a call by that party, else the address itself. A
// number that runs nothing is called like one that a document dials.
func (t transfers) Destination(by interpreter.LegInfo, x *interpreter.Transfer) (interpreter.Destination, error) {
	target := interpreter.Target{URI: x.To.URI, Name: x.To.User}
	if !x.Local {
		return interpreter.Destination{Target: target}, nil
	}
	by.Request, by.To, by.Direction = x.To, x.To, interpreter.Inbound
	start, err := t.router.Route(by)
	switch {
	case errors.Is(err, interpreter.ErrNotFound):
		if r, ok := t.router.(interface {
			Unrouted(by interpreter.LegInfo, user string) error
		}); ok {
			if err = r.Unrouted(by, x.To.User); err != nil {
				return interpreter.Destination{}, err
			}
		}
	case err != nil:
		return interpreter.Destination{}, err
	default:
		start.Request.Scope = start.Scope()
		start.Request.Result.Extra = [][2]string{{"ReferTransferTarget", x.Written}}
		return interpreter.Destination{Start: &start}, nil
	}
	if number := strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(x.To.User); isNumber(number) {
		target.URI = number
	}
	return interpreter.Destination{Target: target}, nil
}

// isNumber tells a telephone number from a name.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return len(digits) > 2 && strings.Trim(digits, "0123456789") == ""
}

// TakeOver puts a leg in the place of another one (INVITE with Replaces).
func (c calls) TakeOver(leg interpreter.Leg, id string) error {
	<-c.late.ready
	_, err := c.e.manager.TakeOver(leg, id)
	return err
}
