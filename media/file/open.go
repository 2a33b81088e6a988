package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"time"
	"unicode"

	"pintle/media"
)

// Bounds of what is played: whatever a file claims, memory stays bounded and times sane.
const (
	DefaultMaxBytes    = 50 << 20
	DefaultMaxDuration = 2 * time.Hour
	maxChannels        = 8
	minRate            = 4000
	maxRate            = 192000
)

// Hint is what is known about a file besides its content.
type Hint struct {
	Name        string        // for traces and errors
	ContentType string        // decides only where the content has no signature
	MaxBytes    int64         // DefaultMaxBytes if zero
	MaxDuration time.Duration // DefaultMaxDuration if zero
}

// stream is a file whose header was understood: blocks of one sample for each channel.
type stream struct {
	rate     int
	channels int
	coding   coding
	body     io.Reader
}

// Open reads an audio file to its end and decodes it to mono at 8 or 16 kHz. It knows WAV (PCM, float, A-law, µ-law),
// MP3, AIFF, Sun audio and headerless µ-law and A-law. The format is found by content, never by name. A file that is
// cut short plays as far as it goes.
func Open(r io.Reader, h Hint) (*Clip, error) {
	if h.MaxBytes <= 0 {
		h.MaxBytes = DefaultMaxBytes
	}
	if h.MaxDuration <= 0 {
		h.MaxDuration = DefaultMaxDuration
	}
	raw, err := io.ReadAll(io.LimitReader(r, h.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", h.Name, err)
	}
	if int64(len(raw)) > h.MaxBytes {
		return nil, fmt.Errorf("open %s: %w", h.Name, &TooLargeError{Limit: h.MaxBytes})
	}
	c, err := decode(raw, h)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", h.Name, err)
	}
	return c, nil
}

func decode(raw []byte, h Hint) (*Clip, error) {
	s, err := sniff(raw, h.ContentType)
	if err != nil {
		return nil, err
	}
	if s.channels < 1 || s.channels > maxChannels {
		return nil, unusable("%d channels", s.channels)
	}
	if s.rate < minRate || s.rate > maxRate {
		return nil, unusable("sample rate %d", s.rate)
	}
	return s.clip(h)
}

// sniff finds the format by content and reads its header.
func sniff(raw []byte, contentType string) (*stream, error) {
	has := func(at int, magic string) bool {
		return len(raw) >= at+len(magic) && string(raw[at:at+len(magic)]) == magic
	}
	switch {
	case (has(0, "RIFF") || has(0, "RF64")) && has(8, "WAVE"):
		return openWAV(raw)
	case has(0, "FORM") && (has(8, "AIFF") || has(8, "AIFC")):
		return openAIFF(raw)
	case has(0, ".snd"):
		return openSun(raw)
	case has(0, "ID3"):
		return openMP3(raw)
	case len(raw) == 0:
		return nil, unusable("empty")
	}
	found := looksLike(raw)
	if s := headerless(raw, contentType); s != nil && found == unknown {
		return s, nil
	}
	if frameSync(raw) {
		return openMP3(raw)
	}
	return nil, &TypeError{ContentType: contentType, Found: found}
}

// headerless opens the raw kinds, which only their content type tells.
func headerless(raw []byte, contentType string) *stream {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(raw) == 0 {
		return nil
	}
	switch kind {
	case "audio/basic", "audio/ulaw", "audio/x-ulaw", "audio/pcmu", "audio/x-mulaw":
		return &stream{NarrowRate, 1, codingULaw, bytes.NewReader(raw)}
	case "audio/alaw", "audio/x-alaw", "audio/pcma", "audio/x-alaw-basic":
		return &stream{NarrowRate, 1, codingALaw, bytes.NewReader(raw)}
	}
	return nil
}

const unknown = "no known audio format"

// looksLike names content that is often served in place of sound, or sound that is not played.
func looksLike(raw []byte) string {
	for magic, name := range map[string]string{
		"OggS": "Ogg", "fLaC": "FLAC", "#!AMR": "AMR", "caff": "CAF", "RIFF": "RIFF without WAVE", "\x1aE\xdf\xa3": "WebM",
		"%PDF": "PDF", "PK\x03\x04": "ZIP", "\x1f\x8b\x08": "gzip",
	} {
		if bytes.HasPrefix(raw, []byte(magic)) {
			return name
		}
	}
	if len(raw) > 8 && string(raw[4:8]) == "ftyp" {
		return "MP4"
	}
	text := strings.ToLower(string(bytes.TrimSpace(raw[:min(len(raw), 256)])))
	binary := func(r rune) bool { return !unicode.IsGraphic(r) && !unicode.IsSpace(r) }
	if strings.ContainsFunc(text[:min(len(text), 32)], binary) {
		return unknown
	}
	switch {
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return "HTML"
	case strings.HasPrefix(text, "<?xml"), strings.HasPrefix(text, "<response"):
		return "XML"
	case strings.HasPrefix(text, `{"`), strings.HasPrefix(text, `[{`):
		return "JSON"
	}
	return unknown
}

// clip decodes the whole stream, a few thousand samples at a time.
func (s *stream) clip(h Hint) (*Clip, error) {
	to := NarrowRate
	if s.rate >= WideRate {
		to = WideRate
	}
	re, err := media.NewResampler(s.rate, to)
	if err != nil {
		return nil, unusable("sample rate %d", s.rate)
	}
	limit := media.Samples(to, h.MaxDuration)
	out := make([]int16, 0, 1024)
	block := make([]byte, 2048*s.coding.width*s.channels)
	mono := make([]int16, 2048)
	read := 0
	for {
		n, err := io.ReadFull(s.body, block)
		samples := s.mix(mono, block[:n])
		read += samples
		if out = appendResampled(out, re, mono[:samples]); len(out) > limit {
			return nil, unusable("longer than %v", h.MaxDuration)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil && read == 0 {
			return nil, unusable("%v", err)
		}
		if err != nil {
			break // broken in the middle: what came before is sound
		}
	}
	if read == 0 {
		return nil, unusable("no sound in it")
	}
	clear(mono)
	out = appendResampled(out, re, mono) // what the filter still holds
	want := int(int64(read) * int64(to) / int64(s.rate))
	return NewClip(h.Name, to, out[:min(max(want, 1), len(out)):len(out)]), nil
}

func appendResampled(out []int16, re *media.Resampler, in []int16) []int16 {
	need := re.Bound(len(in))
	for cap(out)-len(out) < need {
		out = append(out[:cap(out)], 0)[:len(out)]
	}
	n := re.Process(out[len(out):len(out)+need], in)
	return out[:len(out)+n]
}

// mix reads whole blocks and gives the mean of their channels.
func (s *stream) mix(mono []int16, b []byte) int {
	width, step := s.coding.width, s.coding.width*s.channels
	n := 0
	for ; len(b) >= step; b = b[step:] {
		sum := 0
		for c := range s.channels {
			sum += int(s.coding.read(b[c*width:]))
		}
		mono[n] = int16(sum / s.channels)
		n++
	}
	return n
}
