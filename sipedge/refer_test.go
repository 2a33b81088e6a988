package sipedge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// transfersOf gives what the party of a leg asks for.
func transfersOf(t *testing.T, l interpreter.Leg) <-chan *interpreter.Transfer {
	t.Helper()
	got := make(chan *interpreter.Transfer, 4)
	l.(interpreter.Transferable).OnTransfer(func(x *interpreter.Transfer) error {
		got <- x
		return nil
	})
	return got
}

// fragment reads a NOTIFY of a transfer and answers it.
func (p *peer) fragment() (code, state string) {
	p.t.Helper()
	n := p.expect("NOTIFY")
	if n.get("content-type") != "message/sipfrag;version=2.0" {
		p.t.Errorf("NOTIFY carries %s", n.get("content-type"))
	}
	p.answer(n, 200, "", "", "")
	_, rest, _ := strings.Cut(n.body, " ")
	code, _, _ = strings.Cut(rest, " ")
	return code, n.get("event") + " " + n.get("subscription-state")
}

// A REFER is accepted with 202, and the peer is told of each step, the last one with the end of the subscription.
func TestReferIsToldOfItsOutcome(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	got := transfersOf(t, l)
	p.request("REFER", "Refer-To: \"Carol\" <sip:carol@192.0.2.9;user=phone?X-Evil=1>\r\n"+
		"Referred-By: <sip:ann@here>\r\n", "")
	event := fmt.Sprintf("refer;id=%d ", p.seq)
	p.expect("202")
	if code, state := p.fragment(); code != "100" || state != event+"active;expires=600" {
		t.Errorf("first NOTIFY: %s %s", code, state)
	}
	x := <-got
	if x.To.URI != "sip:carol@192.0.2.9;user=phone" || x.To.User != "carol" || x.Local || x.Replaces != "" ||
		x.ReferredBy != "<sip:ann@here>" {
		t.Errorf("%+v", x)
	}
	p.request("REFER", "Refer-To: <sip:dave@192.0.2.9>\r\n", "")
	if m := p.expect("491"); !strings.Contains(m.get("warning"), "under way") {
		t.Errorf("second REFER: %v", m.head)
	}
	x.Progress(180)
	x.Progress(180)
	if code, _ := p.fragment(); code != "180" {
		t.Errorf("ringing is told as %s", code)
	}
	done := make(chan struct{})
	go func() { defer close(done); x.Done(486) }()
	if code, state := p.fragment(); code != "486" || state != event+"terminated;reason=noresource" {
		t.Errorf("last NOTIFY: %s %s", code, state)
	}
	<-done
	p.request("REFER", "Refer-To: <sip:dave@192.0.2.9>\r\nRefer-Sub: false\r\n", "")
	if m := p.expect("202"); m.get("refer-sub") != "false" {
		t.Errorf("Refer-Sub: %v", m.head)
	}
	(<-got).Done(200)
	if m, ok := p.try(100 * time.Millisecond); ok {
		t.Errorf("told of what it does not want to know: %s", m.start)
	}
}

// What a REFER may hold, and how it is refused.
func TestReferRefused(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b)
	refer := func(head, want string) {
		t.Helper()
		p.request("REFER", head, "")
		if m := p.next(); m.code() != want || want[0] >= '4' && (m.get("reason") == "" || m.get("warning") == "") {
			t.Errorf("%q: %s %v, want %s with Reason and Warning", head, m.start, m.head, want)
		}
	}
	refer("Refer-To: <sip:carol@192.0.2.9>\r\n", "603") // nobody is talked with
	transfersOf(t, l)
	refer("", "400")
	refer("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n", "400")
	refer("Refer-To: <http://example.com/>\r\n", "416")
	refer("Refer-To: <sip:a@192.0.2.9;method=SUBSCRIBE>\r\n", "501")
	refer("Refer-To: <sip:a@192.0.2.9?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", "481")
	refer("Refer-To: <sip:a%0d%0aVia:x@192.0.2.9>\r\n", "400")
	l.(interpreter.Transferable).OnTransfer(func(*interpreter.Transfer) error {
		return &interpreter.Refusal{Code: 603, Reason: "not here"}
	})
	refer("Refer-To: <sip:carol@192.0.2.9>\r\n", "603")
}

