package sipedge

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

var authParam = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func authOf(m message) map[string]string {
	out := map[string]string{}
	for _, f := range authParam.FindAllStringSubmatch(m.get("authorization"), -1) {
		out[f[1]] = f[2]
	}
	return out
}

const challengeOf = `WWW-Authenticate: Digest realm="carrier", nonce="%N", qop="auth", algorithm=MD5%S` + "\r\n"

func challenge(nonce, extra string) string {
	return strings.NewReplacer("%N", nonce, "%S", extra).Replace(challengeOf)
}

// Registration: challenge, 423, the nonce again with a rising count, stale once, taken back at the end.
func TestTrunkRegisters(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	cfg := Trunk{ID: "acme", URI: "sip:" + p.addr(), Username: "pintle", Password: "secret", Register: true, Ping: -1,
		Expires: time.Minute}
	if err := b.edge.SetTrunks([]Trunk{cfg}); err != nil {
		t.Fatal(err)
	}
	r1 := p.expect("REGISTER")
	if r1.start != "REGISTER sip:"+p.addr()+" SIP/2.0" || r1.get("authorization") != "" || r1.get("expires") != "60" ||
		!strings.Contains(r1.get("to"), "sip:pintle@127.0.0.1") || !strings.Contains(r1.get("contact"), ";line=") {
		t.Errorf("REGISTER %s %v", r1.start, r1.head)
	}
	p.answer(r1, 401, "r", challenge("one", ""), "")
	r2 := p.expect("REGISTER")
	if a := authOf(r2); a["uri"] != "sip:"+p.addr() || a["nc"] != "00000001" || a["username"] != "pintle" ||
		r2.get("call-id") != r1.get("call-id") {
		t.Errorf("answer %v", a)
	}
	p.answer(r2, 423, "r", "Min-Expires: 1800\r\n", "")
	r3 := p.expect("REGISTER")
	if a := authOf(r3); r3.get("expires") != "1800" || a["nc"] != "00000002" || a["nonce"] != "one" {
		t.Errorf("after 423: %s, %v", r3.get("expires"), a)
	}
	p.answer(r3, 401, "r", challenge("two", ", stale=true"), "")
	r4 := p.expect("REGISTER")
	if a := authOf(r4); a["nc"] != "00000001" || a["nonce"] != "two" {
		t.Errorf("after stale: %v", a)
	}
	p.answer(r4, 200, "r", "Contact: "+strings.ReplaceAll(r4.get("contact"), "expires=1800", "expires=900")+"\r\n", "")
	waitFor(t, "registration", func() bool { return b.edge.Trunks()[0].Registered })
	s := b.edge.Trunks()[0]
	if d := time.Until(s.Until); d > 901*time.Second || d < 800*time.Second || s.Error != "" {
		t.Errorf("registered for %v, error %q", d, s.Error)
	}
	// The call that comes to the contact is the trunk's, from wherever, and To holds the number.
	_, line, _ := strings.Cut(r4.get("contact"), "line=")
	line, _, _ = strings.Cut(line, ">")
	far := newPeerAt(t, b, "127.0.0.7")
	text := far.text("INVITE", "z9hG4bKfar", 1, sdpHead, sdpOf(30000, ""))
	b.set(false, nil)
	far.send(strings.Replace(text, "INVITE sip:100@"+b.edge.Addr().String(), "INVITE sip:pintle@"+
		b.edge.Addr().String()+";line="+line, 1))
	l := b.leg()
	if i := l.Info(); i.Trunk != "acme" || i.Request.User != "100" {
		t.Errorf("inbound info %+v", i)
	}
	l.Hangup(context.Background(), hangupNow)
	far.expect("480")
	b.edge.SetTrunks(nil)
	r5 := p.expect("REGISTER")
	if a := authOf(r5); r5.get("expires") != "0" || a["nc"] != "00000002" || a["nonce"] != "two" {
		t.Errorf("taken back with %s, %v", r5.get("expires"), a)
	}
	p.answer(r5, 200, "r", "", "")
}

