package main

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter/api"
)

// at is the time of the golden tables.
var at = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time { t := at.Add(-d); return &t }

func printed(color bool, print func(s screen)) string {
	var b bytes.Buffer
	print(screen{Writer: &b, color: color, now: at})
	return b.String()
}

func TestTableOfPhones(t *testing.T) {
	list := api.PhoneList{Phones: []api.Phone{
		{User: "alice@voice.example.com", Device: "alice-desk", Address: "192.0.2.7:5060", Transport: "udp", State: "ok",
			NAT: true, RTT: 0.0123, Since: before(2*time.Hour + 3*time.Minute), Expires: before(-58 * time.Minute),
			UserAgent: "baresip v1.0\x1b[2J\n"},
		{User: "alice@voice.example.com", Device: "alice-soft", Address: "[2001:db8::7]:41000", Transport: "tls",
			State: "silent", Silent: before(75 * time.Second), Since: before(72 * time.Hour), Expires: before(-30 * time.Second),
			UserAgent: "Zürich phone"},
		{User: "client:bob", Transport: "page", State: "ok"},
	}}
	//nolint:lll // what the screen shows
	want := `PHONE                    DEVICE      ADDRESS              BY    STATE                  ROUND TRIP  EXPIRES IN  SINCE      PROGRAM
alice@voice.example.com  alice-desk  192.0.2.7:5060       udp   ok, behind NAT         12.3 ms     58 min 0 s  2 h 3 min  baresip v1.0?[2J?
alice@voice.example.com  alice-soft  [2001:db8::7]:41000  tls   silent for 1 min 15 s  -           30 s        3 d 0 h    Zürich phone
client:bob               -           -                    page  ok                     -           -           -          -
3 contacts of 2 users
`
	plain := printed(false, func(s screen) { s.phones(list) })
	if d := cmp.Diff(want, plain); d != "" {
		t.Error(d)
	}
	colored := printed(true, func(s screen) { s.phones(list) })
	if !strings.Contains(colored, "\x1b[32mok, behind NAT\x1b[0m") || !strings.Contains(colored, "\x1b[33msilent") ||
		strings.Contains(colored, "\x1b[2J") {
		t.Errorf("in colour: %q", colored)
	}
	for _, m := range []mood{goodMood, warnMood, badMood, faintMood} {
		colored = strings.ReplaceAll(colored, "\x1b["+moodColors[m]+"m", "")
	}
	if colored = strings.ReplaceAll(colored, "\x1b[0m", ""); colored != plain {
		t.Errorf("colours move the columns:\n%s", colored)
	}
	none := printed(false, func(s screen) { s.phones(api.PhoneList{}) })
	if !strings.HasPrefix(none, "No phone is registered.") || !strings.Contains(none, "sip.username") {
		t.Errorf("an empty list: %q", none)
	}
}

func TestTableOfTrunks(t *testing.T) {
	list := api.TrunkList{Trunks: []api.Trunk{
		{ID: "acme", URI: "sip:sip.acme.example", State: api.TrunkUp, Registers: true, Registered: true,
			Until: before(-9 * time.Minute), In: 3, Out: 12, Addresses: []api.TrunkAddress{
				{Transport: "udp", Address: "198.51.100.1:5060", Alive: true, RTT: 0.021},
				{Transport: "udp", Address: "198.51.100.2:5060", Quarantined: true, Reason: "OPTIONS: no answer"}}},
		{ID: "backup", URI: "sip:192.0.2.9", State: api.TrunkUnregistered, Registers: true, Error: "403 wrong\x07password",
			ErrorAt: before(2 * time.Minute), Addresses: []api.TrunkAddress{{Transport: "tcp", Address: "192.0.2.9:5060"}}},
		{ID: "new", URI: "sip:nowhere.example", State: api.TrunkUnknown},
	}}
	want := `TRUNK   STATE           REGISTERED     CALLS IN  CALLS OUT  ANSWERS    ROUND TRIP  ADDRESS
acme    up              for 9 min 0 s  3         12         yes        21.0 ms     198.51.100.1:5060/udp
                                                            no         -           198.51.100.2:5060/udp
backup  not registered  no             0         0          not heard  -           192.0.2.9:5060/tcp
new     unknown         not wanted     0         0          not heard  -           sip:nowhere.example not found yet
acme: 198.51.100.2:5060/udp: OPTIONS: no answer
backup: 403 wrong?password (2 min 0 s ago)
1 of 3 trunks up
`
	if d := cmp.Diff(want, printed(false, func(s screen) { s.trunks(list) })); d != "" {
		t.Error(d)
	}
	none := printed(false, func(s screen) { s.trunks(api.TrunkList{}) })
	if !strings.HasPrefix(none, "There is no trunk.") || !strings.Contains(none, "pintle reload") {
		t.Errorf("an empty list: %q", none)
	}
}

// A command whose engine does not run says so in one sentence, with the place, and ends with 3.
func TestNoEngineAnswers(t *testing.T) {
	dir := t.TempDir()
	for name, err := range map[string]error{
		"phones": phonesCmd{asked: asked{Data: dir}}.Run(t.Context()),
		"trunks": trunksCmd{asked: asked{Data: dir}}.Run(t.Context()),
	} {
		var e *exitError
		if !errors.As(err, &e) || e.code != exitUnreachable || !strings.Contains(err.Error(), dir+"/control.sock") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An engine of another user is told from one that is not there.
func TestEngineOfAnotherUser(t *testing.T) {
	r := remoteAt(t.TempDir())
	var e *exitError
	if err := r.absent(syscall.EACCES); !errors.As(err, &e) || e.code != exitUnreachable ||
		!strings.Contains(err.Error(), "another user") {
		t.Errorf("not allowed: %v", err)
	}
	if err := r.absent(syscall.ECONNREFUSED); !errors.As(err, &e) || e.code != exitUnreachable ||
		!strings.Contains(err.Error(), "no engine answers") {
		t.Errorf("refused: %v", err)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0 s", 0: "0 s", 1400 * time.Millisecond: "1 s",
		59 * time.Second: "59 s", time.Hour - 400*time.Millisecond: "1 h 0 min", 47 * time.Hour: "47 h 0 min",
		49 * time.Hour: "2 d 1 h"} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
