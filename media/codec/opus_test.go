package codec

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os/exec"
	"testing"

	"github.com/thesyncim/gopus/container/ogg"

	"pintle/media"
)

// sweep is a sound in which every stretch differs from every other: a tone that rises, with a swell.
func sweep(seconds float64) []int16 {
	out := make([]int16, int(seconds*opusRate))
	phase := 0.0
	for i := range out {
		t := float64(i) / opusRate
		phase += 2 * math.Pi * (300 + 400*t) / opusRate
		out[i] = int16(9000 * (0.6 + 0.4*math.Sin(2*math.Pi*3*t)) * math.Sin(phase))
	}
	return out
}

// alike is the best correlation of two sounds when one is moved against the other by up to 40 ms.
func alike(a, b []int16) float64 {
	best := 0.0
	for lag := -640; lag <= 640; lag++ {
		var ab, aa, bb float64
		for i := 1600; i < len(a)-1600; i += 3 {
			if j := i + lag; j >= 0 && j < len(b) {
				x, y := float64(a[i]), float64(b[j])
				ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
			}
		}
		if aa > 0 && bb > 0 {
			best = max(best, ab/math.Sqrt(aa*bb))
		}
	}
	return best
}

func packets(t *testing.T, pcm []int16) [][]byte {
	t.Helper()
	o := &Opus{}
	defer o.Release()
	var list [][]byte
	buf := make([]byte, 2*media.MaxFrame)
	for size := media.FrameSize(opusRate); len(pcm) >= size; pcm = pcm[size:] {
		n := o.Encode(buf, pcm[:size])
		if n == 0 {
			t.Fatal("a frame gave no packet")
		}
		list = append(list, bytes.Clone(buf[:n]))
	}
	return list
}

func TestOpusThereAndBack(t *testing.T) {
	in := sweep(3)
	o := &Opus{}
	defer o.Release()
	var out []int16
	frame := make(media.Frame, media.FrameSize(opusRate))
	for _, p := range packets(t, in) {
		if n := o.Decode(frame, p); n != len(frame) {
			t.Fatalf("a packet of 20 ms gave %d samples", n)
		}
		out = append(out, frame...)
	}
	if c := alike(in, out); c < 0.95 {
		t.Errorf("what came back is alike by %.3f", c)
	}
}

// A lost packet whose successor has come is replaced from the redundancy in it, one without by a continuation.
func TestOpusConceal(t *testing.T) {
	in := sweep(3)
	for _, next := range []bool{true, false} {
		o := &Opus{}
		var out []int16
		frame := make(media.Frame, media.FrameSize(opusRate))
		list := packets(t, in)
		for i, p := range list {
			switch {
			case i%10 != 5:
				o.Decode(frame, p)
			case next:
				if n := o.Conceal(frame, list[i+1]); n != len(frame) {
					t.Fatalf("the redundancy gave %d samples", n)
				}
			default:
				if n := o.Conceal(frame, nil); n != len(frame) {
					t.Fatalf("concealment gave %d samples", n)
				}
			}
			out = append(out, frame...)
		}
		o.Release()
		c := alike(in, out)
		t.Logf("redundancy %v: alike by %.3f", next, c)
		if c < 0.8 {
			t.Errorf("redundancy %v: with every tenth packet lost the sound is alike by %.3f", next, c)
		}
	}
}

func TestOpusLongPackets(t *testing.T) {
	o := &Opus{}
	defer o.Release()
	p := packets(t, sweep(0.1))[0]
	long := append([]byte{p[0] | 3, 6}, bytes.Repeat(p[1:], 6)...) // RFC 6716 §3.2.5: six equal frames in one packet
	frame := make(media.Frame, opusLongest)
	if n := o.Decode(frame, long); n != opusLongest {
		t.Errorf("a packet of 120 ms gave %d samples", n)
	}
	if n := o.Decode(frame[:100], p); n != 100 {
		t.Errorf("room for 100 samples took %d", n)
	}
}