func newPeerAt(t *testing.T, b *bench, ip string) *peer {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	p := &peer{t: t, conn: c, edge: b.edge.Addr(), id: token(6), from: "caller" + token(3)}
	b.peers = append(b.peers, p)
	return p
}

// A registrar that refuses gets two answers, not ten; another realm gets none. The state says why.
func TestTrunkRegistrationRefused(t *testing.T) {
	for _, tc := range []struct {
		realm, want string
		answers     int
	}{{"", "user name or password", 1}, {"elsewhere", "asks for realm", 0}} {
		b := newBench(t, nil)
		p := newPeer(t, b)
		cfg := Trunk{ID: "acme", URI: "sip:" + p.addr(), Username: "pintle", Password: "secret", Register: true, Ping: -1,
			Realm: tc.realm}
		if err := b.edge.SetTrunks([]Trunk{cfg}); err != nil {
			t.Fatal(err)
		}
		answers := 0
		for range 10 {
			m, ok := p.try(20 * testT1)
			if !ok {
				break
			}
			if m.get("authorization") != "" {
				answers++
			}
			p.answer(m, 401, "r", challenge(token(4), ""), "")
		}
		if s := b.edge.Trunks()[0]; answers != tc.answers || !strings.Contains(s.Error, tc.want) || s.Registered {
			t.Errorf("realm %q: %d answers, state %+v", tc.realm, answers, s)
		}
	}
}

// R-AUTH-8: the trunk's password answers the trunk alone, and ten challenges in a row end.
func TestTrunkCredentialsStay(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	stranger := newPeerAt(t, b, "127.0.0.8")
	b.edge.SetTrunks([]Trunk{{ID: "acme", URI: "sip:" + p.addr(), Username: "pintle", Password: "secret", Ping: -1}})

	// A target that is no trunk, and a SIP URI that leads to the trunk's address.
	for _, to := range []*peer{stranger, p} {
		done := b.dial(context.Background(), interpreter.Target{URI: "sip:1@" + to.addr()}, interpreter.DialOptions{})
		to.answer(to.expect("INVITE"), 401, "x", challenge("n1", ""), "")
		var e *interpreter.DialError
		if d := b.wait(done); !errors.As(d.err, &e) || e.Code != 401 {
			t.Errorf("%s: %v", to.addr(), d.err)
		}
		to.drain()
	}
	// The trunk challenges for ever.
	done := b.dial(context.Background(), number("+35312345678"), interpreter.DialOptions{})
	rounds := 0
	for range 10 {
		m, ok := p.try(20 * testT1)
		if !ok {
			break
		}
		if m.method() == "INVITE" {
			rounds++
			p.answer(m, 401, "x", challenge(token(4), ""), "")
		}
	}
	if b.wait(done); rounds != maxRounds {
		t.Errorf("%d INVITEs, want %d", rounds, maxRounds)
	}
	// The trunk answers with a contact elsewhere, which challenges the BYE with the trunk's realm.
	p.drain()
	done = b.dial(context.Background(), number("+35312345678"), interpreter.DialOptions{})
	p.answer(p.expect("INVITE"), 401, "x", challenge("n7", ""), "")
	p.expect("ACK")
	inv := p.expect("INVITE")
	p.answer(inv, 200, "y", "Contact: <sip:x@"+stranger.addr()+">\r\n"+sdpHead, sdpOf(30000, ""))
	d := b.wait(done)
	if d.err != nil {
		t.Fatal(d.err)
	}
	d.leg.Hangup(context.Background(), hangupNow)
	stranger.answer(stranger.expect("BYE"), 401, "", challenge("n8", ""), "")
	if m, ok := stranger.try(20 * testT1); ok {
		t.Errorf("the stranger got %s %s", m.start, m.get("authorization"))
	}
}
