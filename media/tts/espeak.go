package tts

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"pintle/media/file"
	"pintle/media/helper"
)

// Espeak speaks more than a hundred languages with an installed espeak-ng, in its own process.
type Espeak struct {
	path      string
	languages map[string]bool
}

var _ Engine = (*Espeak)(nil)

const espeakWords = 160 // words a minute at rate 1; its own default is too fast for a telephone

// NewEspeak finds the program in PATH and asks it for its languages. The error wraps helper.ErrNotInstalled when there
// is none.
func NewEspeak(ctx context.Context) (*Espeak, error) {
	path, err := helper.Find(espeakName)
	if err != nil {
		return nil, err
	}
	list, err := helper.Run(ctx, helper.Program{Path: path, Args: []string{"--voices"}, MaxOutput: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("list voices: %w", err)
	}
	return &Espeak{path: path, languages: espeakLanguages(string(list))}, nil
}

// espeakLanguages reads the second column of the list; the last one has other names of the same voice.
func espeakLanguages(list string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] == "Pty" {
			continue
		}
		out[strings.ToLower(fields[1])] = true
		for _, f := range fields[2:] {
			if other, ok := strings.CutPrefix(f, "("); ok {
				out[strings.ToLower(other)] = true
			}
		}
	}
	return out
}

// Name returns "espeak-ng".
func (*Espeak) Name() string { return espeakName }

// ReadsSSML says that Speak accepts markup.
func (*Espeak) ReadsSSML() {}

// Voice finds the language, with its region if there is a voice for it, and a female variant unless a man is asked for.
func (e *Espeak) Voice(v Voice) (string, bool) {
	if v.Engine == espeakName && e.languages[strings.SplitN(v.Own, "+", 2)[0]] {
		return v.Own, true
	}
	language := strings.ToLower(v.Language)
	base, region, _ := strings.Cut(language, "-")
	switch {
	case base == "no":
		base, language = "nb", "nb"
	case base == "zh" || base == "arb":
		base = map[string]string{"zh": "cmn", "arb": "ar"}[base]
		language = base
	case base == "es" && region != "" && region != "es":
		language = "es-419"
	}
	for _, l := range []string{language, base} {
		if e.languages[l] {
			if v.Gender != Male {
				l += "+f3"
			}
			return l, true
		}
	}
	return "", false
}

// Speak runs the program.
func (e *Espeak) Speak(ctx context.Context, s Sentence) (*file.Clip, error) {
	args := []string{"-v", s.Voice, "-s", strconv.Itoa(int(espeakWords * s.Rate)), "-b", "1", "--stdin", "--stdout"}
	if s.SSML {
		args = append(args, "-m")
	}
	wav, err := helper.Run(ctx, helper.Program{
		Path: e.path, Args: args, Input: []byte(s.Text), Limit: speakLimit, MaxOutput: maxSpoken,
	})
	if err != nil {
		return nil, fmt.Errorf("speak: %w", err)
	}
	return open(wav, espeakName)
}
