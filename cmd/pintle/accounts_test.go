package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
	"pintle/sipedge"
)

// threeCustomers are accounts with everything that decides what a dialled number runs.
const threeCustomers = `
accounts:
  first:
    name: First
    realm: First.example
    preflow: {always: before}
    users:
      ann: {first_name: Ann, last_name: A, call_restriction: {closed_groups: {action: deny}}}
      ben: {first_name: Ben, last_name: B}
      cid: {first_name: Cid, last_name: C}
      off: {first_name: Off, last_name: O, enabled: false}
    devices:
      ann: {name: Ann, owner_id: ann, sip: {username: ann, password: secret-ann}}
      ben: {name: Ben, owner_id: ben, sip: {username: ben, password: secret-ben, md5_only: true},
        call_restriction: {international: {action: deny}, toll_us: {action: deny}}}
      cid: {name: Cid, owner_id: cid, enabled: false, sip: {username: cid, password: secret-cid}}
      off: {name: Off, owner_id: off, sip: {username: off, password: secret-off}}
      bare: {name: Bare, sip: {username: bare}}
      door: {name: Door, sip: {method: ip, ip: 192.0.2.9, username: door}}
      away: {name: Away, sip: {username: ann, password: secret-away, realm: other.example}}
    groups:
      pair: {name: Pair, endpoints: {ann: {type: user}, door: {type: device}}}
    callflows:
      before: {flow: {module: language, data: {language: fr-fr}}}
      ann: {numbers: ["100", "+15550100"], flow: {module: user, data: {id: ann}}}
      ben: {numbers: ["101"], flow: {module: user, data: {id: ben}}}
      door: {numbers: ["102"], flow: {module: device, data: {id: door}}}
      forward: {patterns: ['^\*72(?P<to>[0-9]*)$'], flow: {module: call_forward}}
      short: {patterns: ['^\*7'], flow: {module: play}}
      out: {numbers: [no_match], flow: {module: resources}}
    phone_numbers:
      "+15550100": {public: true, prepend: {enabled: true, name: "Sales ", number: "9"}}
      "+15550101": {failover: {e164: "+15550199"}}
      "+15550102": {failover: {sip: "sip:a&b@example.org"}}
  second:
    name: Second
    realm: second.example
    country: IE
    call_restriction: {did_ie: {action: deny}}
    devices:
      eve: {name: Eve, sip: {username: ann, password: secret-eve}}
    callflows:
      main: {numbers: ["100", "+15550200"], flow: {module: menu}}
      any: {patterns: ['^9(.*)$'], flow: {module: resources}}
  third:
    name: Third
    realm: third.example
    enabled: false
    devices: {fay: {name: Fay, sip: {username: fay, password: secret-fay}}}
    callflows: [{numbers: ["+15550300"], flow: {module: menu}}]
`

