package sipedge

import (
	"context"
	"errors"
	"net"
	"net/netip"
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

// RFC 3261 §18.1.1: a request of more than 1300 octets goes by TCP where the trunk takes it, and by UDP again where no
// connection can be made.
func TestTrunkTakesLongRequestsByTCP(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	cfg := Trunk{ID: "acme", URI: "sip:" + p.addr(), Streams: true, Ping: -1,
		Headers: []interpreter.Header{{Name: "X-Long", Value: strings.Repeat("x", 1000)}}}
	if err := b.edge.SetTrunks([]Trunk{cfg}); err != nil {
		t.Fatal(err)
	}
	var e *interpreter.DialError
	done := b.dial(context.Background(), number("1"), interpreter.DialOptions{})
	inv := p.expect("INVITE")
	if !strings.Contains(inv.get("via"), "SIP/2.0/UDP") || len(inv.get("x-long")) != 1000 {
		t.Errorf("without TCP: %v", inv.head)
	}
	p.answer(inv, 486, "x", "", "")
	if d := b.wait(done); !errors.As(d.err, &e) || e.Code != 486 {
		t.Errorf("without TCP: %v", d.err)
	}

	l, err := net.Listen("tcp", p.addr())
	if err != nil {
		t.Skipf("no TCP on the peer's port: %v", err)
	}
	defer l.Close()
	cfg.Name = "again" // other settings: what was learnt about TCP is forgotten
	if err = b.edge.SetTrunks([]Trunk{cfg}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done = b.dial(ctx, number("1"), interpreter.DialOptions{})
	l.(*net.TCPListener).SetDeadline(time.Now().Add(3 * time.Second))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 4096)
	c.SetReadDeadline(time.Now().Add(3 * time.Second))
	n, err := c.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "INVITE sip:1@") ||
		!strings.Contains(string(buf[:n]), "Via: SIP/2.0/TCP") {
		t.Errorf("by TCP: %v %.200s", err, buf[:n])
	}
	cancel()
	b.wait(done)
}

// A source belongs to the trunk with the narrowest network; strangers to none.
func TestTrunkBySource(t *testing.T) {
	b := newBench(t, nil)
	wide := Trunk{ID: "wide", URI: "sip:192.0.2.1", Ping: -1,
		Networks: []netip.Prefix{netip.MustParsePrefix("198.51.0.0/16")}}
	narrow := Trunk{ID: "narrow", URI: "sip:192.0.2.2:5070", Ping: -1,
		Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	if err := b.edge.SetTrunks([]Trunk{wide, narrow}); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{"198.51.100.9": "narrow", "198.51.7.9": "wide", "192.0.2.1": "wide",
		"192.0.2.2": "narrow", "::ffff:192.0.2.2": "narrow", "203.0.113.1": ""} {
		if id := b.edge.trunkAt(netip.MustParseAddr(addr)).id(); id != want {
			t.Errorf("%s: %q, want %q", addr, id, want)
		}
	}
	for uri, want := range map[string]bool{"sip:+1900@192.0.2.1": true, "192.0.2.2:5070": true,
		"sip:1@192.0.2.2:5080": false,
		"sip:1@203.0.113.1":    false, "sip:1@phone.test;maddr=192.0.2.1": true, "sip:": false} {
		if b.edge.LeadsToTrunk(context.Background(), uri) != want {
			t.Errorf("%s leads to a trunk: %v", uri, !want)
		}
	}
}
