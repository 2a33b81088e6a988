package account_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
)

func TestLookups(t *testing.T) {
	b := open(t, office)
	if _, d, err := b.Address(netip.MustParseAddr("::ffff:192.0.2.9")); err != nil || d.Key != "door" {
		t.Errorf("address: %v, %v", d, err)
	}
	for number, object := range map[string]bool{"+15550100": true, "15550101": true, "100": false} {
		_, n, err := b.Number(number)
		if object != (err == nil && n != nil) {
			t.Errorf("number %s: %v, %v", number, n, err)
		}
	}
	for _, name := range []string{"", "voice.example.com", "VOICE.EXAMPLE.COM", view(t, b).Account().ID} {
		if _, err := b.View(name); err != nil {
			t.Errorf("account %q: %v", name, err)
		}
	}
	for _, err := range []error{
		second(b.View("other")), third(b.Login("voice.example.com", "nobody")), third(b.Login("other", "alice")),
		third(b.Address(netip.MustParseAddr("192.0.2.8"))), third(b.Number("+15550199")),
	} {
		if !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	v := view(t, b)
	if o, err := v.Extension("100"); err != nil || o.Label() != "Alice Archer" {
		t.Errorf("extension 100 is %v, %v", o, err)
	}
	if m, err := v.Mailbox("100"); err != nil || m.Key != "alice-box" {
		t.Errorf("mailbox 100 is %v, %v", m, err)
	}
	if u, err := v.HotdeskUser("7001"); err != nil || u.Key != "alice" {
		t.Errorf("hot-desk id 7001 is %v, %v", u, err)
	}
	dir, err := account.Get[*account.Directory](v, "staff")
	if err != nil {
		t.Fatal(err)
	}
	if users := v.DirectoryUsers(dir); len(users) != 1 || users[0].User.Key != "bob" || len(users[0].Callflow) != 32 {
		t.Errorf("directory: %+v", users)
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestReload(t *testing.T) {
	b := open(t, office)
	before := view(t, b)
	bad := strings.Replace(office, "last_name: Baker", "lastname: Baker", 1)
	var found account.Problems
	if err := b.Reload(file(bad)); !errors.As(err, &found) || len(found) != 2 {
		t.Fatalf("a bad file: %v", err)
	}
	for _, want := range []string{"pintle.yaml:11: users.bob.lastname", "did you mean last_name?",
		"users.bob.last_name: this is required"} {
		if !strings.Contains(found.Error(), want) {
			t.Errorf("%q is not in\n%v", want, found)
		}
	}
	if view(t, b) != before {
		t.Error("a bad file replaced a good one")
	}
	if err := b.Reload(file(strings.Replace(office, "Archer", "Ash", 1))); err != nil {
		t.Fatal(err)
	}
	u, err := account.Get[*account.User](view(t, b), "alice")
	if err != nil || u.LastName != "Ash" {
		t.Errorf("alice is %+v, %v", u, err)
	}
	if old, err := account.Get[*account.User](before, "alice"); err != nil || old.LastName != "Archer" || old.ID != u.ID {
		t.Errorf("a view changed: %+v, %v", old, err)
	}
}

func TestProblems(t *testing.T) {
	head := "accounts:\n  name: Example\n  realm: voice.example.com\n"
	for name, tc := range map[string]struct{ yaml, want string }{
		"no name": {"accounts: {realm: voice.example.com}", "account.name: this is required"},
		"no realm": {"accounts: {name: A, devices: {d: {name: d, sip: {username: dd, password: secret1}}}}",
			"give the account one"},
		"two logins": {head + "  devices: {a: {name: a, sip: {username: dd}}, b: {name: b, sip: {username: dd}}}",
			`"dd" is taken by devices.a (pintle.yaml:4)`},
		"two numbers": {head + "  callflows:\n    a: {numbers: [1], flow: {module: m}}\n" +
			"    b: {numbers: [1], flow: {module: m}}",
			`:6: callflows.b.numbers: "1" is taken by callflows.a`},
		"two realms": {"accounts: [{name: A, id: a, realm: v.example.com}, {name: B, id: b, realm: V.example.com}]",
			`"v.example.com" is taken by`},
		"same account": {"accounts: [{name: A}, {name: A}]", "another account has the same id"},
		"expression":   {head + "  callflows: [{patterns: ['(?=a)'], flow: {module: m}}]", "look-ahead"},
		"star":         {head + "  callflows: [{patterns: ['*72'], flow: {module: m}}]", `written \*`},
		"window": {head + "  temporal_rules: [{name: n, cycle: daily, time_window_start: 10, time_window_stop: 5}]",
			"midnight"},
		"zone":   {head + "  timezone: Mars/Olympus", "Europe/Dublin"},
		"syntax": {"accounts: {", "pintle.yaml:1:"},
		"flow": {head + "  callflows: [{numbers: [1], flow: {module: user, data: {id: nobody}}}]",
			`there is no user "nobody"`},
		"ring group": {head + "  callflows: [{numbers: [1], flow: {module: ring_group, " +
			"data: {endpoints: [{id: x, endpoint_type: user}]}}}]",
			`there is no user "x"`},
		"no object":     {head + "  users: 5", "users: an object of ids, or a list, is expected here"},
		"key exit":      {head + "  queues: [{name: q, caller_exit_key: 12}]", "is no key"},
		"header":        {head + "  devices: {d: {name: d, sip: {custom_sip_headers: {X-A: \"a\\r\\nB: c\"}}}}", "one line"},
		"no accounts":   {"accounts: 5", "an account, or a list of accounts"},
		"two documents": {"accounts: {name: A}\n---\naccounts: {name: B}", "one document"},
		"carrier": {"resources: [{name: R, gateways: [{port: 5060}]}]",
			"resources.R.gateways[0].server: this is required"},
	} {
		t.Run(name, func(t *testing.T) {
			err := account.Check(file(tc.yaml))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// changed tells whether a book holds what TestChangesStay changed.
func changed(t *testing.T, b *account.Book, when string) {
	t.Helper()
	v := view(t, b)
	bob, err := account.Get[*account.User](v, "bob")
	if err != nil || bob.CallForward == nil || bob.CallForward.Number != "+15550199" || !bob.CallForward.RequireKeypress {
		t.Errorf("%s: bob's forward is %+v, %v", when, bob.CallForward, err)
	}
	lobby, err := account.Get[*account.Device](v, "lobby")
	if err != nil || !lobby.DoNotDisturb.On() || len(v.Owners(lobby)) != 1 || v.Owners(lobby)[0] != bob {
		t.Errorf("%s: the lobby is %+v, %v", when, lobby, err)
	}
	_, d, err := b.Login("voice.example.com", "lobby")
	if err != nil || d.SIP.HA1.MD5 == "" {
		t.Errorf("%s: the lobby's login: %v", when, err)
	}
	_, d, err = b.Login("voice.example.com", "new")
	if err != nil || d.SIP.HA1.SHA256 == "" || d.OwnerID != bob.ID || d.Origin.ReadOnly() {
		t.Errorf("%s: the new device is %+v, %v", when, d, err)
	}
}

func TestChangesStay(t *testing.T) {
	ctx := context.Background()
	store := memstore.NewRecords()
	b, err := account.Open(ctx, store, file(office))
	if err != nil {
		t.Fatal(err)
	}
	for _, refused := range []error{
		b.SetCallForward(ctx, "", account.KindUser, "bob", func(c *account.CallForward) {
			c.Enabled, c.Number = true, "+15550199"
		}),
		b.SetDoNotDisturb(ctx, "", account.KindDevice, "lobby", true),
		b.HotdeskLogin(ctx, "", "bob", "lobby", account.ElsewhereOut),
		b.DisableMember(ctx, "", "100", "bob", 66269664000),
		second(b.Put(ctx, "", account.KindDevice, "new", []byte(`{"name":"New","owner_id":"bob",
			"sip":{"username":"new","password":"made-secret"}}`))),
	} {
		if refused != nil {
			t.Fatal(refused)
		}
	}
	changed(t, b, "at once")
	if err = b.Reload(file(office)); err != nil {
		t.Fatal(err)
	}
	changed(t, b, "after a reload")
	again, err := account.Open(ctx, store, file(office))
	if err != nil {
		t.Fatal(err)
	}
	changed(t, again, "after a restart")
	if err = again.HotdeskLogout(ctx, "", "bob", ""); err != nil {
		t.Fatal(err)
	}
	lobby, err := account.Get[*account.Device](view(t, again), "lobby")
	if err != nil || len(view(t, again).Owners(lobby)) != 0 {
		t.Errorf("after the logout the lobby is %+v, %v", lobby, err)
	}
	if err := again.Delete(ctx, "", account.KindDevice, "new"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Login("voice.example.com", "new"); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("a deleted device logs in: %v", err)
	}
	stored(t, store, "made-secret")
}

// stored looks for a secret in the store.
func stored(t *testing.T, store interpreter.Records, secret string) {
	t.Helper()
	for _, kind := range []string{"account-object", "account-change"} {
		ids, err := store.List(context.Background(), kind, interpreter.Query{})
		if err != nil || (len(ids) == 0 && kind == "account-change") {
			t.Fatalf("%s: %v, %v", kind, ids, err)
		}
		for _, id := range ids {
			var raw json.RawMessage
			if err := store.Get(context.Background(), kind, id, &raw); err != nil || bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s %s: %s, %v", kind, id, raw, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	b := open(t, office)
	var found account.Problems
	for name, tc := range map[string]struct {
		err  error
		want any
	}{
		"replace":      {second(b.Put(ctx, "", account.KindUser, "alice", []byte(`{"first_name":"A","last_name":"B"}`))), account.ErrReadOnly},
		"delete":       {b.Delete(ctx, "", account.KindUser, "alice"), account.ErrReadOnly},
		"delete none":  {b.Delete(ctx, "", account.KindUser, "nobody"), interpreter.ErrNotFound},
		"no account":   {second(b.Put(ctx, "other", account.KindUser, "", []byte(`{}`))), interpreter.ErrNotFound},
		"no kind":      {second(b.Put(ctx, "", "nothing", "", []byte(`{}`))), interpreter.ErrNotFound},
		"no JSON":      {second(b.Put(ctx, "", account.KindUser, "", []byte(`{`))), &found},
		"rule":         {second(b.Put(ctx, "", account.KindUser, "", []byte(`{"first_name":"A"}`))), &found},
		"reference":    {second(b.Put(ctx, "", account.KindDevice, "", []byte(`{"name":"A","owner_id":"x"}`))), &found},
		"login taken":  {second(b.Put(ctx, "", account.KindDevice, "", []byte(`{"name":"A","sip":{"username":"alice"}}`))), &found},
		"number taken": {second(b.Put(ctx, "", account.KindCallflow, "", []byte(`{"numbers":["100"],"flow":{"module":"x"}}`))), &found},
		"password":     {second(b.Put(ctx, "", account.KindResource, "", []byte(`{"name":"A","gateways":[{"server":"h","password":"p"}]}`))), &found},
		"change name": {second(b.Change(ctx, "", account.KindUser, "alice",
			map[string]string{"first_name": "Eve"})), &found},
		"change bad": {second(b.Change(ctx, "", account.KindUser, "alice", map[string]string{"language": "??"})), &found},
	} {
		ok := false
		switch want := tc.want.(type) {
		case *account.Problems:
			ok = errors.As(tc.err, want)
		case error:
			ok = errors.Is(tc.err, want)
		}
		if !ok {
			t.Errorf("%s: got %v", name, tc.err)
		}
	}
	if _, d, err := b.Login("voice.example.com", "alice"); err != nil || d.Key != "alice-desk" {
		t.Errorf("a refused object is seen: %v, %v", d, err)
	}
}

// full is a store that cannot write.
type full struct{ interpreter.Records }

func (full) Batch(context.Context, []interpreter.Write) error { return errors.New("disk full") }

func TestNothingIsSeenThatIsNotStored(t *testing.T) {
	ctx := context.Background()
	b, err := account.Open(ctx, full{memstore.NewRecords()}, file(office))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetDoNotDisturb(ctx, "", account.KindUser, "bob", true); err == nil {
		t.Error("a change that was not stored is reported as done")
	}
	if _, err := b.Put(ctx, "", account.KindUser, "eve", []byte(`{"first_name":"E","last_name":"V"}`)); err == nil {
		t.Error("an object that was not stored is reported as made")
	}
	v := view(t, b)
	if u, err := account.Get[*account.User](v, "bob"); err != nil || u.DoNotDisturb.On() {
		t.Errorf("bob is %+v, %v", u, err)
	}
	if _, err := account.Get[*account.User](v, "eve"); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("eve: %v", err)
	}
}

func TestDisabledMemberRings(t *testing.T) {
	ctx := context.Background()
	b := open(t, `
accounts:
  name: Example
  users: {bob: {first_name: B, last_name: B}}
  callflows:
    team: {numbers: ["1"], flow: {module: menu, data: {}, children: {"1": {module: ring_group, data: {
      endpoints: [{id: bob, endpoint_type: user}], strategy: single}}}}}
`)
	if err := b.DisableMember(ctx, "", "team", "bob", 66269664000); err != nil {
		t.Fatal(err)
	}
	c, err := account.Get[*account.Callflow](view(t, b), "team")
	want := `{"id":"bob","endpoint_type":"user","disable_until":66269664000}`
	if err != nil || !strings.Contains(string(c.Document()), want) || strings.Contains(string(c.Flow), "disable") {
		t.Errorf("the flow is %s, %v", c.Document(), err)
	}
	if err = b.DisableMember(ctx, "", "team", "bob", 0); err != nil {
		t.Fatal(err)
	}
	if c, err = account.Get[*account.Callflow](view(t, b), "team"); err != nil || string(c.Document()) != string(c.Flow) {
		t.Errorf("the flow is %s, %v", c.Document(), err)
	}
}

func TestAtOnce(t *testing.T) {
	ctx := context.Background()
	b := open(t, office)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				_, _, err := b.Login("voice.example.com", "alice")
				if err != nil {
					t.Error(err)
				}
				switch (i + j) % 4 {
				case 0:
					err = b.SetDoNotDisturb(ctx, "", account.KindUser, "bob", j%2 == 0)
				case 1:
					_, err = b.Put(ctx, "", account.KindUser, fmt.Sprint("u", i), []byte(`{"first_name":"A","last_name":"B"}`))
				case 2:
					err = b.Reload(file(office))
				case 3:
					_, err = view(t, b).User("bob", account.Finding{})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSeveralAccounts(t *testing.T) {
	a := account.File{Name: "accounts/a.yaml", Body: []byte("name: A\nrealm: a.example.com\n" +
		"users: {u: {first_name: A, last_name: A}}\n" +
		"devices: {d: {name: d, sip: {username: same, password: secret-a}}}\n")}
	c := account.File{Name: "accounts/b.yaml", Body: []byte("- id: bee\n  name: B\n  realm: b.example.com\n" +
		"  users: {u: {first_name: B, last_name: B}}\n" +
		"  devices: {d: {name: d, sip: {username: same, password: secret-b}}}\n")}
	b, err := account.Open(context.Background(), nil, a, c)
	if err != nil {
		t.Fatal(err)
	}
	va, da, err := b.Login("a.example.com", "same")
	vb, db, err2 := b.Login("b.example.com", "same")
	if err != nil || err2 != nil || va == vb || da.ID == db.ID || da.SIP.HA1 == db.SIP.HA1 {
		t.Errorf("%v %v, %v %v", da, err, db, err2)
	}
	if v, err := b.View("bee"); err != nil || v != vb {
		t.Errorf("bee: %v", err)
	}
	if _, err := b.View(""); !errors.Is(err, interpreter.ErrNotFound) {
		t.Error("of two accounts none is the only one")
	}
	if _, ok := b.Realm(""); ok {
		t.Error("of two realms none is the only one")
	}
}
