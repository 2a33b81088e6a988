package sipedge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// holding runs a change of a leg in the background.
func holding(t *testing.T, do func(context.Context) error) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	t.Cleanup(cancel)
	go func() { result <- do(ctx) }()
	return result
}

func (p *peer) agree(req message, extra string) {
	p.answer(req, 200, "", p.contact()+sdpHead, sdpOf(30000, extra))
}

// originOf is the o= line of a description.
func originOf(body string) string {
	_, line, _ := strings.Cut(body, "o=")
	line, _, _ = strings.Cut(line, "\r\n")
	return line
}

func done(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(4 * time.Second):
		t.Fatal("the change did not come to an end")
		return nil
	}
}

// Hold and Resume are re-INVITEs whose answer, and nothing before, changes the sound; a hold that holds already asks
// nobody; an offer that changes nothing repeats the version of o=.
func TestHoldAndResume(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b).(interpreter.Holder)
	a := b.sound()
	first := a.count()

	result := holding(t, l.Hold)
	m := p.expect("INVITE")
	if !strings.Contains(m.body, "a=sendonly") || !strings.Contains(m.body, "RTP/AVP 8 101\r\n") {
		t.Errorf("offer of the hold:\n%s", m.body)
	}
	if a.count() != first {
		t.Error("the sound changed before the answer")
	}
	p.agree(m, "a=recvonly\r\n")
	if ack := p.expect("ACK"); ack.get("cseq") != strings.Replace(m.get("cseq"), "INVITE", "ACK", 1) {
		t.Errorf("ACK %s", ack.get("cseq"))
	}
	p.agree(m, "a=recvonly\r\n") // the ACK was lost
	p.expect("ACK")
	if err := done(t, result); err != nil {
		t.Fatal(err)
	}
	if s := a.last(); s.Recv || !s.Send || s.Held {
		t.Errorf("session on hold %+v", s)
	}
	if err := done(t, holding(t, l.Hold)); err != nil {
		t.Errorf("second hold: %v", err)
	}
	// An offer of theirs does not end our hold.
	p.request("UPDATE", sdpHead, sdpOf(30000, ""))
	if ok := p.expect("200"); !strings.Contains(ok.body, "a=sendonly") || a.last().Recv {
		t.Errorf("answer while we hold:\n%s", ok.body)
	}

	result = holding(t, l.Resume)
	again := p.expect("INVITE")
	p.agree(again, "")
	if err := done(t, result); err != nil {
		t.Fatal(err)
	}
	if s := a.last(); !s.Recv || !s.Send {
		t.Errorf("session after the resume %+v", s)
	}
	if originOf(again.body) == originOf(m.body) {
		t.Errorf("o=%s although the description changed", originOf(again.body))
	}
}

// A refused change leaves everything as it was.
func TestRefusedChange(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	before := b.sound().count()
	result := holding(t, l.(interpreter.Holder).Hold)
	p.answer(p.expect("INVITE"), 488, "", "", "")
	p.expect("ACK")
	var refused *interpreter.ChangeError
	if err := done(t, result); !errors.As(err, &refused) || refused.Code != 488 {
		t.Errorf("refused hold: %v", err)
	}
	if b.sound().count() != before || l.Context().Err() != nil {
		t.Error("the refusal changed something")
	}
	result = holding(t, func(ctx context.Context) error {
		return l.(interpreter.Holder).Renegotiate(ctx, []string{"PCMU"})
	})
	m := p.expect("INVITE")
	if !strings.Contains(m.body, "RTP/AVP 0 101\r\n") || !strings.Contains(m.body, "a=sendrecv") {
		t.Errorf("offer of other codecs:\n%s", m.body)
	}
	p.agree(m, "")
	if err := done(t, result); err != nil {
		t.Fatal(err)
	}
	if s := b.sound().last(); s.Codec != "PCMA" && s.Codec != "PCMU" {
		t.Errorf("session %+v", s)
	}
}

