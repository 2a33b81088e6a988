package verbs

import (
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

// Emergency numbers go to carriers for emergencies first, whatever their weight, and to somebody in any case.
func TestRoutesForHelp(t *testing.T) {
	cheap := Carrier{ID: "cheap", Gateways: one("cheap"), Weight: 1}
	ruled := Carrier{ID: "ruled", Gateways: one("ruled"), Rules: patterns(`^\+353`)}
	help := Carrier{ID: "help", Gateways: one("help"), Weight: 90, Emergency: true}
	bound := Carrier{ID: "bound", Gateways: one("bound"), Rules: patterns(`^\+353`), Callers: patterns(`^\+44`),
		RequireFlags: true, Emergency: true}
	for _, tc := range []struct {
		name, number string
		carriers     []Carrier
		want         string
	}{
		{"first", "112", []Carrier{cheap, help}, "help! cheap"},
		{"only then", "+35312345678", []Carrier{cheap, help}, "cheap help!"},
		{"no rule lets it pass", "999", []Carrier{ruled, bound}, "bound!"},
		{"no carrier for it", "999", []Carrier{ruled}, "ruled"},
		{"no carrier", "999", nil, ""},
	} {
		var got []string
		for _, r := range Routes(tc.carriers, number.Plan{Country: "IE"}, CarrierRequest{Number: tc.number}) {
			s := r.Carrier.ID
			if r.Emergency {
				s += "!"
			}
			got = append(got, s)
			if emergency := r.Target(interpreter.Target{}).Emergency; emergency != (len(tc.number) == 3) {
				t.Errorf("%s: the target says emergency %t", tc.name, emergency)
			}
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, s, tc.want)
		}
	}
}

// An account's own carriers are used where one of them takes the number, else the operator's; help may go every way.
func TestOwnCarriersFirst(t *testing.T) {
	own := []Carrier{{ID: "own", Gateways: one("own"), Rules: patterns(`^\+353`)}}
	all := []Carrier{{ID: "all", Gateways: one("all"), Weight: 1}}
	for number, want := range map[string]string{"+35312345678": "own", "+4930123456": "all", "112": "all"} {
		l := &carrierLines{codes: map[string]int{"own": 503, "all": 503}}
		h := Hunting{Lines: l, Carriers: func(string) [][]Carrier { return [][]Carrier{own, all} }}
		if _, err := h.Dial(t.Context(), interpreter.Target{URI: number}, interpreter.DialOptions{}); err == nil {
			t.Errorf("%s: answered", number)
		}
		var trunks []string
		for _, d := range l.dialed {
			trunk, _, _ := strings.Cut(d, ":")
			trunks = append(trunks, trunk)
		}
		if got := strings.Join(trunks, " "); number == "112" && got != "all own" && got != "own all" ||
			number != "112" && got != want {
			t.Errorf("%s: went to %q, want %s", number, got, want)
		}
	}
}
