package tone

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pintle/media"
)

// read returns up to d of a source.
func read(t *testing.T, s media.Source, rate int, d time.Duration) []int16 {
	t.Helper()
	var all []int16
	f := make(media.Frame, media.FrameSize(rate))
	for len(all) < media.Samples(rate, d) {
		n, err := s.ReadFrame(f)
		all = append(all, f[:n]...)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// level returns the level of hz in s, in dBFS of a sine.
func level(s []int16, rate int, hz float64) float64 {
	var re, im float64
	for i, v := range s {
		w := 2 * math.Pi * hz * float64(i) / float64(rate)
		re, im = re+float64(v)*math.Cos(w), im+float64(v)*math.Sin(w)
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/float64(len(s))/32768+1e-9)
}

func TestBeep(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		s := read(t, Beep(rate), rate, time.Minute)
		if len(s) != rate*4/10 {
			t.Errorf("%d Hz: %d samples", rate, len(s))
		}
		if l := level(s[rate/20:rate/4], rate, 1000); math.Abs(l-defaultLevel) > 0.3 {
			t.Errorf("%d Hz: 1 kHz at %.1f dB", rate, l)
		}
		if s[0] != 0 || s[len(s)-1] > 200 || s[len(s)-1] < -200 {
			t.Errorf("%d Hz: clicks: starts at %d, ends at %d", rate, s[0], s[len(s)-1])
		}
	}
}

func TestRingbackUS(t *testing.T) {
	tone, err := Ringback(8000, "")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, tone, 8000, 7*time.Second)
	for _, hz := range []float64{440, 480} {
		if l := level(s[800:15200], 8000, hz); l < -17 {
			t.Errorf("%v Hz at %.1f dB", hz, l)
		}
	}
	if l := media.Level(s[16000:48000]); l != media.Floor {
		t.Errorf("the pause has %.1f dB", l)
	}
	if l := media.Level(s[49000:55000]); l < -20 {
		t.Errorf("the second ring has %.1f dB", l)
	}
}

func TestEveryCountry(t *testing.T) {
	const list = "at au bg br be ch cl cn cz de dk ee es fi fr " +
		"gr hu il in it lt jp mx my nl no nz ph pl pt ru se sg th uk us us-old tw ve za"
	countries := strings.Fields(list)
	if len(countries) != len(plans) {
		t.Errorf("%d tables for %d countries", len(plans), len(countries))
	}
	for _, c := range countries {
		for _, make := range []func(int, string) (*Tone, error){Ringback, Busy, Reorder, Dial} {
			tone, err := make(8000, c)
			if err != nil {
				t.Error(err)
				continue
			}
			if l := media.Level(read(t, tone, 8000, 160*time.Millisecond)); l < -25 {
				t.Errorf("%s %v begins with %.1f dB", c, tone, l)
			}
		}
	}
	if _, err := Busy(8000, "xx"); err == nil || Known("xx") {
		t.Error("a tone for a country without a table")
	}
}

func TestDTMF(t *testing.T) {
	tone, err := DTMF(8000, "5w#", 80*time.Millisecond, 60*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, tone, 8000, time.Minute)
	if want := 8 * (80 + 60 + 500 + 80 + 60); len(s) != want {
		t.Fatalf("%d samples, want %d", len(s), want)
	}
	for _, tc := range []struct {
		at  int
		hz  float64
		off bool
	}{{40, 770, false}, {40, 1336, false}, {40, 941, true}, {5160, 941, false}, {5160, 1477, false}} {
		if l := level(s[tc.at:tc.at+560], 8000, tc.hz); (l < -25) != tc.off {
			t.Errorf("%v Hz at sample %d: %.1f dB", tc.hz, tc.at, l)
		}
	}
	if _, err := DTMF(8000, "1x", 0, 0); err == nil {
		t.Error("x has a tone")
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "/100", "440/", "440/0", "440/-1", "440/99999999", "1+2+3+4+5/10", "NaN/10",
		"9000/10",
		"440*x/10", strings.Repeat("1/1,", 80) + "1/1"} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%.20q accepted: %v", bad, s)
		}
	}
	s, err := Parse("440+480/2000, 400*25/100,0")
	if err != nil || len(s) != 3 || s[0].Freqs[1] != 480 || s[1].Modulate != 25 || s[2].For != 0 {
		t.Errorf("%v %v", s, err)
	}
}

func TestEmptyEndsAtOnce(t *testing.T) {
	if n, err := New(8000, nil, Options{}).ReadFrame(make(media.Frame, 160)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%d %v", n, err)
	}
}

func TestNoAllocation(t *testing.T) {
	tone, err := Ringback(8000, "uk")
	if err != nil {
		t.Fatal(err)
	}
	f := make(media.Frame, 160)
	if n := testing.AllocsPerRun(200, func() { _, _ = tone.ReadFrame(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkRingback(b *testing.B) {
	tone, err := Ringback(8000, "us")
	if err != nil {
		b.Fatal(err)
	}
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = tone.ReadFrame(f)
	}
}
