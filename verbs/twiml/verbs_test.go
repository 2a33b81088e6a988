package twiml

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

// elementOf makes an empty element of a spec, inside the document it may stand in.
func elementOf(r *reader, s *spec) *element {
	return &element{node: &node{name: s.name}, r: r, s: s, read: map[string]bool{}}
}

// decodeAny decodes an element the way its parent does.
func decodeAny(r *reader, e *element) {
	switch {
	case e.s.decode != nil:
		e.s.decode(r, e)
	case e.s.callee != nil:
		e.s.callee(r, e, &Dial{})
	case e.s.name == "break":
		e.breakLength()
	case e.s.name == "say-as":
		(&script{r: r}).sayAs(e)
	case e.s.name == "sub":
		e.str("alias")
	case e.s.name == "Uri":
		(&Dial{}).addURIs(elementOf(r, e.s), []*element{e}, verbs.Callee{})
	case e.s.name == "Header", e.s.name == "Parameter" && len(e.s.attrs) > 0:
		e.str("name")
		e.str("value")
	default:
		e.checkSpeech()
	}
}

// TestEveryVerb: what is documented is read, what is read is documented (reading anything else panics), and every
// element has a scenario that claims something of it.
func TestEveryVerb(t *testing.T) {
	scenarios := scenarioElements(t)
	for name, list := range specs {
		for _, s := range list {
			if s.name != name {
				continue // another spelling
			}
			t.Run(strings.Join(s.inside, "+")+">"+name, func(t *testing.T) {
				if !strings.HasPrefix(s.doc, name+" ") || !strings.HasSuffix(s.doc, ".") {
					t.Errorf("doc %q is no sentence about %s", s.doc, name)
				}
				if s.later == "" && !scenarios[name] && !slices.Contains(corpusOnly, name) {
					t.Errorf("no scenario in fixtures/twiml has <%s>", name)
				}
				e := elementOf(&reader{base: "https://app.test/"}, s)
				decodeAny(e.r, e)
				for _, a := range s.attrs {
					if !e.read[a.name] {
						t.Errorf("the attribute %s is documented and not read", a.name)
					}
				}
				for _, w := range e.r.warnings {
					if w.Path != "" && !slices.Contains(required, w.Path) {
						t.Errorf("the default of %s is warned of: %s", w.Path, w)
					}
				}
			})
		}
	}
}

// required are the attributes that have no default: leaving them out is a mistake.
var required = []string{"interpret-as", "alias", "xml:lang", "name"}

// corpusOnly are elements of SSML that change nothing here; the corpus has them.
var corpusOnly = []string{"emphasis", "lang", "phoneme", "w"}

// scenarioElements are the names of all elements in the scenarios.
func scenarioElements(t *testing.T) map[string]bool {
	files, err := filepath.Glob("../../fixtures/twiml/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios (%v)", err)
	}
	names := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(b), "<")[1:] {
			if i := strings.IndexAny(part, " \t\r\n/>"); i > 0 {
				names[part[:i]] = true
			}
		}
	}
	return names
}

