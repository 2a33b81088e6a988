package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// chunk is a RIFF chunk that claims its true size.
func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func wavFormat(tag, channels, bits uint16, rate uint32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, tag)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(channels)*uint32(bits)/8)
	b = le.AppendUint16(b, channels*bits/8)
	return le.AppendUint16(b, bits)
}

func riff(chunks ...[]byte) []byte {
	body := slices.Concat(chunks...)
	return slices.Concat([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(4+len(body))), []byte("WAVE"), body)
}

// sized gives a chunk another size than it has.
func sized(c []byte, size uint32) []byte {
	c = slices.Clone(c)
	binary.LittleEndian.PutUint32(c[4:], size)
	return c
}

func pcm16(s []int16) []byte {
	var b []byte
	for _, v := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// encode writes samples in one of the codings of WAV.
func encode(s []int16, tag, bits uint16) []byte {
	le := binary.LittleEndian
	var b []byte
	for _, v := range s {
		switch {
		case tag == wavFloat && bits == 32:
			b = le.AppendUint32(b, math.Float32bits(float32(v)/32768))
		case tag == wavFloat:
			b = le.AppendUint64(b, math.Float64bits(float64(v)/32768))
		case bits == 8:
			b = append(b, byte(v>>8)+128)
		case bits == 24:
			b = append(b, 0, byte(v), byte(v>>8))
		case bits == 32:
			b = append(b, 0, 0, byte(v), byte(v>>8))
		default:
			b = le.AppendUint16(b, uint16(v))
		}
	}
	return b
}

func mustOpen(t *testing.T, raw []byte, contentType string) *Clip {
	t.Helper()
	c, err := Open(bytes.NewReader(raw), Hint{Name: "x", ContentType: contentType})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpenWAVCodings(t *testing.T) {
	want := ramp(800)
	for _, tc := range []struct {
		tag, bits uint16
		off       int // greatest error
	}{{wavPCM, 8, 255}, {wavPCM, 16, 0}, {wavPCM, 24, 0}, {wavPCM, 32, 0}, {wavFloat, 32, 0}, {wavFloat, 64, 0}} {
		data := chunk("data", encode(want, tc.tag, tc.bits))
		extensible := append(wavFormat(wavExtensible, 1, tc.bits, 8000), 22, 0, 0, 0, 0, 0, 0, 0, byte(tc.tag), 0, 0, 0)
		for _, format := range [][]byte{wavFormat(tc.tag, 1, tc.bits, 8000), extensible} {
			got := mustOpen(t, riff(chunk("fmt ", format), data), "").Samples()
			for i, v := range got {
				if d := int(want[i]) - int(v); d < -tc.off || d > tc.off || len(got) != len(want) {
					t.Fatalf("tag %d, %d bits: sample %d of %d is %d, want %d", tc.tag, tc.bits, i, len(got), v, want[i])
				}
			}
		}
	}
}

func TestOpenWAVLayouts(t *testing.T) {
	want := ramp(800)
	format, data := chunk("fmt ", wavFormat(wavPCM, 1, 16, 8000)), chunk("data", pcm16(want))
	odd := chunk("LIST", []byte("abc"))
	for name, raw := range map[string][]byte{
		"plain":               riff(format, data),
		"data before format":  riff(data, format),
		"odd chunk before":    riff(odd, format, odd, data, odd),
		"size 0":              riff(format, sized(data, 0)),
		"size of a stream":    riff(format, sized(data, 0xffffffff)),
		"size beyond the end": riff(format, sized(data, 1<<30)),
		"trailing garbage":    append(riff(format, data), "garbage behind"...),
		"broken RIFF size":    sized(riff(format, data), 7),
		"half a sample":       append(riff(format, sized(data, 0)), 1),
	} {
		if got := mustOpen(t, raw, "text/html").Samples(); !slices.Equal(got, want) {
			t.Errorf("%s: %d samples, want %d", name, len(got), len(want))
		}
	}
	stereo := riff(chunk("fmt ", wavFormat(wavPCM, 2, 16, 8000)),
		chunk("data", pcm16([]int16{100, 200, -5, 7, 32767, 32767})))
	if got, want := mustOpen(t, stereo, "").Samples(), []int16{150, 1, 32767}; !slices.Equal(got, want) {
		t.Errorf("stereo: %v, want %v", got, want)
	}
}

// toneLevel is the part of the energy that lies at hz.
func toneLevel(s []int16, rate int, hz float64) float64 {
	var re, im, all float64
	for i, v := range s {
		x := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += float64(v) * math.Cos(x)
		im += float64(v) * math.Sin(x)
		all += float64(v) * float64(v)
	}
	return (re*re + im*im) * 2 / float64(len(s)) / all
}

func TestOpenResamples(t *testing.T) {
	for rate, want := range map[int]int{8000: 8000, 11025: 8000, 16000: 16000, 22050: 16000, 44100: 16000, 48000: 16000,
		96000: 16000} {
		s := sine(rate, 1000, 500*time.Millisecond)
		c := mustOpen(t, riff(chunk("fmt ", wavFormat(wavPCM, 1, 16, uint32(rate))), chunk("data", pcm16(s))), "")
		if off := c.Duration() - 500*time.Millisecond; c.Rate() != want || off.Abs() > time.Millisecond {
			t.Errorf("%d Hz: %v at %d", rate, c.Duration(), c.Rate())
		}
		if l := toneLevel(c.Samples(), c.Rate(), 1000); l < 0.97 {
			t.Errorf("%d Hz: %.3f of the energy in the tone", rate, l)
		}
	}
}

func TestOpenMP3AndAIFF(t *testing.T) {
	for name, d := range map[string]time.Duration{"tone16k.mp3": 500, "tone44k.mp3": 400, "tone.aiff": 50} {
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		c := mustOpen(t, raw, "application/octet-stream")
		got := c.Duration().Milliseconds()
		if l := toneLevel(c.Samples(), c.Rate(), 1000); l < 0.8 || c.Rate() != WideRate || got < int64(d) ||
			got > int64(d)+120 {
			t.Errorf("%s: %d ms at %d, %.3f of the energy in the tone", name, got, c.Rate(), l)
		}
		tagged := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), raw...)
		if strings.HasSuffix(name, "mp3") && mustOpen(t, tagged, "").Duration() != c.Duration() {
			t.Errorf("%s: with a tag it plays differently", name)
		}
	}
}

