package verbs

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

func patterns(list ...string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, p := range list {
		out = append(out, regexp.MustCompile(p))
	}
	return out
}

func one(trunk string) []Gateway { return []Gateway{{Trunk: trunk}} }

func TestRoutes(t *testing.T) {
	home := Carrier{ID: "home", Gateways: one("h"), Rules: patterns(`^\+353(\d+)$`), Weight: 10}
	world := Carrier{ID: "world", Gateways: one("w"), Rules: patterns(`^\+(\d+)$`, `^00(\d+)$`)}
	fax := Carrier{ID: "fax", Gateways: one("f"), Flags: []string{"fax", "t38"}, RequireFlags: true}
	mine := Carrier{ID: "mine", Gateways: one("m"), Callers: patterns(`^\+3531`), IgnoreFlags: true, Weight: 60}
	classed := Carrier{ID: "classed", Gateways: one("c"), Classes: map[string]CarrierClass{
		"did_ie":        {Prefix: "9", Suffix: "#", Weight: 5},
		"emergency":     {Emergency: true, Pattern: regexp.MustCompile(`^(\d+)$`)},
		"international": {Off: true}, "toll_ie": {Pattern: regexp.MustCompile(`^\+353(9\d+)$`)}}}
	group := Carrier{ID: "group", Gateways: []Gateway{{Trunk: "g1", Prefix: "00", Format: number.StripPlus},
		{Trunk: "off", Off: true}, {Trunk: "g2", Format: number.National}, {Trunk: "g3", User: "pilot"}}}
	format := Carrier{ID: "format", Gateways: one("x"), Number: []Formatter{
		{Pattern: regexp.MustCompile(`^\+44(\d+)$`), Prefix: "0"}, {Pattern: regexp.MustCompile(`^\+49`), Strip: true},
		{Pattern: regexp.MustCompile(`^\+1`), Value: "north"}}}
	for _, tc := range []struct {
		name     string
		carriers []Carrier
		q        CarrierRequest
		want     string
	}{
		{"weight", []Carrier{world, home}, CarrierRequest{Number: "+35312345678"}, "h:12345678 w:35312345678"},
		{"rule", []Carrier{world, home}, CarrierRequest{Number: "+14155552671"}, "w:14155552671"},
		{"second rule", []Carrier{world}, CarrierRequest{Number: "0049301234567"}, "w:49301234567"},
		{"no rule", []Carrier{world, home}, CarrierRequest{Number: "100"}, ""},
		{"flags are demanded", []Carrier{home, fax}, CarrierRequest{Number: "+35312345678", Flags: []string{"fax"}},
			"f:+35312345678"},
		{"flags are required", []Carrier{fax}, CarrierRequest{Number: "+35312345678"}, ""},
		{"flags are missing", []Carrier{fax}, CarrierRequest{Number: "1", Flags: []string{"fax", "hd"}}, ""},
		{"caller and no flags", []Carrier{mine}, CarrierRequest{Number: "1", Caller: "+35312", Flags: []string{"hd"}}, "m:1"},
		{"other caller", []Carrier{mine}, CarrierRequest{Number: "1", Caller: "+4930"}, ""},
		{"class before rules", []Carrier{home, classed}, CarrierRequest{Number: "+35312345678", Class: "did_ie"},
			"c:9+35312345678#"},
		{"class is off", []Carrier{world, classed}, CarrierRequest{Number: "+4930123456", Class: "international"},
			"w:4930123456"},
		{"classes alone", []Carrier{classed}, CarrierRequest{Number: "100", Class: "unknown"}, ""},
		{"emergency", []Carrier{classed, home}, CarrierRequest{Number: "112", Class: "emergency"}, "c:112!"},
		{"class pattern fails", []Carrier{classed}, CarrierRequest{Number: "+3531550123456", Class: "toll_ie"}, ""},
		{"gateways", []Carrier{group}, CarrierRequest{Number: "+35312345678"}, "g1:0035312345678 g2:012345678 g3:pilot"},
		{"formatter", []Carrier{format}, CarrierRequest{Number: "+442079460958"}, "x:02079460958"},
		{"formatter strips", []Carrier{format}, CarrierRequest{Number: "+4930123456"}, "x:"},
		{"formatter replaces", []Carrier{format}, CarrierRequest{Number: "+14155552671"}, "x:north"},
		{"formatter passes", []Carrier{format}, CarrierRequest{Number: "+33123456789"}, "x:+33123456789"},
	} {
		var got []string
		for _, r := range Routes(tc.carriers, number.Plan{Country: "IE"}, tc.q) {
			s := r.Gateway.Trunk + ":" + r.Number
			if r.Emergency {
				s += "!"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, s, tc.want)
		}
	}
	random := Carrier{ID: "r", Random: true, Gateways: []Gateway{{Trunk: "1"}, {Trunk: "2"}, {Trunk: "3"}}}
	seen := map[string]bool{}
	for range 200 {
		s := ""
		for _, r := range Routes([]Carrier{random}, number.Plan{}, CarrierRequest{Number: "1"}) {
			s += r.Gateway.Trunk
		}
		seen[s] = true
	}
	if len(seen) != 6 {
		t.Errorf("random orders seen: %v", seen)
	}
}

// carrierLines answer for trunks as they are told.
type carrierLines struct {
	interpreter.Lines
	codes  map[string]int // by trunk; 0 answers
	takes  time.Duration
	dialed []string
}

