package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
	"pintle/media/tone"
	"pintle/media/tts"
)

// Files gives the sound behind URLs; *file.Cache is one.
type Files interface {
	Get(ctx context.Context, url string) (*file.Clip, error)
}

// Sounds makes sources of prompts. It is shared by all legs of an engine and safe for concurrent use.
type Sounds struct {
	Files  Files        // nil: URLs cannot be played
	Own    Files        // sound of our own URLs, asked first; ErrNotOwn passes on to Files; nil: none
	Voices tts.Provider // nil: no voice

	Hold interpreter.Prompt // what is heard on hold where a bridge does not say; zero: music of ours
}

// ErrNotOwn is returned by Sounds.Own for a URL that is not ours.
var ErrNotOwn = errors.New("not a URL of ours")

// noVoiceTone is heard in the place of a text that nobody can speak: two soft notes, so that the caller hears that
// something should have been said.
const noVoiceTone = "440/180,0/60,350/180,0/400"

// asked is what a source has to give: sound for a codec, and how often where it repeats by itself.
type asked struct {
	codec codec.Info
	times int // below 0: for ever
}

// source makes the source of a prompt: a file repeated as asked, anything else once through. A source that stands in
// for what cannot be played comes with the fault that says so. ctx lasts as long as the source is played.
func (s *Sounds) source(ctx context.Context, p interpreter.Prompt, a asked) (media.Source, error) {
	switch {
	case p.URL != "":
		clip, err := s.fetched(ctx, p.URL)
		if err != nil {
			return nil, err
		}
		return clipSource(clip, a)
	case p.Audio != nil:
		clip, err := file.Open(bytes.NewReader(p.Audio), file.Hint{Name: "answer"})
		if err != nil {
			return nil, fault("the answer's audio", err)
		}
		return clipSource(clip, a)
	case p.Tone != "":
		return toneSource(a.codec.SampleRate, p.Tone)
	case p.Silence > 0:
		return &media.Silence{For: p.Silence}, nil
	default:
		return s.spoken(ctx, p, a.codec)
	}
}

// spoken makes speech; without a voice a tone in its place, with the fault that says so.
func (s *Sounds) spoken(ctx context.Context, p interpreter.Prompt, c codec.Info) (media.Source, error) {
	u := tts.Utterance{Voice: p.Voice, Language: p.Lang, Codec: c}
	text := ""
	for _, part := range p.Text {
		u.Segments = append(u.Segments, tts.Segment{Text: part.Text, Break: part.Break})
		text += part.Text
	}
	if len(u.Segments) == 0 {
		return &media.Silence{For: media.FrameDuration}, nil
	}
	failed := tts.ErrNoVoice
	if s.Voices != nil {
		src, err := s.Voices.Synthesize(ctx, u)
		if err == nil {
			return src, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		failed = err
	}
	src, err := toneSource(c.SampleRate, noVoiceTone)
	if err != nil {
		return nil, err
	}
	return src, &interpreter.Fault{Code: interpreter.CodeNoVoice, Msg: "say " + quote(text), Err: failed}
}

func quote(text string) string {
	const shown = 60
	if r := []rune(text); len(r) > shown {
		text = string(r[:shown]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

func (s *Sounds) fetched(ctx context.Context, rawURL string) (*file.Clip, error) {
	if s.Own != nil {
		clip, err := s.Own.Get(ctx, rawURL)
		if !errors.Is(err, ErrNotOwn) {
			if cause := context.Cause(ctx); cause != nil {
				return nil, cause
			}
			return clip, fault(shownURL(rawURL), err)
		}
	}
	if s.Files == nil {
		return nil, &interpreter.Fault{Code: interpreter.CodeURL, Msg: "URLs cannot be played here"}
	}
	clip, err := s.Files.Get(ctx, rawURL)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	return clip, fault(shownURL(rawURL), err)
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

// clipSource plays a clip at a codec's rate, ready encoded.
func clipSource(clip *file.Clip, a asked) (media.Source, error) {
	at, err := clip.At(a.codec.SampleRate)
	if err == nil {
		err = at.Prepare(a.codec)
	}
	if err != nil {
		return nil, fault(clip.Name(), err)
	}
	return at.Play(file.PlayOptions{Loops: a.times}), nil
}

// toneSource makes a tone by name: beep, busy, ringback, reorder, dial, each with an optional :country, sit, hold
// (music), or a cadence such as 440/500,0/500.
func toneSource(rate int, name string) (media.Source, error) {
	kind, country, _ := strings.Cut(name, ":")
	var src media.Source
	var err error
	switch kind {
	case "beep":
		src = tone.Beep(rate)
	case holdMusic:
		src = tone.Hold(rate)
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
