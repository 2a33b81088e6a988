package sipedge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

func TestRAck(t *testing.T) {
	for text, want := range map[string]bool{
		"776656 1 INVITE": true, " 1  2\tINVITE ": true, "1 2": false, "": false, "1 2 INV@TE": false, "-1 2 INVITE": false,
		"1 2147483648 INVITE": false, "4294967296 1 INVITE": false, "1 2 INVITE x": false,
	} {
		if _, ok := parseRAck(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

func FuzzRAck(f *testing.F) {
	f.Add("776656 1 INVITE")
	f.Add("1 2 X Y")
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseRAck(s)
		if !ok {
			return
		}
		if again, ok := parseRAck(fmt.Sprintf("%d %d %s", a.rseq, a.cseq, a.method)); !ok || again != a {
			t.Errorf("%q reads as %+v, then as %+v", s, a, again)
		}
	})
}

func (p *peer) prack(ringing message, head, body string) {
	p.request("PRACK", "RAck: "+ringing.get("rseq")+" "+ringing.get("cseq")+"\r\n"+head, body)
}

// To a caller who insists, each provisional comes reliably: repeated until its PRACK, one after the other, and the 200
// waits for the one that carries our answer.
func TestReliableRinging(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", "Require: 100rel\r\nAllow: INVITE, UPDATE, PRACK\r\n"+sdpHead, sdpOf(30000, ""))
	inviteSeq := p.seq
	l := b.leg()
	ringing := p.expect("180")
	if ringing.get("require") != "100rel" || ringing.get("rseq") == "" {
		t.Fatalf("180 is not reliable: %v", ringing.head)
	}
	if again := p.expect("180"); again.get("rseq") != ringing.get("rseq") {
		t.Errorf("repeated 180 has RSeq %s, was %s", again.get("rseq"), ringing.get("rseq"))
	}
	if err := l.Early(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.tag = ringing.tag()
	p.request("PRACK", "RAck: 1 7 INVITE\r\n", "")
	p.expect("481")
	p.request("PRACK", "", "")
	p.expect("400")
	p.prack(ringing, "", "")
	p.expect("200")
	sound := p.expect("183")
	var first, second uint32
	fmt.Sscan(ringing.get("rseq"), &first)
	fmt.Sscan(sound.get("rseq"), &second)
	if second != first+1 || !strings.Contains(sound.body, "m=audio") {
		t.Errorf("183 with RSeq %d after %d:\n%s", second, first, sound.body)
	}
	answered := make(chan error, 1)
	go func() { answered <- l.Answer(context.Background()) }()
	p.expect("183") // and not 200
	select {
	case err := <-answered:
		t.Fatalf("the answer did not wait for the PRACK: %v", err)
	default:
	}
	p.prack(sound, "", "")
	p.expect("200")
	if err := done(t, answered); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	for !strings.HasSuffix(ok.get("cseq"), "INVITE") {
		ok = p.expect("200")
	}
	if ok.body != "" {
		t.Errorf("the 200 answers again:\n%s", ok.body)
	}
	p.requestAs("ACK", inviteSeq, "", "")
	p.prack(sound, "", "")
	p.expect("481")
	if b.sound().count() != 1 {
		t.Errorf("made live %d times", b.sound().count())
	}
	p.request("BYE", "", "")
	p.expect("200")
}

// An offer that comes with PRACK or UPDATE in the early dialog is answered there, and is what the call begins with.
func TestOffersBeforeTheAnswer(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Reliable = true })
	p := newPeer(t, b)
	p.request("INVITE", "Supported: 100rel\r\n"+sdpHead, sdpOf(30000, ""))
	invite := p.seq
	l := b.leg()
	ringing := p.expect("180")
	p.tag = ringing.tag()
	p.request("UPDATE", sdpHead, sdpOf(30002, ""))
	if m := p.expect("500"); m.get("retry-after") == "" {
		t.Error("500 without Retry-After")
	}
	p.prack(ringing, sdpHead, sdpOf(30002, "")) // nothing was answered yet
	p.expect("500")
	p.prack(ringing, "", "")
	p.expect("200")
	if err := l.Early(context.Background()); err != nil {
		t.Fatal(err)
	}
	sound := p.expect("183")
	p.prack(sound, sdpHead, sdpOf(30004, ""))
	if m := p.expect("200"); !strings.Contains(m.body, "m=audio") {
		t.Errorf("PRACK with an offer got:\n%s", m.body)
	}
	if s := b.sound().last(); s.Remote.Port() != 30004 {
		t.Errorf("session %+v", s)
	}
	p.request("UPDATE", sdpHead, sdpOf(30006, "a=sendonly\r\n"))
	if m := p.expect("200"); !strings.Contains(m.body, "a=recvonly") {
		t.Errorf("UPDATE got:\n%s", m.body)
	}
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.expect("200")
	p.requestAs("ACK", invite, "", "")
	if s := b.sound().last(); s.Remote.Port() != 30006 || !s.Held {
		t.Errorf("session of the call %+v", s)
	}
}