func (l *carrierLines) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	l.dialed = append(l.dialed, to.Trunk+":"+to.URI)
	if err := interpreter.Sleep(ctx, min(l.takes, to.Timeout)); err != nil {
		return nil, context.Cause(ctx)
	}
	if code := l.codes[to.Trunk]; code != 0 {
		return nil, &interpreter.DialError{Code: code, Status: interpreter.StatusOf(code), Cause: interpreter.CauseOf(code)}
	}
	return nil, nil
}

func TestHunting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			name  string
			codes map[string]int
			auth  bool
			takes time.Duration
			want  string
			code  int
		}{
			{"the first answers", nil, false, 0, "a", 0},
			{"503 goes on", map[string]int{"a": 503}, false, 0, "a b", 0},
			{"408 and 500 go on", map[string]int{"a": 408, "b": 500}, false, 0, "a b c", 0},
			{"403 goes on", map[string]int{"a": 403}, false, 0, "a b", 0},
			{"404 goes on", map[string]int{"a": 404}, false, 0, "a b", 0},
			{"404 of the authority stops", map[string]int{"a": 404}, true, 0, "a", 404},
			{"484 of the authority stops", map[string]int{"a": 484}, true, 0, "a", 484},
			{"480 of the authority goes on", map[string]int{"a": 480}, true, 0, "a b", 0},
			{"486 stops", map[string]int{"a": 486}, false, 0, "a", 486},
			{"600 stops", map[string]int{"a": 600}, false, 0, "a", 600},
			{"603 stops", map[string]int{"a": 603}, false, 0, "a", 603},
			{"the last one's word counts", map[string]int{"a": 503, "b": 500, "c": 480}, false, 0, "a b c", 480},
			{"one ring time for all", map[string]int{"a": 503, "b": 503}, false, 20 * time.Second, "a b", 503},
		} {
			l := &carrierLines{codes: tc.codes, takes: tc.takes}
			h := Hunting{Lines: l, Carriers: func(string) [][]Carrier {
				return [][]Carrier{{{ID: "a", Gateways: one("a"), Authoritative: tc.auth}, {ID: "b", Gateways: one("b")},
					{ID: "c", Gateways: one("c")}}}
			}}
			_, err := h.Dial(t.Context(), interpreter.Target{URI: "+14155552671", Timeout: 30 * time.Second},
				interpreter.DialOptions{})
			var e *interpreter.DialError
			code := 0
			if errors.As(err, &e) {
				code = e.Code
			}
			got := strings.ReplaceAll(strings.Join(l.dialed, " "), ":+14155552671", "")
			if got != tc.want || code != tc.code {
				t.Errorf("%s: dialled %q, code %d; want %q, %d", tc.name, got, code, tc.want, tc.code)
			}
		}
	})
	// SIP URIs and named trunks pass; a number without a route says what to look at.
	l := &carrierLines{}
	h := Hunting{Lines: l, Carriers: func(string) [][]Carrier {
		return [][]Carrier{{{ID: "a", Gateways: one("a"), Rules: patterns(`^\+353`)}}}
	}}
	for _, to := range []interpreter.Target{{URI: "sip:1@x"}, {URI: "1", Trunk: "z"}, {URI: "0044123456789"}} {
		_, err := h.Dial(t.Context(), to, interpreter.DialOptions{})
		var e *interpreter.DialError
		if errors.As(err, &e) != (to.URI == "0044123456789") || e != nil && e.Code != 404 {
			t.Errorf("%v: %v", to, err)
		}
	}
	if !slices.Equal(l.dialed, []string{":sip:1@x", "z:1"}) {
		t.Errorf("dialled %v", l.dialed)
	}
}

// The callee of a Dial hunts by the same rules.
func TestCalleeOfRoutes(t *testing.T) {
	routes := []Route{{Carrier: &Carrier{ID: "a"}, Number: "1", Gateway: Gateway{Trunk: "a"}},
		{Carrier: &Carrier{ID: "b", Authoritative: true}, Number: "01", Gateway: Gateway{Trunk: "b", Sign: -1}},
		{Carrier: &Carrier{ID: "c"}, Number: "001", Gateway: Gateway{Trunk: "c"}}}
	c, ok := CalleeOf(routes, interpreter.Target{URI: "+1", Username: "u"})
	if !ok || len(c.Others) != 2 || c.Target.Trunk != "a" || c.Target.Sign != defaultSign || c.Others[0].Sign != 0 ||
		c.Others[1].URI != "001" || c.Target.Name != "+1" {
		t.Fatalf("%+v", c)
	}
	if !c.GoOn(&interpreter.DialError{Code: 404}) || c.GoOn(&interpreter.DialError{Code: 404}) {
		t.Error("404 goes on from a, and stops at b")
	}
	if _, ok := CalleeOf(nil, interpreter.Target{}); ok {
		t.Error("nobody to call is called")
	}
}

// Every default response is one that a leg can send, with a prompt that exists.
func TestDefaultResponses(t *testing.T) {
	for cause, r := range responses {
		if r.Code != 0 && (r.Code < 400 || r.Code > 699) || r.Code == 0 && r.Tone.Tone == "" ||
			r.Prompt != "" && r.Tone.Tone != "" {
			t.Errorf("%s: %+v", cause, r)
		}
	}
	if _, ok := DefaultResponse("NO_SUCH_CAUSE"); ok {
		t.Error("an unknown cause has a response")
	}
	if r, _ := DefaultResponse("USER_BUSY"); r.Code != 486 || r.Tone.Loop != 25 {
		t.Errorf("busy: %+v", r)
	}
}
