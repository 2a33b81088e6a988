package sipedge

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var testSource = netip.MustParseAddrPort("192.0.2.77:5070")

// plain is a good request of a method, to be spoiled.
func plain(method string) string {
	contact := "Contact: <sip:ann@192.0.2.1>\r\n"
	return method + " sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport\r\n" +
		"Max-Forwards: 70\r\nFrom: <sip:ann@example.com>;tag=f\r\n" +
		"To: <sip:100@127.0.0.1>\r\nCall-ID: id1\r\nCSeq: 1 " + method + "\r\n" + contact + "Content-Length: 0\r\n\r\n"
}

// verdict is the code of the refusal, "drop", or "ok".
func verdict(text string) string {
	clean, reply, _ := newGuard().inspect([]byte(text), testSource, false)
	switch {
	case clean != nil:
		return "ok"
	case reply == nil:
		return "drop"
	}
	m := readMessage(string(reply))
	return strings.TrimPrefix(m.start, "SIP/2.0 ")
}

// R-SIP-2: every mandatory header missing, doubled, empty or garbage, for several methods.
func TestMandatoryHeaders(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS", "BYE", "REGISTER", "CANCEL", "DANCE"} {
		good := plain(method)
		if v := verdict(good); v != "ok" {
			t.Fatalf("%s: %s", method, v)
		}
		for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
			start := strings.Index(good, name+": ")
			end := start + strings.Index(good[start:], "\r\n") + 2
			line := good[start:end]
			for kind, with := range map[string]string{"absent": "", "twice": line + line, "empty": name + ":\r\n",
				"garbage": name + ": ;;<<\"\r\n"} {
				v := verdict(good[:start] + with + good[end:])
				switch {
				case name == "Via" && kind == "absent":
					if v != "drop" {
						t.Errorf("%s without Via: %s", method, v)
					}
				case name == "Via" && kind == "twice":
					if v != "ok" { // two hops
						t.Errorf("%s with two Via: %s", method, v)
					}
				case name == "Call-ID" && kind == "garbage":
					// RFC 3261 §25.1 lets a word hold all of these.
				case !strings.HasPrefix(v, "400 ") || !strings.Contains(v, name) && (name != "CSeq" || kind != "garbage"):
					t.Errorf("%s, %s %s: %s", method, name, kind, v)
				}
			}
		}
		if v := verdict(strings.Replace(good, "CSeq: 1 "+method, "CSeq: 1 ACK", 1)); v != "400 CSeq Method Does Not Match" {
			t.Errorf("%s against CSeq: %s", method, v)
		}
	}
}

