package verbs_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/fixtures"
	"pintle/fixtures/plain"
	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
	"pintle/verbs"
)

// household is an account with everything that calls to a telephone may show.
const household = `
name: Example
realm: pbx.test
caller_id: {external: {name: Example, number: "+15550199"}}
ringtones: {external: outside, internal: inside}
users:
  alice: {first_name: Alice, last_name: Archer, presence_id: "100"}
  bob:
    first_name: Bob
    last_name: Baker
    caller_id: {external: {number: "+15550102"}}
    caller_id_options: {outbound_privacy: number}
devices:
  alice-desk:
    {name: Alice's desk, owner_id: alice, sip: {username: alice, custom_sip_headers: {out: {X-A: out, X-B: out}}}}
  desk: {name: Desk, sip: {username: desk, custom_sip_headers: {in: {X-A: in, X-C: in}}}}
  loud: {name: Loud, ringtones: {external: Bellcore-dr2}, sip: {username: loud}}
  byname: {name: By name, sip: {username: byname, invite_format: username}}
  number: {name: Number, sip: {username: number, invite_format: npan, number: "+12125550100"}}
  dialled: {name: Dialled, sip: {username: dialled, invite_format: strip_plus}}
  fixed: {name: Fixed, sip: {static_route: "sip:old@10.0.0.9:5070"}}
  static: {name: Static, sip: {username: static, static_invite: hotline}}
  keeps:
    {name: Keeps, sip: {username: keeps}, call_forward: {enabled: true, number: "+15550300", require_keypress: false}}
  hides:
    name: Hides
    owner_id: bob
    sip: {username: hides}
    call_forward: {enabled: true, number: "+15550300", require_keypress: false, keep_caller_id: false}
`

