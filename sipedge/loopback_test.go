package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pintle/interpreter"
)

func TestMain(m *testing.M) {
	// The library runs its transactions on timers and ends goroutines by closing sockets, a moment after Close has
	// returned.
	goleak.VerifyTestMain(m)
}

func TestInboundCall(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", sdpHead+"X-Account: 42\r\n", sdpOf(30000, "a=ptime:40\r\n"))
	if m := p.next(); m.code() != "100" {
		t.Fatalf("first answer %s, want 100", m.start)
	}
	ringing := p.expect("180")
	l := b.leg()
	info := l.Info()
	if info.From.User != "ann" || info.From.Display != "Ann" || info.Request.User != "100" || info.CallID != p.id ||
		info.SourceIP != "127.0.0.1" {
		t.Errorf("info %+v", info)
	}
	if len(info.Headers) != 1 || info.Headers[0] != (interpreter.Header{Name: "X-Account", Value: "42"}) {
		t.Errorf("headers %v", info.Headers)
	}
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	if ok.tag() != ringing.tag() || ok.tag() == "" {
		t.Errorf("tags %q and %q differ", ok.tag(), ringing.tag())
	}
	for _, want := range []string{"m=audio 20000 RTP/AVP 8 101\r\n", "a=ptime:40", "a=sendrecv", "c=IN IP4 127.0.0.1"} {
		if !strings.Contains(ok.body, want) {
			t.Errorf("answer lacks %q:\n%s", want, ok.body)
		}
	}
	again := p.expect("200")
	if again.body != ok.body {
		t.Error("repeated 200 differs")
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	s := b.sound().last()
	if s.Codec != "PCMA" || s.Remote.Port() != 30000 || s.SendEvents != 101 || s.Ptime != 40*time.Millisecond || !s.Send ||
		!s.Recv {
		t.Errorf("session %+v", s)
	}
	if l.Info().Answered.IsZero() {
		t.Error("Answered is not set")
	}

	p.request("OPTIONS", "", "")
	if m := p.expect("200"); !strings.Contains(m.get("allow"), "INVITE") {
		t.Error("OPTIONS without Allow")
	}
	p.request("BYE", "Reason: Q.850;cause=16\r\nX-Said: bye\r\n", "")
	p.expect("200")
	if h := hangupOf(t, l); h.By != interpreter.ByCaller || !strings.Contains(h.Reason, "cause=16") ||
		len(h.Headers) != 1 || h.Headers[0].Value != "bye" {
		t.Errorf("hangup %+v", h)
	}
	if err := l.Answer(context.Background()); err == nil {
		t.Error("Answer of a dead leg succeeds")
	}
}

func TestLateOffer(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", "", "")
	l := b.leg()
	if err := l.Early(context.Background()); !errors.Is(err, interpreter.ErrUnsupported) {
		t.Errorf("Early: %v", err)
	}
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	if !strings.Contains(ok.body, "m=audio 20000 RTP/AVP 0 8 101") {
		t.Fatalf("no offer in the 200:\n%s", ok.body)
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, sdpHead, sdpOf(31000, ""))
	waitFor(t, "session", func() bool { return b.sound().last().Remote.Port() == 31000 })
	if s := b.sound().last(); s.Codec != "PCMA" {
		t.Errorf("session %+v", s)
	}
	if err := l.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow, Code: 200}); err != nil {
		t.Fatal(err)
	}
	bye := p.expect("BYE")
	p.answer(bye, 200, "", "", "")
	if h := hangupOf(t, l); h.By != interpreter.ByFlow {
		t.Errorf("hangup %+v", h)
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	branch := p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	ringing := p.expect("180")
	// A repeated INVITE is no second call.
	p.send(p.text("INVITE", branch, p.seq, sdpHead, sdpOf(30000, "")))
	p.send(p.text("CANCEL", branch, p.seq, "Reason: SIP;cause=200;text=\"elsewhere\"\r\n", ""))
	ok := p.expect("200")
	gone := p.expect("487")
	if gone.tag() != ringing.tag() || ok.tag() != ringing.tag() {
		t.Errorf("tags %q %q %q differ", ringing.tag(), ok.tag(), gone.tag())
	}
	p.tag = gone.tag()
	p.send(p.text("ACK", branch, p.seq, "", ""))
	if h := hangupOf(t, l); h.By != interpreter.ByCaller || h.Code != 487 || !strings.Contains(h.Reason, "elsewhere") {
		t.Errorf("hangup %+v", h)
	}
	select {
	case <-b.legs:
		t.Error("a second call was started")
	default:
	}
}

