package verbs

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"Say", "Play", "Gather", "collect_dtmf"}
	for name, want := range map[string]string{"Plya": "Play", "gather": "Gather", "collect_dmtf": "collect_dtmf",
		"Conference": "", "X": ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("nearest to %q: got %q, want %q", name, got, want)
		}
	}
}
