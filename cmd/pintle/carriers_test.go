package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
	"pintle/interpreter/toll"
	"pintle/verbs"
)

const twoCustomers = `
resources:
  - name: wholesale
    weight_cost: 20
    rules: ["^\\+(\\d+)$"]
    gateways: [{server: wholesale.test, invite_format: strip_plus, codecs: [G722, GSM]}]
accounts:
  - name: One
    realm: one.test
    phone_numbers: ["+35315550100"]
    caller_id: {external: {number: "+35315550100"}, emergency: {number: "+35315550112"},
      asserted: {number: "+35315550199", realm: one.test}}
    caller_id_options: {outbound_privacy: number}
    call_restriction: {international: {action: deny}, emergency: {action: deny}}
    devices:
      desk: {name: Desk, sip: {username: desk, password: change-me-1}}
      shop: {name: Shop, sip: {username: shop, password: change-me-2}, call_restriction: {mobile_ie: {action: deny}}}
    resources:
      own:
        name: own
        rules: ["^\\+353(\\d+)$", "^(112)$"]
        emergency: true
        from_uri_realm: one.example
        format_from_uri: true
        gateways:
          - {server: 192.0.2.1, port: 5070, username: one, password: secret, realm: sip.test,
            register: true, outbound_calls: 3}
          - {server: "2001:db8::1", enabled: false}
          - {server: b.test, progress_timeout: 3, custom_sip_headers: {X-A: "1"}, caller_id_type: emergency}
    callflows: [{numbers: ["+35315550101"], flow: {module: hangup}}]
  - name: Two
    realm: two.test
    phone_numbers: ["+35315550200"]
    callflows: [{numbers: ["+35315550200"], flow: {module: hangup}}]
`

// customers reads a configuration with accounts.
func customers(t *testing.T, text string) (*config, *account.Book) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pintle.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := account.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	book, err := account.Open(t.Context(), nil, files...)
	if err != nil {
		t.Fatal(err)
	}
	c := &config{file: file}
	c.Limits.Toll.Country = "IE"
	return c, book
}

func idOf(t *testing.T, book *account.Book, realm string) string {
	t.Helper()
	v, err := book.View(realm)
	if err != nil {
		t.Fatal(err)
	}
	return v.Account().ID
}

// What accounts say of carriers becomes trunks and carriers: those of the operator for everybody, an account's own for
// itself alone.
func TestCarriersOfAccounts(t *testing.T) {
	c, book := customers(t, twoCustomers)
	k := c.carriage(book)
	if len(k.trunks) != 3 || len(k.failed) != 0 {
		t.Fatalf("trunks %+v, failed %v", k.trunks, k.failed)
	}
	sale, own, second := k.trunks[0], k.trunks[1], k.trunks[2]
	if sale.URI != "sip:wholesale.test" || !slices.Equal(sale.Codecs, []string{"G722"}) || sale.Register {
		t.Errorf("the operator's %+v", sale)
	}
	if own.URI != "sip:192.0.2.1:5070" || own.Password != "secret" || own.Registrar != "sip.test" || own.Out != 3 ||
		own.FromDomain != "one.example" || !strings.HasSuffix(own.ID, "/0") || !strings.HasPrefix(own.ID, "res/") {
		t.Errorf("its own %+v", own)
	}
	if second.URI != "sip:b.test" || !strings.HasSuffix(second.ID, "/2") || second.Headers[0].Name != "X-A" {
		t.Errorf("its second %+v", second)
	}
	one, two := idOf(t, book, "one.test"), idOf(t, book, "two.test")
	for id, want := range map[string]string{one: "own", two: "", "": ""} {
		lists, names := k.carriersFor(id), []string{}
		for _, r := range verbs.Routes(lists[0], c.plan(), verbs.CarrierRequest{Number: "+35318765432"}) {
			names = append(names, r.Carrier.ID)
		}
		if got := strings.Join(slices.Compact(names), " "); got != want || lists[1][0].ID != "wholesale" {
			t.Errorf("account %q: %q, then %v", id, got, lists[1])
		}
	}
	rules := k.rules[one]
	if !rules.Home || !slices.Contains(rules.Classes, "international") || slices.Contains(rules.Classes, "emergency") ||
		!slices.Equal(rules.CallerIDs, []string{"+35315550100", "+35315550101", "+35315550100", "+35315550112"}) {
		t.Errorf("rules %+v", rules)
	}
	if got := k.rules[two].CallerIDs; !slices.Equal(got, []string{"+35315550200"}) {
		t.Errorf("numbers of the other account: %v", got)
	}
}

