package twiml

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
	"pintle/verbs"
)

// What is taken for TwiML, by content first and by label second.
func TestAccepts(t *testing.T) {
	const twiml = `<?xml version="1.0"?><!-- x --><Response/>`
	tests := []struct {
		name, contentType, body string
		want                    bool
	}{
		{"XML", "text/xml", twiml, true},
		{"HTML of a web framework", "text/html; charset=utf-8", twiml, true},
		{"any XML", "application/twiml+xml", twiml, true},
		{"mislabelled", "application/json", twiml, true},
		{"broken parameter", "text/xml; charset", twiml, true},
		{"no label", "", twiml, true},
		{"no label, an error page", "", "<html>", true}, // its error names the root
		{"an error page", "text/html", "<!DOCTYPE html><html>", true},
		{"prose", "text/plain", "Good evening", true},
		{"prose in braces", "text/plain", "{hello}", true},
		{"prose as HTML", "text/html", "Not found", true},
		{"sound", "audio/x-wav", "RIFF", true},
		{"nothing, as XML", "text/xml", " ", true},
		{"nothing, unlabelled", "", "", true},
		{"Kazoo", "application/json", `{"module":"play","data":{}}`, false},
		{"Kazoo as text", "text/plain", ` {"module":"play"}`, false},
		{"Kazoo as HTML", "text/html", `{"module":"play"}`, false},
		{"other JSON", "application/json", `{"a":1}`, false},
		{"no label, no tag", "", "hello", false},
		{"nothing, as JSON", "application/json", "", false},
		{"a picture", "image/svg+xml", "<svg/>", false},
		{"other sound", "audio/flac", "fLaC", false},
	}
	d := New(Options{})
	for _, tc := range tests {
		r := interpreter.Response{ContentType: tc.contentType, Body: []byte(tc.body), Header: http.Header{}}
		if got := d.Accepts(r); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Numbers, addresses and hidden callers in the words that applications know.
func TestParty(t *testing.T) {
	tests := []struct {
		in      interpreter.Address
		want    string
		country string
	}{
		{interpreter.Address{User: "+14155551212", Host: "carrier.test"}, "+14155551212", "US"},
		{interpreter.Address{User: "4155551212", Host: "carrier.test"}, "+14155551212", "US"},
		{interpreter.Address{User: "14155551212"}, "+14155551212", "US"},
		{interpreter.Address{User: "+16045551212"}, "+16045551212", "CA"},
		{interpreter.Address{User: "+18765551212"}, "+18765551212", "JM"},
		{interpreter.Address{User: "+493012345678"}, "+493012345678", "DE"},
		{interpreter.Address{User: "+35312345678"}, "+35312345678", "IE"},
		{interpreter.Address{User: "+77012345678"}, "+77012345678", "KZ"},
		{interpreter.Address{User: "+80012345678"}, "+80012345678", ""},
		{interpreter.Address{User: "493012345678", Host: "carrier.test"}, "493012345678", ""},
		{interpreter.Address{User: "100", Host: "pbx.test"}, "sip:100@pbx.test", ""},
		{interpreter.Address{User: "alice", Host: "pbx.test"}, "sip:alice@pbx.test", ""},
		{interpreter.Address{User: "alice"}, "alice", ""},
		{interpreter.Address{User: "client:tom"}, "client:tom", ""},
		{interpreter.Address{User: "Anonymous", Host: "anonymous.invalid"}, "anonymous", ""},
		{interpreter.Address{}, "anonymous", ""},
	}
	d := New(Options{})
	for _, tc := range tests {
		got := d.party(tc.in, true)
		if got != tc.want || countryOf(got) != tc.country {
			t.Errorf("%+v: got %q of %q, want %q of %q", tc.in, got, countryOf(got), tc.want, tc.country)
		}
	}
	if got := New(Options{National: "-"}).party(interpreter.Address{User: "4155551212"}, true); got != "4155551212" {
		t.Errorf("without a national code: %q", got)
	}
}

// Relative references are resolved as RFC 3986 §5.4 says; query and path stay byte for byte.
func TestResolve(t *testing.T) {
	tests := []struct{ base, ref, want string }{
		{"https://h/a/b?c=d", "next.xml", "https://h/a/next.xml"},
		{"https://h/a/b?c=d", "../next", "https://h/next"},
		{"https://h/a/b?c=d", "/abs", "https://h/abs"},
		{"https://h/a/b?c=d", "?a=1", "https://h/a/b?a=1"},
		{"https://h/a/b?c=d", ".?Dial=true", "https://h/a/?Dial=true"},
		{"https://h/a/b", "//other/x", "https://other/x"},
		{"https://h/a/b", "x?Options[1]=a&PhoneNumbers[]=%2B1", "https://h/a/x?Options[1]=a&PhoneNumbers[]=%2B1"},
		{"https://h/a/b", "my file.wav?q=a b", "https://h/a/my%20file.wav?q=a%20b"},
		{"https://h/a/b", "http://u:p@x/y#rc=2&rp=5xx", "http://u:p@x/y#rc=2&rp=5xx"},
		{"https://h/a/b", "HTTPS://X/Ü", "https://X/%C3%9C"},
		{"file:///flows/night.xml", "audio/a.wav", "file:///flows/audio/a.wav"},
		{"https://h/a", "file:///etc/passwd", ""},
		{"https://h/a", "ftp://h/x", ""},
		{"https://h/a", "http:///x", ""},
		{"https://h/a", "http://h/\x00", ""},
		{"https://h/a", "http://h/" + strings.Repeat("x", 4096), ""},
		{"", "menu", ""},
		{"", "https://h/x", "https://h/x"},
	}
	for _, tc := range tests {
		got, err := (&reader{base: tc.base}).resolve(tc.ref)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q from %q: got %q, %v, want %q", clip(tc.ref), tc.base, got, err, tc.want)
		}
	}
}

// What is dialled of a SIP address, and what is refused.
func TestSipURI(t *testing.T) {
	tests := []struct{ in, want string }{
		{"sip:kate@example.com", "sip:kate@example.com"},
		{"kate@example.com", "sip:kate@example.com"},
		{"sips:kate@example.com:5061;transport=tls;region=us1;edge=ie", "sips:kate@example.com:5061;transport=tls"},
		{"sip:+1415@[2001:db8::1]:5060", "sip:+1415@[2001:db8::1]:5060"},
		{"sip:a%20b@h?X-A=1", "sip:a%20b@h"},
		{"sip:conf;room=7@h", "sip:conf;room=7@h"},
		{"sip:pbx.test", "sip:pbx.test"},
		{"", ""},
		{"tel:+1415", ""},
		{"sip:a@b@c", ""},
		{"sip:a@h:70000000", ""},
		{"sip:a@h;x=%0d", ""},
		{"sip:" + strings.Repeat("a", 255) + "@h", ""},
	}
	for _, tc := range tests {
		if got, _, why := sipURI(tc.in); got != tc.want || (why == "") != (tc.want != "") {
			t.Errorf("%q: got %q (%s), want %q", clip(tc.in), got, why, tc.want)
		}
	}
}

// A called SIP party is told whose call it is and its own id, beside the document's headers; a number is not.
func TestIntroduce(t *testing.T) {
	doc, err := parse(t, "text/xml",
		"<Response><Dial><Sip>sip:a@h?X-A=1&amp;X-B=%2B2</Sip><Number>+15550199</Number></Dial></Response>")
	if err != nil {
		t.Fatal(err)
	}
	targets := doc.Root.Verb.(notInWhisper).Verb.(Dial).Dial.Targets
	for _, id := range []string{strings.Repeat("1", 32), strings.Repeat("2", 32)} { // the document may run twice
		to := targets[0].Target
		targets[0].Prepare(&interpreter.Call{ID: id, Account: interpreter.Account{ID: strings.Repeat("a", 32)}}, &to)
		want := []interpreter.Header{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: "+2"},
			{Name: "X-Twilio-ApiVersion", Value: "2010-04-01"},
			{Name: "X-Twilio-AccountSid", Value: "AC" + strings.Repeat("a", 32)},
			{Name: "X-Twilio-CallSid", Value: "CA" + id}}
		if d := cmp.Diff(want, to.Headers); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
	if targets[1].Prepare != nil {
		t.Error("a number is introduced by SIP headers")
	}
}

// A text longer than an engine takes at once is spoken in parts, cut between words.
func TestLongText(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("word ", 2000))
	doc, err := parse(t, "text/xml", "<Response><Say>"+text+"</Say></Response>")
	if err != nil {
		t.Fatal(err)
	}
	var joined []string
	for _, p := range doc.Root.Verb.(Say).Prompt.Text {
		if len(p.Text) > maxText {
			t.Errorf("a part has %d characters", len(p.Text))
		}
		joined = append(joined, p.Text)
	}
	if len(joined) != 3 || strings.Join(joined, " ") != text {
		t.Errorf("%d parts do not make the text", len(joined))
	}
	if len(doc.Warnings) != 1 || doc.Warnings[0].Code != codeSayLong {
		t.Errorf("warnings %v", doc.Warnings)
	}
}