// R-SIP-3, R-SIP-4, R-SIP-8 and the limits: one change each, and what it leads to.
func TestStrictLayer(t *testing.T) {
	many := func(line string, n int) string { return strings.Repeat(line, n) }
	for _, c := range []struct{ name, old, with, want string }{
		{"version", "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", "505"},
		{"old version", "SIP/2.0\r\nVia", "SIP/1.0\r\nVia", "505"},
		{"lower-case version", "SIP/2.0\r\nVia", "sip/2.0\r\nVia", "ok"},
		{"URI headers", "100@127.0.0.1 SIP", "100@127.0.0.1?a=b SIP", "400 Headers In Request-URI"},
		{"URI scheme", "sip:100@127.0.0.1 SIP", "ftp:100 SIP", "416"},
		{"question mark in user part", "100@127.0.0.1 SIP", "a?b@127.0.0.1 SIP", "ok"},
		{"URI in brackets", "sip:100@127.0.0.1 SIP", "<sip:100@127.0.0.1> SIP", "400"},
		{"bare IPv6", "100@127.0.0.1 SIP", "100@::1 SIP", "400"},
		{"port 70000", "100@127.0.0.1 SIP", "100@127.0.0.1:70000 SIP", "400"},
		{"two blanks", "OPTIONS sip", "OPTIONS  sip", "400"},
		{"method with colon", "OPTIONS sip", "OPT:ONS sip", "400"},
		{"length negative", "Length: 0", "Length: -1", "400"},
		{"length signed", "Length: 0", "Length: +0", "400"},
		{"length hex", "Length: 0", "Length: 0x0", "400"},
		{"length 2^32", "Length: 0", "Length: 4294967296", "413"},
		{"length beyond 64 bits", "Length: 0", "Length: 99999999999999999999", "400"},
		{"length too large", "Length: 0", "Length: 5", "400 Body Shorter"},
		{"length twice", "Content-Length: 0", "Content-Length: 0\r\nl: 0", "ok"},
		{"lengths differ", "Content-Length: 0", "Content-Length: 0\r\nl: 1", "400 Conflicting"},
		{"octet before colon", "To: ", "To\x01: ", "400 Malformed Header Name"},
		{"blank in name", "To: ", "T o: ", "400 Malformed Header Name"},
		{"bare CR", "Call-ID: id1", "Call-ID: i\rd1", "400 Control Octet In Call-ID"},
		{"bare LF", "Call-ID: id1", "Call-ID: i\nd1", "400 Control Octet In Call-ID"},
		{"NUL", "Call-ID: id1", "Call-ID: i\x00d1", "400 Control Octet In Call-ID"},
		{"NUL elsewhere", "Max-F", "X-A: \x00\r\nMax-F", "400 Control Octet In X-A"},
		{"no colon", "Max-F", "nonsense\r\nMax-F", "400 Header Without Colon"},
		{"headers", "Max-F", many("X-A: 1\r\n", 300) + "Max-F", "400 Too Many Headers"},
		{"line", "Max-F", "X-A: " + many("a", 9000) + "\r\nMax-F", "400 Header Line Too Long"},
		{"hops", "Max-F", many("v: SIP/2.0/UDP a.example;branch=z9hG4bKb\r\n", 71) + "Max-F", "483"},
		{"routes", "Max-F", many("Route: <sip:a.example;lr>\r\n", 21) + "Max-F", "400 Too Many Routes"},
		{"contacts", "Max-F", many("m: <sip:a.example>\r\n", 11) + "Max-F", "400 Too Many Contacts"},
		{"long URI", "100@127", many("1", 3000) + "@127", "414"},
		{"Max-Forwards 256", "Forwards: 70", "Forwards: 256", "400"},
		{"CSeq wraps", "CSeq: 1 ", "CSeq: 2147483648 ", "400"},
		{"CSeq zeros", "CSeq: 1 ", "CSeq: 0001\t", "ok"},
		{"no From tag", ";tag=f", "", "400 Missing From Tag"},
		{"RFC 2543", "branch=z9hG4bKa", "branch=1", "ok"},
		{"require", "Max-F", "Require: teleport, x\r\nMax-F", "420"},
		{"Contact headers without brackets", "Contact: <sip:ann@192.0.2.1>", "Contact: sip:ann@192.0.2.1?a=b",
			"400 Malformed Contact"},
		{"Content-Encoding", "Content-Length: 0", "Content-Encoding: gzip\r\nContent-Length: 1", "400"},
		{"via port", "192.0.2.1;br", "192.0.2.1:0;br", "ok"},
		{"via port 70000", "192.0.2.1;br", "192.0.2.1:70000;br", "400 Malformed Via"},
	} {
		text := plain("OPTIONS")
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: nothing to change", c.name)
		}
		if v := verdict(strings.Replace(text, c.old, c.with, 1)); !strings.HasPrefix(v, c.want) {
			t.Errorf("%s: %s, want %s", c.name, v, c.want)
		}
	}
	bare := strings.Replace(plain("INVITE"), "Contact: <sip:ann@192.0.2.1>\r\n", "", 1)
	if v := verdict(bare); v != "400 Missing Contact" {
		t.Errorf("INVITE without Contact: %s", v)
	}
	if v := verdict(strings.Replace(plain("ACK"), "Call-ID: id1\r\n", "", 1)); v != "drop" {
		t.Errorf("ACK is answered: %s", v)
	}
	body := strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", 20) + "--b--\r\n"
	text := strings.Replace(plain("INVITE"), "Content-Length: 0",
		"Content-Type: multipart/mixed;boundary=b\r\nContent-Length: "+itoa(len(body)), 1)
	if v := verdict(text + body); !strings.HasPrefix(v, "415") {
		t.Errorf("20 parts: %s", v)
	}
}

