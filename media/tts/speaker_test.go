package tts

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/google/go-cmp/cmp"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an engine for tests: each sentence lasts 10 ms for each character.
type fake struct {
	name     string
	language string
	fail     error
	hold     chan struct{} // if not nil, every sentence but the first waits for it

	mu   sync.Mutex
	said []string
}

func (f *fake) Name() string { return f.name }

func (f *fake) Voice(v Voice) (string, bool) { return "v", strings.HasPrefix(v.Language, f.language) }

func (f *fake) Speak(ctx context.Context, s Sentence) (*file.Clip, error) {
	f.mu.Lock()
	f.said = append(f.said, s.Text)
	first := len(f.said) == 1
	f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	if f.hold != nil && !first {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	samples := make([]int16, 160*len(s.Text))
	for i := range samples {
		samples[i] = int16(1000 + i%100)
	}
	return file.NewClip("fake", 16000, samples), nil
}

func (f *fake) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.said...)
}

func speaker(t *testing.T, o Options) *Speaker {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// listen returns the length of a source at 8 kHz that is ready throughout.
func listen(t *testing.T, src media.Source) time.Duration {
	t.Helper()
	f := make(media.Frame, 160)
	samples := 0
	for {
		n, err := src.ReadFrame(f)
		samples += n
		if errors.Is(err, io.EOF) {
			return time.Duration(samples) * time.Second / 8000
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func wait(t *testing.T, src media.Source) *Speech {
	t.Helper()
	sp, ok := src.(*Speech)
	if !ok {
		t.Fatalf("source is %T", src)
	}
	if err := sp.Wait(); err != nil {
		t.Fatal(err)
	}
	return sp
}

func TestSpeakerPlaysSegmentsAndBreaks(t *testing.T) {
	e := &fake{name: "fake", language: "en"}
	s := speaker(t, Options{Engines: []Engine{e}})
	src, err := s.Synthesize(t.Context(), Utterance{Segments: []Segment{
		{Text: "Press one\x00 for\r\nsales. Press two for help."}, {Break: 500 * time.Millisecond},
		{Text: "Goodbye now.", Break: time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	// 20, 19 and 12 characters, half a second, and ten seconds, which is the longest break.
	if got, want := listen(t, wait(t, src)), 510*time.Millisecond+10500*time.Millisecond; got != want {
		t.Errorf("lasts %v, want %v", got, want)
	}
	want := []string{"Press one for sales.", "Press two for help.", "Goodbye now."}
	if diff := cmp.Diff(want, e.heard()); diff != "" {
		t.Error(diff)
	}
}

func TestSpeakerBeginsBeforeAllIsSpoken(t *testing.T) {
	e := &fake{name: "fake", language: "en", hold: make(chan struct{})}
	s := speaker(t, Options{Engines: []Engine{e}})
	ctx, cancel := context.WithCancelCause(t.Context())
	src, err := s.Synthesize(ctx, Plain("Thank you for calling. Please hold the line."))
	if err != nil {
		t.Fatal(err)
	}
	f := make(media.Frame, 160)
	for range 11 { // 22 characters
		if n, err := src.ReadFrame(f); n != 160 || err != nil {
			t.Fatalf("first sentence: %d %v", n, err)
		}
	}
	if n, err := src.ReadFrame(f); n != 0 || err != nil {
		t.Errorf("not ready: %d %v, want 0 and no error", n, err)
	}
	left := errors.New("caller left")
	cancel(left)
	if err := src.(*Speech).Wait(); !errors.Is(err, left) {
		t.Errorf("wait: %v, want the cause", err)
	}
	if n, err := src.ReadFrame(f); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("cut short: %d %v, want EOF", n, err)
	}
}

func TestSpeakerChoosesEngines(t *testing.T) {
	broken := &fake{name: "broken", language: "en", fail: errors.New("no sound card")}
	english, german := &fake{name: "english", language: "en"}, &fake{name: "german", language: "de"}
	s := speaker(t, Options{Engines: []Engine{Recorded{}, broken, english, german}})
	for _, tc := range []struct{ text, language, engine string }{
		{"  welcome TO\nPintle. ", "", "recorded"}, {"Something else.", "en-GB", "english"},
		{"Guten Tag.", "de-AT", "german"},
	} {
		u := Plain(tc.text)
		u.Language = tc.language
		src, err := s.Synthesize(t.Context(), u)
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
			continue
		}
		if got, want := wait(t, src).String(), "speech("+tc.engine+")"; got != want {
			t.Errorf("%q: %s, want %s", tc.text, got, want)
		}
	}
	u := Plain("Bonjour.")
	u.Language = "fr-FR"
	if _, err := s.Synthesize(t.Context(), u); !errors.Is(err, ErrNoVoice) {
		t.Errorf("French: %v, want ErrNoVoice", err)
	}
	alone := speaker(t, Options{Engines: []Engine{Recorded{}, broken}})
	if _, err := alone.Synthesize(t.Context(), Plain("Hello.")); !errors.Is(err, broken.fail) {
		t.Errorf("broken: %v", err)
	}
}

func TestSpeakerKeepsWhatItSpoke(t *testing.T) {
	dir := t.TempDir()
	first, second := &fake{name: "fake", language: "en"}, &fake{name: "fake", language: "en"}
	for i, e := range []*fake{first, first, second} {
		s := speaker(t, Options{Engines: []Engine{e}, Dir: dir})
		for range 2 {
			src, err := s.Synthesize(t.Context(), Plain("Hello world."))
			if err != nil {
				t.Fatal(err)
			}
			if got := listen(t, wait(t, src)); got != 120*time.Millisecond {
				t.Errorf("start %d: %v, want 120ms", i, got)
			}
		}
	}
	if len(first.heard()) != 1 || len(second.heard()) != 0 {
		t.Errorf("spoken %d and %d times, want once", len(first.heard()), len(second.heard()))
	}
	u := Plain("Hello world.")
	u.Rate = 1.5
	s := speaker(t, Options{Engines: []Engine{second}, Dir: dir, DiskBytes: 5000})
	if _, err := s.Synthesize(t.Context(), u); err != nil || len(second.heard()) != 1 {
		t.Errorf("another rate: %v, spoken %d times", err, len(second.heard()))
	}
	if files, _ := filepath.Glob(dir + "/*"); len(files) != 1 {
		t.Errorf("%d files, want one within 5000 octets", len(files))
	}
}

func TestSpeakerBoundsText(t *testing.T) {
	e := &fake{name: "fake", language: "en"}
	s := speaker(t, Options{Engines: []Engine{e}})
	src, err := s.Synthesize(t.Context(), Plain(strings.Repeat("lots of text ", 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, src)
	if n := len(strings.Join(e.heard(), " ")); n > MaxText {
		t.Errorf("%d characters spoken", n)
	}
	src, err = s.Synthesize(t.Context(), Plain("\x00\x01\n "))
	if err != nil {
		t.Fatal(err)
	}
	if d := listen(t, src); d != 0 {
		t.Errorf("nothing lasted %v", d)
	}
}

func TestSpeechIsEncodedOnce(t *testing.T) {
	pcmu, _ := codec.ByName("PCMU", 8000)
	s := speaker(t, Options{Engines: []Engine{&fake{name: "fake", language: "en"}}})
	payload := func() *byte {
		u := Plain("Hello world.")
		u.Codec = pcmu
		src, err := s.Synthesize(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		p, ok, err := wait(t, src).ReadEncoded(pcmu.New())
		if !ok || err != nil || len(p) != 160 {
			t.Fatalf("%d octets, %v %v", len(p), ok, err)
		}
		return &p[0]
	}
	if one, other := payload(), payload(); one != other {
		t.Error("two legs do not share the payload")
	}
}

func TestSpeechAllocatesNothing(t *testing.T) {
	sp := &Speech{clips: []*file.Clip{file.NewClip("x", 8000, make([]int16, 80_000))}}
	f := make(media.Frame, 160)
	if _, err := sp.ReadFrame(f); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = sp.ReadFrame(f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEveryTextIsRecorded(t *testing.T) {
	list, err := os.ReadFile("recorded/texts.txt")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(list)) {
		c, err := Recorded{}.Speak(t.Context(), Sentence{Text: line})
		if err != nil || c.Duration() < 200*time.Millisecond || c.Duration() > 20*time.Second {
			t.Errorf("%q: %v", line, err)
			continue
		}
		total += len(c.Samples())
	}
	if total > 600_000 {
		t.Errorf("recordings take %d octets", total)
	}
}
