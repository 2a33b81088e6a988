package account_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// people is an account with one of everything that keeps a telephone from ringing.
const people = `
accounts:
  name: Example
  realm: voice.example.com
  users:
    alice: {first_name: Alice, last_name: A}
    bob: {first_name: Bob, last_name: B}
    carl: {first_name: Carl, last_name: C, do_not_disturb: {enabled: true}}
    dora: {first_name: Dora, last_name: D, enabled: false}
    emil: {first_name: Emil, last_name: E, call_forward: {enabled: true, number: "+15550199"}}
    fred: {first_name: Fred, last_name: F,
      call_forward: {enabled: true, number: "101", substitute: false, direct_calls_only: true}}
    gina: {first_name: Gina, last_name: G, call_forward: {enabled: false, number: "+15550177", failover: true}}
    guest: {first_name: Guest, last_name: H}
  devices:
    alice1: {name: alice1, owner_id: alice, sip: {username: alice1}}
    alice2: {name: alice2, owner_id: alice, sip: {username: alice2}}
    bob1: {name: bob1, owner_id: bob, sip: {username: bob1}, exclude_from_queues: true}
    bob2: {name: bob2, owner_id: bob, sip: {username: bob2}, hotdesk: {users: {guest: {}}}}
    carl1: {name: carl1, owner_id: carl, sip: {username: carl1}}
    dora1: {name: dora1, owner_id: dora, sip: {username: dora1}}
    emil1: {name: emil1, owner_id: emil, sip: {username: emil1}}
    fred1: {name: fred1, owner_id: fred, sip: {username: fred1}}
    gina1: {name: gina1, owner_id: gina, sip: {username: gina1}}
    mobile: {name: mobile, owner_id: alice, device_type: cellphone, enabled: false,
      call_forward: {enabled: true, number: "+15550188"}}
    lobby: {name: lobby, sip: {username: lobby}}
    off: {name: off, enabled: false, sip: {username: off}}
    bare: {name: bare}
    fixed: {name: fixed, sip: {invite_format: route, route: "sip:door@10.0.0.7:5080"}}
    byip: {name: byip, sip: {method: ip, ip: "2001:db8::7", username: byip}}
  groups:
    inner: {name: inner, endpoints: {lobby: {type: device, weight: 9}, bob: {type: user, weight: 3}}}
    outer: {name: outer, endpoints: {inner: {type: group}, alice1: {type: device}, outer: {type: group}}}
`