func TestOpenHeaderless(t *testing.T) {
	sun := append([]byte(".snd\x00\x00\x00\x18\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x1f\x40\x00\x00\x00\x01"), 0xff,
		0x00, 0x80)
	want := []int16{0, -32124, 32124}
	for kind, raw := range map[string][]byte{
		"audio/basic": sun[24:], "Audio/ULAW; rate=8000": sun[24:], "audio/x-wav": sun, "": sun,
	} {
		if got := mustOpen(t, raw, kind).Samples(); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", kind, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	format, data := chunk("fmt ", wavFormat(wavPCM, 1, 16, 8000)), chunk("data", make([]byte, 100))
	with := func(tag, channels, bits uint16, rate uint32) []byte {
		return riff(chunk("fmt ", wavFormat(tag, channels, bits, rate)), data)
	}
	cases := []struct {
		name, kind string
		raw        []byte
		code       int
		says       string
	}{
		{"nothing", "audio/wav", nil, CodeUnusable, "empty"},
		{"page", "audio/wav", []byte("\n <!DOCTYPE html><html>"), CodeType, "HTML"},
		{"page as raw sound", "audio/basic", []byte("<html><body>no</body></html>"), CodeType, "HTML"},
		{"Ogg", "audio/ogg", []byte("OggS...."), CodeType, "Ogg"},
		{"bytes", "application/octet-stream", []byte{1, 2, 3, 4, 5}, CodeType, "no known"},
		{"0 channels", "", with(wavPCM, 0, 16, 8000), CodeUnusable, "0 channels"},
		{"65535 channels", "", with(wavPCM, 65535, 16, 8000), CodeUnusable, "channels"},
		{"rate 0", "", with(wavPCM, 1, 16, 0), CodeUnusable, "rate 0"},
		{"rate 4 GHz", "", with(wavPCM, 1, 16, 4_000_000_000), CodeUnusable, "rate 4000000000"},
		{"1 bit", "", with(wavPCM, 1, 1, 8000), CodeUnusable, "1 bits"},
		{"GSM", "", with(0x31, 1, 0, 8000), CodeUnusable, "0x0031"},
		{"no sound", "", riff(format), CodeUnusable, "without sound"},
		{"empty sound", "", riff(format, chunk("data", nil)), CodeUnusable, "no sound"},
		{"empty sound before a list", "", riff(format, chunk("data", nil), chunk("LIST", make([]byte, 50))), CodeUnusable,
			"no sound"},
		{"MPEG-2.5", "audio/mpeg", []byte{0xff, 0xe3, 0x48, 0xc4, 0, 0, 0, 0}, CodeUnusable, "MPEG-2.5"},
		{"layer 2", "audio/mpeg", []byte{0xff, 0xfd, 0x48, 0xc4, 0, 0, 0, 0}, CodeUnusable, "layer 2"},
		{"tag of 256 MB", "audio/mpeg", []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), CodeUnusable, "MP3 without"},
		{"long", "", riff(format, chunk("data", make([]byte, 40_000))), CodeUnusable, "longer than 1s"},
		{"large", "", make([]byte, 100_001), CodeTooLarge, "100000"},
	}
	for _, tc := range cases {
		_, err := Open(bytes.NewReader(tc.raw), Hint{ContentType: tc.kind, MaxBytes: 100_000, MaxDuration: time.Second})
		if err == nil || Code(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v (code %d), want %d with %q", tc.name, err, Code(err), tc.code, tc.says)
		}
	}
}

