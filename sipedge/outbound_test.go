package sipedge

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// dialled is what one Dial gave.
type dialled struct {
	leg      interpreter.Leg
	err      error
	progress []interpreter.Progress
}

// dial calls the peer in the background.
func (b *bench) dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) <-chan dialled {
	done := make(chan dialled, 1)
	tell := o.Progress
	go func() {
		var d dialled
		o.Progress = func(p interpreter.Progress) {
			d.progress = append(d.progress, p)
			if tell != nil {
				tell(p)
			}
		}
		d.leg, d.err = b.edge.Dial(ctx, to, o)
		done <- d
	}()
	return done
}

func (b *bench) wait(done <-chan dialled) dialled {
	b.t.Helper()
	select {
	case d := <-done:
		return d
	case <-time.After(3 * time.Second):
		b.t.Fatal("Dial did not return")
		return dialled{}
	}
}

func (p *peer) uri() string { return "sip:bob@" + p.addr() + ";user=phone" }

// Carriers send many provisionals, and several phones may answer: the first wins, the second is acknowledged and hung
// up.
func TestDialForks(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	q := newPeer(t, b)
	steps := make(chan interpreter.Progress, 10)
	o := interpreter.DialOptions{From: interpreter.Address{Display: `Ann "A"`, User: "+4930123"},
		Progress: func(p interpreter.Progress) { steps <- p }}
	done := b.dial(context.Background(),
		interpreter.Target{URI: p.uri() + "?X-One=1", Headers: []interpreter.Header{{Name: "X-Two", Value: "zwei"}}}, o)
	inv := p.expect("INVITE")
	if inv.get("x-one") != "1" || inv.get("x-two") != "zwei" ||
		!strings.HasPrefix(inv.get("from"), `"Ann \"A\"" <sip:+4930123@127.0.0.1>`) {
		t.Errorf("INVITE %v", inv.head)
	}
	if !strings.Contains(inv.start, ";user=phone") || !strings.Contains(inv.body, "m=audio 20000 RTP/AVP 0 8 101") {
		t.Errorf("INVITE %s\n%s", inv.start, inv.body)
	}
	for range 14 {
		p.answer(inv, 180, "one", "", "")
	}
	<-steps
	<-steps
	p.answer(inv, 183, "two", sdpHead, sdpOf(33000, ""))
	<-steps
	rr := "Record-Route: <sip:" + p.addr() + ";lr;n=2>\r\nRecord-Route: <sip:" + q.addr() + ";lr;n=1>\r\n"
	p.answer(inv, 200, "two", p.contact()+rr+sdpHead, sdpOf(33000, ""))
	d := b.wait(done)
	if d.err != nil {
		t.Fatal(d.err)
	}
	if n := len(d.progress); n < 4 || d.progress[0].Status != interpreter.StatusInitiated ||
		d.progress[n-1].Status != interpreter.StatusInProgress || !d.progress[n-2].Early {
		t.Errorf("progress %+v", d.progress)
	}
	if s := b.sound().last(); s.Codec != "PCMA" || s.SendType != 8 || s.Remote.Port() != 33000 {
		t.Errorf("session %+v", s)
	}
	// The route set is the reverse of Record-Route: the ACK goes to q first.
	first := q.expect("ACK")
	if r := first.head["route"]; len(r) != 2 || !strings.Contains(r[0], "n=1") ||
		first.start != "ACK sip:bob@"+p.addr()+" SIP/2.0" {
		t.Errorf("ACK of the winner: %s %v", first.start, r)
	}
	p.answer(inv, 200, "one", p.contact()+sdpHead, sdpOf(34000, ""))
	ack := p.expect("ACK")
	if ack.tag() != "one" || ack.get("cseq") != "1 ACK" {
		t.Errorf("ACK %v", ack.head)
	}
	bye := p.expect("BYE")
	if bye.tag() != "one" {
		t.Errorf("BYE for %q", bye.tag())
	}
	p.answer(bye, 200, "", "", "")
}

// With a strict router as next hop the Request-URI is the router's and the target ends the route; the 2xx is
// acknowledged each time.
func TestDialStrictRoute(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	head := "Contact: <sip:bob@192.0.2.9:5099>\r\nRecord-Route: <sip:" + p.addr() + ">\r\n" + sdpHead
	for range 2 {
		p.answer(inv, 200, "x", head, sdpOf(33000, ""))
		ack := p.expect("ACK")
		if ack.start != "ACK sip:"+p.addr()+" SIP/2.0" || ack.get("route") != "<sip:bob@192.0.2.9:5099>" {
			t.Errorf("%s, Route %s", ack.start, ack.get("route"))
		}
	}
	d := b.wait(done)
	if d.err != nil {
		t.Fatal(d.err)
	}
	d.leg.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow, Code: 200})
	bye := p.expect("BYE")
	if bye.get("cseq") != "2 BYE" || bye.get("route") != "<sip:bob@192.0.2.9:5099>" ||
		!strings.Contains(bye.get("reason"), "SIP;cause=200") {
		t.Errorf("BYE %v", bye.head)
	}
	p.answer(bye, 200, "", "", "")
}

