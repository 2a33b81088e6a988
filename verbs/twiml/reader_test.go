package twiml

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

func parse(t *testing.T, contentType, body string) (*interpreter.Document, error) {
	t.Helper()
	return New(Options{}).Parse(interpreter.Response{
		Body: []byte(body), ContentType: contentType, URL: "https://app.test/dir/voice?x=1", Asked: "https://app.test/start"})
}

// What cannot be parsed is refused whole, with its place and a sentence.
func TestFatalDocuments(t *testing.T) {
	tests := []struct {
		name, body string
		code       int
		pos        string
		msg        string
	}{
		{"wrong end tag", "<Response>\n  <Play>x.wav</Plya>\n</Response>", 12100, "2:14", "</Plya> does not close <Play>"},
		{"end tag after umlauts", "<Response><Say>äöü</Sya></Response>", 12100, "1:19", "</Sya> does not close"},
		{"not closed", "<Response><Say>hi</Say>", 12100, "1:24", "<Response> of line 1 is not closed"},
		{"broken off", "<Response><Say", 12100, "1:14", "in the middle of a tag"},
		{"empty", " \n", 12100, "0:0", "empty"},
		{"only a comment", "<!-- -->", 12100, "1:1", "empty"},
		{"two roots", "<Response/><Response/>", 12100, "1:12", "one root"},
		{"text after the root", "<Response/>\nbye", 12100, "2:1", "text stands after"},
		{"attribute twice", `<Response><Say loop="1" loop="2">x</Say></Response>`, 12100, "1:11", "loop twice"},
		{"unknown entity", "<Response><Say>&nbsp;</Say></Response>", 12100, "1:21", "entity"},
		{"bare ampersand", "<Response><Say>a & b</Say></Response>", 12100, "1:18", "not well-formed"},
		{"control character", "<Response><Say>\x01</Say></Response>", 12100, "1:16", "not well-formed"},
		{"not UTF-8", "<Response><Say>\xff</Say></Response>", 12100, "1:16", "not well-formed"},
		{"wrong root", "<html><body>Error</body></html>", 12102, "1:1", "the root is <html>"},
		{"lower-case root", "<response/>", 12102, "1:1", "the root is <response>"},
		{"version 1.1", `<?xml version="1.1"?><Response/>`, 12101, "1:1", "1.1"},
		{"unknown encoding", `<?xml version="1.0" encoding="EBCDIC"?><Response/>`, 12100, "0:0", "EBCDIC"},
		{"document type", `<!DOCTYPE Response><Response/>`, 12100, "1:1", "document type"},
		{"external entity", `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Say>&x;</Say></Response>`,
			12100, "1:1", "document type"},
		{"attribute too long", `<Response><Say voice="` + strings.Repeat("x", 4097) + `">x</Say></Response>`,
			12100, "1:11", "4096"},
		{"too many attributes", "<Response><Say" + manyAttributes(65) + "/></Response>", 12100, "1:11", "more than 64"},
		{"33 deep", strings.Repeat("<Response>", 33), 12100, "1:321", "more than 32 deep"},
		{"1001 elements", "<Response>" + strings.Repeat("<Pause/>", 1000) + "</Response>", 12100, "1:8003", "more than 1000"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := parse(t, "text/xml", tc.body)
			var d *interpreter.DocumentError
			if !errors.As(err, &d) || doc != nil {
				t.Fatalf("got %v, %v, want a DocumentError alone", doc, err)
			}
			if d.Code != tc.code || d.Pos.String() != tc.pos || !strings.Contains(d.Msg, tc.msg) {
				t.Errorf("got %v, want %d at %s with %q", d, tc.code, tc.pos, tc.msg)
			}
			if d.URL == "" {
				t.Error("the error names no document")
			}
		})
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d="1"`, i)
	}
	return b.String()
}

// Documents come in the encodings of old servers: their mark tells what they are, else the header or the declaration.
func TestEncodings(t *testing.T) {
	const text = "Grüße"
	latin := "Gr\xfc\xdfe"
	utf16 := "\xfe\xff"
	for _, c := range "<Response><Say>" + text + "</Say></Response>" {
		utf16 += string([]byte{byte(c >> 8), byte(c)})
	}
	tests := []struct{ name, contentType, body, want string }{
		{"UTF-8", "text/xml", "<Response><Say>" + text + "</Say></Response>", text},
		{"byte order mark", "text/xml", "\xEF\xBB\xBF<Response><Say>" + text + "</Say></Response>", text},
		{"the mark goes before the header", "text/xml; charset=latin1",
			"\xEF\xBB\xBF<Response><Say>" + text + "</Say></Response>", text},
		{"latin1 in the header", "text/xml; charset=ISO-8859-1", "<Response><Say>" + latin + "</Say></Response>", text},
		{"the header goes before the declaration", "text/xml; charset=iso-8859-1",
			`<?xml version="1.0" encoding="UTF-8"?><Response><Say>` + latin + "</Say></Response>", text},
		{"windows-1252 in the declaration", "text/xml",
			`<?xml version="1.0" encoding="windows-1252"?><Response><Say>5 ` + "\x80</Say></Response>", "5 €"},
		{"UTF-16", "application/xml", utf16, text},
		{"character references", "text/html", "<Response><Say>Gr&#252;&#xDF;e</Say></Response>", text},
		{"CDATA", "", "<Response><Say><![CDATA[a < b]]></Say></Response>", "a < b"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := parse(t, tc.contentType, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Root.Verb.(Say).Prompt.Text[0].Text; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Hostile documents cost neither time nor memory: they are refused where they become too large.
func TestBombs(t *testing.T) {
	bombs := map[string]string{
		"10000 deep":          strings.Repeat("<Response>", 10000),
		"100000 elements":     "<Response>" + strings.Repeat("<a/>", 100000) + "</Response>",
		"entities":            "<!DOCTYPE r [" + strings.Repeat(`<!ENTITY a "&b;&b;">`, 1000) + "]><Response/>",
		"long line of marks":  "<Response>" + strings.Repeat("<Say>ä</Say>", 998) + strings.Repeat(" ", 900000),
		"one endless comment": "<!--" + strings.Repeat("-", 1000000),
	}
	for name, body := range bombs {
		took := time.Hour
		for range 5 { // the promise is 50 ms; a loaded machine gets ten times that, and five tries
			begun := time.Now()
			_, err := parse(t, "text/xml", body)
			if interpreter.CodeOf(err) != interpreter.CodeParse {
				t.Errorf("%s: got %v, want 12100", name, err)
			}
			if took = min(took, time.Since(begun)); took < 500*time.Millisecond {
				break
			}
		}
		if took > 500*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func BenchmarkBombs(b *testing.B) {
	body := []byte("<Response>" + strings.Repeat("<a/>", 100000) + "</Response>")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{}).Parse(interpreter.Response{Body: body}); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	body := []byte(`<?xml version="1.0"?><Response><Gather numDigits="1" action="/menu"><Say>Press one.</Say></Gather>` +
		`<Say>Bye.</Say><Hangup/></Response>`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{}).Parse(interpreter.Response{Body: body, URL: "https://app.test/"}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse: no panic, no hang, and a document or an error, whatever the bytes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"<Response/>",
		`<?xml version="1.0" encoding="latin1"?><Response><Say voice="x" loop="-1">a<break time="1s"/>b</Say></Response>`,
		`<Response><Dial callerId="+1" timeout="1e9"><Number sendDigits="ww1">415-123-4567</Number>` +
			`<Sip>a@b?X-a=%0d</Sip></Dial></Response>`,
		`<Response><Gather input="speech dtmf" finishOnKey="##" hints="a,b"><Play digits="1w"/></Gather></Response>`,
		`<Response><Record maxLength="99999999999999999999" trim="x"/><Redirect>http://[::1/</Redirect></Response>`,
	} {
		f.Add([]byte(seed), "text/xml")
	}
	files, _ := filepath.Glob("../../fixtures/twiml/*.txtar") // no error: the pattern is right
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			_, rest, _ := strings.Cut(string(b), "--\n")
			doc, _, _ := strings.Cut(rest, "\n--")
			f.Add([]byte(doc), "")
		}
	}
	d := New(Options{})
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := interpreter.Response{Body: body, ContentType: contentType, URL: "https://app.test/a/b?c=d"}
		d.Accepts(r)
		doc, err := d.Parse(r)
		var e *interpreter.DocumentError
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("the error is %T", err)
		}
		if (doc == nil) == (err == nil) {
			t.Fatalf("got %v and %v", doc, err)
		}
	})
}
