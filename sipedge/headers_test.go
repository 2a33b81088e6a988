package sipedge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// evil are values that would end a header, or be read differently by the next parser (R-INJ-1).
var evil = []string{
	"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\r\n\r\nBYE", "a\x00b", "a\x01b", "a\x08b", "a\x0bb", "a\x0cb",
	"a\x1bb", "a\x7fb", "a\u0080b", "a\u0085X-Evil: 1", "a\u009fb", "a\u2028X-Evil: 1", "a\u2029X-Evil: 1",
	"a%0d%0aX-Evil: 1", "a%0D%0AX-Evil:%201", "a%0aX-Evil", "a%00b", "a%250d%250aX-Evil: 1", "a%25250d%25250aX",
	"a%C2%85b", "a%E2%80%A8b", "a\xffb", "a\xc2", "\r\n", "\r\n\r\n", "%0d", "a\tb",
}

// odd are values that are harmless when they are written right.
var odd = []string{`a"b`, `a\b`, `a\`, `"`, "a<b>c", "a;tag=evil", "a@b", "a,b", "a>b", "<sip:x@y>", "a b", "ä", "日本",
	"a?b", "a:b", "%41", "a'b", "a/b", "50%"}

// slots are the places where a document's value reaches an INVITE. addr is a phone that listens.
func slots(addr string) map[string]func(v string) (interpreter.Target, interpreter.Address) {
	plain := "sip:x@" + addr
	nobody := interpreter.Address{}
	headers := func(name, value string) interpreter.Target {
		return interpreter.Target{URI: plain, Headers: []interpreter.Header{{Name: name, Value: value}}}
	}
	type made = func(v string) (interpreter.Target, interpreter.Address)
	to := func(uri func(v string) string) made {
		return func(v string) (interpreter.Target, interpreter.Address) {
			return interpreter.Target{URI: uri(v)}, nobody
		}
	}
	return map[string]made{
		"display": func(v string) (interpreter.Target, interpreter.Address) {
			return interpreter.Target{URI: plain}, interpreter.Address{User: "1", Display: v}
		},
		"caller id": func(v string) (interpreter.Target, interpreter.Address) {
			return interpreter.Target{URI: plain}, interpreter.Address{User: v}
		},
		"user":         to(func(v string) string { return "sip:" + v + "@" + addr }),
		"host":         to(func(v string) string { return "sip:x@" + v }),
		"parameter":    to(func(v string) string { return plain + ";p=" + v }),
		"query":        to(func(v string) string { return plain + "?X-A=" + v }),
		"header name":  func(v string) (interpreter.Target, interpreter.Address) { return headers("X-"+v, "1"), nobody },
		"header value": func(v string) (interpreter.Target, interpreter.Address) { return headers("X-A", v), nobody },
	}
}

// inviteFor dials and gives the INVITE that came out, refused at once, or the error of a value that was not sent.
func (b *bench) inviteFor(p *peer, to interpreter.Target, from interpreter.Address) (message, error) {
	done := b.dial(context.Background(), to, interpreter.DialOptions{From: from})
	for {
		if m, ok := p.try(time.Millisecond); ok && m.method() == "INVITE" {
			p.answer(m, 486, "x", "", "")
			p.expect("ACK")
			b.wait(done)
			return m, nil
		}
		select {
		case d := <-done:
			return message{}, d.err
		default:
		}
	}
}

// Whatever a document puts in: it is refused with 90007, or the INVITE has exactly the headers it should have.
func TestInjection(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	good, err := b.inviteFor(p, interpreter.Target{URI: "sip:x@" + p.addr()}, interpreter.Address{User: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for field, set := range slots(p.addr()) {
		want := headerCounts(good)
		if field == "query" || field == "header value" {
			want["x-a"] = 1
		}
		for _, v := range append(append([]string{}, evil...), odd...) {
			to, from := set(v)
			m, err := b.inviteFor(p, to, from)
			var f *interpreter.DialError
			switch {
			case err != nil:
				if !errors.As(err, &f) || f.Fault != faultHeader && field != "host" && field != "parameter" {
					t.Errorf("%s %q: %v", field, v, err)
				}
			case !slices.Contains(odd, v):
				t.Errorf("%s %q went out: %s %v", field, v, m.start, m.head)
			case field == "header name":
				// An X- header by its own name; see TestCustomHeaders.
			default:
				checkWritten(t, field, v, m, want)
			}
		}
	}
}

func headerCounts(m message) map[string]int {
	n := map[string]int{}
	for k, v := range m.head {
		n[k] = len(v)
	}
	return n
}

// checkWritten holds one header in, one header out, and that the value means the same to the next reader.
func checkWritten(t *testing.T, field, v string, m message, want map[string]int) {
	t.Helper()
	if got := headerCounts(m); !maps.Equal(got, want) {
		t.Errorf("%s %q: headers %v, want %v", field, v, got, want)
	}
	if strings.Count(m.get("from"), ">;tag=") != 1 {
		t.Errorf("%s %q: From %s", field, v, m.get("from"))
	}
	n, err := parseNameAddr(m.get("from"))
	if err != nil {
		t.Errorf("%s %q: From %s does not parse", field, v, m.get("from"))
	}
	if field == "display" && unescapeQuoted(n.display) != v {
		t.Errorf("display %q came out as %q", v, unescapeQuoted(n.display))
	}
}

// R-INJ-2: which names a document may set.
func TestCustomHeaders(t *testing.T) {
	e := &Edge{allowed: map[string]bool{"diversion": true, "from": true}}
	for name, ok := range map[string]bool{
		"X-A": true, "x-b": true, "User-to-User": true, "Diversion": true, "Via": false, "Route": false,
		"Record-Route": false, "From": false, "To": false, "Call-ID": false, "CSeq": false, "Contact": false,
		"Content-Type": false, "Content-Length": false, "Authorization": false, "P-Asserted-Identity": false,
		"Max-Forwards": false, "Privacy": false, "Subject": false, "": false, "X-": true, "X-A B": false, "X-A:": false,
		"X-\r\nB": false, "X-ä": false,
	} {
		_, err := e.customHeader(interpreter.Header{Name: name, Value: "v"})
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if err != nil && interpreter.CodeOf(err) != faultHeader {
			t.Errorf("%q: code %d", name, interpreter.CodeOf(err))
		}
	}
}