// What is let through is rewritten into one plain form, and says where it really came from.
func TestNormalised(t *testing.T) {
	text := "OPTIONS sip:a@b.example SIP/2.0\r\nTO :\r\n sip:c@d.example ;   tag    = 1\r\n" +
		"f: \"J \\\\\\\"\" <sip:e@f.example>\r\n ;\r\n tag = 9\r\n" +
		"v:  SIP  / 2.0  / UDP   h.example : 5070 ;\r\n  branch  = " +
		"  z9hG4bKq ; rport;received=10.0.0.1 , SIP/2.0/TCP g.example;branch=z9hG4bKr\r\ni: x\r\ncseq: 0009\r\n" +
		" OPTIONS\r\n\r\nabc"
	clean, _, _ := newGuard().inspect([]byte(text), testSource, false)
	m := readMessage(string(clean))
	want := map[string]string{
		"to": "<sip:c@d.example>;tag=1", "from": `"J \\\"" <sip:e@f.example>;tag=9`, "call-id": "x", "cseq": "9 OPTIONS",
		"content-length": "3", "via": "SIP/2.0/UDP h.example:5070;branch=z9hG4bKq;received=192.0.2.77;rport=5070",
	}
	for name, value := range want {
		if got := m.get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if len(m.head["via"]) != 2 || m.body != "abc" {
		t.Errorf("%v %q", m.head["via"], m.body)
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(plain("INVITE")))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n" +
		"To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"))
	g := newGuard()
	f.Fuzz(func(t *testing.T, data []byte) {
		clean, reply, _ := g.inspect(data, testSource, false)
		if clean != nil && reply != nil {
			t.Fatal("both let through and refused")
		}
		if clean == nil {
			return
		}
		// What was checked once passes again and changes no more.
		again, _, _ := g.inspect(clean, testSource, true)
		if !bytes.Equal(again, clean) {
			t.Fatalf("not stable:\n%q\n%q", clean, again)
		}
		if bytes.ContainsRune(clean[:bytes.Index(clean, []byte("\r\n\r\n"))], 0) {
			t.Fatal("NUL in a header")
		}
	})
}

// R-SIP-7: what is not SIP is dropped and counted, a keep-alive only dropped.
func TestForeignPackets(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	for _, s := range []string{"\x00\x01\x00\x00\x21\x12\xa4\x42stun", "\x80\x00\x12\x34rtp", strings.Repeat("\x00", 100),
		"GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01\x02\x00", "\r\n\r\n", "\r\n"} {
		p.send(s)
	}
	p.request("OPTIONS", "", "")
	p.expect("200")
	if c := b.edge.Counters(); c.Foreign != 5 {
		t.Errorf("counters %+v", c)
	}
}

func TestBuckets(t *testing.T) {
	b := newBuckets(10, 20)
	now := time.Now()
	a, near, far := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.200"),
		netip.MustParseAddr("198.51.100.1")
	for range 20 {
		if !b.allow(a, now) {
			t.Fatal("burst refused")
		}
	}
	if b.allow(near, now) {
		t.Error("a neighbour in the prefix has a bucket of its own")
	}
	if !b.allow(far, now) {
		t.Error("another prefix is limited")
	}
	if !b.allow(a, now.Add(200*time.Millisecond)) {
		t.Error("no refill")
	}
}

func BenchmarkInspect(b *testing.B) {
	g := newGuard()
	data := []byte(plain("INVITE"))
	b.ReportAllocs()
	for b.Loop() {
		if clean, _, _ := g.inspect(data, testSource, false); clean == nil {
			b.Fatal("refused")
		}
	}
}
