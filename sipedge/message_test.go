package sipedge

import (
	"net/netip"
	"strings"
	"testing"
)

// Every request that is not done is answered with the code that an engineer expects, and with the reason.
func TestRefusedMethods(t *testing.T) {
	for _, c := range []struct {
		who, method, head, want string
	}{
		{"stranger", "MESSAGE", "Content-Type: text/plain\r\n", "403"},
		{"stranger", "REFER", "Refer-To: <sip:a@b>\r\n", "403"},
		{"stranger", "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "403"},
		{"stranger", "FOO", "", "501"},
		{"peer", "MESSAGE", "Content-Type: text/plain\r\n", "405"},
		{"peer", "REFER", "Refer-To: <sip:a@b>\r\n", "603"},
		{"peer", "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "481"},
		{"peer", "REGISTER", "", "405"},
		{"peer", "FOO", "", "501"},
		{"party", "MESSAGE", "Content-Type: text/plain\r\n", "405"},
		{"party", "REFER", "Refer-To: <sip:a@b>\r\n", "603"},
		{"party", "REFER", "", "400"},
		{"party", "NOTIFY", "Event: presence\r\nSubscription-State: active\r\n", "489"},
		{"party", "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "481"},
		{"party", "REGISTER", "", "405"},
		{"party", "FOO", "", "501"},
	} {
		t.Run(c.who+" "+c.method, func(t *testing.T) {
			b := newBench(t, func(f *Config) {
				if c.who != "stranger" {
					f.Peers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
			})
			p := newPeer(t, b)
			if c.who == "party" {
				if l := p.call(b); c.want != "603" { // else one that talks with nobody
					transfersOf(t, l)
				}
			}
			p.request(c.method, c.head, "")
			m := p.next()
			if m.code() != c.want {
				t.Errorf("%s, want %s", m.start, c.want)
			}
			if c.want != "489" && (!strings.Contains(m.get("reason"), "cause="+c.want) || m.get("warning") == "") {
				t.Errorf("%s without Reason or Warning: %v", m.start, m.head)
			}
			if c.want == "405" && m.get("allow") == "" || c.want == "489" && m.get("allow-events") == "" {
				t.Errorf("%s without Allow: %v", m.start, m.head)
			}
		})
	}
}
