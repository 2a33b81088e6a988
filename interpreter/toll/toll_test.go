package toll

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

// fakeLines answer every call.
type fakeLines struct {
	interpreter.Lines
	dialled []interpreter.Target
	from    []interpreter.Address
	fail    error
}

type fakeLeg struct {
	interpreter.Leg
	ctx context.Context
}

func (l fakeLeg) Context() context.Context { return l.ctx }

type endKey struct{}

func (l *fakeLines) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	l.dialled, l.from = append(l.dialled, to), append(l.from, o.From)
	if l.fail != nil {
		return nil, l.fail
	}
	leg, ok := ctx.Value(endKey{}).(context.Context)
	if !ok {
		leg = context.Background()
	}
	return fakeLeg{ctx: leg}, nil
}

func guard(r Rules) (*Guard, *fakeLines) {
	l := &fakeLines{}
	return &Guard{Lines: l, Rules: func(string) Rules { return r },
		Public: func(_ context.Context, uri string) bool { return strings.Contains(uri, "@carrier") }}, l
}

func faultOf(err error) int {
	var e *interpreter.DialError
	if errors.As(err, &e) {
		return e.Fault
	}
	return 0
}

// R-TOLL-1: fifty numbers under the rules that a careful operator starts with, and under others.
func TestDestinations(t *testing.T) {
	home := Rules{Plan: number.Plan{Country: "IE"}, Home: true}
	list := Rules{Plan: number.Plan{Country: "IE"}, Allow: []string{"+353", "+44", "+4930", "+8816", "118"},
		Deny: []string{"+447", "+3531550"}, Classes: []string{"tollfree_ie"}}
	world := Rules{Plan: number.Plan{Country: "US"}, Home: true, Allow: []string{"*"}, Deny: []string{"+53"}}
	sip := Rules{Plan: number.Plan{Country: "US"}}
	premium := Rules{Plan: number.Plan{Country: "US"}, Home: true, Kinds: []number.Kind{number.Premium}}
	for _, tc := range []struct {
		r    Rules
		in   string
		pass bool
	}{
		{home, "012345678", true}, {home, "+35312345678", true}, {home, "00353871234567", true},
		{home, "+353 87 123 4567", true}, {home, "tel:+353871234567", true}, {home, "1800123456", true},
		{home, "1550123456", false}, {home, "+3531550123456", false}, {home, "+442079460958", false},
		{home, "+14155552671", false}, {home, "+881612345678", false}, {home, "+870772001234", false},
		{home, "00881612345678", false}, {home, "+979112345678", false}, {home, "+5352345678", false},
		{home, "100", false}, {home, "11850", false}, {home, "alice", false}, {home, "", false},
		{home, "999", true}, {home, "112", true}, {home, "911", true},
		{list, "012345678", true}, {list, "+442079460958", true}, {list, "+447911123456", false},
		{list, "1550123456", false}, {list, "1800123456", false}, {list, "+4930123456", true},
		{list, "+4989123456", false}, {list, "+881612345678", true}, {list, "+881712345678", false},
		{list, "11850", true}, {list, "100", false}, {list, "999", true}, {list, "+33123456789", false},
		{world, "4155552671", true}, {world, "+353871234567", true}, {world, "01135312345678", true},
		{world, "+19005551212", false}, {world, "9005551212", false}, {world, "+5352345678", false},
		{world, "+881612345678", false}, {world, "100", false}, {world, "8765551212", true},
		{sip, "100", true}, {sip, "+353871234567", true}, {sip, "+19005551212", false}, {sip, "+881612345678", false},
		{sip, "8005551212", true}, {premium, "9005551212", true}, {premium, "+881612345678", false},
		{premium, "4155552671", true}, {premium, "8765551212", false}, {premium, "+447012345678", false},
		{Rules{Home: true}, "8765551212", false}, {Rules{Home: true}, "4155552671", true},
	} {
		g, lines := guard(tc.r)
		_, err := g.Dial(t.Context(), interpreter.Target{URI: tc.in}, interpreter.DialOptions{})
		if passed := err == nil; passed != tc.pass || passed != (len(lines.dialled) == 1) {
			t.Errorf("%s %q: %v, dialled %d, want pass=%v", tc.r.Plan.Country, tc.in, err, len(lines.dialled), tc.pass)
		}
		if !tc.pass && faultOf(err) != CodeDestination || tc.pass != (g.Refused() == 0) {
			t.Errorf("%q: fault %d, refused %d", tc.in, faultOf(err), g.Refused())
		}
	}
}

// A SIP URI that leads to a trunk is no way around, nor is a number written for a carrier; other SIP URIs pass.
func TestWaysAround(t *testing.T) {
	for _, tc := range []struct {
		to   interpreter.Target
		pass bool
	}{
		{interpreter.Target{URI: "sip:+19005551212@carrier.test"}, false},
		{interpreter.Target{URI: "SIP:+19005551212;x=1@carrier.test"}, false},
		{interpreter.Target{URI: "+19005551212@carrier.test"}, false},
		{interpreter.Target{URI: "sip:4155552671@carrier.test"}, true},
		{interpreter.Target{URI: "sip:+19005551212@phone.test"}, true},
		{interpreter.Target{URI: "sip:x@phone.test", Trunk: "acme"}, false}, {interpreter.Target{URI: "client:ann"}, true},
		{interpreter.Target{URI: "0019005551212", Number: "+19005551212", Trunk: "acme"}, false},
		{interpreter.Target{URI: "99#4155552671", Number: "+14155552671", Trunk: "acme"}, true},
	} {
		g, _ := guard(Rules{Home: true})
		if _, err := g.Dial(t.Context(), tc.to, interpreter.DialOptions{}); (err == nil) != tc.pass {
			t.Errorf("%+v: %v", tc.to, err)
		}
	}
}

