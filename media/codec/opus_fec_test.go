package codec

import (
	"math"
	"os"
	"testing"

	"pintle/media"
)

// speech is a spoken prompt at 16 kHz.
func speech(t *testing.T) []int16 {
	t.Helper()
	b, err := os.ReadFile("../tts/recorded/9e4e7afb9f5b.wav")
	if err != nil {
		t.Fatal(err)
	}
	b = b[58:] // µ-law, 8 kHz
	f := make(media.Frame, len(b))
	f = f[:PCMU{}.Decode(f, b)]
	var pcm []int16
	for _, v := range f {
		pcm = append(pcm, v, v) // the image above 4 kHz does no harm here
	}
	return pcm
}

// The redundancy in the packets that follow brings lost speech back better than a guess does.
func TestOpusRedundancyOfSpeech(t *testing.T) {
	const frame, every = opusRate / 50, 10
	pcm := speech(t)
	var packets [][]byte
	var enc Opus
	defer enc.Release()
	enc.Harden(0.03)
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		b := make([]byte, 400)
		packets = append(packets, b[:enc.Encode(b, media.Frame(pcm[:frame]))])
	}
	lost := func(i int) bool { return i%every == every-1 && i+1 < len(packets) }
	play := func(loss, redundancy bool) (all []media.Frame) {
		var dec Opus
		defer dec.Release()
		for i, b := range packets {
			f := make(media.Frame, frame)
			switch {
			case !loss || !lost(i):
				dec.Decode(f, b)
			case redundancy:
				dec.Conceal(f, packets[i+1])
			default:
				dec.Conceal(f, nil)
			}
			all = append(all, f)
		}
		return all
	}
	whole := play(false, false)
	near := func(got []media.Frame) float64 {
		var signal, noise float64
		for i := range got {
			if !lost(i) {
				continue
			}
			for k, v := range whole[i] {
				d := float64(got[i][k]) - float64(v)
				signal, noise = signal+float64(v)*float64(v), noise+d*d
			}
		}
		return 10 * math.Log10(signal/noise)
	}
	guessed, restored := near(play(true, false)), near(play(true, true))
	t.Logf("lost speech: %.1f dB by redundancy, %.1f dB guessed", restored, guessed)
	if restored < guessed+4 {
		t.Errorf("redundancy gains %.1f dB, want 4 at least", restored-guessed)
	}
}