// A stranger, and anybody outside a call, cannot have calls made.
func TestReferOutsideACall(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("REFER", "Refer-To: <sip:carol@192.0.2.9>\r\n", "")
	if m := p.next(); m.code() != "403" {
		t.Errorf("a stranger's REFER: %s", m.start)
	}
	p.tag = "nothing"
	p.request("REFER", "Refer-To: <sip:carol@192.0.2.9>\r\n", "")
	if m := p.next(); m.code() != "481" {
		t.Errorf("REFER in no dialog: %s", m.start)
	}
}

// An attended transfer names the other call of the same telephone, with the tags either way round, and no call of
// someone else's account.
func TestReferReplaces(t *testing.T) {
	b := newBench(t, nil)
	p, q := newPeer(t, b), newPeer(t, b)
	l, other := p.call(b), q.call(b)
	got := transfersOf(t, l)
	for _, tags := range [][2]string{{q.tag, q.from}, {q.from, q.tag}} {
		p.request("REFER", fmt.Sprintf("Refer-To: <sip:100@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s"+
			"&Require=replaces>\r\n", p.edge, q.id, tags[0], tags[1]), "")
		p.expect("202")
		p.fragment()
		x := <-got
		if x.Replaces != other.Info().ID || !x.Local {
			t.Errorf("%+v, want the leg %s", x, other.Info().ID)
		}
		done := make(chan struct{})
		go func() { defer close(done); x.Done(200) }()
		p.fragment()
		<-done
	}
	other.(*Leg).mu.Lock()
	other.(*Leg).info.Account = "another"
	other.(*Leg).mu.Unlock()
	p.request("REFER", fmt.Sprintf("Refer-To: <sip:100@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n",
		p.edge, q.id, q.tag, q.from), "")
	p.expect("481")
}

// A REFER of ours gives what the telephone answers and tells.
func TestReferOut(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	l := p.call(b).(*Leg)
	type result struct {
		interpreter.Referred
		err error
	}
	refer := func(to interpreter.ReferTarget) <-chan result {
		done := make(chan result, 1)
		go func() {
			r, err := l.Refer(context.Background(), to)
			done <- result{r, err}
		}()
		return done
	}
	done := refer(interpreter.ReferTarget{URI: "sip:carol@192.0.2.9",
		Headers: []interpreter.Header{{Name: "X-Note", Value: "a b&c"}}})
	m := p.expect("REFER")
	if m.get("refer-to") != "<sip:carol@192.0.2.9?X-Note=a%20b%26c>" || m.get("referred-by") == "" {
		t.Errorf("REFER %v", m.head)
	}
	p.answer(m, 202, "", "", "")
	notify := func(state, body, want string) {
		t.Helper()
		p.request("NOTIFY", "Event: refer\r\nSubscription-State: "+state+"\r\nContent-Type: message/sipfrag\r\n", body)
		p.expect(want)
	}
	notify("active;expires=60", "SIP/2.0 100 Trying\r\n", "200")
	notify("terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n", "200")
	if r := <-done; r.err != nil || r.Code != 202 || r.Notified != 486 || !r.Final {
		t.Errorf("%+v", r)
	}
	done = refer(interpreter.ReferTarget{URI: "sip:carol@192.0.2.9"})
	p.answer(p.expect("REFER"), 405, "", "", "")
	if r := <-done; r.err != nil || r.Code != 405 || r.Notified != 0 {
		t.Errorf("%+v", r)
	}
	if r := <-refer(interpreter.ReferTarget{URI: "sip:carol@192.0.2.9",
		Headers: []interpreter.Header{{Name: "X-Note", Value: "a\r\nVia: x"}}}); interpreter.CodeOf(r.err) != faultHeader {
		t.Errorf("a value with a line break: %+v", r)
	}
	done = refer(interpreter.ReferTarget{URI: "sip:carol@192.0.2.9"})
	p.answer(p.expect("REFER"), 202, "", "", "")
	p.request("BYE", "", "")
	p.expect("200")
	if r := <-done; r.err == nil || r.Code != 202 || r.Notified != 0 {
		t.Errorf("a hang-up: %+v", r)
	}
}