// R-TOLL-4: what is over a limit is refused, for its account and its destination alone; running calls go on.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rules{Calls: 3, PerMinute: 5, PrefixPerMin: 2, TimePerDay: time.Hour}
		g, _ := guard(r)
		var hang []func()
		call := func(account, to string) int {
			leg, end := context.WithCancel(context.Background())
			hang = append(hang, end)
			_, err := g.Dial(context.WithValue(t.Context(), endKey{}, leg), interpreter.Target{URI: to},
				interpreter.DialOptions{Account: account})
			return faultOf(err)
		}
		end := func() {
			for _, f := range hang {
				f()
			}
			hang = nil
			synctest.Wait()
		}
		expect := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: fault %d, want %d", what, got, want)
			}
		}
		expect("first", call("a", "4155552671"), 0)
		expect("second", call("a", "4155552672"), 0)
		expect("third to one prefix", call("a", "4155552673"), CodeLimit)
		expect("other prefix", call("a", "2125552671"), 0)
		expect("fourth at once", call("a", "3125552671"), CodeLimit)
		expect("other account", call("b", "4155552671"), 0)
		end()
		expect("after hang-up", call("a", "3125552671"), 0)
		expect("fifth in a minute", call("a", "3035552671"), 0)
		end()
		expect("sixth in a minute", call("a", "5125552671"), CodeLimit)
		time.Sleep(time.Minute)
		expect("a minute later", call("a", "4155552671"), 0)
		expect("emergency", call("a", "911"), 0)
		time.Sleep(time.Hour)
		expect("an hour of talk", call("a", "4155552671"), CodeLimit)
		end()
		expect("still the same day", call("a", "4155552671"), CodeLimit)
		time.Sleep(24 * time.Hour)
		expect("next day", call("a", "4155552671"), 0)
		end()
	})
}

// A call that fails gives its place back.
func TestFailuresAreCountedOut(t *testing.T) {
	g, lines := guard(Rules{Calls: 1, PerMinute: -1, PrefixPerMin: -1})
	lines.fail = &interpreter.DialError{Code: 486}
	for range 5 {
		_, err := g.Dial(t.Context(), interpreter.Target{URI: "4155552671"}, interpreter.DialOptions{})
		if faultOf(err) != 0 {
			t.Fatal(err)
		}
	}
	for i := range 2 * maxPrefixes {
		g.Dial(t.Context(), interpreter.Target{URI: fmt.Sprintf("+1%03d%07d", 200+i%700, i)}, interpreter.DialOptions{})
	}
	if n := len(g.accounts[""].prefixes); n > maxPrefixes+1 {
		t.Errorf("%d prefixes are counted", n)
	}
}

// R-TOLL-5: a caller id that is not the account's is refused or replaced, never passed.
func TestCallerID(t *testing.T) {
	own := Rules{CallerIDs: []string{"4155550100", "+1212555*"}}
	strict, instead, free := own, own, own
	strict.CallerPolicy, instead.CallerDefault, free.CallerPolicy = CallerOwned, "+14155550100", CallerAny
	for _, tc := range []struct {
		name         string
		r            Rules
		from, caller string
		want         string // "": refused
	}{
		{"own", own, "+14155550100", "", "+14155550100"},
		{"own, written otherwise", own, "(415) 555-0100", "", "(415) 555-0100"},
		{"own range", own, "+12125550199", "", "+12125550199"}, {"foreign", own, "+19005551212", "", ""},
		{"passed through", own, "+353871234567", "+353871234567", "+353871234567"},
		{"not passed through", strict, "+353871234567", "+353871234567", ""},
		{"replaced", instead, "+19005551212", "", "+14155550100"}, {"nothing", own, "", "", ""},
		{"any", free, "+19005551212", "", "+19005551212"}, {"nothing known", Rules{}, "+19005551212", "", "+19005551212"},
	} {
		for _, inTarget := range []bool{false, true} {
			g, lines := guard(tc.r)
			to, o := interpreter.Target{URI: "4155552671"}, interpreter.DialOptions{}
			o.Caller.User = tc.caller
			if inTarget && tc.from != "" {
				to.From.User = tc.from
			} else {
				o.From.User = tc.from
			}
			var events []interpreter.Event
			o.Emit = func(e interpreter.Event) { events = append(events, e) }
			_, err := g.Dial(t.Context(), to, o)
			if tc.want == "" {
				if faultOf(err) != CodeCallerID || len(lines.dialled) != 0 || len(events) != 1 {
					t.Errorf("%s: %v, dialled %d, events %v", tc.name, err, len(lines.dialled), events)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			got := lines.from[0].User
			if lines.dialled[0].From.User != "" {
				got = lines.dialled[0].From.User
			}
			if got != tc.want || (got != tc.from) != (len(events) == 1) {
				t.Errorf("%s: shown %q, want %q; events %v", tc.name, got, tc.want, events)
			}
		}
	}
}

func TestRulesCheck(t *testing.T) {
	for _, r := range []Rules{{Plan: number.Plan{Country: "ZZ"}}, {Allow: []string{"+"}}, {Allow: []string{""}},
		{Deny: []string{"+35a"}}, {Kinds: []number.Kind{"cheap"}}, {CallerPolicy: "some"}} {
		if r.Check() == nil {
			t.Errorf("%+v is good", r)
		}
	}
	good := Rules{Allow: []string{"*", "+353", "118"}, Kinds: Kinds([]string{"premium"}), CallerPolicy: CallerOwned}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
