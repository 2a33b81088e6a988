package tone

import (
	"fmt"
	"time"
)

// Beep returns the tone before a recording: 1 kHz for 0.4 s.
func Beep(rate int) *Tone {
	return New(rate, []Segment{{Freqs: [4]float64{1000}, For: 400 * time.Millisecond}}, Options{Times: 1, Name: "beep"})
}

// SIT returns the special information tones before an announcement of failure, once (ITU-T E.180 §8).
func SIT(rate int) *Tone {
	const each = 330 * time.Millisecond
	return New(rate, []Segment{
		{Freqs: [4]float64{950}, For: each}, {Freqs: [4]float64{1400}, For: each}, {Freqs: [4]float64{1800}, For: each},
		{For: time.Second},
	}, Options{Times: 1, Name: "sit"})
}

// DTMF returns the keypad tones of digits (0-9 * # A-D; w pauses for half a
// second, W for a second), each sounding for on and followed by silence for
// off. Zero means 100 ms.
func DTMF(rate int, digits string, on, off time.Duration) (*Tone, error) {
	if on <= 0 {
		on = 100 * time.Millisecond
	}
	if off <= 0 {
		off = 100 * time.Millisecond
	}
	segments := make([]Segment, 0, 2*len(digits))
	for i, d := range []byte(digits) {
		switch d {
		case 'w':
			segments = append(segments, Segment{For: 500 * time.Millisecond})
			continue
		case 'W':
			segments = append(segments, Segment{For: time.Second})
			continue
		}
		low, high, ok := keyFreqs(d)
		if !ok {
			return nil, fmt.Errorf("digit %q at position %d has no tone", d, i+1)
		}
		segments = append(segments, Segment{Freqs: [4]float64{low, high}, For: on}, Segment{For: off})
	}
	return New(rate, segments, Options{Times: 1, Level: -12, Name: "dtmf " + digits}), nil
}

// keyFreqs returns the two tones of a key (ITU-T Q.23).
func keyFreqs(d byte) (low, high float64, ok bool) {
	const keys = "123A456B789C*0#D"
	if d >= 'a' && d <= 'd' {
		d -= 'a' - 'A'
	}
	for i := range len(keys) {
		if keys[i] == d {
			return [4]float64{697, 770, 852, 941}[i/4], [4]float64{1209, 1336, 1477, 1633}[i%4], true
		}
	}
	return 0, 0, false
}

// Ringback returns what a caller hears while the far end rings in country,
// without end. Countries are written as in TwiML ringTone; "" is "us".
func Ringback(rate int, country string) (*Tone, error) {
	return national(rate, country, "ringback", func(p plan) string { return p.ring })
}

// Busy returns the busy tone of country, without end.
func Busy(rate int, country string) (*Tone, error) {
	return national(rate, country, "busy", func(p plan) string { return p.busy })
}

// Reorder returns the tone for congestion of country, without end.
func Reorder(rate int, country string) (*Tone, error) {
	return national(rate, country, "reorder", func(p plan) string { return p.reorder })
}

// Dial returns the dial tone of country, without end.
func Dial(rate int, country string) (*Tone, error) {
	return national(rate, country, "dial", func(p plan) string { return p.dial })
}

// Known reports whether there is a table for country.
func Known(country string) bool {
	_, ok := plans[country]
	return ok
}

func national(rate int, country, name string, pick func(plan) string) (*Tone, error) {
	if country == "" {
		country = "us"
	}
	p, ok := plans[country]
	if !ok {
		return nil, fmt.Errorf("%s tone: no table for country %.20q", name, country)
	}
	segments, err := Parse(pick(p))
	if err != nil {
		return nil, fmt.Errorf("%s tone of %s: %w", name, country, err)
	}
	return New(rate, segments, Options{Name: name + " " + country}), nil
}