// An attended transfer by us escapes the other call's names.
func TestReferOutReplaces(t *testing.T) {
	b := newBench(t, nil)
	p, q := newPeer(t, b), newPeer(t, b)
	l, other := p.call(b).(*Leg), q.call(b)
	go l.Refer(context.Background(), interpreter.ReferTarget{Replaces: other})
	m := p.expect("REFER")
	want := fmt.Sprintf("<sip:ann@127.0.0.1?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", q.id, q.from, q.tag)
	if m.get("refer-to") != want {
		t.Errorf("Refer-To %s, want %s", m.get("refer-to"), want)
	}
	p.answer(m, 603, "", "", "")
}

// taking is a bench whose calls may be taken over.
type taking struct {
	*bench
	taken chan string
}

func (k taking) TakeOver(leg interpreter.Leg, id string) error {
	k.taken <- id
	return leg.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByEngine, Code: 480})
}

// INVITE with Replaces is matched and refused as RFC 3891 §3 says.
func TestInviteReplaces(t *testing.T) {
	taken := make(chan string, 4)
	b := newBench(t, func(c *Config) { c.Calls = taking{c.Calls.(*bench), taken} })
	p := newPeer(t, b)
	l := p.call(b)
	for _, c := range []struct{ head, want string }{
		{"Replaces: " + p.id + ";to-tag=" + p.tag + ";from-tag=" + p.from + "\r\n", "480"},
		{"Replaces: " + p.id + ";to-tag=" + p.tag + ";from-tag=" + p.from + ";early-only\r\n", "486"},
		{"Replaces: " + p.id + ";to-tag=x;from-tag=" + p.from + "\r\n", "481"},
		{"Replaces: " + p.id + "\r\n", "400"},
	} {
		q := newPeer(t, b)
		q.request("INVITE", sdpHead+"Require: replaces\r\n"+c.head, sdpOf(30002, ""))
		m := q.expect(c.want)
		q.requestAs("ACK", q.seq, "", "")
		if c.want != "480" && m.get("warning") == "" {
			t.Errorf("%s without Warning", c.want)
		}
	}
	if len(taken) != 1 || <-taken != l.Info().ID {
		t.Error("the call was not taken over once")
	}
	p2 := newPeer(t, b)
	p2.request("INVITE", sdpHead+"Replaces: "+p.id+";to-tag="+p.tag+";from-tag="+p.from+"\r\n", sdpOf(30002, ""))
	p2.expect("480")
	l.(*Leg).mu.Lock()
	l.(*Leg).info.Account = "someone"
	l.(*Leg).mu.Unlock()
	q := newPeer(t, b)
	q.request("INVITE", sdpHead+"Replaces: "+p.id+";to-tag="+p.tag+";from-tag="+p.from+"\r\n", sdpOf(30002, ""))
	q.expect("403")
}

// What telephones write into Refer-To and Replaces is read without a crash, and never hides a line break.
func FuzzRefer(f *testing.F) {
	f.Add("<sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>", "x;to-tag=1;from-tag=2")
	f.Add("sip:a@b", ";;=;")
	f.Fuzz(func(t *testing.T, to, replaces string) {
		if r, ok := parseReplaces(replaces); ok && (r.callID == "" || hasControl(r.callID+r.to+r.from)) {
			t.Errorf("%q gives %+v", replaces, r)
		}
		if n, err := parseNameAddr(to); err == nil {
			_, query, _ := strings.Cut(n.uri, "?")
			replacesIn(query)
		}
		if out, err := referTo(interpreter.ReferTarget{URI: to,
			Headers: []interpreter.Header{{Name: "X-A", Value: replaces}}}); err == nil && hasControl(out) {
			t.Errorf("%q holds control characters", out)
		}
		fragmentCode([]byte(to))
	})
}