// book opens the account of a test.
func book(t *testing.T, yaml string) *account.View {
	t.Helper()
	b, err := account.Open(t.Context(), nil, account.File{Name: "test.yaml", Body: []byte(yaml)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.View("")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// spying are lines that remember whom they were asked to call, and on whose behalf. Nobody is there.
type spying struct {
	interpreter.Lines
	mu   sync.Mutex
	to   []interpreter.Target
	opts []interpreter.DialOptions
}

func (s *spying) Dial(_ context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to, s.opts = append(s.to, to), append(s.opts, o)
	return nil, &interpreter.DialError{Status: interpreter.StatusBusy, Code: 486, Cause: "USER_BUSY"}
}

// show is what a called party is told, in one line.
func (s *spying) show(i int) string {
	to, o := s.to[i], s.opts[i]
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s<%s@%s>", to.URI, to.From.Display, to.From.User, to.From.Host)
	for _, p := range [][2]string{{"user", to.User}, {"alert", to.Alert}, {"privacy", string(to.Privacy)},
		{"forwarded", o.ForwardedBy.User}} {
		if p[1] != "" {
			fmt.Fprintf(&b, " %s=%s", p[0], p[1])
		}
	}
	for _, h := range to.Headers {
		fmt.Fprintf(&b, " %s=%s", h.Name, h.Value)
	}
	return b.String()
}

// What a telephone, or the public network, is shown of a call depends on who calls, on the endpoint and on the flow.
func TestDisplay(t *testing.T) {
	inside := interpreter.Address{Display: "spoofed", User: "alice", Host: "pbx.test"}
	outside := interpreter.Address{Display: "Carol", User: "+15550001", Host: "carrier.test"}
	for _, tc := range []struct {
		name, id string
		from     interpreter.Address
		e        verbs.Endpoints
		want     string
	}{
		{"call of the account", "desk", inside, verbs.Endpoints{},
			"sip:desk@pbx.test from Alice Archer<100@pbx.test> alert=inside X-A=out X-C=in X-B=out"},
		{"call from outside", "desk", outside, verbs.Endpoints{},
			"sip:desk@pbx.test from Carol<+15550001@carrier.test> alert=outside X-A=in X-C=in"},
		{"the flow's headers win", "desk", inside,
			verbs.Endpoints{Headers: []interpreter.Header{{Name: "x-a", Value: "flow"}}},
			"sip:desk@pbx.test from Alice Archer<100@pbx.test> alert=inside x-a=flow X-C=in X-B=out"},
		{"nobody is shown", "desk", outside, verbs.Endpoints{Anonymous: true},
			"sip:desk@pbx.test from Anonymous<anonymous@anonymous.invalid> alert=outside privacy=full X-A=in X-C=in"},
		{"prefixes", "loud", outside, verbs.Endpoints{Caller: account.Presenting{PrependName: "S: ", PrependNumber: "9"}},
			"sip:loud@pbx.test from S: Carol<9+15550001@carrier.test> alert=Bellcore-dr2"},
		{"its own ringtone", "loud", outside, verbs.Endpoints{},
			"sip:loud@pbx.test from Carol<+15550001@carrier.test> alert=Bellcore-dr2"},
		{"the flow's ringtone", "loud", outside, verbs.Endpoints{Ringtones: account.Ringtones{External: "flow"}},
			"sip:loud@pbx.test from Carol<+15550001@carrier.test> alert=flow"},
		{"the ring of an earlier node", "loud", outside, verbs.Endpoints{Alert: "node"},
			"sip:loud@pbx.test from Carol<+15550001@carrier.test> alert=node"},
		{"user name", "byname", outside, verbs.Endpoints{},
			"sip:byname@pbx.test from Carol<+15550001@carrier.test> user=byname alert=outside"},
		{"its number", "number", outside, verbs.Endpoints{},
			"sip:number@pbx.test from Carol<+15550001@carrier.test> user=2125550100 alert=outside"},
		{"the dialled number", "dialled", outside, verbs.Endpoints{},
			"sip:dialled@pbx.test from Carol<+15550001@carrier.test> user=12125550177 alert=outside"},
		{"its static invite", "static", outside, verbs.Endpoints{},
			"sip:static@pbx.test from Carol<+15550001@carrier.test> user=hotline alert=outside"},
		{"the flow's static invite", "static", outside, verbs.Endpoints{User: "flow"},
			"sip:static@pbx.test from Carol<+15550001@carrier.test> user=flow alert=outside"},
		{"a fixed address", "fixed", outside, verbs.Endpoints{User: "new"},
			"sip:new@10.0.0.9:5070 from Carol<+15550001@carrier.test> alert=outside"},
		{"a forward that keeps the caller", "keeps", outside, verbs.Endpoints{},
			"+15550300 from Carol<+15550001@carrier.test>"},
		{"and tells who forwards", "keeps", outside, verbs.Endpoints{Diversion: true},
			"+15550300 from Carol<+15550001@carrier.test> forwarded=+15550199"},
		{"not of calls of the account", "keeps", inside, verbs.Endpoints{Diversion: true},
			"+15550300 from spoofed<alice@pbx.test>"},
		{"a forward that shows the forwarder", "hides", outside, verbs.Endpoints{Diversion: true},
			"+15550300 from Example<+15550102@pbx.test> privacy=number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := book(t, household)
			info := interpreter.LegInfo{From: tc.from, Request: interpreter.Address{User: "+12125550177", Host: "pbx.test"}}
			if tc.from == inside {
				d, err := account.Get[*account.Device](v, "alice-desk")
				if err != nil {
					t.Fatal(err)
				}
				info.Device, info.Account = d.ID, v.Account().ID
			}
			lines := &spying{}
			tc.e.View = func() (*account.View, error) { return v, nil }
			tc.e.Kind, tc.e.ID = account.KindDevice, tc.id
			runVerb(t, func(ctx context.Context) world {
				return world{leg: fixtures.NewLeg(ctx, info), lines: lines}
			}, func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
				got, err := tc.e.Run(ctx, c)
				if got.Cause != "USER_BUSY" {
					t.Errorf("ended with %+v, %v", got, err)
				}
				return interpreter.Continue(), err
			})
			if len(lines.to) != 1 {
				t.Fatalf("%d calls, want one", len(lines.to))
			}
			if got := lines.show(0); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// A forward is a call of who forwards: the telephone of the caller, and what is denied to it, does not count.
func TestForwardIsOnBehalf(t *testing.T) {
	v := book(t, household)
	device := func(id string) string {
		d, err := account.Get[*account.Device](v, id)
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	lines := &spying{}
	runVerb(t, func(ctx context.Context) world {
		return world{lines: lines, leg: fixtures.NewLeg(ctx, interpreter.LegInfo{From: interpreter.Address{User: "alice"},
			Device: device("alice-desk"), Account: v.Account().ID})}
	}, func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
		for _, id := range []string{"desk", "keeps"} {
			e := verbs.Endpoints{Kind: account.KindDevice, ID: id, View: func() (*account.View, error) { return v, nil }}
			if _, err := e.Run(ctx, c); err != nil {
				t.Error(err)
			}
		}
		return interpreter.Continue(), nil
	})
	var got []string
	for _, o := range lines.opts {
		got = append(got, o.Device)
	}
	if d := cmp.Diff([]string{device("alice-desk"), device("keeps")}, got); d != "" {
		t.Error(d)
	}
}

// runCall runs one verb as a whole call within a bubble, and returns the records of all its legs.
func runCall(t *testing.T, w world, f interpreter.VerbFunc) []interpreter.CDR {
	t.Helper()
	var mu sync.Mutex
	var cdrs []interpreter.CDR
	records := memstore.NewRecords()
	d := &plain.Dialect{Commands: map[string]func(string) interpreter.Verb{
		"do": func(string) interpreter.Verb { return f }}}
	m := interpreter.NewManager(interpreter.Config{
		Dialects: interpreter.Dialects{d}, Web: fixtures.NewWeb(nil), Lines: w.lines, Records: records,
		Blobs: memstore.NewBlobs(), Outbox: quiet{records}, Observers: []interpreter.Observer{func(e interpreter.Event) {
			if c, ok := e.Data.(interpreter.CDR); ok {
				mu.Lock()
				cdrs = append(cdrs, c)
				mu.Unlock()
			}
		}},
	})
	start := interpreter.Start{Request: interpreter.Request{Inline: []byte("plain\ndo\n")}}
	if _, err := m.Start(w.leg, start); err != nil {
		t.Fatal(err)
	}
	m.Drain(t.Context())
	return cdrs
}

// crowd has telephones that ring in every way at once.
const crowd = `
name: Example
realm: pbx.test
users:
  bob: {first_name: Bob, last_name: Baker, call_forward: {enabled: true, number: "+15550300", substitute: false}}
  carol: {first_name: Carol, last_name: Clark, call_forward: {failover: true, number: "+15550301"}}
devices:
  bob-desk: {name: Bob's desk, owner_id: bob, sip: {username: bob}}
  carol-desk: {name: Carol's desk, owner_id: carol, sip: {username: carol}}
  door: {name: Door, sip: {username: door}}
`

// Whenever the caller hangs up, every leg that was called ends, and each has one record.
func TestHangupWhileAGroupRings(t *testing.T) {
	script, err := fixtures.Parse("crowd", []byte(`# crowd
call
answer bob no-answer
answer carol absent after 1s
answer door busy after 2s
answer +15550300 after 3s press 1 after 6s
answer +15550301 no-answer
-- POST https://app.test/start --
plain
`))
	if err != nil {
		t.Fatal(err)
	}
	v := book(t, crowd)
	for at := 130 * time.Millisecond; at < 24*time.Second; at += 710 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			lines := fixtures.NewLines(t.Context(), script.Answers)
			leg := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
			time.AfterFunc(at, leg.Leave)
			members := []account.Member{{Kind: account.KindUser, ID: "bob"}, {Kind: account.KindUser, ID: "carol"},
				{Kind: account.KindDevice, ID: "door"}}
			e := verbs.Endpoints{Members: members, Repeats: 3, Timeout: 8 * time.Second,
				View:     func() (*account.View, error) { return v, nil },
				Ringback: interpreter.Prompt{URL: "tune60s.wav"}, Confirm: interpreter.Prompt{URL: "press2s.wav"}}
			var ended error
			cdrs := runCall(t, world{leg: leg, lines: lines}, func(ctx context.Context, c *interpreter.Call) (
				interpreter.Outcome, error,
			) {
				_, ended = e.Run(ctx, c)
				<-ctx.Done()
				return interpreter.Stop(), context.Cause(ctx)
			})
			if at < 9*time.Second && ended == nil {
				t.Errorf("at %v: it did not end with the caller", at)
			}
			if len(cdrs) < 4 {
				t.Errorf("at %v: %d records, want the caller's and those of three or more parties", at, len(cdrs))
			}
			seen := map[string]bool{}
			for _, c := range cdrs {
				if seen[c.ID] {
					t.Errorf("at %v: two records of one call", at)
				}
				seen[c.ID] = true
			}
			for _, l := range lines.Legs() {
				if l.Context().Err() == nil {
					t.Errorf("at %v: a leg is still up", at)
				}
			}
			lines.Wait()
		})
	}
}
