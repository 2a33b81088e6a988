package sipedge

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// evil are values that would end a header, or be read differently by the next parser (R-INJ-1).
var evil = []string{
	"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\r\n\r\nBYE", "a\x00b", "a\x01b", "a\x08b", "a\x0bb", "a\x0cb", "a\x1bb", "a\x7fb", "a\u0080b",
	"a\u0085X-Evil: 1", "a\u009fb", "a\u2028X-Evil: 1", "a\u2029X-Evil: 1", "a%0d%0aX-Evil: 1", "a%0D%0AX-Evil:%201", "a%0aX-Evil", "a%00b", "a%250d%250aX-Evil: 1",
	"a%25250d%25250aX", "a%C2%85b", "a%E2%80%A8b", "a\xffb", "a\xc2", "\r\n", "\r\n\r\n", "%0d", "a\tb",
}

// odd are values that are harmless when they are written right.
var odd = []string{`a"b`, `a\b`, `a\`, `"`, "a<b>c", "a;tag=evil", "a@b", "a,b", "a>b", "<sip:x@y>", "a b", "ä", "日本", "a?b", "a:b", "%41", "a'b", "a/b", "50%"}

// Whatever a document puts in: it is refused with 90007, or the INVITE has exactly the headers it should have.
func TestInjection(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	base := interpreter.Target{URI: p.uri()}
	names := func(m message) map[string]int {
		n := map[string]int{}
		for k, v := range m.head {
			n[k] = len(v)
		}
		return n
	}
	try := func(to interpreter.Target, from interpreter.Address) (message, error) {
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
	good, err := try(base, interpreter.Address{User: "1"})
	if err != nil {
		t.Fatal(err)
	}
	want := names(good)
	withHeader := maps.Clone(want)
	withHeader["x-a"] = 1
	addr := p.addr()
	for field, set := range map[string]func(v string) (interpreter.Target, interpreter.Address){
		"display": func(v string) (interpreter.Target, interpreter.Address) {
			return base, interpreter.Address{User: "1", Display: v}
		},
		"caller id": func(v string) (interpreter.Target, interpreter.Address) { return base, interpreter.Address{User: v} },
		"user": func(v string) (interpreter.Target, interpreter.Address) {
			return target("sip:" + v + "@" + addr), interpreter.Address{}
		},
		"host": func(v string) (interpreter.Target, interpreter.Address) {
			return target("sip:x@" + v), interpreter.Address{}
		},
		"parameter": func(v string) (interpreter.Target, interpreter.Address) {
			return target("sip:x@" + addr + ";p=" + v), interpreter.Address{}
		},
		"query": func(v string) (interpreter.Target, interpreter.Address) {
			return target("sip:x@" + addr + "?X-A=" + v), interpreter.Address{}
		},
		"header name": func(v string) (interpreter.Target, interpreter.Address) {
			return interpreter.Target{URI: base.URI, Headers: []interpreter.Header{{Name: "X-" + v, Value: "1"}}}, interpreter.Address{}
		},
		"header value": func(v string) (interpreter.Target, interpreter.Address) {
			return interpreter.Target{URI: base.URI, Headers: []interpreter.Header{{Name: "X-A", Value: v}}}, interpreter.Address{}
		},
	} {
		for _, v := range append(append([]string{}, evil...), odd...) {
			isEvil := len(v) > 0 && !contains(odd, v)
			m, err := try(set(v))
			var f *interpreter.DialError
			if err != nil {
				if !errors.As(err, &f) || f.Fault != faultHeader && field != "host" && field != "parameter" {
					t.Errorf("%s %q: %v", field, v, err)
				}
				continue
			}
			if isEvil {
				t.Errorf("%s %q went out: %s %v", field, v, m.start, m.head)
			}
			expect := want
			if field == "query" || field == "header value" || field == "header name" {
				expect = withHeader
				if field == "header name" {
					continue // refused or an X- header by its own name; see TestCustomHeaders
				}
			}
			if got := names(m); !maps.Equal(got, expect) {
				t.Errorf("%s %q: headers %v, want %v", field, v, got, expect)
			}
			if strings.Count(m.get("from"), ">;tag=") != 1 {
				t.Errorf("%s %q: From %s", field, v, m.get("from"))
			}
			// The same octets must mean the same to the strict layer.
			if n, err := parseNameAddr(m.get("from")); err != nil {
				t.Errorf("%s %q: From %s does not parse", field, v, m.get("from"))
			} else if field == "display" && unescapeQuoted(n.display) != v {
				t.Errorf("display %q came out as %q", v, unescapeQuoted(n.display))
			}
		}
	}
}

func target(uri string) interpreter.Target { return interpreter.Target{URI: uri} }

func contains(list []string, v string) bool {
	for _, s := range list {
		if s == v {
			return true
		}
	}
	return false
}

// R-INJ-2: which names a document may set.
func TestCustomHeaders(t *testing.T) {
	e := &Edge{allowed: map[string]bool{"diversion": true, "from": true}}
	for name, ok := range map[string]bool{
		"X-A": true, "x-b": true, "User-to-User": true, "Diversion": true, "Via": false, "Route": false, "Record-Route": false, "From": false, "To": false,
		"Call-ID": false, "CSeq": false, "Contact": false, "Content-Type": false, "Content-Length": false, "Authorization": false, "P-Asserted-Identity": false,
		"Max-Forwards": false, "Privacy": false, "Subject": false, "": false, "X-": true, "X-A B": false, "X-A:": false, "X-\r\nB": false, "X-ä": false,
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
