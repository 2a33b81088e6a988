package dtmf

import (
	"math"
	"math/rand/v2"
	"testing"

	"pintle/media"
)

// line builds test audio at one rate.
type line struct {
	rate    int
	samples []int16
}

// keyTone describes one generated key.
type keyTone struct {
	ms           int
	level, twist float64 // dBFS of the low tone; high minus low in dB
	offset       float64 // relative error of both frequencies
}

func (l *line) silence(ms int) { l.samples = append(l.samples, make([]int16, ms*l.rate/1000)...) }

func (l *line) key(digit byte, k keyTone) {
	var low, high float64
	for r := range keys {
		for c := range keys[r] {
			if keys[r][c] == digit {
				low, high = rows[r], cols[c]
			}
		}
	}
	a := 32767 * math.Pow(10, k.level/20)
	b := a * math.Pow(10, k.twist/20)
	for i := range k.ms * l.rate / 1000 {
		x := 2 * math.Pi * float64(i) / float64(l.rate) * (1 + k.offset)
		l.samples = append(l.samples, int16(a*math.Sin(low*x)+b*math.Sin(high*x)))
	}
}

// noise adds white noise at the given level in dBFS to everything so far.
func (l *line) noise(level float64) {
	rnd := rand.New(rand.NewPCG(1, 2))
	a := 32767 * math.Pow(10, level/20)
	for i, v := range l.samples {
		l.samples[i] = int16(max(-32768, min(32767, float64(v)+a*rnd.NormFloat64())))
	}
}

func (l *line) listen() string {
	d := NewDetector(l.rate)
	var out []byte
	n := l.rate / 50
	for s := l.samples; len(s) >= n; s = s[n:] {
		if k, ok := d.Write(media.Frame(s[:n])); ok {
			out = append(out, k)
		}
	}
	return string(out)
}

const allKeys = "0123456789*#ABCD"

func TestDetectorHearsKeys(t *testing.T) {
	cases := []struct {
		name  string
		rate  int
		tone  keyTone
		gap   int
		noise float64
	}{
		{"usual", 8000, keyTone{ms: 100, level: -10}, 100, -90},
		{"wideband", 16000, keyTone{ms: 100, level: -10}, 100, -90},
		{"Opus clock", 48000, keyTone{ms: 100, level: -10}, 100, -90},
		{"short", 8000, keyTone{ms: 50, level: -10}, 50, -90},
		{"faint", 8000, keyTone{ms: 100, level: -36}, 100, -90},
		{"loud", 8000, keyTone{ms: 100, level: -6.5}, 100, -90},
		{"high group 3 dB up", 8000, keyTone{ms: 100, level: -14, twist: 3}, 100, -90},
		{"high group 7 dB down", 8000, keyTone{ms: 100, level: -10, twist: -7}, 100, -90},
		{"1.5 % sharp", 8000, keyTone{ms: 100, level: -10, offset: 0.015}, 100, -90},
		{"1.5 % flat", 8000, keyTone{ms: 100, level: -10, offset: -0.015}, 100, -90},
		{"noise 15 dB down", 8000, keyTone{ms: 100, level: -10}, 100, -25},
		{"long", 8000, keyTone{ms: 2000, level: -10}, 100, -60},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l := line{rate: tc.rate}
			l.silence(200)
			for i := range len(allKeys) {
				l.key(allKeys[i], tc.tone)
				l.silence(tc.gap)
			}
			l.noise(tc.noise)
			if got := l.listen(); got != allKeys {
				t.Errorf("heard %q, want %q", got, allKeys)
			}
		})
	}
}

func TestDetectorCountsRepeats(t *testing.T) {
	l := line{rate: 8000}
	for range 8 {
		l.key('5', keyTone{ms: 60, level: -10})
		l.silence(60)
	}
	if got := l.listen(); got != "55555555" {
		t.Errorf("heard %q, want eight times 5", got)
	}
}

func TestDetectorHoldsOverDropout(t *testing.T) {
	l := line{rate: 8000}
	l.key('5', keyTone{ms: 100, level: -10})
	l.silence(8)
	l.key('5', keyTone{ms: 100, level: -10})
	if got := l.listen(); got != "5" {
		t.Errorf("heard %q, want one 5", got)
	}
}

func TestDetectorRefuses(t *testing.T) {
	cases := []struct {
		name string
		tone keyTone
	}{
		{"10 ms", keyTone{ms: 10, level: -10}},
		{"below the level", keyTone{ms: 100, level: -50}},
		{"high group 12 dB up", keyTone{ms: 100, level: -20, twist: 12}},
		{"high group 16 dB down", keyTone{ms: 100, level: -10, twist: -16}},
		{"8 % off", keyTone{ms: 100, level: -10, offset: 0.08}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l := line{rate: 8000}
			for i := range len(allKeys) {
				l.silence(100)
				l.key(allKeys[i], tc.tone)
			}
			if got := l.listen(); got != "" {
				t.Errorf("heard %q, want nothing", got)
			}
		})
	}
}

// Talk-off: a voice has harmonics everywhere, and now and then two of them sit on the two tones of a key.
func TestDetectorIgnoresVoice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	l := line{rate: 8000}
	for range 600 { // two minutes of syllables
		pitch := 90 + 160*rnd.Float64()
		glide := 1 + 0.2*(rnd.Float64()-0.5)
		f1, f2 := 300+600*rnd.Float64(), 900+1500*rnd.Float64()
		var phase float64
		n := 8000 * (80 + rnd.IntN(240)) / 1000
		for i := range n {
			phase += 2 * math.Pi * pitch * math.Pow(glide, float64(i)/float64(n)) / 8000
			var v float64
			for h := 1.0; h*pitch < 3600; h++ {
				a := 0.4/h + math.Exp(-math.Abs(h*pitch-f1)/150) + 0.6*math.Exp(-math.Abs(h*pitch-f2)/200)
				v += a * math.Sin(h*phase)
			}
			l.samples = append(l.samples, int16(4000*v*math.Sin(math.Pi*float64(i)/float64(n))+30*rnd.NormFloat64()))
		}
		l.silence(rnd.IntN(60))
	}
	if got := l.listen(); got != "" {
		t.Errorf("heard %q in a voice", got)
	}
}

func TestDetectorIgnoresLoneTonesAndNoise(t *testing.T) {
	for _, hz := range []float64{350, 425, 440, 697, 941, 1000, 1209, 1633, 2100} {
		l := line{rate: 8000}
		for i := range 8000 {
			l.samples = append(l.samples, int16(9000*math.Sin(2*math.Pi*hz*float64(i)/8000)))
		}
		if got := l.listen(); got != "" {
			t.Errorf("%v Hz heard as %q", hz, got)
		}
	}
	l := line{rate: 8000}
	l.silence(60_000)
	l.noise(-12)
	if got := l.listen(); got != "" {
		t.Errorf("noise heard as %q", got)
	}
}

func TestDetectorAllocatesNothing(t *testing.T) {
	d := NewDetector(8000)
	f := make(media.Frame, 160)
	if n := testing.AllocsPerRun(100, func() { d.Write(f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := NewDetector(8000)
	l := line{rate: 8000}
	l.key('5', keyTone{ms: 20, level: -10})
	b.ReportAllocs()
	for b.Loop() {
		d.Write(l.samples)
	}
}
