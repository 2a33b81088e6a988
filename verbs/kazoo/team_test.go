package kazoo

import (
	"errors"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

const teamObjects = `accounts:
  name: Example
  realm: pbx.test
  users:
    ann: {first_name: Ann, last_name: A}
    bob: {first_name: Bob, last_name: B}
  devices:
    ann-desk: {name: A, owner_id: ann, sip: {username: ann, password: open-sesame}}
    ann-mobile: {name: M, owner_id: ann, sip: {username: annm, password: open-sesame}}
    bob-desk: {name: B, owner_id: bob, sip: {username: bob, password: open-sesame}}
    door: {name: D, sip: {username: door, password: open-sesame}}
  groups:
    office: {name: Office, endpoints: {ann: {type: user}, inner: {type: group}}}
    inner: {name: Inner, endpoints: {door: {type: device}, office: {type: group}}}
`

// Who may take whose calls: groups within groups, which contain each other, users by all of their telephones.
func TestTeam(t *testing.T) {
	b, err := account.Open(t.Context(), nil, account.File{Name: "test.yaml", Config: true, Body: []byte(teamObjects)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.View("")
	if err != nil {
		t.Fatal(err)
	}
	device := func(id string) string {
		x, missing := v.Object(account.KindDevice, id)
		if missing != nil {
			t.Fatal(missing)
		}
		return x.About().ID
	}
	for _, c := range []struct {
		caller                      string
		office, userAnn, desk, door bool // may he by an approval of it
		intercepts                  bool // Ann's desk, without any approval
	}{
		{caller: "ann-desk", office: true, userAnn: true, desk: true, intercepts: true},
		{caller: "ann-mobile", office: true, userAnn: true, intercepts: true},
		{caller: "door", office: true, door: true},
		{caller: "bob-desk"},
		{caller: ""},
	} {
		x := team{view: v}
		if c.caller != "" {
			x.caller = device(c.caller)
		}
		got := [...]bool{x.has(named{KindGroup, "office"}), x.has(named{KindUser, "ann"}),
			x.has(named{KindDevice, "ann-desk"}), x.has(named{KindDevice, "door"})}
		if got != [...]bool{c.office, c.userAnn, c.desk, c.door} {
			t.Errorf("%q is in office, ann, ann-desk, door: %v", c.caller, got)
		}
		p := GroupPickup{Of: named{KindDevice, "ann-desk"}, Intercept: true}
		if p.allowed(x, nil) != c.intercepts {
			t.Errorf("%q may intercept: %v", c.caller, !c.intercepts)
		}
		p.Approved = named{KindUser, "bob"}
		if p.allowed(x, nil) != (c.caller == "bob-desk") || p.allowed(x, interpreter.ErrNotFound) {
			t.Errorf("%q: the approval does not decide", c.caller)
		}
	}
	phones, err := team{view: v}.phones(named{KindGroup, "office"})
	if err != nil || len(phones) != 3 {
		t.Errorf("%v, %v; want ann's two telephones and the door's", phones, err)
	}
	for _, p := range phones {
		if p.Device == "" || p.Record == "" {
			t.Errorf("%+v", p)
		}
	}
	if _, err := (team{view: v}).phones(named{KindGroup, "nobody"}); !errors.Is(err, interpreter.ErrNotFound) {
		t.Errorf("a group that is not there: %v", err)
	}
}