func TestDialFailures(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		code   int
		status interpreter.CallStatus
	}{{486, interpreter.StatusBusy}, {603, interpreter.StatusBusy}, {480, interpreter.StatusNoAnswer},
		{404, interpreter.StatusFailed},
		{302, interpreter.StatusFailed}, {503, interpreter.StatusFailed}, {401, interpreter.StatusFailed}} {
		p := newPeer(t, b)
		done := b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
		p.answer(p.expect("INVITE"), c.code, "x", "Contact: <sip:else@192.0.2.1>\r\nX-Why: so\r\n", "")
		p.expect("ACK")
		var f *interpreter.DialError
		if d := b.wait(done); !errors.As(d.err, &f) || f.Code != c.code || f.Status != c.status || f.CallID == "" ||
			len(f.Headers) != 1 || f.Headers[0].Value != "so" {
			t.Errorf("%d: %v", c.code, d.err)
		}
	}
	for uri, code := range map[string]int{"+4930123": 404, "sip:a@b@c": 484, "sip:x@127.0.0.1;transport=sctp": 404,
		"sip:x\r\nX-Evil: 1@127.0.0.1": 484} {
		var f *interpreter.DialError
		if d := b.wait(b.dial(context.Background(), interpreter.Target{URI: uri},
			interpreter.DialOptions{})); !errors.As(d.err, &f) || f.Code != code {
			t.Errorf("%q: %v", uri, d.err)
		}
	}
}

// The answer to a challenge is made from the exact Request-URI, and given once for each nonce.
func TestDialDigest(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri(), Username: "ann", Password: "secret"},
		interpreter.DialOptions{})
	inv := p.expect("INVITE")
	p.answer(inv, 407, "x",
		`Proxy-Authenticate: Digest realm="r", nonce="n1", algorithm=XYZ`+"\r\n"+
			`Proxy-Authenticate: Digest realm="r", nonce="n2", algorithm=MD5`+"\r\n", "")
	p.expect("ACK")
	again := p.expect("INVITE")
	auth := again.get("proxy-authorization")
	uri := regexp.MustCompile(`uri="([^"]*)"`).FindStringSubmatch(auth)
	if len(uri) < 2 || uri[1] != p.uri() || again.get("cseq") != "2 INVITE" || again.get("call-id") != inv.get("call-id") {
		t.Fatalf("second INVITE %v", again.head)
	}
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	if want := h(h("ann:r:secret") + ":n2:" + h("INVITE:"+p.uri())); !strings.Contains(auth, want) {
		t.Errorf("digest %s lacks %s", auth, want)
	}
	p.answer(again, 407, "x", `Proxy-Authenticate: Digest realm="r", nonce="n2", algorithm=MD5`+"\r\n", "")
	var f *interpreter.DialError
	if d := b.wait(done); !errors.As(d.err, &f) || f.Code != 407 {
		t.Errorf("second refusal of a nonce: %v", d.err)
	}
}

// CANCEL waits for a sign of life; a 2xx that crosses it is acknowledged and hung up.
func TestDialCancel(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri(), Timeout: 30 * time.Millisecond},
		interpreter.DialOptions{})
	inv := p.expect("INVITE")
	var f *interpreter.DialError
	if d := b.wait(done); !errors.As(d.err, &f) || f.Status != interpreter.StatusNoAnswer || f.Code != 487 {
		t.Errorf("ring time: %v", d.err)
	}
	if m, ok := p.try(20 * time.Millisecond); ok && m.method() == "CANCEL" {
		t.Error("CANCEL before any response")
	}
	p.answer(inv, 180, "x", "", "")
	cancel := p.expect("CANCEL")
	if cancel.get("via") != inv.get("via") || cancel.get("cseq") != "1 CANCEL" ||
		!strings.Contains(cancel.get("reason"), "cause=408") {
		t.Errorf("CANCEL %v", cancel.head)
	}
	p.answer(cancel, 200, "x", "", "")
	p.answer(inv, 200, "x", p.contact()+sdpHead, sdpOf(33000, ""))
	p.expect("ACK")
	p.answer(p.expect("BYE"), 200, "", "", "")

	ctx, stop := context.WithCancelCause(context.Background())
	done = b.dial(ctx, interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	inv = p.expect("INVITE")
	p.answer(inv, 180, "y", "", "")
	why := errors.New("another phone was faster")
	time.AfterFunc(30*time.Millisecond, func() { stop(why) })
	cancel = p.expect("CANCEL")
	p.answer(cancel, 200, "y", "", "")
	p.answer(inv, 487, "y", "", "")
	p.expect("ACK")
	if d := b.wait(done); !errors.Is(d.err, why) {
		t.Errorf("cancelled Dial: %v", d.err)
	}
}

