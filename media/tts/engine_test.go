package tts

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"pintle/media/helper"
)

// speaks checks that an engine says something of a plausible length, and faster at a higher rate.
func speaks(t *testing.T, e Engine, voice string) {
	t.Helper()
	say := func(rate float64) time.Duration {
		s := Sentence{Text: `Please "hold" the line; we'll be back -v.`, Voice: voice, Rate: rate}
		c, err := e.Speak(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return c.Duration()
	}
	slow, fast := say(1), say(1.5)
	if slow < time.Second || slow > 6*time.Second || fast > slow*9/10 {
		t.Errorf("%s: %v at rate 1, %v at 1.5", e.Name(), slow, fast)
	}
	if c, err := e.Speak(t.Context(), Sentence{Text: "...", Voice: voice, Rate: 1}); err != nil {
		t.Errorf("%s: nothing to say: %v %v", e.Name(), c, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("caller left")
	cancel(left)
	if _, err := e.Speak(ctx, Sentence{Text: "Hello.", Voice: voice, Rate: 1}); !errors.Is(err, left) {
		t.Errorf("%s: cancelled: %v", e.Name(), err)
	}
}

func TestFliteProgram(t *testing.T) {
	e, err := NewFliteProgram()
	if errors.Is(err, helper.ErrNotInstalled) {
		t.Skip("SKIPPED: the program flite is not installed")
	}
	speaks(t, e, "slt")
}

func TestEspeak(t *testing.T) {
	e, err := NewEspeak(t.Context())
	if errors.Is(err, helper.ErrNotInstalled) {
		t.Skip("SKIPPED: the program espeak-ng is not installed")
	}
	if err != nil {
		t.Fatal(err)
	}
	v, ok := e.Voice(Lookup("male/de-DE", ""))
	if !ok || v != "de" {
		t.Fatalf("German voice %q %v", v, ok)
	}
	speaks(t, e, v)
	plain, _ := e.Speak(t.Context(), Sentence{Text: "eins zwei", Voice: v, Rate: 1})
	broken := Sentence{Text: `<speak>eins <break time="2s"/> zwei</speak>`, SSML: true, Voice: v, Rate: 1}
	if c, err := e.Speak(t.Context(), broken); err != nil || c.Duration() < plain.Duration()+time.Second {
		t.Errorf("SSML: %v, %v", c, err)
	}
}

// The module is large; it is tested where the build fetched it.
func TestFliteModule(t *testing.T) {
	const path = "assets/flite.wasm.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("SKIPPED: flite's module was not fetched (make flite)")
	}
	if testing.Short() {
		t.Skip("SKIPPED: compiling flite's module takes a second")
	}
	e, err := NewFlite(FliteOptions{Path: path, CacheDir: compiledFlite(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if bad := e.Close(); bad != nil {
			t.Error(bad)
		}
	}()
	// Once only: on a busy machine an instance takes its time.
	c, err := e.Speak(t.Context(), Sentence{Text: "Hold -v.", Voice: "slt", Rate: 1})
	if err != nil || c.Duration() < 400*time.Millisecond || c.Duration() > 3*time.Second {
		t.Errorf("%v, %v", c, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	endless := Sentence{Text: strings.Repeat("hold ", 800), Voice: "slt", Rate: 1}
	if _, err := e.Speak(ctx, endless); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled in mid-speech: %v", err)
	}
	if !e.Ready() {
		t.Error("not ready after it spoke")
	}
}

// compiledFlite keeps the compiled module between runs of the test, since compiling takes longer than all other tests.
func compiledFlite(t *testing.T) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	return dir + "/pintle-test-flite"
}

func TestFliteRefusesOtherModules(t *testing.T) {
	if _, err := NewFlite(FliteOptions{Path: "/no/such/module"}); !errors.Is(err, ErrNoModule) {
		t.Errorf("missing: %v", err)
	}
	path := t.TempDir() + "/flite.wasm"
	if err := os.WriteFile(path, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := NewFlite(FliteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Speak(t.Context(), Sentence{Text: "Hello.", Voice: "slt", Rate: 1}); err == nil {
		t.Error("an unknown module was run")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
