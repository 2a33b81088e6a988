package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/file"
	"pintle/media/tts"
)

var errHangup = &interpreter.Hangup{By: interpreter.ByCaller, Code: 200}

// speaks is a voice that says everything as a tone of 300 ms.
func speaks(_ context.Context, _ tts.Utterance) (media.Source, error) {
	return sine("speech", lowTone, 300*time.Millisecond).Play(file.PlayOptions{}), nil
}

func library(_ context.Context, _ string) (*file.Clip, error) {
	return sine("clip", lowTone, 300*time.Millisecond), nil
}

func TestPlayEveryKind(t *testing.T) {
	tone := sine("a", lowTone, 300*time.Millisecond)
	for name, p := range map[string]interpreter.Prompt{
		"url":     {URL: "https://app.test/a.wav"},
		"text":    {Text: interpreter.Words("hello")},
		"tone":    {Tone: "600/300"},
		"audio":   {Audio: wav(t, tone)},
		"silence": {Silence: 300 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &Sounds{Files: files(library), Voices: voice(speaks)}, nil)
			began := time.Now()
			if err := l.Play(t.Context(), p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if took := time.Since(began); !near(took, 300*time.Millisecond, 40*time.Millisecond) {
				t.Errorf("%s took %v, want 300 ms", name, took)
			}
			time.Sleep(200 * time.Millisecond)
			want := 300 * time.Millisecond
			if name == "silence" {
				want = 0
			}
			if got := l.heard().tone(lowTone); !near(got, want, 20*time.Millisecond) {
				t.Errorf("%s: the party heard %v of the tone, want %v", name, got, want)
			}
		})
	}
}

func TestPlayDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		began := time.Now()
		if err := l.Play(t.Context(), interpreter.Prompt{Digits: "1w*", Loop: 2}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); !near(took, 1800*time.Millisecond, 60*time.Millisecond) {
			t.Errorf("took %v, want 1.8 s", took)
		}
		if got := keys(l.phone); got != "1*1*" {
			t.Errorf("the party got keys %q, want 1*1*", got)
		}
		began = time.Now()
		if err := l.Play(t.Context(), interpreter.Prompt{Digits: "7", KeyTone: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); !near(took, 2100*time.Millisecond, 60*time.Millisecond) {
			t.Errorf("a key of 2 s took %v, want 2.1 s", took)
		}
	})
}

func TestBargeIn(t *testing.T) {
	for name, p := range map[string]interpreter.Prompt{
		"tone":    {Tone: "600/10000"},
		"forever": {URL: "https://app.test/a.wav", Loop: interpreter.Forever},
		"speech":  {Text: interpreter.Words("hello"), Loop: interpreter.Forever},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &Sounds{Files: files(library), Voices: voice(speaks)}, nil)
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(505*time.Millisecond, func() { cancel(interpreter.ErrBargeIn) })
			began := time.Now()
			if err := l.Play(ctx, p); err != interpreter.ErrBargeIn {
				t.Errorf("%s: %v, want the cause", name, err)
			}
			if took := time.Since(began); took != 505*time.Millisecond {
				t.Errorf("%s: returned after %v, want 505 ms", name, took)
			}
			time.Sleep(300 * time.Millisecond)
			// 27 frames or 28 windows with sound in them are sent, since the first frame does not wait for its slot; the
			// party's end conceals one more at times.
			if got := l.heard().tone(lowTone); got > 580*time.Millisecond || got < 460*time.Millisecond {
				t.Errorf("%s: the party heard %v, want 500 ms", name, got)
			}
			if err := l.Play(ctx, p); err != interpreter.ErrBargeIn {
				t.Errorf("%s on a dead context: %v", name, err)
			}
		})
	}
}

// A prompt takes the place of another whatever that is doing, and the first counts as played.
func TestSecondPromptTakesTheFirstOnesPlace(t *testing.T) {
	slow := files(func(ctx context.Context, _ string) (*file.Clip, error) {
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond) // it comes after all, and too late
		return library(ctx, "")
	})
	for name, first := range map[string]interpreter.Prompt{
		"looped":   {Tone: "600/200", Loop: 100},
		"for ever": {Audio: wav(t, sine("a", lowTone, time.Second)), Loop: interpreter.Forever},
		"fetching": {URL: "https://slow.test/"},
		"digits":   {Digits: "WWWW1111"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &Sounds{Files: slow}, nil)
			over := make(chan error, 1)
			go func() { over <- l.Play(t.Context(), first) }()
			time.Sleep(time.Second)
			synctest.Wait()
			l.heard()
			if err := l.Play(t.Context(), interpreter.Prompt{Tone: "850/500"}); err != nil {
				t.Errorf("%s: the second: %v", name, err)
			}
			if err := <-over; err != nil {
				t.Errorf("%s: the first: %v, want nil", name, err)
			}
			time.Sleep(500 * time.Millisecond)
			s := l.heard()
			if got := s.tone(lowTone); got > 60*time.Millisecond {
				t.Errorf("%s: %v of the first prompt were heard after the second began", name, got)
			}
			if got := s.tone(highTone); !near(got, 500*time.Millisecond, 40*time.Millisecond) {
				t.Errorf("%s: %v of the second were heard, want 500 ms", name, got)
			}
			if got := keys(l.phone); got != "" {
				t.Errorf("%s: keys %q went out", name, got)
			}
		})
	}
}

func TestDigitsTakeThePlaceOfDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		over := make(chan error, 1)
		go func() { over <- l.Play(t.Context(), interpreter.Prompt{Digits: "1111111111"}) }()
		time.Sleep(250 * time.Millisecond)
		if err := l.Play(t.Context(), interpreter.Prompt{Digits: "23"}); err != nil {
			t.Errorf("the second: %v", err)
		}
		if err := <-over; err != nil {
			t.Errorf("the first: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
		if got := keys(l.phone); got != "1123" {
			t.Errorf("keys %q, want 1123", got)
		}
	})
}

// A file is fetched once and repeats without a gap.
func TestLoopWithoutGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		l := newLine(t, &Sounds{Files: files(func(ctx context.Context, u string) (*file.Clip, error) {
			fetched++
			return library(ctx, u)
		})}, nil)
		if err := l.Play(t.Context(), interpreter.Prompt{URL: "https://app.test/a.wav", Loop: 5}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		s := l.heard()
		if got := s.tone(lowTone); fetched != 1 || !near(got, 1500*time.Millisecond, 20*time.Millisecond) {
			t.Errorf("fetched %d times, heard %v; want once, 1.5 s", fetched, got)
		}
		if first, last := s.bounds(); last-first > 78 {
			t.Errorf("it took %d frames from the first sound to the last, want 75", last-first)
		}
	})
}

// bounds are the first and behind the last frame with sound.
func (s sound) bounds() (first, last int) {
	first = -1
	n := 0
	for w := range slices.Chunk(s, window) {
		if media.Level(media.Frame(w)) > -45 {
			if first < 0 {
				first = n
			}
			last = n + 1
		}
		n++
	}
	return first, last
}

// Nothing to hear, looped for ever, is time that passes and no loop that spins.
func TestForeverOfNothing(t *testing.T) {
	for name, p := range map[string]interpreter.Prompt{
		"no words":   {Text: interpreter.Words(" "), Loop: interpreter.Forever},
		"no pieces":  {Text: []interpreter.Speech{}, Loop: interpreter.Forever},
		"empty file": {URL: "https://app.test/empty.wav", Loop: interpreter.Forever},
	} {
		synctest.Test(t, func(t *testing.T) {
			made := 0
			l := newLine(t, &Sounds{
				Files:  files(func(context.Context, string) (*file.Clip, error) { return file.NewClip("empty", 8000, nil), nil }),
				Voices: voice(func(context.Context, tts.Utterance) (media.Source, error) { made++; return media.NewConcat(), nil }),
			}, nil)
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errHangup)
			defer cancel()
			if err := l.Play(ctx, p); err != error(errHangup) && name != "empty file" {
				t.Errorf("%s: %v", name, err)
			}
			if made > 60 {
				t.Errorf("%s: tried %d times in a second", name, made)
			}
		})
	}
}

// A half that is closed ends what plays at once, also when nobody ended its context.
func TestCloseWhilePlaying(t *testing.T) {
	for name, p := range map[string]interpreter.Prompt{
		"tone":     {Tone: "600/10000"},
		"for ever": {Tone: "600/20", Loop: interpreter.Forever},
		"digits":   {Digits: "WWWW1"},
		"fetching": {URL: "https://slow.test/"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &Sounds{Files: files(func(ctx context.Context, _ string) (*file.Clip, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})}, nil)
			over := make(chan error, 1)
			go func() { over <- l.Play(context.Background(), p) }()
			time.Sleep(time.Second)
			l.Close()
			synctest.Wait()
			select {
			case err := <-over:
				if err != interpreter.ErrCallOver {
					t.Errorf("%s: %v, want ErrCallOver", name, err)
				}
			default:
				t.Errorf("%s still plays", name)
			}
			if err := l.Play(context.Background(), p); err != interpreter.ErrCallOver {
				t.Errorf("%s after Close: %v, want ErrCallOver", name, err)
			}
		})
	}
}