// Breaks and attributes of SSML as plain data.
func TestSpeech(t *testing.T) {
	tests := []struct {
		in   string
		want []interpreter.Speech
	}{
		{"a<break/>b", []interpreter.Speech{{Text: "a", Break: 500e6}, {Text: "b"}}},
		{`<break strength="none"/>a<break time="1.5s"/>`, []interpreter.Speech{{Text: "a", Break: 1500e6}}},
		{`a<break time="1h"/>b`, []interpreter.Speech{{Text: "a", Break: 500e6}, {Text: "b"}}},
		{`a<break time="99s"/>b`, []interpreter.Speech{{Text: "a", Break: 10e9}, {Text: "b"}}},
		{`<say-as interpret-as="telephone">+1 (415) 55</say-as>`, []interpreter.Speech{{Text: "+ 1 4 1 5 5 5"}}},
		{`on <say-as role="mdy" interpret-as="date">10/11/2026</say-as>`, []interpreter.Speech{{Text: "on 10/11/2026"}}},
		{"<s>One.</s><s>Two.</s>", []interpreter.Speech{{Text: "One. Two."}}},
		{"a <Play>https://h/x.wav</Play> b", []interpreter.Speech{{Text: "a b"}}},
		{"<w role='x'>read</w> <phoneme alphabet='ipa' ph='x'>pecan</phoneme>", []interpreter.Speech{{Text: "read pecan"}}},
	}
	for _, tc := range tests {
		doc, err := parse(t, "text/xml", "<Response><Say>"+tc.in+"</Say></Response>")
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if d := cmp.Diff(tc.want, doc.Root.Verb.(Say).Prompt.Text); d != "" {
			t.Errorf("%s: -want +got\n%s", tc.in, d)
		}
	}
}

func TestVoices(t *testing.T) {
	for voice, want := range map[string]string{"Polly.Amy-Neural": "en-GB", "polly.joanna": "en-US", "alice": "",
		"Google.fr-CA-Wavenet-B": "fr-CA", "Google.en-US-Chirp3-HD-Leda": "en-US"} {
		if lang, ok := voiceLanguage(voice); !ok || lang != want {
			t.Errorf("%s: got %q, %v, want %q", voice, lang, ok, want)
		}
	}
	for _, voice := range []string{"Polly.Nobody", "Google.xx-YY-Z", "Azure.Guy", "Polly."} {
		if _, ok := voiceLanguage(voice); ok {
			t.Errorf("%s is taken for a voice", voice)
		}
	}
	for _, l := range pollyVoices {
		if !slices.Contains(languages, l) {
			t.Errorf("a voice speaks %s, which is no language of the list", l)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"Say", "Play", "Gather", "Redirect"}
	for name, want := range map[string]string{"say": "Say", "Palay": "Play", "Gahter": "Gather", "redirect": "Redirect",
		"Sai": "Say", "Zebra": "", "b": "", strings.Repeat("x", 100000): ""} {
		if got := verbs.DidYouMean(name, known); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", clip(name), got, want)
		}
	}
}