// To a late offer ours goes with the first reliable response, the answer comes in PRACK: sound before the answer.
func TestLateOfferWithEarlySound(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", "Supported: 100rel\r\n", "")
	invite := p.seq
	l := b.leg()
	p.expect("180")
	if err := l.Early(context.Background()); err != nil {
		t.Fatal(err)
	}
	sound := p.expect("183")
	if !strings.Contains(sound.body, "RTP/AVP 0 8 101") {
		t.Fatalf("183 without an offer:\n%s", sound.body)
	}
	p.tag = sound.tag()
	p.prack(sound, sdpHead, sdpOf(31000, ""))
	p.expect("200")
	if s := b.sound().last(); s.Remote.Port() != 31000 {
		t.Errorf("session %+v", s)
	}
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	if m := p.expect("200"); m.body != "" {
		t.Errorf("200 with a body:\n%s", m.body)
	}
	p.requestAs("ACK", invite, "", "")
	p.request("BYE", "", "")
	p.expect("200")
	hangupOf(t, l)
}

// Without PRACK the call is refused after 64*T1, and one that is cancelled meanwhile ends at once.
func TestMissingPRACK(t *testing.T) {
	b := newBench(t, func(c *Config) { c.T1 = 5 * time.Millisecond })
	p := newPeer(t, b)
	p.request("INVITE", "Require: 100rel\r\n"+sdpHead, sdpOf(30000, ""))
	l := b.leg()
	m := p.expect("504")
	p.tag = m.tag()
	p.requestAs("ACK", p.seq, "", "")
	if h := hangupOf(t, l); h.By != interpreter.ByEngine || h.Code != 504 {
		t.Errorf("hangup %+v", h)
	}
	q := newPeer(t, b)
	branch := q.request("INVITE", "Require: 100rel\r\n"+sdpHead, sdpOf(30000, ""))
	l = b.leg()
	q.expect("180")
	q.send(q.text("CANCEL", branch, q.seq, "", ""))
	q.expect("487")
	hangupOf(t, l)
}

// As caller: each reliable provisional of each phone gets its PRACK, in order, with the numbers of its own dialog; the
// answer in one of them is the answer; an UPDATE before the 2xx is answered.
func TestPRACKofOurs(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	if !strings.Contains(inv.get("supported"), "100rel") {
		t.Errorf("Supported %q", inv.get("supported"))
	}
	rel := func(tag string, rseq int, head, body string) {
		p.answer(inv, 183, tag, fmt.Sprintf("%sRequire: 100rel\r\nRSeq: %d\r\n%s", p.contact(), rseq, head), body)
	}
	rel("a", 10, "", "")
	m := p.expect("PRACK")
	if m.get("rack") != "10 "+inv.get("cseq") || m.tag() != "a" {
		t.Fatalf("PRACK %q to %q", m.get("rack"), m.get("to"))
	}
	p.answer(m, 200, "", "", "")
	rel("a", 12, "", "") // one is missing before it
	rel("a", 10, "", "") // seen
	p.request("OPTIONS", "", "")
	p.expect("200") // both have been looked at
	rel("a", 11, sdpHead, sdpOf(32000, ""))
	m = p.expect("PRACK")
	if m.get("rack") != "11 "+inv.get("cseq") {
		t.Errorf("PRACK %q, want that of 11", m.get("rack"))
	}
	last := m.get("cseq")
	p.answer(m, 200, "", "", "")
	rel("b", 500, sdpHead, sdpOf(33000, ""))
	m = p.expect("PRACK")
	if m.get("rack") != "500 "+inv.get("cseq") || m.tag() != "b" {
		t.Errorf("PRACK %q to %q", m.get("rack"), m.get("to"))
	}
	p.answer(m, 200, "", "", "")
	waitFor(t, "the sound of b", func() bool { return b.sound().last().Remote.Port() == 33000 })

	// The far end changes its mind before it answers.
	_, ours, _ := strings.Cut(inv.get("from"), "tag=")
	from := fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nFrom: <sip:bob@x>;tag=a\r\nTo: <sip:x@y>;tag=%s\r\n"+
		"Call-ID: %s\r\nMax-Forwards: 70\r\nContact: <sip:bob@%s>\r\n",
		p.addr(), token(5), ours, inv.get("call-id"), p.addr())
	body := sdpOf(32002, "")
	p.send(fmt.Sprintf("UPDATE sip:x@%s SIP/2.0\r\n%sCSeq: 7 UPDATE\r\n%sContent-Length: %d\r\n\r\n%s",
		p.edge, from, sdpHead, len(body), body))
	if u := p.expect("200"); !strings.Contains(u.body, "m=audio") || !strings.HasSuffix(u.get("cseq"), "UPDATE") {
		t.Errorf("UPDATE in the early dialog: %s\n%s", u.start, u.body)
	}
	if s := b.sound().last(); s.Remote.Port() != 32002 {
		t.Errorf("session %+v", s)
	}
	p.answer(inv, 200, "a", p.contact(), "")
	p.expect("ACK")
	out := b.wait(done)
	if out.err != nil {
		t.Fatal(out.err)
	}
	if s := b.sound().last(); s.Remote.Port() != 32002 {
		t.Errorf("session of the call %+v", s)
	}
	if err := out.leg.Hangup(context.Background(), hangupNow); err != nil {
		t.Fatal(err)
	}
	bye := p.expect("BYE")
	var prack, end int
	fmt.Sscan(last, &prack)
	fmt.Sscan(bye.get("cseq"), &end)
	if end <= prack {
		t.Errorf("BYE has number %d after PRACK %d", end, prack)
	}
	p.answer(bye, 200, "", "", "")
}