// Glare: theirs is refused with 491 while ours is open, ours is repeated after a pause when they refuse it so.
func TestGlare(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	result := holding(t, l.(interpreter.Holder).Hold)
	first := p.expect("INVITE")
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	theirs := p.seq
	if m := p.expect("491"); m.get("cseq") != fmt.Sprintf("%d INVITE", theirs) {
		t.Errorf("491 to %s", m.get("cseq"))
	}
	p.requestAs("ACK", theirs, "", "")
	p.request("UPDATE", sdpHead, sdpOf(30000, ""))
	p.expect("491")
	p.request("UPDATE", "", "") // without an offer there is no glare
	p.expect("200")
	p.answer(first, 491, "", "", "")
	p.expect("ACK")
	changed, second := p.changeInThePause(first)
	if !strings.Contains(changed.body, "a=sendrecv") {
		t.Errorf("answer in the pause:\n%s", changed.body)
	}
	if !strings.Contains(second.body, "a=sendonly") || second.get("cseq") == first.get("cseq") {
		t.Errorf("repeated offer %s:\n%s", second.get("cseq"), second.body)
	}
	p.agree(second, "a=recvonly\r\n")
	if err := done(t, result); err != nil {
		t.Fatal(err)
	}
}

// changeInThePause makes a change between an INVITE of the edge that was refused with 491 and its repetition, which it
// gives with the answer to the change. The pause is of random length, so the repetition may be faster; then it is
// refused once more.
func (p *peer) changeInThePause(refused message) (changed, repeated message) {
	p.t.Helper()
	old := map[string]bool{refused.get("cseq"): true}
	fresh := func(m message) bool { return m.method() == "INVITE" && !old[m.get("cseq")] }
	for {
		p.request("UPDATE", sdpHead, sdpOf(30010, ""))
		update := fmt.Sprintf("%d UPDATE", p.seq)
		for changed = (message{}); changed.get("cseq") != update; {
			if changed = p.next(); fresh(changed) {
				repeated = changed
			}
		}
		for repeated.start == "" {
			if m := p.next(); fresh(m) {
				repeated = m
			}
		}
		if changed.code() != "491" {
			return changed, repeated
		}
		old[repeated.get("cseq")] = true
		p.answer(repeated, 491, "", "", "")
		repeated = message{}
		p.expect("ACK")
	}
}

func TestGlareWait(t *testing.T) {
	ours := &dialog{edge: &Edge{t1: defaultT1}, caller: true}
	theirs := &dialog{edge: &Edge{t1: defaultT1}}
	for range 1000 {
		if w := ours.glareWait(); w < 2100*time.Millisecond || w > 4*time.Second || w%(10*time.Millisecond) != 0 {
			t.Fatalf("owner of the Call-ID waits %v", w)
		}
		if w := theirs.glareWait(); w < 0 || w > 2*time.Second || w%(10*time.Millisecond) != 0 {
			t.Fatalf("the other party waits %v", w)
		}
	}
}

