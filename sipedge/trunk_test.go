package sipedge

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/interpreter"
)

// zone is a name server of a few names.
type zone struct {
	mu      sync.Mutex
	servers map[string][]Server
	hosts   map[string][]netip.Addr
	asked   map[string]int
	silent  bool
}

func (z *zone) SRV(_ context.Context, name string) ([]Server, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.asked == nil {
		z.asked = map[string]int{}
	}
	z.asked[name]++
	if z.silent {
		return nil, &net.DNSError{Err: "timeout", IsTimeout: true, Name: name}
	}
	if list, ok := z.servers[name]; ok {
		return list, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) Addrs(_ context.Context, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if list, ok := z.hosts[host]; ok {
		return list, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// twoCarriers is a zone in which carrier.test has two servers, a before b.
func twoCarriers(a, b *peer) *zone {
	at := func(p *peer) uint16 { return netip.MustParseAddrPort(p.addr()).Port() }
	home := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	servers := []Server{{"b.test", at(b), 20, 0}, {"a.test", at(a), 10, 0}}
	return &zone{servers: map[string][]Server{"_sip._udp.carrier.test": servers},
		hosts: map[string][]netip.Addr{"a.test": home, "b.test": home}}
}

// carriers makes an edge with the trunk carrier.test of two peers.
func carriers(t *testing.T, change func(*Trunk)) (b *bench, first, second *peer) {
	t.Helper()
	b = newBench(t, nil)
	first, second = newPeer(t, b), newPeer(t, b)
	b.edge.names = newResolving(twoCarriers(first, second))
	cfg := Trunk{ID: "acme", URI: "sip:carrier.test", Username: "pintle", Password: "secret", Ping: -1}
	if change != nil {
		change(&cfg)
	}
	if err := b.edge.SetTrunks([]Trunk{cfg}); err != nil {
		t.Fatal(err)
	}
	return b, first, second
}

func number(text string) interpreter.Target { return interpreter.Target{URI: text, Trunk: "acme"} }

// RFC 3263 §4.3: what does not respond, or is overloaded, is passed over within one Dial; who says no is not.
func TestTrunkFailsOver(t *testing.T) {
	b, first, second := carriers(t, nil)
	for _, code := range []int{0, 503} {
		done := b.dial(context.Background(), number("+35312345678"), interpreter.DialOptions{})
		inv := first.expect("INVITE")
		if !strings.HasPrefix(inv.start, "INVITE sip:+35312345678@carrier.test ") {
			t.Errorf("start line %s", inv.start)
		}
		if code != 0 {
			first.answer(inv, code, "x", "", "")
		}
		again := second.expect("INVITE")
		if again.get("call-id") != inv.get("call-id") || again.get("cseq") == inv.get("cseq") ||
			again.get("via") == inv.get("via") {
			t.Errorf("second INVITE %v after %v", again.head, inv.head)
		}
		if code == 0 {
			// It wakes up too late: cancelled if it rings, and its answer is acknowledged and hung up.
			first.answer(inv, 200, "late", first.contact()+sdpHead, sdpOf(30000, ""))
			first.expect("ACK")
			first.answer(first.expect("BYE"), 200, "", "", "")
		}
		second.answer(again, 200, "y", second.contact()+sdpHead, sdpOf(30000, ""))
		d := b.wait(done)
		if d.err != nil {
			t.Fatal(d.err)
		}
		second.expect("ACK")
		if id := d.leg.Info().Trunk; id != "acme" {
			t.Errorf("trunk of the leg %q", id)
		}
		if s := b.edge.Trunks()[0]; s.Out != 1 {
			t.Errorf("calls %d, want 1", s.Out)
		}
		d.leg.Hangup(context.Background(), hangupNow)
		second.answer(second.expect("BYE"), 200, "", "", "")
		first.drain()
	}
	waitFor(t, "no calls", func() bool { return b.edge.Trunks()[0].Out == 0 })

	done := b.dial(context.Background(), number("+35312345678"), interpreter.DialOptions{})
	first.answer(first.expect("INVITE"), 486, "x", "", "")
	var e *interpreter.DialError
	if d := b.wait(done); !errors.As(d.err, &e) || e.Code != 486 {
		t.Errorf("busy gave %v", d.err)
	}
	if m, ok := second.try(20 * testT1); ok {
		t.Errorf("a busy party was called again: %s", m.start)
	}
}

// drain throws away what has come.
func (p *peer) drain() {
	for {
		if _, ok := p.try(5 * time.Millisecond); !ok {
			return
		}
	}
}

// A hop that fails a call gets none until it answers OPTIONS; a trunk without a living hop refuses at once.
func TestTrunkQuarantine(t *testing.T) {
	b, first, second := carriers(t, func(c *Trunk) { c.Ping = 50 * time.Millisecond })
	hop := func(i int) HopState { return b.edge.Trunks()[0].Hops[i] }
	pings := func(p *peer) { p.answer(p.expect("OPTIONS"), 404, "o", "", "") }
	pings(first)
	pings(second)
	waitFor(t, "both hops", func() bool { return len(b.edge.Trunks()[0].Hops) == 2 && hop(0).Alive && hop(1).Alive })
	if hop(0).RTT <= 0 {
		t.Error("no round trip time")
	}
	// Both fall silent: two probes each are too many.
	waitFor(t, "quarantine", func() bool { return hop(0).Quarantined && hop(1).Quarantined })
	began := time.Now()
	var e *interpreter.DialError
	if d := b.wait(b.dial(context.Background(), number("1"), interpreter.DialOptions{})); !errors.As(d.err, &e) ||
		!e.Unreached || e.Code != 503 {
		t.Errorf("dead trunk gave %v", d.err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("a dead trunk was waited for %v", d)
	}
	// The second answers again and takes the call; the first is left alone.
	answering := make(chan struct{})
	go func() {
		defer close(answering)
		for hop(1).Quarantined {
			if m, ok := second.try(50 * time.Millisecond); ok && m.method() == "OPTIONS" {
				second.answer(m, 200, "o", "", "")
			}
		}
	}()
	waitFor(t, "return", func() bool { return !hop(1).Quarantined })
	<-answering
	done := b.dial(context.Background(), number("1"), interpreter.DialOptions{})
	second.answer(second.expect("INVITE"), 486, "x", "", "")
	if d := b.wait(done); !errors.As(d.err, &e) || e.Code != 486 {
		t.Errorf("call gave %v", d.err)
	}
}

// Retry-After keeps a hop out whatever it says to OPTIONS.
func TestTrunkRetryAfter(t *testing.T) {
	b, first, second := carriers(t, nil)
	done := b.dial(context.Background(), number("1"), interpreter.DialOptions{})
	first.answer(first.expect("INVITE"), 503, "x", "Retry-After: 60 (busy)\r\n", "")
	second.answer(second.expect("INVITE"), 486, "x", "", "")
	b.wait(done)
	if h := b.edge.Trunks()[0].Hops[0]; !h.Quarantined || !strings.Contains(h.Reason, "503") {
		t.Errorf("hop %+v", h)
	}
	first.drain()
	done = b.dial(context.Background(), number("1"), interpreter.DialOptions{})
	second.answer(second.expect("INVITE"), 486, "x", "", "")
	b.wait(done)
	if m, ok := first.try(50 * time.Millisecond); ok {
		t.Errorf("called in spite of Retry-After: %s", m.start)
	}
}

// Channel limits count each way for itself, and a call that ends makes room.
func TestTrunkChannels(t *testing.T) {
	b, first, _ := carriers(t, func(c *Trunk) { c.In, c.Out = 1, 1 })
	caller := newPeer(t, b)
	l := caller.call(b)
	if id := l.Info().Trunk; id != "acme" {
		t.Fatalf("call of trunk %q", id)
	}
	another := newPeer(t, b)
	another.request("INVITE", sdpHead, sdpOf(30000, ""))
	if m := another.expect("503"); m.get("retry-after") == "" || !strings.Contains(m.get("warning"), "channels") {
		t.Errorf("refusal %v", m.head)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := b.dial(ctx, number("1"), interpreter.DialOptions{})
	inv := first.expect("INVITE")
	var e *interpreter.DialError
	if d := b.wait(b.dial(context.Background(), number("2"), interpreter.DialOptions{})); !errors.As(d.err, &e) ||
		!e.Unreached || e.Code != 503 || !strings.Contains(e.Reason, "channels") {
		t.Errorf("second call gave %v", d.err)
	}
	cancel()
	first.answer(inv, 487, "x", "", "")
	b.wait(done)
	waitFor(t, "room", func() bool { return b.edge.Trunks()[0].Out == 0 })
	// A change of the settings keeps the call and its count.
	cfg := b.edge.allTrunks()[0].cfg
	cfg.Name = "Acme Ltd"
	if err := b.edge.SetTrunks([]Trunk{cfg}); err != nil {
		t.Fatal(err)
	}
	if s := b.edge.Trunks()[0]; s.In != 1 || s.Name != "Acme Ltd" || l.Context().Err() != nil {
		t.Errorf("after the change %+v, leg %v", s, l.Context().Err())
	}
}

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

// What does not ring in time is given up, with the cause that hunting looks at.
func TestTrunkSign(t *testing.T) {
	b, first, _ := carriers(t, func(c *Trunk) { c.Sign = 10 * testT1 })
	done := b.dial(context.Background(), number("1"), interpreter.DialOptions{})
	inv := first.expect("INVITE")
	first.answer(inv, 100, "", "", "")
	first.answer(first.expect("CANCEL"), 200, "x", "", "")
	first.answer(inv, 487, "x", "", "")
	var e *interpreter.DialError
	if d := b.wait(done); !errors.As(d.err, &e) || e.Cause != "PROGRESS_TIMEOUT" {
		t.Errorf("gave %v", d.err)
	}
}

func TestTrunkRefusals(t *testing.T) {
	b := newBench(t, nil)
	for _, cfg := range []Trunk{
		{}, {ID: "a b", URI: "sip:x"}, {ID: "a", URI: ""}, {ID: "a", URI: "sip:user@x"}, {ID: "a", URI: "sip:x?X-A=1"},
		{ID: "a", URI: "sip:x", Register: true}, {ID: "a", URI: "sip:x", FromUser: "a\r\nb"},
		{ID: "a", URI: "sip:x", FromDomain: "a b"}, {ID: "a", URI: "sip:x;transport=pigeon"},
		{ID: "a", URI: "sip:x", Headers: []interpreter.Header{{Name: "Via", Value: "x"}}},
	} {
		if err := b.edge.SetTrunks([]Trunk{cfg}); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	if err := b.edge.SetTrunks([]Trunk{{ID: "a", URI: "sip:127.0.0.1", Ping: -1}, {ID: "a", URI: "sip:y"}}); err == nil {
		t.Error("two trunks of one id are taken")
	}
	var e *interpreter.DialError
	if d := b.wait(b.dial(context.Background(), number("1"), interpreter.DialOptions{})); !errors.As(d.err, &e) ||
		e.Code != 404 {
		t.Errorf("unknown trunk gave %v", d.err)
	}
}