func TestNoVoice(t *testing.T) {
	broken := voice(func(context.Context, tts.Utterance) (media.Source, error) { return nil, errors.New("engine died") })
	for name, s := range map[string]*Sounds{"none": {}, "broken": {Voices: broken}} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, s, nil)
			p := interpreter.Prompt{Text: interpreter.Words("Guten Tag"), Lang: "de-DE", Loop: interpreter.Forever}
			err := l.Play(t.Context(), p)
			if interpreter.CodeOf(err) != interpreter.CodeNoVoice || !strings.Contains(fmt.Sprint(err), `"Guten Tag"`) {
				t.Errorf("%s: %v, want a fault 90008 that names the text", name, err)
			}
			time.Sleep(time.Second)
			if got := l.heard().loud(); !near(got, 360*time.Millisecond, 60*time.Millisecond) {
				t.Errorf("%s: %v of tone were heard, want two notes", name, got)
			}
			if again := l.Prepare(t.Context(), p); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("%s: Prepare %v, Play %v", name, again, err)
			}
		})
	}
}

func TestUnusableSound(t *testing.T) {
	for name, want := range map[string]struct {
		err  error
		code int
	}{
		"refused":  {&file.StatusError{Status: 404}, 11200},
		"no audio": {&file.TypeError{Found: "text"}, 13420},
		"broken":   {&file.UnusableError{Reason: "rate 0"}, 90003},
		"large":    {&file.TooLargeError{Limit: 1}, 11750},
		"network":  {io.ErrUnexpectedEOF, 11200},
		"guarded":  {&interpreter.Fault{Code: interpreter.CodeAddress, Msg: "private"}, 90002},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &Sounds{
				Own:   files(func(context.Context, string) (*file.Clip, error) { return nil, ErrNotOwn }),
				Files: files(func(context.Context, string) (*file.Clip, error) { return nil, want.err }),
			}, nil)
			p := interpreter.Prompt{URL: "https://user:secret@app.test/a.wav", Loop: 3}
			err := l.Play(t.Context(), p)
			if interpreter.CodeOf(err) != want.code || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want code %d and no password", name, err, want.code)
			}
			if again := l.Prepare(t.Context(), p); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("%s: Prepare %v, Play %v", name, again, err)
			}
			time.Sleep(300 * time.Millisecond)
			if got := l.heard().loud(); got != 0 {
				t.Errorf("%s: %v were heard", name, got)
			}
		})
	}
	for name, p := range map[string]interpreter.Prompt{
		"bytes": {Audio: []byte("no sound at all")}, "tone": {Tone: "polka"}, "keys": {Digits: "12x"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, nil, nil)
			if err := l.Play(t.Context(), p); interpreter.CodeOf(err) == 0 {
				t.Errorf("%s: %v, want a fault", name, err)
			}
		})
	}
}

// brokenOff is speech whose engine died after the first piece.
type brokenOff struct{ media.Source }

func (brokenOff) Wait() error { return errors.New("engine died") }

func TestSpeechThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &Sounds{Voices: voice(func(ctx context.Context, u tts.Utterance) (media.Source, error) {
			src, err := speaks(ctx, u)
			return brokenOff{src}, err
		})}, nil)
		if err := l.Play(t.Context(),
			interpreter.Prompt{Text: interpreter.Words("one. two.")}); interpreter.CodeOf(err) != interpreter.CodeNoVoice {
			t.Errorf("%v, want a fault 90008", err)
		}
		time.Sleep(200 * time.Millisecond)
		if got := l.heard().tone(lowTone); !near(got, 300*time.Millisecond, 20*time.Millisecond) {
			t.Errorf("%v were heard, want what there was", got)
		}
	})
}

// Whoever waits for a voice that has to be compiled first can be told why.
func TestSlowVoiceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &Sounds{Voices: voice(func(ctx context.Context, u tts.Utterance) (media.Source, error) {
			time.Sleep(1500 * time.Millisecond)
			return speaks(ctx, u)
		})}, nil)
		if err := l.Play(t.Context(), interpreter.Prompt{Text: interpreter.Words("hello")}); err != nil {
			t.Fatal(err)
		}
		got := l.events.texts()
		if !slices.Contains(got, "the voice is being prepared") || !slices.Contains(got, "the voice was prepared in 1.5s") {
			t.Errorf("events %q", got)
		}
	})
}

func TestPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &Sounds{Files: files(library), Voices: voice(speaks)}, nil)
		for _, p := range []interpreter.Prompt{{URL: "https://app.test/a"}, {Text: interpreter.Words("a")}, {Tone: "beep"},
			{Digits: "1"}} {
			if err := l.Prepare(t.Context(), p); err != nil {
				t.Errorf("%+v: %v", p, err)
			}
		}
		time.Sleep(200 * time.Millisecond)
		if got := l.heard().loud(); got != 0 {
			t.Errorf("%v were heard", got)
		}
	})
}
