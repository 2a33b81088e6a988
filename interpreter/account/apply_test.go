package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
)

// shown writes everything of an account that changes touch, by object and by index.
func shown(v *account.View) string {
	var b strings.Builder
	for _, k := range []account.Kind{account.KindUser, account.KindDevice, account.KindCallflow, account.KindMailbox} {
		for _, o := range v.Objects(k) {
			body, err := json.Marshal(o)
			fmt.Fprintf(&b, "%s %v\n", body, err)
		}
	}
	for u := range account.All[*account.User](v) {
		fmt.Fprintf(&b, "%s:", u.ID)
		for _, d := range v.DevicesOf(u.ID) {
			fmt.Fprintf(&b, " %s", d.Name)
		}
		b.WriteString("\n")
	}
	for _, n := range []string{"100", "101", "no_match"} {
		m, err := v.Hunt(n, account.Exactly)
		fmt.Fprintf(&b, "%s %v\n", n, err)
		if err == nil {
			fmt.Fprintf(&b, "%s\n", m.Callflow.Document())
		}
	}
	return b.String()
}

// What changes leave in memory is what a reload of the same file, and a new start, make of them.
func TestChangesAreAsIfReadAgain(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		store := memstore.NewRecords()
		b, err := account.Open(ctx, store, file(office))
		if err != nil {
			t.Fatal(err)
		}
		user := rapid.SampledFrom([]string{"alice", "bob"})
		device := rapid.SampledFrom([]string{"alice-desk", "alice-soft", "bob-desk", "lobby"})
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			switch rapid.IntRange(0, 6).Draw(t, "which") {
			case 0:
				err = b.SetDoNotDisturb(ctx, "", account.KindUser, user.Draw(t, "user"), rapid.Bool().Draw(t, "on"))
			case 1:
				err = b.SetCallForward(ctx, "", account.KindDevice, device.Draw(t, "device"), func(c *account.CallForward) {
					c.Enabled, c.Number = !c.Enabled, "+15550123"
				})
			case 2:
				err = b.HotdeskLogin(ctx, "", user.Draw(t, "user"), device.Draw(t, "device"),
					account.Elsewhere(rapid.IntRange(0, 1).Draw(t, "elsewhere")))
			case 3:
				err = b.HotdeskLogout(ctx, "", user.Draw(t, "user"), "")
			case 4:
				_, err = b.Change(ctx, "", account.KindUser, user.Draw(t, "user"),
					map[string]any{"hotdesk": map[string]any{"id": rapid.SampledFrom([]string{"7001", "7002"}).Draw(t, "id")}})
				if p := (account.Problems)(nil); errors.As(err, &p) {
					err = nil // the other one has it
				}
			case 5:
				_, err = b.Change(ctx, "", account.KindMailbox, "alice-box", map[string]any{"pin": "4321"})
			case 6:
				err = b.DisableMember(ctx, "", "100", "lobby", rapid.Int64Range(0, 9).Draw(t, "until"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		got := shown(b.Accounts()[0])
		if err = b.Reload(file(office)); err != nil {
			t.Fatal(err)
		}
		if again := shown(b.Accounts()[0]); again != got {
			t.Fatalf("before the reload:\n%s\nafter:\n%s", got, again)
		}
		if b, err = account.Open(ctx, store, file(office)); err != nil {
			t.Fatal(err)
		}
		if again := shown(b.Accounts()[0]); again != got {
			t.Fatalf("before the start:\n%s\nafter:\n%s", got, again)
		}
	})
}

// diskfull is a store whose disk is full.
type diskfull struct {
	interpreter.Records
	on bool
}

func (f *diskfull) Batch(ctx context.Context, w []interpreter.Write) error {
	if f.on {
		return errors.New("the disk is full")
	}
	return f.Records.Batch(ctx, w)
}

// A log-in moves a user from one telephone to the other, or, when it cannot be stored, leaves him where he was.
func TestHotdeskIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	store := &diskfull{Records: memstore.NewRecords()}
	b, err := account.Open(ctx, store, file(office))
	if err != nil {
		t.Fatal(err)
	}
	where := func() string {
		v := b.Accounts()[0]
		bob, err := account.Get[*account.User](v, "bob")
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for d := range account.All[*account.Device](v) {
			if d.Hotdesk != nil {
				if _, in := d.Hotdesk.Users[bob.ID]; in {
					at = append(at, d.Name)
				}
			}
		}
		return strings.Join(at, ",")
	}
	if err := b.HotdeskLogin(ctx, "", "bob", "lobby", account.ElsewhereOut); err != nil || where() != "Lobby" {
		t.Fatalf("bob is at %s, %v", where(), err)
	}
	store.on = true
	if err := b.HotdeskLogin(ctx, "", "bob", "alice-desk", account.ElsewhereOut); err == nil || where() != "Lobby" {
		t.Errorf("after a log-in that was not stored bob is at %s, %v", where(), err)
	}
	store.on = false
	if err := b.HotdeskLogin(ctx, "", "bob", "alice-desk", account.ElsewhereOut); err != nil || where() != "Alice's desk" {
		t.Errorf("bob is at %s, %v", where(), err)
	}
}

// What was stored and fits no more is told once, with the reason.
func TestDroppedChangesAreTold(t *testing.T) {
	ctx := context.Background()
	store := memstore.NewRecords()
	b, err := account.Open(ctx, store, file(office))
	if err != nil {
		t.Fatal(err)
	}
	if err = b.SetDoNotDisturb(ctx, "", account.KindUser, "alice", true); err != nil {
		t.Fatal(err)
	}
	ids, err := store.List(ctx, "account-change", interpreter.Query{})
	if err != nil || len(ids) != 1 {
		t.Fatalf("stored: %v, %v", ids, err)
	}
	id := ids[0]
	bad := map[string]any{"patch": map[string]any{"call_forward": 7}}
	if err = store.Batch(ctx, []interpreter.Write{{Kind: "account-change", ID: id, Value: bad}}); err != nil {
		t.Fatal(err)
	}
	if b, err = account.Open(ctx, store, file(office)); err != nil {
		t.Fatal(err)
	}
	if d := b.Dropped(); len(d) != 1 || d[id] == nil || !strings.Contains(d[id].Error(), "call_forward") {
		t.Errorf("told: %v", d)
	}
	if err = b.Reload(file(office)); err != nil {
		t.Fatal(err)
	}
	if d := b.Dropped(); len(d) != 0 {
		t.Errorf("told twice: %v", d)
	}
	if b, err = account.Open(ctx, store, file("accounts: {name: Another}")); err != nil {
		t.Fatal(err)
	}
	if d := b.Dropped(); len(d) != 1 || !strings.Contains(d[id].Error(), "no such object") {
		t.Errorf("of an object that is gone: %v", d)
	}
}

// Whoever watches the book is told of every change, of the quick ones too.
func TestChangesAreTold(t *testing.T) {
	ctx := context.Background()
	b, err := account.Open(ctx, memstore.NewRecords(), file(office))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	b.Watch(func() { told++ })
	steps := []func() error{
		func() error { return b.SetDoNotDisturb(ctx, "", account.KindUser, "alice", true) },
		func() error { return b.HotdeskLogin(ctx, "", "bob", "lobby", account.ElsewhereOut) },
		func() error { return b.Reload(file(office)) },
	}
	for i, step := range steps {
		if err := step(); err != nil || told != i+1 {
			t.Fatalf("step %d: told %d times, %v", i, told, err)
		}
	}
}