// A table with a mistake stops the program at its start, not a call at midnight.
func TestRegisterRefusesMistakes(t *testing.T) {
	for name, s := range map[string]spec{
		"no doc":           {name: "Novelty"},
		"twice":            {name: "Pause", doc: "Pause again."},
		"attribute twice":  {name: "Novelty", doc: "Novelty.", attrs: []attr{{"a", "", "x"}, {"a", "", "y"}}},
		"attribute no doc": {name: "Novelty", doc: "Novelty.", attrs: []attr{{"a", "", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			register(s)
		})
	}
}

// hostile values for every attribute: none may wrap, run for ever, or be accepted as what it is not.
var hostile = []string{"", " ", "-1", "-0", "+5", "1e9", "0x10", "NaN", "Infinity", "1.0", "10s",
	"99999999999999999999", "4294967301", "18446744073709551621", "٣", "true ", "\x00", "a\r\nb", "#", "??",
	"javascript:alert(1)", "//", "http://",
	"https://[::1", "http://h/\x7f", strings.Repeat("9", 4000), strings.Repeat("x", 4000), "%0d%0a", "GET;POST"}

// Whatever an attribute holds, the numbers that come of it stay within what the engine can bear.
func TestHostileAttributes(t *testing.T) {
	for name, list := range specs {
		for _, s := range list {
			for _, a := range s.attrs {
				for _, value := range hostile {
					e := elementOf(&reader{base: "https://app.test/"}, s)
					e.attrs = []xmlAttr{{a.name, value}}
					if s.decode == nil {
						decodeAny(e.r, e)
						continue
					}
					check(t, name+" "+a.name+"="+clip(value), s.decode(e.r, e))
				}
			}
		}
	}
}

func check(t *testing.T, what string, v interpreter.Verb) {
	t.Helper()
	within := func(d, most time.Duration) {
		if d < 0 || d > most {
			t.Errorf("%s: %v", what, d)
		}
	}
	switch v := v.(type) {
	case Say:
		loops(t, what, v.Prompt.Loop)
	case Play:
		loops(t, what, v.Prompt.Loop)
	case Pause:
		within(v.For, 24*time.Hour)
	case Gather:
		within(v.Wait, 4*time.Hour)
		if v.Max < 0 || v.Max > maxDigits || len(v.Finish) > 1 {
			t.Errorf("%s: numDigits %d, finishOnKey %q", what, v.Max, v.Finish)
		}
	case Record:
		within(v.Capture.MaxLength, 24*time.Hour)
		within(v.Capture.Silence, 24*time.Hour)
	case Dial:
		within(v.Dial.Timeout-minRing*time.Second, maxRing*time.Second)
		within(v.Dial.TimeLimit-time.Second, maxTimeLimit*time.Second)
	}
}

func loops(t *testing.T, what string, n int) {
	t.Helper()
	if n < 1 || n > maxLoops {
		t.Errorf("%s: loop %d", what, n)
	}
}

// injections are the ways to smuggle a line into a SIP message.
var injections = []string{"\r\nVia: evil", "\nVia: evil", "\x00", "\x7f", "\u0085", "\u2028", "%0d%0aVia:%20evil",
	"%0A", "%00", "%C2%85", ">;tag=1", "<sip:evil@x>", "\"", " ", "\t", "%", "%zz"}

// Nothing that a document says about an address or a header reaches SIP with a character that could end its line.
func TestInjections(t *testing.T) {
	for _, bad := range injections {
		for _, doc := range []string{
			"<Sip>sip:bob" + escape(bad) + "@pbx.test</Sip>",
			"<Sip>sip:bob@pbx" + escape(bad) + ".test</Sip>",
			"<Sip>sip:bob@pbx.test;x=" + escape(bad) + "y</Sip>",
			"<Sip>sip:bob@pbx.test?X-A=b" + escape(bad) + "c</Sip>",
			"<Sip>sip:bob@pbx.test?X-A" + escape(bad) + "c=d</Sip>",
			`<Sip>sip:bob@pbx.test<Headers><Header name="X-A" value="b` + escape(bad) + `c"/></Headers></Sip>`,
			`<Sip>sip:bob@pbx.test<Headers><Header name="X-A` + escape(bad) + `c" value="b"/></Headers></Sip>`,
			`<Sip username="a` + escape(bad) + `b">sip:bob@pbx.test</Sip>`,
			"<Number>+1555" + escape(bad) + "0100</Number>",
		} {
			d, err := parse(t, "text/xml", "<Response><Dial>"+doc+"</Dial></Response>")
			if err != nil {
				continue // refused whole
			}
			for _, c := range d.Root.Verb.(notInWhisper).Verb.(Dial).Dial.Targets {
				sent := []string{c.Target.URI, c.Target.Name, c.Target.Username}
				for _, h := range c.Target.Headers {
					sent = append(sent, h.Name, h.Value)
				}
				for _, s := range sent {
					if strings.ContainsFunc(s, isControl) || strings.ContainsAny(c.Target.URI, "<>\" \t") {
						t.Errorf("%s reaches SIP as %q", doc, s)
					}
				}
			}
		}
	}
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) //nolint:errcheck // a strings.Builder takes everything
	return strings.ReplaceAll(b.String(), "\x00", "&#0;")
}
