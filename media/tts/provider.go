package tts

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
)

// ErrNoVoice means that no engine here speaks the language. Callers warn and play a tone instead.
var ErrNoVoice = errors.New("no voice for the language")

// Provider turns an utterance into sound. The source is ready to play when Synthesize returns; what it still needs is
// made under ctx, which has to last as long as the source is played. Speaker is a Provider.
type Provider interface {
	Synthesize(ctx context.Context, u Utterance) (media.Source, error)
}

// Bounds of one utterance. A document may hold a megabyte of text; what lies beyond is not spoken.
const (
	MaxText     = 4096 // characters
	maxSegments = 256
	maxBreak    = 10 * time.Second
)

// Segment is a piece of plain text and the silence after it.
type Segment struct {
	Text  string
	Break time.Duration // at most 10 s
}

// Utterance is what to say. Only segments are needed.
type Utterance struct {
	Segments []Segment
	// SSML is the same as markup, for engines that read it; the others speak the segments.
	SSML     string
	Voice    string  // as documents name it, such as "alice" or "Polly.Joanna"; see Lookup
	Language string  // as in "en-US"; empty means that of the voice, else English
	Rate     float64 // 1 is normal; 0 means 1; kept within 0.5 and 2

	// SampleRate is that of the frames of the source; 0 means 8000, or that of Codec.
	SampleRate int
	// Codec, unless zero, is encoded for beforehand, so that the source gives ready payloads.
	Codec codec.Info
}

// Plain is the utterance of a text without pauses or markup.
func Plain(text string) Utterance { return Utterance{Segments: []Segment{{Text: text}}} }

// Engine speaks one sentence. Implementations are safe for concurrent use.
type Engine interface {
	// Name tells engines apart in the cache.
	Name() string
	// Voice returns the engine's own name of the voice that is nearest to v; ok is false when it does not speak the
	// language at all.
	Voice(v Voice) (name string, ok bool)
	// Speak returns the sound. It ends early, with the cause, when ctx ends.
	Speak(ctx context.Context, s Sentence) (*file.Clip, error)
}

// Sentence is a piece of text for an engine, cleaned and bounded.
type Sentence struct {
	Text  string
	SSML  bool   // Text is markup; only for engines that have a method ReadsSSML
	Voice string // the engine's own name
	Rate  float64
}

// clean brings an utterance within its bounds and takes out what engines stumble over.
func (u Utterance) clean() Utterance {
	left := MaxText
	var out []Segment
	for _, s := range u.Segments[:min(len(u.Segments), maxSegments)] {
		s.Text, left = printable(s.Text, left)
		s.Break = max(0, min(s.Break, maxBreak))
		if s.Text != "" || s.Break > 0 {
			out = append(out, s)
		}
	}
	u.Segments = out
	if len(u.SSML) > 4*MaxText { // cut markup would not parse
		u.SSML = ""
	}
	u.SSML, _ = printable(u.SSML, 4*MaxText)
	if u.Rate == 0 || u.Rate != u.Rate {
		u.Rate = 1
	}
	u.Rate = max(0.5, min(u.Rate, 2))
	if u.SampleRate == 0 && u.Codec.New != nil {
		u.SampleRate = u.Codec.SampleRate
	}
	if u.SampleRate == 0 {
		u.SampleRate = file.NarrowRate
	}
	return u
}

// printable replaces control characters and runs of space by one space and cuts after limit characters; it returns
// what is left of the limit.
func printable(text string, limit int) (string, int) {
	var b strings.Builder
	space := true
	for _, r := range text {
		if limit == 0 {
			break
		}
		if r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.IsSpace(r) {
			if !space {
				b.WriteByte(' ')
				limit--
			}
			space = true
			continue
		}
		space = false
		b.WriteRune(r)
		limit--
	}
	return strings.TrimSpace(b.String()), limit
}