// The reference implementation understands what we send, and we what it sends.
func TestOpusAgainstFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: comparison with an independent Opus left out")
	}
	in := sweep(3)
	raw := make([]byte, 2*len(in))
	for i, v := range in {
		raw[2*i], raw[2*i+1] = byte(uint16(v)), byte(uint16(v)>>8)
	}
	var file bytes.Buffer
	w, err := ogg.NewWriter(&file, opusRate, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets(t, in) {
		if err := w.WritePacket(p, 960); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	pcm := []string{"-f", "s16le", "-ar", "16000", "-ac", "1"}
	out := run(t, ffmpeg, file.Bytes(), append([]string{"-i", "-"}, append(pcm, "-")...))
	theirs := make([]int16, len(out)/2)
	for i := range theirs {
		theirs[i] = int16(uint16(out[2*i]) | uint16(out[2*i+1])<<8)
	}
	if c := alike(in, theirs); c < 0.95 {
		t.Errorf("ffmpeg hears us alike by %.3f", c)
	}
	made := run(t, ffmpeg, raw, append(pcm, "-i", "-", "-c:a", "libopus", "-b:a", "32k", "-application", "voip",
		"-f", "opus", "-"))
	if c := alike(in, decodeOgg(t, made)); c < 0.95 {
		t.Errorf("we hear ffmpeg alike by %.3f", c)
	}
}

func decodeOgg(t *testing.T, made []byte) []int16 {
	t.Helper()
	r, err := ogg.NewReader(bytes.NewReader(made))
	if err != nil {
		t.Fatal(err)
	}
	o := &Opus{}
	defer o.Release()
	var ours []int16
	frame := make(media.Frame, opusLongest)
	for {
		p, _, err := r.ReadPacket()
		if errors.Is(err, io.EOF) {
			return ours
		}
		if err != nil {
			t.Fatal(err)
		}
		ours = append(ours, frame[:o.Decode(frame, p)]...)
	}
}

func run(t *testing.T, program string, in []byte, args []string) []byte {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out
}

func FuzzOpusDecode(f *testing.F) {
	f.Add([]byte{0x48}, []byte{0x4b, 0x41, 1, 2, 3})
	f.Add([]byte{0xff, 0xff, 0xff}, []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 1500 || len(b) > 1500 {
			t.Skip()
		}
		o := &Opus{}
		defer o.Release()
		frame := make(media.Frame, 320)
		for _, p := range [][]byte{a, b, a} {
			if n := o.Decode(frame, p); n < 0 || n > len(frame) {
				t.Fatalf("%d samples", n)
			}
			o.Conceal(frame, p)
		}
	})
}

func TestOpusNoAllocation(t *testing.T) {
	o := &Opus{}
	defer o.Release()
	in := sweep(2)
	size := media.FrameSize(opusRate)
	frame, buf := make(media.Frame, size), make([]byte, 2*size)
	i := 0
	step := func() {
		n := o.Encode(buf, in[i*size:(i+1)*size])
		i = (i + 1) % 100
		if i%10 == 0 {
			o.Conceal(frame, buf[:n])
		}
		o.Decode(frame, buf[:n])
	}
	step()
	if n := testing.AllocsPerRun(300, step); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkOpus(b *testing.B) {
	in := sweep(2)
	size := media.FrameSize(opusRate)
	frame, buf := make(media.Frame, size), make([]byte, 2*size)
	for _, way := range []string{"encode", "decode"} {
		b.Run(way, func(b *testing.B) {
			o := &Opus{}
			defer o.Release()
			n := o.Encode(buf, in[size:2*size])
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if way == "encode" {
					o.Encode(buf, in[i*size:(i+1)*size])
					i = (i + 1) % 100
				} else {
					o.Decode(frame, buf[:n])
				}
			}
		})
	}
}