func TestMissingACK(t *testing.T) {
	b := newBench(t, func(c *Config) { c.T1 = 5 * time.Millisecond; c.T2 = 20 * time.Millisecond })
	p := newPeer(t, b)
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	bye := p.expect("BYE")
	p.answer(bye, 200, "", "", "")
	if h := hangupOf(t, l); h.By != interpreter.ByEngine || h.Code != 408 {
		t.Errorf("hangup %+v", h)
	}
}

// A hang-up before the ACK waits for it: RFC 3261 §15.
func TestHangupBeforeACK(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	l.Answer(context.Background())
	ok := p.expect("200")
	l.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow})
	hangupOf(t, l)
	if m := p.next(); m.method() == "BYE" {
		t.Fatal("BYE before the ACK")
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	p.answer(p.expect("BYE"), 200, "", "", "")
}

func TestReinvite(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	a := b.sound()

	p.request("INVITE", sdpHead, sdpOf(30000, "a=sendonly\r\n"))
	hold := p.expect("200")
	for hold.get("cseq") != fmt.Sprintf("%d INVITE", p.seq) {
		hold = p.expect("200")
	}
	if !strings.Contains(hold.body, "a=recvonly") {
		t.Errorf("answer to hold:\n%s", hold.body)
	}
	if s := a.last(); !s.Held || s.Send {
		t.Errorf("held session %+v", s)
	}
	// Before the ACK a second INVITE is glare.
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	p.expect("491")
	p.requestAs("ACK", p.seq-1, "", "")

	// New address, by UPDATE; the old way to hold, by INVITE; what cannot be met is refused and changes nothing.
	p.request("UPDATE", sdpHead, sdpOf(32000, ""))
	if m := p.expect("200"); !strings.Contains(m.body, "a=sendrecv") {
		t.Errorf("answer to UPDATE:\n%s", m.body)
	}
	if s := a.last(); s.Held || s.Remote.Port() != 32000 {
		t.Errorf("session after UPDATE %+v", s)
	}
	p.request("UPDATE", sdpHead, strings.Replace(sdpOf(32000, ""), "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1))
	p.expect("200")
	if s := a.last(); !s.Held || s.Remote.IsValid() {
		t.Errorf("session with 0.0.0.0 %+v", s)
	}
	n := a.count()
	p.request("UPDATE", sdpHead, strings.Replace(sdpOf(32000, ""), "8 0 101", "18", 1))
	if m := p.expect("488"); !strings.Contains(m.get("warning"), "no codec in common") {
		t.Errorf("warning %q", m.get("warning"))
	}
	if a.count() != n {
		t.Error("refused offer changed the session")
	}
	// A number that goes back is refused.
	p.requestAs("INFO", 1, "", "")
	p.expect("500")
	p.request("REFER", "Refer-To: <sip:x@127.0.0.1>\r\n", "")
	p.expect("603") // with whom it talks is known by nobody
	p.request("FOO", "", "")
	p.expect("501")
	p.request("PRACK", "RAck: 1 1 INVITE\r\n", "")
	p.expect("481")

	// The remote target has moved: BYE goes there.
	other := newPeer(t, b)
	p.seq++
	text := p.text("UPDATE", "z9hG4bK"+token(5), p.seq, "", "")
	p.send(strings.Replace(text, "Contact: <sip:ann@"+p.addr(), "Contact: <sip:ann@"+other.addr(), 1))
	p.expect("200")
	l.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByAPI})
	other.answer(other.expect("BYE"), 200, "", "", "")
}