// A carrier that nothing can be made of is named when the file is checked.
func TestBadCarrierIsNamed(t *testing.T) {
	c, _ := customers(t, strings.Replace(twoCustomers, "{X-A: \"1\"}", "{Via: \"1\"}", 1))
	if err := c.checkAccounts(); err == nil || !strings.Contains(err.Error(), "resource own, gateway 3") {
		t.Errorf("got %v", err)
	}
}

// An account's carrier leads to the numbers of that account, and a trunk that is bound to numbers to those alone.
func TestTrunksReachTheirNumbersOnly(t *testing.T) {
	c, book := customers(t, twoCustomers)
	c.Trunks = []trunkConfig{{ID: "acme", URI: "sip:acme.test", Accepts: []string{"+353155501*"}},
		{ID: "free", URI: "sip:f"}}
	k := c.carriage(book)
	own := k.trunks[len(k.trunks)-2].ID
	for _, tc := range []struct {
		trunk, at, number string
		ok                bool
	}{
		{own, "", "+35315550101", true}, {own, "", "+35315550200", false}, {own, "free", "+35315550200", true},
		{"acme", "", "35315550101", true}, {"acme", "", "+35315550200", false}, {"free", "", "+35315550200", true},
	} {
		r := &router{live: liveOf(c), book: book, carriage: func() *carriage { return k }}
		l := interpreter.LegInfo{Trunk: tc.trunk, Request: interpreter.Address{User: tc.number}}
		if tc.at != "" {
			l.SourceIP = "192.0.2.1"
			r.trunksAt = func(netip.Addr) []string { return []string{tc.at} }
		}
		_, err := r.Route(l)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("%s calls %s: %v", tc.trunk, tc.number, err)
		}
	}
}

// shownLines keep what they were asked to dial.
type shownLines struct {
	interpreter.Lines
	to interpreter.Target
	o  interpreter.DialOptions
}

func (l *shownLines) Dial(_ context.Context, to interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	l.to, l.o = to, o
	return nil, nil
}

// The public network is shown a telephone as its account says; what is denied to it is refused, help never is.
func TestTelephonesArePresented(t *testing.T) {
	c, book := customers(t, twoCustomers)
	one := idOf(t, book, "one.test")
	v, _ := book.View(one)
	desk, _ := account.Get[*account.Device](v, "desk")
	shop, _ := account.Get[*account.Device](v, "shop")
	own := interpreter.Address{User: "desk", Host: "one.test"}
	for _, tc := range []struct {
		name, uri, device string
		from              interpreter.Address
		want              string // who is shown, privacy, asserted, help
		code              int
	}{
		{"outside", "+35318765432", desk.ID, own, "+35315550100 number +35315550199 false", 0},
		{"help", "112", desk.ID, own, "+35315550112  +35315550199 true", 0},
		{"the flow says who", "+35318765432", desk.ID, interpreter.Address{User: "+35315550101"},
			" number +35315550199 false", 0},
		{"inside", "sip:shop@one.test", desk.ID, own, "   false", 0},
		{"no telephone", "+35318765432", "", own, "   false", 0},
		{"by address", "sip:+35318765432@acme.test", desk.ID, own, "+35315550100 number +35315550199 false", 0},
		{"denied class", "+353871234567", shop.ID, own, "", toll.CodeDestination},
		{"denied class by address", "sip:+353871234567@acme.test", shop.ID, own, "", toll.CodeDestination},
		{"denied to the account", "+4930123456", desk.ID, own, "", toll.CodeDestination},
		{"help is not denied", "999", shop.ID, own, "+35315550112  +35315550199 true", 0},
	} {
		l := &shownLines{}
		p := &presenting{Lines: l, book: book, plans: func(string) number.Plan { return c.plan() },
			public: func(_ context.Context, uri string) bool { return strings.HasSuffix(uri, "@acme.test") }}
		_, err := p.Dial(t.Context(), interpreter.Target{URI: tc.uri}, interpreter.DialOptions{Account: one,
			Device: tc.device, From: tc.from, Caller: own})
		var e *interpreter.DialError
		if errors.As(err, &e) != (tc.code != 0) || e != nil && (e.Fault != tc.code || e.Code != 403) {
			t.Errorf("%s: %v", tc.name, err)
		}
		got := strings.Join([]string{l.to.From.User, string(l.to.Privacy), l.to.Asserted.User,
			map[bool]string{true: "true", false: "false"}[l.to.Emergency]}, " ")
		if tc.code == 0 && got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
