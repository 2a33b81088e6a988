package sipedge

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// What cannot work is refused at the start, with the setting's name.
func TestListenRefuses(t *testing.T) {
	for _, c := range []Config{{Listen: "localhost:5060"}, {Listen: "0.0.0.0:0"},
		{Listen: "127.0.0.1:0", Advertise: "a b"}, {Listen: "127.0.0.1:0", Trunks: []Trunk{{ID: "x", URI: "sip:a@b@c"}}},
		{Listen: "192.0.2.1:5060"}} {
		c.Log = logrus.NewEntry(logrus.New())
		if e, err := Listen(c); err == nil {
			e.Close()
			t.Errorf("%+v is accepted", c)
		}
	}
	b := newBench(t, func(c *Config) { c.Listen, c.Advertise = "0.0.0.0:0", "127.0.0.2" })
	_, err := Listen(Config{Listen: b.edge.Addr().String(), Advertise: "127.0.0.1", Log: logrus.NewEntry(logrus.New())})
	if err == nil {
		t.Error("a port in use is accepted")
	}
	p := newPeer(t, b)
	p.edge = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p.edge.Port())
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	l.Answer(context.Background())
	ok := p.expect("200")
	if !strings.Contains(ok.body, "c=IN IP4 127.0.0.2\r\n") ||
		ok.get("contact") != fmt.Sprintf("<sip:127.0.0.2:%d>", p.edge.Port()) {
		t.Errorf("advertised %s\n%s", ok.get("contact"), ok.body)
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	l.Hangup(context.Background(), hangupNow)
	p.answer(p.expect("BYE"), 200, "", "", "")
}
