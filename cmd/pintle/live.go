package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"sync/atomic"

	"pintle/interpreter"
)

// live points to the settings that count now.
type live = atomic.Pointer[settings]

// settings are what may change while calls run, made of one configuration.
type settings struct {
	cfg       *config
	transfers transfers
	peerTLS   func(name string) *tls.Config
}

// newSettings makes them, and reads the files that they need.
func newSettings(c *config, r interpreter.Router) (*settings, error) {
	s := &settings{cfg: c}
	var err error
	if s.transfers, err = newTransfers(c.SIP, r); err != nil {
		return nil, err
	}
	if s.peerTLS, err = c.SIP.Security.TLS.peers(); err != nil {
		return nil, exitf(exitUsage, "sip.tls: %w", err)
	}
	return s, nil
}

// liveTransfers asks the policy of now.
type liveTransfers struct{ live *live }

// May tells whether the party of a leg may transfer.
func (t liveTransfers) May(by interpreter.LegInfo) bool { return t.live.Load().transfers.May(by) }

// Destination finds where a transfer leads.
func (t liveTransfers) Destination(by interpreter.LegInfo, x *interpreter.Transfer) (interpreter.Destination, error) {
	return t.live.Load().transfers.Destination(by, x)
}

// linesOfNow are lines that dial by the settings of the moment.
type linesOfNow struct {
	interpreter.Lines
	now func() interpreter.Lines
}

// Dial calls as the lines of now do.
func (l linesOfNow) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	return l.now().Dial(ctx, to, o)
}

// peers are the networks of sip.allow; checkPeers has refused what is none.
func (c *config) peers() []netip.Prefix {
	var list []netip.Prefix
	for _, a := range c.SIP.Allow {
		if p, err := netip.ParsePrefix(a); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func (c *config) checkPeers() error {
	for _, a := range c.SIP.Allow {
		if _, err := netip.ParsePrefix(a); err != nil {
			return fmt.Errorf("sip.allow %q: give a network such as 10.0.0.0/24", a)
		}
	}
	_, err := newTransfers(c.SIP, nil)
	return err
}

// checkCertificates reads the files of certificates, so that a start, or a reload, does not fail half way.
func (c *config) checkCertificates() error {
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			return fmt.Errorf("tls: certificate %s with key %s: %w", c.TLS.Cert, c.TLS.Key, err)
		}
	}
	if _, err := c.SIP.Security.TLS.peers(); err != nil {
		return fmt.Errorf("sip.tls: %w", err)
	}
	return nil
}
