package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
)

// office is one account in the plain form.
const office = `
accounts:
  name: Example
  realm: Voice.Example.com
  call_restriction: {international: {action: deny}}
  caller_id: {external: {name: Example, number: "+15550100"}}
  users:
    alice: {first_name: Alice, last_name: Archer, presence_id: "100", hotdesk: {id: 7001}}
    bob:
      first_name: Bob
      last_name: Baker
      do_not_disturb: {enabled: false}
      directories: {staff: "101"}
  devices:
    alice-desk:
      name: Alice's desk
      owner_id: alice
      sip: {username: alice, password: open-sesame}
      caller_id: {internal: {name: Desk, number: "1000"}}
    alice-soft: {name: Alice's computer, owner_id: alice, sip: {username: alice2, password: open-sesame}}
    bob-desk: {name: Bob's desk, owner_id: bob, sip: {username: bob, password: open-sesame}}
    lobby: {name: Lobby, sip: {username: lobby, password: open-sesame}}
    door: {name: Door, sip: {method: ip, ip: 192.0.2.9, username: door}}
  groups:
    sales: {name: Sales, endpoints: {alice: {type: user}, lobby: {type: device, weight: 5}}}
  callflows:
    - numbers: [100, "+15550100"]
      flow: {module: user, data: {id: alice}, children: {_: {module: voicemail, data: {id: alice-box}}}}
    - numbers: ["101"]
      flow: {module: user, data: {id: bob}}
    - name: forward
      patterns: ['^\*72([0-9]*)$']
      featurecode: {name: "call_forward[action=activate]", number: "72"}
      flow: {module: call_forward, data: {action: activate}}
    - numbers: [no_match]
      flow: {module: resources, data: {}}
  vmboxes:
    alice-box: {mailbox: "100", name: Alice, owner_id: alice, pin: "1234"}
  directories:
    staff: {name: Staff}
  phone_numbers: ["+15550100", "+15550101"]
`

func open(t *testing.T, yaml string) *account.Book {
	t.Helper()
	b, err := account.Open(context.Background(), memstore.NewRecords(), file(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func file(yaml string) account.File {
	return account.File{Name: "pintle.yaml", Body: []byte(yaml), Config: true}
}

func view(t *testing.T, b *account.Book) *account.View {
	t.Helper()
	v, err := b.View("")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlainAccount(t *testing.T) {
	b := open(t, office)
	v := view(t, b)
	alice, err := account.Get[*account.User](v, "alice")
	if err != nil || alice.Label() != "Alice Archer" || len(alice.ID) != 32 || !alice.VMToEmail {
		t.Fatalf("alice is %+v, %v", alice, err)
	}
	desk, err := account.Get[*account.Device](v, "alice-desk")
	if err != nil || desk.OwnerID != alice.ID || desk.SIP.Expires != 300 {
		t.Errorf("the desk is %+v, %v; want it owned by %s", desk, err, alice.ID)
	}
	for _, name := range []string{alice.ID, "alice archer"} {
		if u, missing := account.Get[*account.User](v, name); missing != nil || u != alice {
			t.Errorf("user %q: %v, %v", name, u, missing)
		}
	}
	if _, err = account.Get[*account.User](v, "nobody"); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	_, d, err := b.Login("VOICE.example.com", "alice")
	// HA1 = MD5("alice:voice.example.com:open-sesame")
	if err != nil || d != desk || len(d.SIP.HA1.MD5) != 32 || len(d.SIP.HA1.SHA256) != 64 {
		t.Errorf("login: %v, %v", d, err)
	}
	if realm, ours := b.Realm(""); !ours || realm != "voice.example.com" {
		t.Errorf("the realm of the only account is %q, %v", realm, ours)
	}
}

func TestNoSecretIsShown(t *testing.T) {
	b := open(t, office)
	_, d, err := b.Login("voice.example.com", "alice")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(body) + fmt.Sprintf("%v %+v %#v %v", d, d, d, d.SIP)
	for _, secret := range []string{"open-sesame", d.SIP.HA1.MD5, d.SIP.HA1.SHA256} {
		if secret == "" || strings.Contains(shown, secret) {
			t.Errorf("%q is shown in %s", secret, shown)
		}
	}
}