func TestFloatsMakeNoNoise(t *testing.T) {
	var b []byte
	for _, v := range []float64{math.NaN(), math.Inf(1), -1e30, 0.5} {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	got := mustOpen(t, riff(chunk("fmt ", wavFormat(wavFloat, 1, 32, 8000)), chunk("data", b)), "").Samples()
	if want := []int16{0, 32767, -32768, 16384}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// checkAny opens any bytes: the result is sound of a sane length or an error with a code.
func checkAny(t *testing.T, raw []byte, kind string) {
	c, err := Open(bytes.NewReader(raw), Hint{ContentType: kind, MaxBytes: 1 << 20, MaxDuration: time.Minute})
	if err != nil {
		if Code(err) == 0 {
			t.Fatalf("error without a code: %v", err)
		}
		return
	}
	if d := c.Duration(); d <= 0 || d > time.Minute || c.Rate() != NarrowRate && c.Rate() != WideRate {
		t.Fatalf("%v at %d", d, c.Rate())
	}
}

func FuzzOpenWAV(f *testing.F) {
	format, data := chunk("fmt ", wavFormat(wavPCM, 2, 24, 44100)), chunk("data", make([]byte, 300))
	f.Add(riff(format, data), "")
	f.Add(riff(data, format), "audio/wav")
	f.Add(riff(format, sized(data, 0)), "audio/basic")
	f.Add([]byte("FORM\x00\x00\x00\x00AIFFCOMM"), "")
	f.Add([]byte(".snd\x00\x00\x00\x18"), "")
	f.Fuzz(checkAny)
}

func FuzzOpenMP3(f *testing.F) {
	raw, err := os.ReadFile("testdata/tone16k.mp3")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:600])
	f.Add(append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), raw[:300]...))
	f.Fuzz(func(t *testing.T, raw []byte) { checkAny(t, raw, "audio/mpeg") })
}

func TestCodeOfOthers(t *testing.T) {
	if c := Code(errors.New("other")); c != 0 {
		t.Errorf("code %d", c)
	}
}