// On a leg that we dialled the peer may do what a caller may.
func TestDialledLeg(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	p.answer(inv, 200, "callee", p.contact()+"X-Room: 7\r\n"+sdpHead, sdpOf(33000, ""))
	p.expect("ACK")
	d := b.wait(done)
	if d.err != nil {
		t.Fatal(d.err)
	}
	if h := d.leg.Info().Headers; len(h) != 1 || h[0].Value != "7" || d.leg.Info().Answered.IsZero() ||
		d.leg.Info().Direction != interpreter.OutboundDial {
		t.Errorf("info %+v", d.leg.Info())
	}
	notes := make(chan string, 20)
	d.leg.(interpreter.Tracer).Trace(func(e interpreter.Event) { notes <- e.Text })
	if first, second := <-notes, <-notes; !strings.HasPrefix(first, "INVITE sent to") ||
		!strings.HasPrefix(second, "200 ") {
		t.Errorf("trace %q, %q", first, second)
	}
	_, p.tag, _ = strings.Cut(inv.get("from"), "tag=")
	p.id, p.from = inv.get("call-id"), "callee"
	p.request("INVITE", sdpHead, sdpOf(35000, "a=inactive\r\n"))
	if m := p.expect("200"); !strings.Contains(m.body, "a=inactive") {
		t.Errorf("answer to hold:\n%s", m.body)
	}
	p.requestAs("ACK", p.seq, "", "")
	p.request("BYE", "", "")
	p.expect("200")
	if h := hangupOf(t, d.leg); h.By != interpreter.ByCaller {
		t.Errorf("hangup %+v", h)
	}
	p.from = "stranger"
	p.request("BYE", "", "")
	p.expect("481")
}

// A flow that dials its own number comes to an end (R-SIP-10).
func TestLoop(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.call(b)
	ctx := context.Background()
	self := interpreter.Target{URI: fmt.Sprintf("sip:100@%s", b.edge.Addr())}
	for range 10 {
		done := b.dial(ctx, self, interpreter.DialOptions{})
		select {
		case l := <-b.legs:
			ctx = l.Context()
			if err := l.Answer(ctx); err != nil {
				t.Fatal(err)
			}
			if d := b.wait(done); d.err != nil {
				t.Fatal(d.err)
			}
		case d := <-done:
			var f *interpreter.DialError
			if !errors.As(d.err, &f) || f.Code != 482 {
				t.Errorf("loop ended with %v", d.err)
			}
			return
		}
	}
	t.Error("the loop does not end")
}

func TestBridge(t *testing.T) {
	b := newBench(t, nil)
	p, q := newPeer(t, b), newPeer(t, b)
	l1, l2 := p.call(b), q.call(b)
	done := make(chan error, 1)
	go func() { done <- b.edge.Bridge(context.Background(), l1, l2, interpreter.BridgeOptions{}) }()
	q.request("BYE", "", "")
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Bridge: %v", err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("Bridge goes on without its leg")
	}
	if l1.Context().Err() != nil {
		t.Error("the other leg ended too")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.edge.Bridge(ctx, l1, p.call2(b), interpreter.BridgeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Bridge: %v", err)
	}
}

// call2 is a further call of the same phone.
func (p *peer) call2(b *bench) interpreter.Leg {
	p.id, p.tag, p.seq = token(6), "", 0
	return p.call(b)
}

// A request too large for a datagram goes over a connection that the peer keeps open, else in fragments.
func TestLargeInvite(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	big := []interpreter.Header{{Name: "X-Big", Value: strings.Repeat("x", 1000)},
		{Name: "X-Big2", Value: strings.Repeat("y", 1000)}}
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri(), Headers: big}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	if !strings.HasPrefix(inv.get("via"), "SIP/2.0/UDP") || len(inv.get("x-big2")) != 1000 {
		t.Errorf("Via %s", inv.get("via"))
	}
	p.answer(inv, 486, "x", "", "")
	b.wait(done)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err = b.edge.connect(t.Context(), flow{"TCP", l.Addr().String()}, ""); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done = b.dial(ctx, interpreter.Target{URI: "sip:x@" + l.Addr().String(), Headers: big}, interpreter.DialOptions{})
	text := readUntil(t, c, func(s string) bool { return strings.Contains(s, "a=sendrecv") })
	if m := readMessage(text); !strings.HasPrefix(m.get("via"), "SIP/2.0/TCP") {
		t.Errorf("Via %s", m.get("via"))
	}
	cancel()
	b.wait(done)
}
