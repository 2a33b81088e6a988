package tts

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"strings"

	"pintle/media/file"
)

//go:embed recorded/*.wav
var recordings embed.FS

const recordedName = "recorded"

// errNotRecorded sends a sentence on to the next engine.
var errNotRecorded = errors.New("text is not recorded")

// Recorded speaks the few English texts that are part of the program as recordings, so that a voice is heard on any
// machine. A text counts when it is the same but for case and spaces.
type Recorded struct{}

var _ Engine = Recorded{}

// Name returns "recorded".
func (Recorded) Name() string { return recordedName }

// Voice accepts English, unless the document names an engine of its own.
func (Recorded) Voice(v Voice) (string, bool) {
	base, _, _ := strings.Cut(strings.ToLower(v.Language), "-")
	return "slt", base == "en" && v.Engine == ""
}

// Speak returns the recording of the text.
func (Recorded) Speak(_ context.Context, s Sentence) (*file.Clip, error) {
	raw, err := recordings.ReadFile("recorded/" + RecordingName(s.Text))
	if err != nil {
		return nil, errNotRecorded
	}
	return open(raw, recordedName)
}

// RecordingName is the name of the file that holds the recording of a text.
func RecordingName(text string) string {
	sum := sha256.Sum256([]byte(fold(text)))
	return hex.EncodeToString(sum[:6]) + ".wav"
}

func fold(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }
