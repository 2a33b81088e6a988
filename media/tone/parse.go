package tone

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits of a cadence from outside.
const (
	maxSegments = 64
	maxFreq     = 4000
	maxSegment  = time.Minute
)

// Parse reads a cadence in the notation common among telephone switches:
// segments parted by commas, each of frequencies and milliseconds, such as
// "440+480/2000,0/4000". A plus adds frequencies (up to four), "400*25"
// modulates the first with the second, 0 is silence. A segment without
// milliseconds has no end.
func Parse(s string) ([]Segment, error) {
	parts := strings.Split(s, ",")
	if len(parts) > maxSegments {
		return nil, fmt.Errorf("cadence of %d segments", len(parts))
	}
	segments := make([]Segment, 0, len(parts))
	for _, part := range parts {
		seg, err := parseSegment(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("cadence %.100q: %w", s, err)
		}
		segments = append(segments, seg)
	}
	return segments, nil
}

func parseSegment(s string) (Segment, error) {
	var seg Segment
	freqs, ms, timed := strings.Cut(s, "/")
	if timed {
		n, err := strconv.ParseUint(ms, 10, 31)
		if err != nil {
			return seg, fmt.Errorf("duration: %w", err)
		}
		seg.For = time.Duration(n) * time.Millisecond
		if n == 0 || seg.For > maxSegment {
			return seg, fmt.Errorf("duration of %d ms", n)
		}
	}
	carrier, modulation, modulated := strings.Cut(freqs, "*")
	if modulated {
		hz, err := parseFreq(modulation)
		if err != nil {
			return seg, err
		}
		seg.Modulate = hz
	}
	list := strings.Split(carrier, "+")
	if len(list) > len(seg.Freqs) {
		return seg, fmt.Errorf("%d frequencies", len(list))
	}
	for i, f := range list {
		hz, err := parseFreq(f)
		if err != nil {
			return seg, err
		}
		seg.Freqs[i] = hz
	}
	return seg, nil
}

func parseFreq(s string) (float64, error) {
	hz, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("frequency: %w", err)
	}
	if !(hz >= 0 && hz <= maxFreq) {
		return 0, fmt.Errorf("frequency of %v Hz", hz)
	}
	return hz, nil
}
