package browser

import (
	"net/netip"
	"strings"
	"testing"

	"pintle/media"
	"pintle/sipedge"
	"pintle/sipedge/audio"
)

// Behind a NAT a browser is told the public address in place of our own.
func TestAdvertise(t *testing.T) {
	for _, c := range []struct{ advertise, told, untold string }{
		{"", " 127.0.0.1 ", " 203.0.113.7 "},
		{"203.0.113.7", " 203.0.113.7 ", " 127.0.0.1 "},
	} {
		pacers := media.NewPacers(1)
		defer pacers.Close()
		cfg := Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Pacers: pacers, Sounds: &audio.Sounds{}}
		if c.advertise != "" {
			cfg.Advertise = netip.MustParseAddr(c.advertise)
		}
		e, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		a, err := e.ForSIP()(sipedge.AudioOptions{LegID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		offer, err := a.Offer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		candidates := ""
		for line := range strings.Lines(string(offer)) {
			if strings.HasPrefix(line, "a=candidate:") {
				candidates += line
			}
		}
		if !strings.Contains(candidates, c.told) || strings.Contains(candidates, c.untold) {
			t.Errorf("advertising %q:\n%s", c.advertise, candidates)
		}
	}
}