// lines writes endpoints as the test expects them: a name, or name>number for a forward, ? for a failover.
func lines(list []account.Endpoint) string {
	var all []string
	for _, e := range list {
		s := e.Name
		if e.Forward != nil {
			s += ">" + e.Forward.Number
		}
		if e.Failover {
			s += "?"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func whys(list []account.LeftOut) string {
	var all []string
	for _, l := range list {
		name := l.Name
		if name == "" {
			name = l.ID
		}
		all = append(all, name+": "+l.Why)
	}
	return strings.Join(all, "; ")
}

func TestEndpoints(t *testing.T) {
	v := view(t, open(t, people))
	id := func(k account.Kind, name string) string {
		o, err := v.Object(k, name)
		if err != nil {
			t.Fatal(err)
		}
		return o.About().ID
	}
	from := func(device string) account.Finding {
		return account.Finding{Caller: account.Caller{Device: id(account.KindDevice, device)}}
	}
	outside := account.Finding{}
	queue := account.Finding{Queue: true, Indirect: true}
	self := from("alice1")
	self.Self = true
	for _, tc := range []struct {
		name       string
		kind       account.Kind
		id         string
		f          account.Finding
		want, left string
	}{
		{"a user has all his telephones", account.KindUser, "alice", outside, "alice1 alice2",
			"mobile: " + account.WhyDisabled},
		{"not those somebody else is logged in to", account.KindUser, "bob", outside, "bob1", ""},
		{"a guest has the telephone he is logged in to", account.KindUser, "guest", outside, "bob2", ""},
		{"nobody rings himself", account.KindUser, "alice", from("alice1"), "", "Alice A: " + account.WhyOwnUser},
		{"his other telephone neither", account.KindDevice, "alice2", from("alice1"), "", "alice2: " + account.WhyOwnUser},
		{"unless he may", account.KindUser, "alice", self, "alice1 alice2", "mobile: " + account.WhyDisabled},
		{"the caller's own telephone", account.KindDevice, "lobby", from("lobby"), "", "lobby: " + account.WhyOwnDevice},
		{"the owner who was displaced is another party", account.KindDevice, "bob2", from("bob1"), "bob2", ""},
		{"do not disturb", account.KindUser, "carl", outside, "", "Carl C: " + account.WhyDoNotDisturb},
		{"do not disturb of the owner", account.KindDevice, "carl1", outside, "", "carl1: " + account.WhyDoNotDisturb},
		{"a user switched off", account.KindUser, "dora", outside, "", "Dora D: " + account.WhyDisabled},
		{"a device of his", account.KindDevice, "dora1", outside, "", "dora1: " + account.WhyDisabled},
		{"a device switched off", account.KindDevice, "off", outside, "", "off: " + account.WhyDisabled},
		{"a queue", account.KindDevice, "bob1", queue, "", "bob1: " + account.WhyQueue},
		{"a forward in place of the telephones", account.KindUser, "emil", outside, "Emil E>+15550199", ""},
		{"a device inherits it", account.KindDevice, "emil1", outside, "emil1>+15550199", ""},
		{"a forward beside them", account.KindUser, "fred", outside, "Fred F>101 fred1", ""},
		{"one for direct calls alone", account.KindUser, "fred", account.Finding{Indirect: true}, "fred1", ""},
		{"one for when they are offline", account.KindUser, "gina", outside, "gina1 Gina G>+15550177?", ""},
		{"no line", account.KindDevice, "bare", outside, "", "bare: " + account.WhyNoLine},
		{"groups in groups, the lighter first, nobody twice", account.KindGroup, "outer", outside,
			"bob1 lobby alice1", "outer: " + account.WhyLoop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := v.Endpoints(tc.kind, tc.id, tc.f)
			if err != nil {
				t.Fatal(err)
			}
			if l := lines(got.Endpoints); l != tc.want {
				t.Errorf("got %q, want %q", l, tc.want)
			}
			if w := whys(got.LeftOut); w != tc.left {
				t.Errorf("left out %q, want %q", w, tc.left)
			}
		})
	}
	for _, k := range []account.Kind{account.KindUser, account.KindDevice, account.KindGroup, account.KindMenu} {
		if _, err := v.Endpoints(k, "nobody", outside); !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("%s nobody: %v", k, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	v := view(t, open(t, people))
	for id, want := range map[string]string{"alice1": "sip:alice1@voice.example.com", "fixed": "sip:door@10.0.0.7:5080",
		"byip": "sip:byip@[2001:db8::7]"} {
		got, err := v.Device(id, account.Finding{})
		if err != nil || len(got.Endpoints) != 1 || got.Endpoints[0].URI != want ||
			got.Endpoints[0].Static != (id != "alice1") {
			t.Errorf("%s: %+v, %v, want %s", id, got.Endpoints, err, want)
		}
	}
}

func TestMembers(t *testing.T) {
	v := view(t, open(t, people))
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	device := func(id string) account.Member { return account.Member{Kind: account.KindDevice, ID: id} }
	user := func(id string) account.Member { return account.Member{Kind: account.KindUser, ID: id} }
	late, out, back := device("lobby"), device("lobby"), device("lobby")
	late.Delay = 5 * time.Second
	out.DisableUntil, back.DisableUntil = account.Gregorian(now)+1, account.Gregorian(now)
	for _, tc := range []struct {
		name       string
		list       []account.Member
		want, left string
	}{
		{"users become telephones", []account.Member{user("alice"), device("lobby")}, "alice1 alice2 lobby",
			"mobile: " + account.WhyDisabled},
		{"the same telephone with the same times once", []account.Member{device("lobby"), device("lobby"), user("bob"),
			device("bob1")}, "lobby bob1", ""},
		{"with other times again", []account.Member{device("lobby"), late}, "lobby lobby", ""},
		{"one that is logged out", []account.Member{out, device("bob1")}, "bob1", "lobby: " + account.WhyUntil},
		{"one whose time is over", []account.Member{back}, "lobby", ""},
		{"one that does not exist", []account.Member{device("nobody")}, "", "nobody: " + account.WhyUnknown},
		{"a forward for direct calls alone", []account.Member{user("fred")}, "fred1", ""},
		{"nobody", nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := v.Members(tc.list, account.Finding{}, now)
			if l := lines(got.Endpoints); l != tc.want {
				t.Errorf("got %q, want %q", l, tc.want)
			}
			if w := whys(got.LeftOut); w != tc.left {
				t.Errorf("left out %q, want %q", w, tc.left)
			}
		})
	}
	heavy := device("lobby")
	heavy.Weight = 500
	for _, e := range v.Members([]account.Member{heavy}, account.Finding{}, now).Endpoints {
		if e.Weight != 100 || e.Timeout != account.MemberTimeout {
			t.Errorf("weight %d, timeout %v; want 100 and %v", e.Weight, e.Timeout, account.MemberTimeout)
		}
	}
	page := v.Page([]account.Member{late, device("lobby"), user("emil")}, account.Finding{})
	if l := lines(page.Endpoints); l != "lobby emil1" {
		t.Errorf("a page calls %q, want each telephone once and no forward", l)
	}
}

func TestArrange(t *testing.T) {
	list := []account.Endpoint{{Name: "a", Weight: 1, Delay: 3}, {Name: "b", Weight: 2, Delay: 1},
		{Name: "c", Weight: 3, Delay: 1}}
	for _, tc := range []struct {
		s     account.Strategy
		draws []int
		want  string
	}{
		{account.Simultaneous, nil, "b c a"},
		{account.Single, nil, "a b c"},
		{account.WeightedRandom, []int{0, 0, 0}, "a b c"},
		{account.WeightedRandom, []int{5, 2, 0}, "c b a"},
		{account.WeightedRandom, []int{2, 1, 0}, "b c a"},
	} {
		i := 0
		got := account.Arrange(list, tc.s, func(n int) int {
			i++
			if d := tc.draws[i-1]; d < n {
				return d
			}
			t.Fatalf("draw %d of %d", tc.draws[i-1], n)
			return 0
		})
		if l := lines(got); l != tc.want {
			t.Errorf("%s %v: got %s, want %s", tc.s, tc.draws, l, tc.want)
		}
	}
	if lines(list) != "a b c" {
		t.Error("the list itself was changed")
	}
}

func TestClosedGroups(t *testing.T) {
	v := view(t, open(t, people+"\n  call_restriction: {closed_groups: {action: deny}}\n"))
	device := func(id string) *account.Device {
		d, err := account.Get[*account.Device](v, id)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tc := range []struct {
		from, to string
		want     bool
	}{{"lobby", "bob1", true}, {"bob1", "lobby", true}, {"alice1", "lobby", true}, {"alice2", "lobby", false},
		{"lobby", "carl1", false}} {
		if got := v.MayCall(v.Merge(device(tc.from)), device(tc.to)); got != tc.want {
			t.Errorf("%s calls %s: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestHunt(t *testing.T) {
	v := view(t, open(t, `
accounts:
  name: Example
  callflows:
    exact: {numbers: ["100", "*97"], flow: {module: hangup, data: {}}}
    forward: {patterns: ['^\*72([0-9]*)$'], flow: {module: hangup, data: {}}}
    plain: {patterns: ['^\*7\d+$'], flow: {module: hangup, data: {}}}
    named: {patterns: ['^8(?P<slot>\d)(?P<rest>\d+)$'], flow: {module: hangup, data: {}}}
    other: {numbers: [no_match], flow: {module: hangup, data: {}}}
`))
	for _, tc := range []struct {
		dialled       string
		h             account.Hunting
		want, capture string
	}{
		{"100", account.Exactly, "exact", ""},
		{"*97", account.Exactly, "exact", ""},
		{"*72", account.Exactly, "plain", ""},
		{"*7299", account.Exactly, "plain", ""}, // the whole match of plain is longer than what forward captures
		{"80123", account.Exactly, "named", "123"},
		{"999", account.Exactly, "", ""},
		{"999", account.OrNoMatch, "other", ""},
		{"bob", account.OrNoMatch, "", ""},
		{"*1", account.OrNoMatch, "", ""},
		{"no_match", account.OrNoMatch, "", ""},
		{strings.Repeat("8", 300), account.Exactly, "", ""},
	} {
		m, err := v.Hunt(tc.dialled, tc.h)
		if tc.want == "" {
			if !errors.Is(err, interpreter.ErrNotFound) {
				t.Errorf("%s leads to %+v, %v; want nothing", tc.dialled, m.Callflow, err)
			}
			continue
		}
		if err != nil || m.Callflow.Key != tc.want || m.Capture != tc.capture || m.NoMatch != (tc.want == "other") {
			t.Errorf("%s: %+v, %v; want %s with capture %q", tc.dialled, m, err, tc.want, tc.capture)
		}
	}
	m, err := v.Hunt("80123", account.Exactly)
	if err != nil || !cmp.Equal(m.Captures, map[string]string{"slot": "0", "rest": "123"}) {
		t.Errorf("named groups: %v, %v", m.Captures, err)
	}
}

func TestEntities(t *testing.T) {
	v := view(t, open(t, office))
	d, err := account.Get[*account.Device](v, "alice-desk")
	if err != nil {
		t.Fatal(err)
	}
	got := v.Entities(d)
	want := []string{"alice@voice.example.com", "100@voice.example.com", "+15550100@voice.example.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if boxes := v.MailboxesOf(d); len(boxes) != 1 || boxes[0].Mailbox != "100" {
		t.Errorf("mailboxes %v", boxes)
	}
}
