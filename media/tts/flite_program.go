package tts

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pintle/media/file"
	"pintle/media/helper"
)

const (
	fliteName  = "flite"
	espeakName = "espeak-ng"

	// speakLimit is how long an engine may take for one sentence: a hundred times what it needs.
	speakLimit = 20 * time.Second
)

// FliteProgram speaks English with an installed flite.
type FliteProgram struct{ path string }

var _ Engine = (*FliteProgram)(nil)

// NewFliteProgram finds the program in PATH. The error wraps helper.ErrNotInstalled.
func NewFliteProgram() (*FliteProgram, error) {
	path, err := helper.Find(fliteName)
	if err != nil {
		return nil, err
	}
	return &FliteProgram{path: path}, nil
}

// Name returns "flite": the module and the program sound alike and share what is kept.
func (*FliteProgram) Name() string { return fliteName }

// Voice picks slt, rms or awb.
func (*FliteProgram) Voice(v Voice) (string, bool) { return fliteVoice(v) }

// Speak runs the program.
func (f *FliteProgram) Speak(ctx context.Context, s Sentence) (*file.Clip, error) {
	wav, err := helper.Run(ctx, helper.Program{
		Path: f.path,
		// It cannot read text from a pipe: it waits for more for ever.
		Args:  append(fliteArgs(s), "-t", strings.ReplaceAll(s.Text, "\x00", ""), "-o", "/dev/stdout"),
		Limit: speakLimit, MaxOutput: maxSpoken,
	})
	if err != nil {
		return nil, fmt.Errorf("speak: %w", err)
	}
	return open(wav, fliteName)
}

func fliteArgs(s Sentence) []string {
	stretch := strconv.FormatFloat(1/s.Rate, 'f', 3, 64)
	return []string{"-voice", s.Voice, "--setf", "duration_stretch=" + stretch}
}
