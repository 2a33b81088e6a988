package tts

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSentences(t *testing.T) {
	cases := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "  ", nil},
		{"one", "Hello there.", []string{"Hello there."}},
		{"two", "Thank you for calling. Please hold the line!", []string{"Thank you for calling.", "Please hold the line!"}},
		{"short ones are joined", "No. Yes. Maybe so. And then?", []string{"No. Yes. Maybe so.", "And then?"}},
		{"title and initial", "This is for Dr. Smith and J. Doe. Thanks.",
			[]string{"This is for Dr. Smith and J. Doe.", "Thanks."}},
		{"numbers", "It costs 12.50 dollars at 10:30. Really so.",
			[]string{"It costs 12.50 dollars at 10:30.", "Really so."}},
		{"Chinese", "您好,欢迎致电我们的公司热线。请稍等。", []string{"您好,欢迎致电我们的公司热线。", "请稍等。"}},
	}
	for _, tc := range cases {
		if diff := cmp.Diff(tc.want, sentences(tc.text)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	long := strings.Repeat("word and ", 100)
	for _, p := range sentences(long) {
		if utf8.RuneCountInString(p) > maxPiece {
			t.Errorf("piece of %d characters", utf8.RuneCountInString(p))
		}
	}
}

func FuzzSentences(f *testing.F) {
	f.Add("Hello. World! 12.5, and so on; Dr. No said: yes")
	f.Add(strings.Repeat("x", 1000))
	f.Add(strings.Repeat("x", maxPiece-1) + "\x9a") // broken UTF-8 at the end of a piece
	f.Fuzz(func(t *testing.T, text string) {
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		got := sentences(text)
		if bare(strings.Join(got, " ")) != bare(text) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestLookup(t *testing.T) {
	cases := []struct {
		name, language string
		want           Voice
	}{
		{"", "", Voice{Language: "en-US"}},
		{"man", "", Voice{Language: "en-US", Gender: Male}},
		{"alice", "de_DE", Voice{Language: "de-DE", Gender: Female}},
		{"male/en-GB", "", Voice{Language: "en-gb", Gender: Male}},
		{"Polly.Joanna-Neural", "", Voice{Language: "en-US", Gender: Female}},
		{"Polly.Hans", "", Voice{Language: "de-DE", Gender: Male}},
		{"Polly.Nobody", "fr-FR", Voice{Language: "fr-FR"}},
		{"Google.en-US-Wavenet-D", "", Voice{Language: "en-US", Gender: Male}},
		{"Google.de-DE-Standard-A", "", Voice{Language: "de-DE", Gender: Female}},
		{"Google.es-ES-Chirp3-HD-Puck", "", Voice{Language: "es-ES", Gender: Male}},
		{"flite.kal16", "", Voice{Language: "en-US", Engine: "flite", Own: "kal16"}},
	}
	for _, tc := range cases {
		if got := Lookup(tc.name, tc.language); got != tc.want {
			t.Errorf("%q in %q: %+v, want %+v", tc.name, tc.language, got, tc.want)
		}
	}
}

func TestEngineVoices(t *testing.T) {
	e := &Espeak{languages: espeakLanguages(
		"Pty Language       Age/Gender VoiceName          File                 Other Languages\n" +
			" 5  cmn             --/M      Chinese_(Mandarin) sit/cmn              (zh-cmn 5)(zh 5)\n" +
			" 5  de              --/M      German             gmw/de\n 2  en-us           --/M      English\n" +
			" 5  es-419          --/M      Spanish\n 5  nb              --/M      Norwegian\n")}
	for name, want := range map[string][2]string{ // flite, espeak
		"man": {"rms", "en-us"}, "woman": {"slt", "en-us+f3"}, "male/en-GB": {"awb", ""}, "male/de-CH": {"", "de"},
		"female/es-MX": {"", "es-419+f3"}, "male/zh-CN": {"", "cmn"}, "male/no-NO": {"", "nb"}, "male/xx": {"", ""},
		"flite.kal": {"kal", "en-us+f3"}, "espeak-ng.de+m3": {"slt", "de+m3"},
	} {
		f, _ := fliteVoice(Lookup(name, ""))
		got, _ := e.Voice(Lookup(name, ""))
		if f != want[0] || got != want[1] {
			t.Errorf("%s: %q and %q, want %q", name, f, got, want)
		}
	}
}