func TestInfoDigits(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.call(b)
	for _, key := range "1234567890*#" {
		p.request("INFO", "Content-Type: application/dtmf-relay\r\n", fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", key))
	}
	waitFor(t, "all keys", func() bool { return len(b.sound().pressed()) == 12 })
	if got := b.sound().pressed(); got != "1234567890*#" {
		t.Errorf("keys %q came out of order", got)
	}
	p.request("OPTIONS", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n")
	p.request("INFO", "Content-Type: application/media_control+xml\r\n", "<x/>")
	p.expect("415")
	if got := b.sound().pressed(); got != "1234567890*#" {
		t.Errorf("keys %q: OPTIONS carries none", got)
	}
	p.request("BYE", "", "")
}

func TestRefusals(t *testing.T) {
	b := newBench(t, nil)
	ack := func(p *peer, branch string, m message) {
		p.tag = m.tag()
		p.send(p.text("ACK", branch, p.seq, "", ""))
	}
	call := func(want string, head, body string) message {
		t.Helper()
		p := newPeer(t, b)
		branch := p.request("INVITE", head, body)
		m := p.expect(want)
		ack(p, branch, m)
		return m
	}
	b.set(false, nil)
	call("403", sdpHead, sdpOf(30000, ""))
	b.set(false, interpreter.ErrNotFound)
	call("403", sdpHead, sdpOf(30000, "")) // strangers learn nothing
	b.set(true, nil)
	call("488", sdpHead, sdpOf(0, ""))
	call("415", "Content-Type: text/plain\r\n", "hello")
	call("406", "Accept: text/plain\r\n", "")

	p := newPeer(t, b)
	for _, method := range []string{"REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY"} {
		p.request(method, "", "")
		p.expect("403")
	}
	for _, method := range []string{"BYE", "INFO", "UPDATE", "PRACK", "CANCEL"} {
		p.request(method, "", "")
		p.expect("481")
	}
	p.request("DANCE", "", "")
	p.expect("501")
	p.request("OPTIONS", "", "")
	p.expect("200")

	// The same INVITE by a second path is not a second call.
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	second := p.requestAs("INVITE", p.seq, sdpHead, sdpOf(30000, ""))
	ack(p, second, p.expect("482"))
	p.tag = ""
	l.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow, Code: 486})
	p.expect("486")

	b.edge.Drain()
	if m := call("503", sdpHead, sdpOf(30000, "")); m.get("retry-after") == "" {
		t.Error("503 without Retry-After")
	}
	p = newPeer(t, b)
	p.request("OPTIONS", "", "")
	p.expect("503")
}

// R-LIFE-1, R-RTP-9: a panic costs its own call, and without a port there is no half call.
func TestFaultsOfOthers(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Peers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for code, change := range map[string]func(){
		"500": func() { b.panics = true },
		"503": func() { b.noPort = true },
		"404": func() { b.fail = interpreter.ErrNotFound },
	} {
		b.mu.Lock()
		change()
		b.mu.Unlock()
		p := newPeer(t, b)
		p.request("INVITE", sdpHead, sdpOf(30000, ""))
		p.expect(code)
		b.mu.Lock()
		b.panics, b.noPort, b.fail = false, false, nil
		b.mu.Unlock()
	}
	p := newPeer(t, b)
	p.call(b)
	p.request("BYE", "", "")
	p.expect("200")
}

// Who sent the call on, and sound before the answer.
func TestForwardedAndEarly(t *testing.T) {
	b := newBench(t, nil)
	for head, want := range map[string]string{
		"Diversion: \"A, B\" <sip:+4930111@x.example;user=phone>;reason=unconditional, " +
			"<sip:2@x.example>\r\n": "+4930111",
		"History-Info: <sip:+4930222@x.example>;index=1\r\nHistory-Info: " +
			"<sip:100@x.example;cause=302>;index=1.1\r\n": "+4930222",
		"Diversion: <tel:+4930333>\r\n": "+4930333",
		"Diversion: nonsense\r\n":       "",
	} {
		p := newPeer(t, b)
		p.request("INVITE", sdpHead+head, sdpOf(30000, ""))
		l := b.leg()
		if got := l.Info().ForwardedFrom; got != want {
			t.Errorf("%s: forwarded from %q", head, got)
		}
		if err := l.Early(context.Background()); err != nil {
			t.Fatal(err)
		}
		if m := p.expect("183"); !strings.Contains(m.body, "m=audio") || m.tag() == "" {
			t.Errorf("183 without sound:\n%s", m.body)
		}
		l.Answer(context.Background())
		p.tag = p.expect("200").tag()
		p.requestAs("ACK", p.seq, "", "")
		b.mu.Lock()
		a := b.audio[len(b.audio)-1]
		b.mu.Unlock()
		if a.count() != 1 {
			t.Errorf("%d sessions went live, want 1", a.count())
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}
