package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
	"pintle/media/tone"
)

// Files gives the sound behind URLs; *file.Cache is one.
type Files interface {
	Get(ctx context.Context, url string) (*file.Clip, error)
}

// Voices speaks. ErrNoVoice of the implementation, or any other error, makes the leg play a tone instead.
type Voices interface {
	// Speak gives the sound of a text; long texts are given sentence by sentence.
	Speak(ctx context.Context, text, voice, language string) (*file.Clip, error)
	// Sentences splits a text into parts that are spoken one after the other.
	Sentences(text string) []string
}

// Sounds makes sources of prompts. It is shared by all legs of an engine and safe for concurrent use.
type Sounds struct {
	Files  Files  // nil: URLs cannot be played
	Own    Files  // sound of our own URLs, asked first; ErrNotOwn passes on to Files; nil: none
	Voices Voices // nil: no voice
}

// ErrNotOwn is returned by Sounds.Own for a URL that is not ours.
var ErrNotOwn = errors.New("not a URL of ours")

// noVoiceTone is heard in the place of a text that nobody can speak: two soft notes, so that the caller hears that
// something should have been said.
const noVoiceTone = "440/180,0/60,350/180,0/400"

// piece is a part of a prompt: a clip, a tone or a pause.
type piece struct {
	clip  *file.Clip
	tone  string
	pause time.Duration
}

// pieces tells of what a prompt consists, without fetching: each step gives one piece when it is asked for.
func (s *Sounds) pieces(p interpreter.Prompt) []func(ctx context.Context) (piece, error) {
	one := func(f func(ctx context.Context) (piece, error)) []func(context.Context) (piece, error) {
		return []func(context.Context) (piece, error){f}
	}
	switch {
	case p.URL != "":
		return one(func(ctx context.Context) (piece, error) { return s.fetched(ctx, p.URL) })
	case p.Audio != nil:
		return one(func(context.Context) (piece, error) {
			clip, err := file.Open(bytes.NewReader(p.Audio), file.Hint{Name: "answer"})
			return piece{clip: clip}, fault("the answer's audio", err)
		})
	case p.Tone != "":
		return one(func(context.Context) (piece, error) { return piece{tone: p.Tone}, nil })
	case p.Silence > 0:
		return one(func(context.Context) (piece, error) { return piece{pause: p.Silence}, nil })
	default:
		return s.spoken(p)
	}
}

// spoken splits a text into sentences, so that the first is heard while the next is made.
func (s *Sounds) spoken(p interpreter.Prompt) []func(ctx context.Context) (piece, error) {
	var list []func(context.Context) (piece, error)
	for _, part := range p.Text {
		for _, sentence := range s.sentences(part.Text) {
			list = append(list, func(ctx context.Context) (piece, error) { return s.speak(ctx, sentence, p) })
		}
		if part.Break > 0 {
			list = append(list, func(context.Context) (piece, error) { return piece{pause: part.Break}, nil })
		}
	}
	return list
}

func (s *Sounds) sentences(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if s.Voices == nil {
		return []string{text}
	}
	return s.Voices.Sentences(text)
}

// speak gives the sound of a sentence; without a voice a tone in its place, with the fault that says so.
func (s *Sounds) speak(ctx context.Context, text string, p interpreter.Prompt) (piece, error) {
	if s.Voices == nil {
		return piece{tone: noVoiceTone}, &interpreter.Fault{Code: interpreter.CodeNoVoice, Msg: "no speech engine is there to say " + quote(text)}
	}
	clip, err := s.Voices.Speak(ctx, text, p.Voice, p.Lang)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return piece{}, cause
		}
		return piece{tone: noVoiceTone}, &interpreter.Fault{Code: interpreter.CodeNoVoice, Msg: "say " + quote(text), Err: err}
	}
	return piece{clip: clip}, nil
}

func quote(text string) string {
	const shown = 60
	if r := []rune(text); len(r) > shown {
		text = string(r[:shown]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

func (s *Sounds) fetched(ctx context.Context, rawURL string) (piece, error) {
	if s.Own != nil {
		clip, err := s.Own.Get(ctx, rawURL)
		if !errors.Is(err, ErrNotOwn) {
			return piece{clip: clip}, fault(shownURL(rawURL), err)
		}
	}
	if s.Files == nil {
		return piece{}, &interpreter.Fault{Code: interpreter.CodeURL, Msg: "URLs cannot be played here"}
	}
	clip, err := s.Files.Get(ctx, rawURL)
	if cause := context.Cause(ctx); cause != nil {
		return piece{}, cause
	}
	return piece{clip: clip}, fault(shownURL(rawURL), err)
}

// fault gives an error of media/file its number and a sentence.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	var f *interpreter.Fault
	if errors.As(err, &f) {
		return &interpreter.Fault{Code: f.Code, Msg: what, Err: err}
	}
	code := file.Code(err)
	if code == 0 {
		code = interpreter.CodeRetrieval
	}
	return &interpreter.Fault{Code: code, Msg: "play " + what, Err: err}
}

// shownURL is a URL without what may be secret in it.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return quote(raw)
	}
	u.User = nil
	return u.String()
}

// source makes the source of a piece for a codec.
func (p piece) source(c codec.Info) (media.Source, error) {
	switch {
	case p.clip != nil:
		clip, err := p.clip.At(c.SampleRate)
		if err != nil {
			return nil, fault(p.clip.Name(), err)
		}
		if err := clip.Prepare(c); err != nil {
			return nil, fault(p.clip.Name(), err)
		}
		return clip.Play(file.PlayOptions{}), nil
	case p.tone != "":
		return toneSource(c.SampleRate, p.tone)
	default:
		return &media.Silence{For: p.pause}, nil
	}
}

// toneSource makes a tone by name: beep, busy, ringback, reorder, dial, each with an optional :country, sit, or a
// cadence such as 440/500,0/500.
func toneSource(rate int, name string) (media.Source, error) {
	kind, country, _ := strings.Cut(name, ":")
	var src media.Source
	var err error
	switch kind {
	case "beep":
		src = tone.Beep(rate)
	case "sit":
		src = tone.SIT(rate)
	case "ringback":
		src, err = tone.Ringback(rate, country)
	case "busy":
		src, err = tone.Busy(rate, country)
	case "reorder":
		src, err = tone.Reorder(rate, country)
	case "dial":
		src, err = tone.Dial(rate, country)
	default:
		var cadence []tone.Segment
		if cadence, err = tone.Parse(name); err == nil {
			src = tone.New(rate, cadence, tone.Options{Times: 1, Name: name})
		}
	}
	if err != nil {
		return nil, &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "tone " + quote(name), Err: err}
	}
	return src, nil
}
