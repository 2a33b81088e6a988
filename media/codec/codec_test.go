package codec

import (
	"bytes"
	"math"
	"os/exec"
	"testing"

	"pintle/media"
)

// Code words at the edges of segments, from the tables of G.711: sample, µ-law, A-law.
func TestG711KnownWords(t *testing.T) {
	for _, tc := range []struct {
		sample     int16
		ulaw, alaw byte
	}{
		{0, 0xFF, 0xD5}, {-1, 0x7F, 0x55}, {8, 0xFE, 0xD5}, {-8, 0x7E, 0x55},
		{16, 0xFD, 0xD4}, {-16, 0x7D, 0x55}, {1000, 0xCE, 0xFA}, {-1000, 0x4E, 0x7A},
		{32767, 0x80, 0xAA}, {-32768, 0x00, 0x2A}, {32124, 0x80, 0xAA}, {-32124, 0x00, 0x2A},
	} {
		var b [1]byte
		PCMU{}.Encode(b[:], media.Frame{tc.sample})
		if b[0] != tc.ulaw {
			t.Errorf("PCMU of %d: got %#x, want %#x", tc.sample, b[0], tc.ulaw)
		}
		PCMA{}.Encode(b[:], media.Frame{tc.sample})
		if b[0] != tc.alaw {
			t.Errorf("PCMA of %d: got %#x, want %#x", tc.sample, b[0], tc.alaw)
		}
	}
}

// Decoding and coding again gives the same word, and the error of coding stays
// within half a step of its segment.
func TestG711RoundTrip(t *testing.T) {
	for _, c := range []media.Codec{PCMU{}, PCMA{}} {
		for w := range 256 {
			var f [1]int16
			var b [1]byte
			c.Decode(f[:], []byte{byte(w)})
			c.Encode(b[:], f[:])
			// µ-law has two zeros; the negative one comes back as the positive one.
			if b[0] != byte(w) && (c.Name() != "PCMU" || w != 0x7F || b[0] != 0xFF) {
				t.Errorf("%s word %#x: decoded to %d, coded to %#x", c.Name(), w, f[0], b[0])
			}
		}
		for v := -32768; v <= 32767; v++ {
			var f [1]int16
			var b [1]byte
			c.Encode(b[:], media.Frame{int16(v)})
			c.Decode(f[:], b[:])
			limit := (math.Abs(float64(v))+132)/32 + 4
			if v > 32124 || v < -32124 {
				limit = 32768 - 31100
			}
			if d := math.Abs(float64(f[0]) - float64(v)); d > limit {
				t.Fatalf("%s of %d: got %d, off by %v", c.Name(), v, f[0], d)
			}
		}
	}
}

func TestG711AgainstSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed: comparison with an independent G.711 left out")
	}
	pcm := make(media.Frame, 65536)
	raw := make([]byte, 2*len(pcm))
	for i := range pcm {
		pcm[i] = int16(i - 32768)
		raw[2*i], raw[2*i+1] = byte(uint16(pcm[i])), byte(uint16(pcm[i])>>8)
	}
	for _, tc := range []struct {
		codec    media.Codec
		encoding string
	}{{PCMU{}, "mu-law"}, {PCMA{}, "a-law"}} {
		cmd := exec.Command(sox, "-D", "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-",
			"-t", "raw", "-e", tc.encoding, "-b", "8", "-")
		cmd.Stdin = bytes.NewReader(raw)
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("sox: %v", err)
		}
		got := make([]byte, len(pcm))
		tc.codec.Encode(got, pcm)
		differ := 0
		for i := range got {
			// Sox rounds to 14 or 13 bits where we cut, so neighbours may differ by one step.
			if d := int(got[i]) - int(want[i]); d != 0 {
				differ++
				if d > 1 || d < -1 {
					a, b := [1]int16{}, [1]int16{}
					tc.codec.Decode(a[:], got[i:i+1])
					tc.codec.Decode(b[:], want[i:i+1])
					if diff := math.Abs(float64(a[0]) - float64(b[0])); diff > math.Abs(float64(pcm[i]))/14+17 {
						t.Fatalf("%s of %d: got %#x, sox %#x", tc.codec.Name(), pcm[i], got[i], want[i])
					}
				}
			}
		}
		if differ > len(got)/20 {
			t.Errorf("%s: %d of %d words differ from sox", tc.codec.Name(), differ, len(got))
		}
	}
}

func TestL16(t *testing.T) {
	c := L16{Rate: 16000}
	b := make([]byte, 5)
	if n := c.Encode(b, media.Frame{1, -2, 3}); n != 4 || !bytes.Equal(b[:4], []byte{0, 1, 0xFF, 0xFE}) {
		t.Errorf("encode: %d bytes, % x", n, b)
	}
	f := make(media.Frame, 4)
	if n := c.Decode(f, b); n != 2 || f[0] != 1 || f[1] != -2 {
		t.Errorf("decode of an odd payload: %d samples, %v", n, f)
	}
}

func TestLookUp(t *testing.T) {
	if i, ok := ByName("pcma", 8000); !ok || i.PayloadType != 8 || i.New().Name() != "PCMA" {
		t.Errorf("pcma/8000: %+v %v", i, ok)
	}
	if _, ok := ByName("L16", 44100); ok {
		t.Error("found L16/44100")
	}
	if _, ok := ByPayloadType(Dynamic); ok {
		t.Error("found a codec by the mark for dynamic numbers")
	}
	for _, i := range All() {
		c := i.New()
		if c.Name() != i.Name || c.ClockRate() != i.ClockRate || media.SampleRate(c) != i.SampleRate {
			t.Errorf("list says %s/%d/%d, codec says %s/%d/%d", i.Name, i.ClockRate, i.SampleRate,
				c.Name(), c.ClockRate(), media.SampleRate(c))
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for _, i := range All() {
		c := i.New()
		f := make(media.Frame, media.FrameSize(i.SampleRate))
		b := make([]byte, 2*len(f))
		if n := testing.AllocsPerRun(100, func() { c.Decode(f, b[:c.Encode(b, f)]) }); n != 0 {
			t.Errorf("%s: %v allocations a frame", i.Name, n)
		}
	}
}

func BenchmarkPCMU(b *testing.B) {
	f, p := make(media.Frame, 160), make([]byte, 160)
	for i := range f {
		f[i] = int16(i * 200)
	}
	b.ReportAllocs()
	for b.Loop() {
		PCMU{}.Encode(p, f)
		PCMU{}.Decode(f, p)
	}
}
