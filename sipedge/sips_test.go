package sipedge

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// A call for a sips address that came by TLS gets a sips Contact, and what we send later goes by TLS although the
// peer's own Contact says UDP and its connection is gone (RFC 5630 §3).
func TestSipsCall(t *testing.T) {
	a := newAuthority(t)
	b := secureBench(t, a, nil)
	c, err := tls.Dial("tcp", b.edge.AddrOf("TLS"), &tls.Config{RootCAs: a.pool})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", a.server("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := newStreamPeer(t, c)
	host := ln.Addr().String()
	forSips := func(method, to string, body string) string {
		text := strings.Replace(streamRequest(method, "TLS", host, to, 1, body), " sip:100@", " sips:100@", 1)
		return strings.Replace(text, ";transport=tls>", ";transport=udp>", 1)
	}
	p.send(forSips("INVITE", "", string(secureOffer("RTP/SAVP", inline("1", "AES_CM_128_HMAC_SHA1_80", "k", 30)))))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	if want := "<sips:" + b.edge.AddrOf("TLS") + ">"; ok.get("contact") != want {
		t.Errorf("Contact %s, want %s", ok.get("contact"), want)
	}
	p.send(forSips("ACK", ";tag="+ok.tag(), ""))
	p.send(streamRequest("OPTIONS", "TLS", "after.invalid", "", 1, ""))
	p.expect("200") // so the ACK was read
	c.Close()
	waitFor(t, "the connection to be gone", func() bool {
		return !b.edge.hasFlow(flow{"TLS", c.LocalAddr().String()})
	})
	byes := make(chan message, 1)
	go func() {
		defer close(byes)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if m, err := newStreamPeer(t, c).read(); err == nil {
			byes <- m
		}
	}()
	if err := l.Hangup(context.Background(), hangupNow); err != nil {
		t.Fatal(err)
	}
	if bye := <-byes; bye.method() != "BYE" || !strings.HasPrefix(bye.get("via"), "SIP/2.0/TLS ") {
		t.Errorf("by TLS came %v", bye.start)
	}
}

// Without TLS a call for a sips address is refused with the warning of RFC 5630 §6.3.
func TestSipsInClear(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.send(strings.Replace(p.text("INVITE", "z9hG4bKs", 1, sdpHead, sdpOf(30000, "")), " sip:", " sips:", 1))
	m := p.expect("480")
	if !strings.HasPrefix(m.get("warning"), "380 ") {
		t.Errorf("Warning %q", m.get("warning"))
	}
}

func TestDemands(t *testing.T) {
	for _, tc := range []struct {
		uri, wire string
		want      demand
	}{
		{"sip:bob@example.com", "sip:bob@example.com", demand{}},
		{"sips:bob@example.com", "sips:bob@example.com", demand{tls: true}},
		{"sip:bob@example.com;secure=true", "sip:bob@example.com;transport=tls", demand{srtp: true}},
		{"sip:bob@example.com;secure=TRUE;transport=udp", "sip:bob@example.com;transport=udp", demand{srtp: true}},
		{"sip:bob@example.com;secure=false", "sip:bob@example.com", demand{}},
		{"sips:bob@example.com;secure=true", "sips:bob@example.com", demand{tls: true, srtp: true}},
	} {
		u, _, err := targetURI(tc.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := takeDemand(&u); got != tc.want || u.String() != tc.wire {
			t.Errorf("%s: %+v, on the wire %s", tc.uri, got, u.String())
		}
	}
}

// A registered phone that is reached in the clear does not get a call for its sips address; secure=true wants SRTP.
func TestDemandsOnWays(t *testing.T) {
	var plain, secured sip.Uri
	err := errors.Join(sip.ParseUri("sip:a@192.0.2.1", &plain), sip.ParseUri("sips:a@192.0.2.1", &secured))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		w    way
		d    demand
		err  error
		srtp SRTP
	}{
		{"in the clear", way{uri: plain, hop: flow{network: "UDP"}}, demand{}, nil, SRTPDefault},
		{"SRTP in the clear", way{uri: plain, hop: flow{network: "UDP"}}, demand{srtp: true}, nil, SRTPRequired},
		{"sips in the clear", way{uri: plain, hop: flow{network: "TCP"}}, demand{tls: true}, errDowngrade, SRTPDefault},
		{"sips by TLS", way{uri: plain, hop: flow{network: "TLS"}}, demand{tls: true}, nil, SRTPDefault},
		{"sips by WSS", way{uri: plain, hop: flow{network: "WSS"}}, demand{tls: true}, nil, SRTPDefault},
		{"sips contact in the clear", way{uri: secured, hop: flow{network: "UDP"}}, demand{}, errDowngrade, SRTPDefault},
		{"sips path in the clear", way{uri: plain, routes: []sip.Uri{secured}, hop: flow{network: "TCP"}}, demand{},
			errDowngrade, SRTPDefault},
	} {
		if err := tc.w.hold(tc.d); !errors.Is(err, tc.err) || tc.w.srtp != tc.srtp {
			t.Errorf("%s: %v, SRTP %v", tc.name, err, tc.w.srtp)
		}
	}
}

// ;secure=true of a document: TLS, SRTP alone, and nothing of it on the wire.
func TestSecureParameter(t *testing.T) {
	a := newAuthority(t)
	b := secureBench(t, a, nil)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", a.server("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	invites := make(chan message, 1)
	go func() {
		defer close(invites)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		p := newStreamPeer(t, c)
		m, err := p.read()
		if err != nil {
			return
		}
		invites <- m
		p.send("SIP/2.0 486 Busy Here\r\nVia: " + m.get("via") + "\r\nFrom: " + m.get("from") + "\r\nTo: " + m.get("to") +
			";tag=z\r\nCall-ID: " + m.get("call-id") + "\r\nCSeq: " + m.get("cseq") + "\r\nContent-Length: 0\r\n\r\n")
		_, _ = p.read() // the ACK
	}()
	b.wait(b.dial(t.Context(), interpreter.Target{URI: "sip:bob@" + ln.Addr().String() + ";secure=true"},
		interpreter.DialOptions{}))
	inv := <-invites
	if strings.Contains(inv.start, "secure") || !strings.Contains(inv.body, " RTP/SAVP ") {
		t.Errorf("%s\n%s", inv.start, inv.body)
	}
}

// Who was called by sips is not sent on to sip.
func TestSipsRedirection(t *testing.T) {
	res := sip.NewResponse(302, "Moved Temporarily")
	res.AppendHeader(sip.NewHeader("Contact", "<sip:a@192.0.2.1>"))
	res.AppendHeader(sip.NewHeader("Contact", "<sips:b@192.0.2.1>"))
	for scheme, want := range map[string]int{"sip": 2, "sips": 1} {
		if got := contactsOf(res, &sip.Uri{Scheme: scheme}); len(got) != want {
			t.Errorf("%s: sent on to %v", scheme, got)
		}
	}
}
