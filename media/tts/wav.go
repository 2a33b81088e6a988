package tts

import (
	"bytes"
	"errors"
	"fmt"

	"pintle/media/file"
)

// maxSpoken bounds what an engine may give for one sentence: a minute of stereo at 48 kHz.
const maxSpoken = 12 << 20

// open reads an engine's WAV. A sentence without a word gives no sound, which is no error.
func open(wav []byte, name string) (*file.Clip, error) {
	c, err := file.Open(bytes.NewReader(wav), file.Hint{Name: name, MaxBytes: maxSpoken})
	var bad *file.UnusableError
	if errors.As(err, &bad) && len(wav) <= 64 {
		return file.NewClip(name, file.NarrowRate, nil), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read speech of %s: %w", name, err)
	}
	return c, nil
}
