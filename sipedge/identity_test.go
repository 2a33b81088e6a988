package sipedge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pintle/interpreter"
)

// invited dials the peer and gives the INVITE, which it refuses.
func invited(b *bench, p *peer, to interpreter.Target, o interpreter.DialOptions) message {
	b.t.Helper()
	done := b.dial(context.Background(), to, o)
	inv := p.expect("INVITE")
	p.answer(inv, 486, "x", "", "")
	b.wait(done)
	p.expect("ACK")
	return inv
}

// The caller is shown as the privacy asks for, and asserted to a trunk that is trusted with it alone.
func TestIdentityPresented(t *testing.T) {
	var p *peer
	b := newBench(t, nil)
	p = newPeer(t, b)
	if err := b.edge.SetTrunks([]Trunk{
		{ID: "trusted", URI: "sip:" + p.addr(), Identity: true, Ping: -1},
		{ID: "plain", URI: "sip:" + p.addr(), Ping: -1}}); err != nil {
		t.Fatal(err)
	}
	ann := interpreter.Address{Display: "Ann", User: "+4930123"}
	for _, c := range []struct {
		privacy               interpreter.Privacy
		trunk                 string
		from, pai, restricted string
	}{
		{"", "trusted", `"Ann" <sip:+4930123@127.0.0.1>`, `"Ann" <sip:+4930123@127.0.0.1>`, ""},
		{"", "plain", `"Ann" <sip:+4930123@127.0.0.1>`, "", ""},
		{"full", "trusted", `"Anonymous" <sip:anonymous@anonymous.invalid>`, `"Ann" <sip:+4930123@127.0.0.1>`, "id"},
		{"full", "plain", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", "id"},
		{"name", "plain", `"Anonymous" <sip:+4930123@127.0.0.1>`, "", ""},
		{"number", "plain", `"Ann" <sip:anonymous@anonymous.invalid>`, "", "id"},
	} {
		inv := invited(b, p, interpreter.Target{URI: "+49301", Trunk: c.trunk},
			interpreter.DialOptions{From: ann, Privacy: c.privacy})
		if !strings.HasPrefix(inv.get("from"), c.from+";tag") || inv.get("p-asserted-identity") != c.pai ||
			inv.get("privacy") != c.restricted {
			t.Errorf("%s to %s: From %s, asserted %s, Privacy %s", c.privacy, c.trunk, inv.get("from"),
				inv.get("p-asserted-identity"), inv.get("privacy"))
		}
	}
}

// Forwarded and transferred calls say so, and telephones are told how to ring.
func TestHeadersOfTheCall(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	inv := invited(b, p, interpreter.Target{URI: "sip:bob@" + p.addr(), Alert: "Bellcore-dr2", AutoAnswer: true},
		interpreter.DialOptions{ForwardedBy: interpreter.Address{User: "201"}, ReferredBy: "<sip:ann@here>;cid=1"})
	want := map[string]string{
		"diversion":    "<sip:201@127.0.0.1>;reason=unconditional;counter=1",
		"history-info": "<sip:201@127.0.0.1>;index=1, <sip:bob@" + p.addr() + ">;index=1.1;mp=1",
		"referred-by":  "<sip:ann@here>;cid=1",
		"call-info":    "<sip:127.0.0.1>;answer-after=0",
		"answer-mode":  "Auto",
	}
	for name, value := range want {
		if inv.get(name) != value {
			t.Errorf("%s: %q, want %q", name, inv.get(name), value)
		}
	}
	if rings := fmt.Sprint(inv.head["alert-info"]); rings !=
		"[<http://127.0.0.1>;info=Bellcore-dr2 <http://127.0.0.1>;info=alert-autoanswer;delay=0]" {
		t.Errorf("Alert-Info %s", rings)
	}
	inv = invited(b, p, interpreter.Target{URI: "sip:bob@" + p.addr()}, interpreter.DialOptions{})
	for name := range want {
		if inv.get(name) != "" {
			t.Errorf("%s without being asked: %s", name, inv.get(name))
		}
	}
}

// Ring tones are names or URIs, and nothing that could end a header.
func TestAlertInfo(t *testing.T) {
	for text, want := range map[string]string{
		"Bellcore-dr2": "<http://127.0.0.1>;info=Bellcore-dr2", "info=external": "<http://127.0.0.1>;info=external",
		"http://a.test/ring.wav": "<http://a.test/ring.wav>", "<http://a.test/>;info=x": "<http://a.test/>;info=x",
		"urn:alert:source:internal": "<urn:alert:source:internal>",
	} {
		if got, err := alertInfo(text); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"a\r\nVia: x", "two words", "<http://a", "http://a>b", strings.Repeat("a", 300),
		"a%0d%0ab", "a\u2028b", `"x" <http://a>`, "<http://a>x"} {
		if got, err := alertInfo(text); interpreter.CodeOf(err) != faultHeader {
			t.Errorf("%q is sent as %q", text, got)
		}
	}
}

// The identity of a caller is believed from a trusted trunk alone.
func TestIdentityBelieved(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	head := sdpHead + "P-Asserted-Identity: \"Eve\" <sip:+1900@carrier.test>, <tel:+1900>\r\nPrivacy: id\r\n"
	ask := func() interpreter.LegInfo {
		p.id, p.tag = token(6), ""
		p.request("INVITE", head, sdpOf(30000, ""))
		l := b.leg()
		l.Hangup(context.Background(), hangupNow)
		p.expect("480")
		p.requestAs("ACK", p.seq, "", "")
		return l.Info()
	}
	if i := ask(); i.From.User != "ann" || i.Privacy != "" {
		t.Errorf("a stranger is believed: %+v", i)
	}
	for _, identity := range []bool{false, true} {
		if err := b.edge.SetTrunks([]Trunk{{ID: "t", URI: "sip:" + p.addr(), Identity: identity, Ping: -1}}); err != nil {
			t.Fatal(err)
		}
		if i := ask(); identity != (i.From.User == "+1900" && i.From.Display == "Eve" && i.Privacy == "full") {
			t.Errorf("trusted %v: %+v", identity, i)
		}
	}
}

// A redirection gives its addresses, the preferred ones first, without what a stranger put behind them.
func TestRedirection(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	done := b.dial(context.Background(), interpreter.Target{URI: "sip:bob@" + p.addr()}, interpreter.DialOptions{})
	inv := p.expect("INVITE")
	p.answer(inv, 302, "x", "Contact: <sip:low@192.0.2.1>;q=0.2, \"C\" <sip:best@192.0.2.2?X-Evil=1>\r\n"+
		"Contact: <mailto:a@b>\r\nContact: sip:mid@192.0.2.3;q=0.5\r\n", "")
	d := b.wait(done)
	var f *interpreter.DialError
	if !errors.As(d.err, &f) || f.Code != 302 ||
		strings.Join(f.Contacts, " ") != "sip:best@192.0.2.2 sip:mid@192.0.2.3 sip:low@192.0.2.1" {
		t.Errorf("%v: %q", d.err, f.Contacts)
	}
}