func customerBook(t *testing.T) *account.Book {
	t.Helper()
	b, err := account.Open(context.Background(), memstore.NewRecords(),
		account.File{Name: "pintle.yaml", Body: []byte(threeCustomers), Config: true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLogins(t *testing.T) {
	p := phoneBook{customerBook(t)}
	for _, c := range []struct {
		realm, user string
		found, on   bool
	}{
		{"first.example", "ann", true, true},
		{"FIRST.example", "ben", true, true},
		{"other.example", "ann", true, true},  // another device, of another realm
		{"second.example", "ann", true, true}, // another account
		{"first.example", "Ann", false, false},
		{"first.example", "nobody", false, false},
		{"nowhere.example", "ann", false, false},
		{"first.example", "cid", true, false},  // switched off
		{"first.example", "off", true, false},  // its owner is
		{"third.example", "fay", true, false},  // its account is
		{"first.example", "bare", true, false}, // no password
		{"first.example", "door", true, true},  // known by its address
	} {
		l, err := p.Login(c.realm, c.user)
		if found := err == nil; found != c.found || l.Enabled != c.on {
			t.Errorf("%s@%s: %+v, %v; want found %v, enabled %v", c.user, c.realm, l, err, c.found, c.on)
		}
		if err != nil && !errors.Is(err, interpreter.ErrNotFound) {
			t.Errorf("%s@%s: %v", c.user, c.realm, err)
		}
		if o, err2 := p.Owner(c.user, c.realm); o != l || (err2 == nil) != (err == nil) {
			t.Errorf("%s@%s is owned by %+v", c.user, c.realm, o)
		}
	}
	one, err := p.Login("first.example", "ann")
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Login("second.example", "ann")
	if err != nil || one.Account == two.Account || one.Device == two.Device || one.HA1 == two.HA1 {
		t.Errorf("two customers share a login: %+v, %+v, %v", one, two, err)
	}
	if ben, err := p.Login("first.example", "ben"); err != nil || !ben.MD5Only || one.MD5Only {
		t.Errorf("md5_only: %v, %v, %v", ben.MD5Only, one.MD5Only, err)
	}
}

// The hashes are those of user name, realm in lower case and password (RFC 7616 section 3.4.2), made by another tool:
// printf ann:first.example:secret-ann | md5sum; … | sha256sum.
func TestLoginHashes(t *testing.T) {
	l, err := phoneBook{customerBook(t)}.Login("first.example", "ann")
	want := sipedge.HA1{MD5: "a58063699049059b8d6f892b21d038ef",
		SHA256: "df40bc0114942764383c0782c96fe955822d0db4e580d0f2b187453b30c7229a"}
	if err != nil || l.HA1 != want {
		t.Errorf("HA1 is not that of the password: %v", err)
	}
}

func TestSourceAndRealm(t *testing.T) {
	p := phoneBook{customerBook(t)}
	for a, name := range map[string]string{"192.0.2.9": "door", "::ffff:192.0.2.9": "door", "192.0.2.8": ""} {
		l, err := p.Source(netip.MustParseAddr(a))
		if (err == nil) != (name != "") || l.Username != name || (err == nil && !l.Enabled) {
			t.Errorf("%s: %+v, %v", a, l, err)
		}
	}
	for host, ours := range map[string]bool{"first.example": true, "First.Example.": true, "other.example": true,
		"example": false, "": false} {
		if _, got := p.Realm(host); got != ours {
			t.Errorf("realm %q: %v", host, got)
		}
	}
}

func routerOf(book *account.Book, c *config) *router {
	now := new(live)
	now.Store(&settings{cfg: c})
	return &router{book: book, live: now}
}

// whatRuns is what a call runs, in short: module names and what came with it.
func whatRuns(s interpreter.Start, err error) string {
	switch {
	case errors.Is(err, interpreter.ErrNotFound):
		return "nothing"
	case err != nil:
		return err.Error()
	}
	text := string(s.Request.Inline)
	if strings.Contains(text, "cf-unauthorized_call") {
		return "denied"
	}
	return s.Request.URL + text
}

func TestRoutes(t *testing.T) {
	book := customerBook(t)
	r := routerOf(book, &config{Number: []numConfig{{Number: "199", Flow: flowConfig{URL: "http://app.test/"}}}})
	from := func(realm, user string) interpreter.LegInfo {
		l, err := phoneBook{book}.Login(realm, user)
		if err != nil {
			t.Fatal(err)
		}
		return interpreter.LegInfo{Device: l.Device, Account: l.Account}
	}
	ann, ben, eve := from("first.example", "ann"), from("first.example", "ben"), from("second.example", "ann")
	for _, c := range []struct {
		what    string
		leg     interpreter.LegInfo
		dialled string
		want    string // part of what runs
		capture string
	}{
		{"a row of numbers wins", ben, "199", "app.test", ""},
		{"an extension, after the preflow", ben, "100", `"callflow"`, ""},
		{"an extension", ben, "100", `"user"`, ""},
		{"a feature code with a capture; the longer one wins", ben, "*72123", "call_forward", "123"},
		{"a pattern without a group", ben, "*75", `"play"`, ""},
		{"no_match for own devices", ben, "+12125550123", "resources", ""},
		{"no_match is for numbers", ben, "someone", "nothing", ""},
		{"a denied class", ben, "+442079460000", "denied", ""},
		{"a denied class behind a feature code", ben, "*72011442079460000", "denied", ""},
		{"closed groups", ann, "101", "denied", ""},
		{"closed groups: both in one", ann, "102", `"device"`, ""},
		{"closed groups: herself", ann, "100", `"user"`, ""},
		{"a device that is off", from("first.example", "cid"), "100", "nothing", ""},
		{"a device whose owner is off", from("first.example", "off"), "100", "nothing", ""},
		{"the own extension, not that of another account", eve, "100", "menu", ""},
		{"the number of another account", eve, "+15550100", "nothing", ""},
		{"classes of the account's country", eve, "900442079460000", "resources", "00442079460000"},
		{"a denied class of the account's country", eve, "9016711234", "denied", ""},
		{"a stranger to a number", interpreter.LegInfo{}, "+15550100", `"user"`, ""},
		{"a stranger, without +", interpreter.LegInfo{}, "15550100", `"user"`, ""},
		{"a stranger to an extension", interpreter.LegInfo{}, "100", "nothing", ""},
		{"a stranger to no_match", interpreter.LegInfo{}, "+12125550123", "nothing", ""},
		{"a stranger to a feature code", interpreter.LegInfo{}, "*72123", "nothing", ""},
		{"a number in a callflow alone", interpreter.LegInfo{}, "+15550200", "menu", ""},
		{"an account that is off", interpreter.LegInfo{}, "+15550300", "nothing", ""},
		{"failover to a number", interpreter.LegInfo{}, "+15550101", "<Number>+15550199</Number>", ""},
		{"failover to an address", interpreter.LegInfo{}, "+15550102", "<Sip>sip:a&amp;b@example.org</Sip>", ""},
	} {
		c.leg.Request.User = c.dialled
		s, err := r.Route(c.leg)
		if got := whatRuns(s, err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s runs %s, want %s", c.what, c.dialled, got, c.want)
		}
		if s.Capture != c.capture {
			t.Errorf("%s: captured %q, want %q", c.what, s.Capture, c.capture)
		}
	}
}

func TestWhatANumberBrings(t *testing.T) {
	book := customerBook(t)
	r := routerOf(book, &config{})
	s, err := r.Route(interpreter.LegInfo{Request: interpreter.Address{User: "+15550100"}})
	first, err2 := book.View("first")
	if err != nil || err2 != nil || !s.Public || s.CallerName != "Sales " || s.CallerNumber != "9" ||
		s.Account != first.Account().ID {
		t.Errorf("the number begins %+v, %v", s, err)
	}
	s, err = r.Route(interpreter.LegInfo{Request: interpreter.Address{User: "+15550200"}})
	if err != nil || s.Public || s.CallerName != "" {
		t.Errorf("a number of a callflow is public, or has a prefix: %+v, %v", s, err)
	}
	l, err := phoneBook{book}.Login("first.example", "ben")
	if err != nil {
		t.Fatal(err)
	}
	s, err = r.Route(interpreter.LegInfo{Device: l.Device, Account: l.Account,
		Request: interpreter.Address{User: "*72123"}})
	if err != nil || s.Captures["to"] != "123" {
		t.Errorf("named groups: %v, %v", s.Captures, err)
	}
}

// A device that transfers reaches no further than when it dials.
func TestDevicesTransferWithinTheirRights(t *testing.T) {
	book := customerBook(t)
	p := transfers{policy: transferDevices, router: routerOf(book, &config{})}
	for _, c := range []struct {
		realm, user, to string
		want            string
	}{
		{"first.example", "ben", "100", "flow"},
		{"first.example", "ben", "+442079460000", "flow"}, // which tells that it is denied
		{"first.example", "ben", "door", "sip:door@us"},
		{"first.example", "ann", "door", "sip:door@us"},
		{"first.example", "ann", "ben", "403"},
		{"second.example", "ann", "+15550100", "404"}, // no callflow lets it out
		{"second.example", "ann", "ben", "404"},       // a telephone of another account
	} {
		l, err := phoneBook{book}.Login(c.realm, c.user)
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.Destination(interpreter.LegInfo{Device: l.Device, Account: l.Account}, &interpreter.Transfer{Local: true,
			To: interpreter.Address{User: c.to, Host: "us", URI: "sip:" + c.to + "@us"}})
		got := d.Target.URI
		switch {
		case err != nil:
			got = err.Error()
		case d.Start != nil:
			got = "flow"
			if s := d.Start.Request.Scope; s == nil || s.Account != l.Account {
				t.Errorf("%s to %s: the flow runs in the scope %+v", c.user, c.to, s)
			}
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s of %s to %s: %s, want %s", c.user, c.realm, c.to, got, c.want)
		}
	}
}

// A page whose token names a telephone of an account calls as that telephone does.
func TestPagesOfAnAccount(t *testing.T) {
	book := customerBook(t)
	p, r := phoneBook{book}, routerOf(book, &config{})
	for _, c := range []struct{ identity, dialled, want string }{
		{"ben@first.example", "100", `"user"`},
		{"ben@first.example", "+442079460000", "denied"},
		{"ben@first.example", "+12125550123", "resources"},
		{"ann@second.example", "100", "menu"},
		{"cid@first.example", "100", "nothing"}, // switched off
		{"ben", "100", "nothing"},
		{"ben@nowhere.example", "100", "nothing"},
		{"ben", "+15550100", `"user"`},
	} {
		l := interpreter.LegInfo{Request: interpreter.Address{User: c.dialled}}
		l.Device, l.Account = p.ofPage(c.identity)
		if got := whatRuns(r.Route(l)); !strings.Contains(got, c.want) {
			t.Errorf("%s calls %s: %s, want %s", c.identity, c.dialled, got, c.want)
		}
	}
}
