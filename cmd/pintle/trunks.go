package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"sort"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
	"pintle/sipedge"
)

// trunkConfig is one trunk of the configuration.
type trunkConfig struct {
	ID        string            `yaml:"id"`
	Name      string            `yaml:"name"`
	URI       string            `yaml:"uri"` // sip:host[:port]
	Username  string            `yaml:"username"`
	Password  string            `yaml:"password"`
	Realm     string            `yaml:"realm"`
	Register  bool              `yaml:"register"`
	Registrar string            `yaml:"registrar"`
	Expires   time.Duration     `yaml:"expires"`
	Networks  []string          `yaml:"networks"` // CIDR or addresses that it calls from
	Codecs    []string          `yaml:"codecs"`
	Streams   bool              `yaml:"tcp_for_large"`
	SRTP      string            `yaml:"srtp"`    // off, optional, required; empty: as sip.srtp
	Trusted   bool              `yaml:"trusted"` // with and for the identity of callers
	FromUser  string            `yaml:"from_user"`
	FromHost  string            `yaml:"from_domain"`
	CallerID  string            `yaml:"caller_id"`
	Inbound   int               `yaml:"inbound_calls"`
	Outbound  int               `yaml:"outbound_calls"`
	Progress  time.Duration     `yaml:"progress_timeout"`
	Ping      *time.Duration    `yaml:"ping"` // 0: no OPTIONS and no quarantine
	Headers   map[string]string `yaml:"headers"`

	Numbers       []string `yaml:"numbers"`       // patterns of the numbers it carries; empty: all
	Callers       []string `yaml:"callers"`       // patterns of the callers it carries; empty: all
	Prefix        string   `yaml:"prefix"`        // put before and behind the number sent
	Suffix        string   `yaml:"suffix"`        //
	Format        string   `yaml:"format"`        // of the number sent
	Weight        int      `yaml:"weight"`        // low first; trunks of one weight in order of the file
	Emergency     bool     `yaml:"emergency"`     // carries emergency numbers
	Authoritative bool     `yaml:"authoritative"` // its 404 and 484 are the last word on a number
	Accepts       []string `yaml:"accepts"`       // numbers, or prefixes ending in *, that its calls may be to; empty: all
}

// gatewayTrunk is what sip.gateway is short for.
func (s sipConfig) gatewayTrunk() sipedge.Trunk {
	return sipedge.Trunk{ID: sipedge.DefaultTrunk, Name: "sip.gateway", URI: s.Gateway, Username: s.Username,
		Password: s.Password, Ping: -1}
}

// trunks are the trunks of the configuration; sip.gateway is the first of them, named "default".
func (c *config) trunks() []sipedge.Trunk {
	var list []sipedge.Trunk
	if c.SIP.Gateway != "" {
		list = append(list, c.SIP.gatewayTrunk())
	}
	for _, t := range c.Trunks {
		list = append(list, t.trunk())
	}
	return list
}

func (t trunkConfig) trunk() sipedge.Trunk {
	out := sipedge.Trunk{ID: t.ID, Name: t.Name, URI: t.URI, Username: t.Username, Password: t.Password, Realm: t.Realm,
		Register: t.Register, Registrar: t.Registrar, Expires: t.Expires, Streams: t.Streams, SRTP: t.srtp(),
		Identity: t.Trusted,
		FromUser: t.FromUser, FromDomain: t.FromHost, CallerID: t.CallerID, In: t.Inbound, Out: t.Outbound,
		Sign: t.Progress}
	for _, n := range t.Networks {
		if p, err := parseNetwork(n); err == nil { // checkTrunks has refused what is none
			out.Networks = append(out.Networks, p)
		}
	}
	for _, c := range t.Codecs {
		out.Codecs = append(out.Codecs, strings.ToUpper(c))
	}
	if t.Ping != nil {
		out.Ping = *t.Ping
		if out.Ping <= 0 {
			out.Ping = -1
		}
	}
	for name, value := range t.Headers {
		out.Headers = append(out.Headers, interpreter.Header{Name: name, Value: value})
	}
	sort.Slice(out.Headers, func(i, j int) bool { return out.Headers[i].Name < out.Headers[j].Name })
	return out
}

// parseNetwork reads a network, or one address.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// checkTrunks refuses what cannot work; addresses and names are checked again by the SIP side.
func (c *config) checkTrunks() error {
	seen := map[string]bool{}
	if c.SIP.Gateway != "" {
		seen[sipedge.DefaultTrunk] = true
	}
	for i, t := range c.Trunks {
		if err := t.check(); err != nil {
			return fmt.Errorf("trunks: row %d (%s): %w", i+1, t.ID, err)
		}
		if seen[t.ID] {
			return fmt.Errorf("trunks: row %d: there is another trunk %q (sip.gateway is the trunk %q)", i+1, t.ID,
				sipedge.DefaultTrunk)
		}
		seen[t.ID] = true
	}
	if err := sipedge.CheckTrunks(c.trunks()); err != nil {
		return err
	}
	return c.checkToll()
}

func (t trunkConfig) check() error {
	if t.ID == "" || t.URI == "" {
		return fmt.Errorf("id and uri are needed")
	}
	if _, err := sipedge.ParseSRTP(t.SRTP); err != nil {
		return fmt.Errorf("srtp: %w", err)
	}
	for _, n := range t.Networks {
		if _, err := parseNetwork(n); err != nil {
			return fmt.Errorf("networks %q: give an address or a network such as 198.51.100.0/24", n)
		}
	}
	for _, p := range append(append([]string(nil), t.Numbers...), t.Callers...) {
		if _, err := regexp.Compile(p); err != nil {
			return fmt.Errorf("pattern %q: %w", p, err)
		}
	}
	if t.Inbound < 0 || t.Outbound < 0 || t.Weight < 0 || t.Weight > 100 || t.Progress < 0 || t.Expires < 0 {
		return fmt.Errorf("inbound_calls, outbound_calls, progress_timeout and expires are not negative, weight is 0 to 100")
	}
	return checkFormat(t.Format)
}

func checkFormat(name string) error {
	if name == "" {
		return nil
	}
	var names []string
	for _, f := range number.Formats() {
		if string(f) == name {
			return nil
		}
		names = append(names, string(f))
	}
	return fmt.Errorf("format %q: give one of %s", name, strings.Join(names, ", "))
}