// What a refusal asks for is done: a longer session, credentials, another method. 481 ends the call.
func TestChangeAfterRefusals(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	got := make(chan dialled, 1)
	go func() {
		l, err := b.edge.Dial(context.Background(), interpreter.Target{URI: "sip:bob@" + p.addr(), Username: "bob",
			Password: "secret"}, interpreter.DialOptions{From: interpreter.Address{User: "100"}})
		got <- dialled{leg: l, err: err}
	}()
	inv := p.expect("INVITE")
	if inv.get("session-expires") != "1800" || inv.get("min-se") != "90" {
		t.Errorf("INVITE asks for %q, %q", inv.get("session-expires"), inv.get("min-se"))
	}
	p.answer(inv, 422, "x", "Min-SE: 2400\r\n", "")
	p.expect("ACK")
	if inv = p.expect("INVITE"); inv.get("session-expires") != "2400" || inv.get("min-se") != "2400" {
		t.Errorf("second INVITE asks for %q, %q", inv.get("session-expires"), inv.get("min-se"))
	}
	p.answer(inv, 200, "bob", p.contact()+"Allow: INVITE, ACK, BYE, UPDATE\r\n"+
		"Session-Expires: 2400;refresher=uas\r\n"+sdpHead, sdpOf(30000, ""))
	p.expect("ACK")
	out := <-got
	if out.err != nil {
		t.Fatal(out.err)
	}
	result := holding(t, out.leg.(interpreter.Holder).Hold)
	m := p.expect("INVITE")
	if m.get("session-expires") != "2400;refresher=uas" {
		t.Errorf("re-INVITE asks for %q", m.get("session-expires"))
	}
	p.answer(m, 407, "", "Proxy-Authenticate: Digest realm=\"x\", nonce=\"n1\", qop=\"auth\"\r\n", "")
	p.expect("ACK")
	m = p.expect("INVITE")
	if !strings.Contains(m.get("proxy-authorization"), `username="bob"`) {
		t.Errorf("no credentials: %v", m.head)
	}
	p.answer(m, 422, "", "Min-SE: 3000\r\n", "")
	p.expect("ACK")
	if m = p.expect("INVITE"); m.get("min-se") != "3000" || m.get("session-expires") != "3000;refresher=uas" {
		t.Errorf("after 422: %q %q", m.get("session-expires"), m.get("min-se"))
	}
	p.answer(m, 501, "", "", "")
	p.expect("ACK")
	u := p.expect("UPDATE")
	if !strings.Contains(u.body, "a=sendonly") {
		t.Errorf("UPDATE in its place:\n%s", u.body)
	}
	p.answer(u, 481, "", "", "")
	var refused *interpreter.ChangeError
	if err := done(t, result); !errors.As(err, &refused) && !errors.Is(err, interpreter.ErrCallOver) {
		t.Errorf("after 481: %v", err)
	}
	p.answer(p.expect("BYE"), 200, "", "", "")
	if h := hangupOf(t, out.leg); h.By != interpreter.ByEngine || h.Code != 481 {
		t.Errorf("hangup %+v", h)
	}
}

// A hang-up does not wait for a change; what crosses is acknowledged.
func TestHangupDuringChange(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	result := holding(t, l.(interpreter.Holder).Hold)
	m := p.expect("INVITE")
	if err := l.Hangup(context.Background(), hangupNow); err != nil {
		t.Fatal(err)
	}
	if err := done(t, result); !errors.Is(err, interpreter.ErrCallOver) {
		t.Errorf("hold of an ended call: %v", err)
	}
	p.answer(p.expect("BYE"), 200, "", "", "")
	p.agree(m, "")
	p.expect("ACK")
}

// A change that nobody answers ends the call; one that only rings is cancelled.
func TestChangeWithoutAnswer(t *testing.T) {
	b := newBench(t, func(c *Config) { c.T1 = 5 * time.Millisecond })
	p := newPeer(t, b)
	l := p.call(b)
	result := holding(t, l.(interpreter.Holder).Hold)
	m := p.expect("INVITE")
	p.answer(m, 180, "", "", "")
	p.answer(p.expect("CANCEL"), 200, "", "", "")
	p.answer(m, 487, "", "", "")
	var refused *interpreter.ChangeError
	if err := done(t, result); !errors.As(err, &refused) || refused.Code != 487 {
		t.Errorf("cancelled hold: %v", err)
	}
	if l.Context().Err() != nil {
		t.Fatal("the call has ended")
	}
	result = holding(t, l.(interpreter.Holder).Hold)
	p.answer(p.expect("BYE"), 200, "", "", "")
	done(t, result)
	if h := hangupOf(t, l); h.Code != 408 {
		t.Errorf("hangup %+v", h)
	}
}