// Without an offer of ours the far end offers: in a reliable provisional, which is answered in PRACK, or in its 200,
// which is answered in ACK. What cannot be answered ends the call.
func TestLateOfferOfOurs(t *testing.T) {
	b := newBench(t, func(c *Config) { c.LateOffer = true })
	p := newPeer(t, b)
	early := func(inv message) {
		if inv.body != "" {
			t.Errorf("INVITE with an offer:\n%s", inv.body)
		}
		p.answer(inv, 183, "a", p.contact()+"Require: 100rel\r\nRSeq: 5\r\n"+sdpHead, sdpOf(32000, ""))
		m := p.expect("PRACK")
		if !strings.Contains(m.body, "m=audio") || !strings.Contains(m.body, "RTP/AVP 8 101") {
			t.Errorf("PRACK without an answer:\n%s", m.body)
		}
		p.answer(m, 200, "", "", "")
	}
	call := b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	early(inv)
	waitFor(t, "early sound", func() bool { return b.sound().last().Remote.Port() == 32000 })
	p.answer(inv, 200, "a", p.contact(), "")
	if m := p.expect("ACK"); m.body != "" {
		t.Errorf("ACK with a body:\n%s", m.body)
	}
	end := func(out dialled) {
		t.Helper()
		if out.err != nil {
			t.Fatal(out.err)
		}
		if err := out.leg.Hangup(context.Background(), hangupNow); err != nil {
			t.Fatal(err)
		}
		p.answer(p.expect("BYE"), 200, "", "", "")
	}
	end(b.wait(call))

	call = b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
	p.answer(p.expect("INVITE"), 200, "b", p.contact()+sdpHead, sdpOf(33000, ""))
	if m := p.expect("ACK"); !strings.Contains(m.body, "RTP/AVP 8 101") {
		t.Errorf("ACK without an answer:\n%s", m.body)
	}
	end(b.wait(call))
	b.mu.Lock()
	second := b.audio[1]
	b.mu.Unlock()
	if s := second.last(); s.Remote.Port() != 33000 {
		t.Errorf("session %+v", s)
	}

	for name, body := range map[string]string{"none": "", "unusable": sdpOf(0, "")} {
		call = b.dial(context.Background(), interpreter.Target{URI: p.uri()}, interpreter.DialOptions{})
		head := p.contact()
		if body != "" {
			head += sdpHead
		}
		p.answer(p.expect("INVITE"), 200, "c", head, body)
		p.expect("ACK")
		p.answer(p.expect("BYE"), 200, "", "", "")
		if out := b.wait(call); out.err == nil {
			t.Errorf("offer %s: the call was taken", name)
		}
	}
}
