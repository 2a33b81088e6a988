package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/interpreter"
)

func dialTCP(t *testing.T, b *bench) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.edge.Addr().String()) //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dialAsync calls a target in the background.
func dialAsync(b *bench, uri string) <-chan ringing {
	return dialWith(b, uri, interpreter.DialOptions{From: interpreter.Address{User: "100"}, Timeout: 5 * time.Second})
}

func dialWith(b *bench, uri string, o interpreter.DialOptions) <-chan ringing {
	done := make(chan ringing, 1)
	go func() {
		l, err := b.edge.Dial(context.Background(), interpreter.Target{URI: uri}, o)
		done <- ringing{l, err}
	}()
	return done
}

func (h *handset) pickUp(inv message) {
	h.t.Helper()
	h.answer(inv, 200, "tag"+h.from, sdpHead+fmt.Sprintf("Contact: <sip:%s@%s>\r\n", h.user, h.addr()), sdpOf(31000, ""))
}

// Two phones of one user ring at once; the first one wins, the other is told that somebody has taken the call.
func TestForkToTwoPhones(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	one, two := newHandset(t, b, "ann", "127.0.0.1"), newHandset(t, b, "ann", "127.0.0.1")
	for _, h := range []*handset{one, two} {
		if m := h.register(); m.code() != "200" {
			t.Fatal(m.start)
		}
	}
	var mu sync.Mutex
	var steps []string
	leg := dialWith(b, "sip:ann@pbx.example", interpreter.DialOptions{Timeout: 5 * time.Second,
		Progress: func(p interpreter.Progress) {
			mu.Lock()
			defer mu.Unlock()
			steps = append(steps, string(p.Status))
		}})
	first, second := one.expect("INVITE"), two.expect("INVITE")
	if !strings.Contains(first.get("to"), "sip:ann@pbx.example") ||
		!strings.HasPrefix(first.start, "INVITE sip:ann@"+one.addr()+" ") {
		t.Errorf("%s To %s", first.start, first.get("to"))
	}
	one.answer(first, 180, "r1", "", "")
	two.answer(second, 180, "r2", "", "")
	time.Sleep(20 * time.Millisecond) // both ring
	two.pickUp(second)
	two.expect("ACK")
	cancel := one.expect("CANCEL")
	if r := cancel.get("reason"); !strings.Contains(r, "cause=200") || !strings.Contains(r, "Call completed elsewhere") {
		t.Errorf("Reason %q", r)
	}
	one.answer(cancel, 200, "r1", "", "")
	one.answer(first, 487, "r1", "", "")
	r := <-leg
	if r.err != nil || r.leg.Info().Device != "device-ann" || r.leg.Info().Account != "account" {
		t.Fatalf("%v", r.err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(steps, " "); got != "initiated ringing in-progress" {
		t.Errorf("progress %q", got)
	}
}

// Phones of a lower q ring when those of the higher one have refused.
func TestForkByPreference(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	desk, spare := newHandset(t, b, "ann", "127.0.0.1"), newHandset(t, b, "ann", "127.0.0.1")
	spare.contacts = fmt.Sprintf("Contact: <sip:ann@%s>;q=0.2\r\n", spare.addr())
	for _, h := range []*handset{desk, spare} {
		if m := h.register(); m.code() != "200" {
			t.Fatal(m.start)
		}
	}
	leg := dialAsync(b, "sip:ann@pbx.example")
	inv := desk.expect("INVITE")
	if !spare.silent(50 * time.Millisecond) {
		t.Error("both ring at once")
	}
	desk.answer(inv, 486, "d", "", "")
	spare.pickUp(spare.expect("INVITE"))
	if r := <-leg; r.err != nil {
		t.Error(r.err)
	}

	leg = dialAsync(b, "sip:ann@pbx.example")
	desk.answer(desk.expect("INVITE"), 603, "d", "", "")
	var d *interpreter.DialError
	if r := <-leg; !errors.As(r.err, &d) || d.Code != 603 {
		t.Errorf("declined everywhere: %v", r.err)
	}
}

func TestForkSaysWhyNobodyAnswered(t *testing.T) {
	house := newHousehold("ann", "bob", "cat")
	house.change("cat", func(l *Login) { l.Enabled = false })
	b := phoneBench(t, house, nil)
	for uri, want := range map[string]struct {
		code  int
		cause string
	}{
		"sip:bob@pbx.example":                      {480, "USER_NOT_REGISTERED"},
		"sip:cat@pbx.example":                      {480, "USER_NOT_REGISTERED"},
		"sip:nobody@pbx.example":                   {404, "UNALLOCATED_NUMBER"},
		"sip:bob@" + b.edge.Addr().String():        {480, "USER_NOT_REGISTERED"},
		"sip:bob@" + b.edge.Addr().Addr().String(): {480, "USER_NOT_REGISTERED"},
		"bob@PBX.example;transport=udp":            {480, "USER_NOT_REGISTERED"},
		"sip:b%6Fb@pbx.example?X-A=1":              {480, "USER_NOT_REGISTERED"},
	} {
		var d *interpreter.DialError
		if r := <-dialAsync(b, uri); !errors.As(r.err, &d) || d.Code != want.code || d.Cause != want.cause || !d.Unreached {
			t.Errorf("%s: %+v", uri, r.err)
		}
	}
	busy, unreached := &interpreter.DialError{Code: 486}, &interpreter.DialError{Code: 503, Unreached: true}
	if err := preferred(busy, unreached); rank(err) != 3 {
		t.Errorf("busy and unreachable: %v", err)
	}
}

// Legs of another kind ring together with the phones.
func TestForkWithOthers(t *testing.T) {
	taken := make(chan context.Context, 1)
	b := phoneBench(t, newHousehold("ann"), func(c *Config) {
		c.Others = func(user, realm string) []Ringer {
			if user != "ann" || realm != "pbx.example" {
				return nil
			}
			return []Ringer{func(ctx context.Context, o interpreter.DialOptions) (interpreter.Leg, error) {
				taken <- ctx
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}}
		}
	})
	h := newHandset(t, b, "ann", "127.0.0.1")
	if m := h.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	leg := dialAsync(b, "sip:ann@pbx.example")
	page := <-taken
	h.pickUp(h.expect("INVITE"))
	if r := <-leg; r.err != nil {
		t.Fatal(r.err)
	}
	select {
	case <-page.Done():
	case <-time.After(2 * time.Second):
		t.Error("the page rings on")
	}
}

// A phone behind NAT is called at the address its REGISTER came from, by its own contact as Request-URI; so is every
// request of the dialog. It is asked for signs of life.
func TestCallBehindNAT(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), func(c *Config) { c.Registrations.KeepAlive = 50 * time.Millisecond })
	h := newHandset(t, b, "ann", "127.0.0.1")
	h.contacts = "Contact: <sip:ann@198.51.100.7:5060>\r\n"
	if m := h.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	ping := h.expect("OPTIONS")
	if !strings.HasPrefix(ping.start, "OPTIONS sip:ann@198.51.100.7:5060 ") {
		t.Error(ping.start)
	}
	h.answer(ping, 200, "p", "", "")
	waitFor(t, "the round-trip time", func() bool { return b.edge.Bindings()[0].RTT > 0 })
	leg := dialAsync(b, "sip:ann@pbx.example")
	var inv message
	for inv.method() != "INVITE" {
		if inv = h.next(); inv.method() == "OPTIONS" {
			h.answer(inv, 200, "p", "", "")
		}
	}
	h.answer(inv, 200, "t", sdpHead+"Contact: <sip:ann@198.51.100.7:5060>\r\n", sdpOf(31000, ""))
	h.expect("ACK")
	r := <-leg
	if r.err != nil {
		t.Fatal(r.err)
	}
	if err := r.leg.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow}); err != nil {
		t.Fatal(err)
	}
	h.answer(h.expect("BYE"), 200, "", "", "")
}

func TestPathIsFollowed(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	h, proxy := newHandset(t, b, "ann", "127.0.0.1"), newHandset(t, b, "proxy", "127.0.0.1")
	h.contacts = "Contact: <sip:ann@198.51.100.7:5060>\r\n"
	h.extra = "Path: <sip:" + proxy.addr() + ";lr;ob>\r\n"
	if m := h.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	leg := dialAsync(b, "sip:ann@pbx.example")
	inv := proxy.expect("INVITE")
	if inv.start != "INVITE sip:ann@198.51.100.7:5060 SIP/2.0" || !strings.Contains(inv.get("route"), proxy.addr()) {
		t.Errorf("%s Route %s", inv.start, inv.get("route"))
	}
	proxy.answer(inv, 480, "x", "", "")
	var d *interpreter.DialError
	if r := <-leg; !errors.As(r.err, &d) || d.Code != 480 {
		t.Error(r.err)
	}
}
