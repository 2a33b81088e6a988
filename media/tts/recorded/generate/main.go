// Command generate makes the recordings of media/tts/recorded from the list of texts beside them, with flite: the
// module given by -flite, else the installed program. Run it in media/tts: go run ./recorded/generate
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
	"pintle/media/tts"
)

func main() {
	module := flag.String("flite", "", "flite's module, plain or .gz; empty uses the installed program")
	dir := flag.String("dir", "recorded", "directory of texts.txt and the recordings")
	flag.Parse()
	if err := run(context.Background(), *module, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, module, dir string) error {
	engine, end, err := open(module)
	if err != nil {
		return err
	}
	defer end()
	list, err := os.Open(filepath.Join(dir, "texts.txt"))
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	total, made := 0, map[string]bool{}
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		clip, err := engine.Speak(ctx, tts.Sentence{Text: text, Voice: "slt", Rate: 1})
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		narrow, err := clip.At(file.NarrowRate)
		if err != nil {
			return err
		}
		wav, name := ulawWAV(trim(narrow.Samples())), filepath.Join(dir, tts.RecordingName(text))
		if err := os.WriteFile(name, wav, 0o644); err != nil {
			return err
		}
		made[name] = true
		total += len(wav)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	fmt.Println(len(made), "recordings,", total, "octets")
	return removeOthers(dir, made)
}

// removeOthers drops recordings of texts that are no longer in the list.
func removeOthers(dir string, made map[string]bool) error {
	all, err := filepath.Glob(filepath.Join(dir, "*.wav"))
	if err != nil {
		return err
	}
	for _, name := range all {
		if !made[name] {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

func open(module string) (tts.Engine, func(), error) {
	if module == "" {
		p, err := tts.NewFliteProgram()
		return p, func() {}, err
	}
	f, err := tts.NewFlite(tts.FliteOptions{Path: module})
	if err != nil {
		return nil, nil, err
	}
	return f, func() { _ = f.Close() }, nil
}

// trim takes the silence from both ends, but for a twentieth of a second.
func trim(s []int16) []int16 {
	const keep, loud = file.NarrowRate / 20, 100
	first, last := len(s), 0
	for i, v := range s {
		if v > loud || v < -loud {
			first, last = min(first, i), i
		}
	}
	return s[max(0, min(first, last)-keep):min(len(s), last+keep)]
}

// ulawWAV is a WAV file of µ-law, half the size of PCM.
func ulawWAV(samples []int16) []byte {
	data := make([]byte, len(samples))
	codec.PCMU{}.Encode(data, media.Frame(samples))
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(50+len(data)+len(data)%2))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 18)
	for _, v := range []uint16{7, 1, file.NarrowRate, 0, file.NarrowRate, 0, 1, 8, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(append(b, "fact"...), 4)
	b = le.AppendUint32(b, uint32(len(data)))
	b = le.AppendUint32(append(b, "data"...), uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, len(data)%2)...)
}
