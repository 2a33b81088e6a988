package main

import (
	"testing"

	"pintle/interpreter"
)

// Who may transfer is what the setting says; a word that it does not know stops the start.
func TestWhoMayTransfer(t *testing.T) {
	device := interpreter.LegInfo{Device: "d1", SourceIP: "198.51.100.1"}
	peer := interpreter.LegInfo{SourceIP: "10.0.0.7"}
	other := interpreter.LegInfo{SourceIP: "198.51.100.1"}
	for _, c := range []struct {
		policy              string
		device, peer, other bool
	}{{"", true, false, false}, {"none", false, false, false}, {"devices", true, false, false},
		{"peers", true, true, false}, {"all", true, true, true}} {
		p, err := newTransfers(sipConfig{Transfer: c.policy, Allow: []string{"10.0.0.0/24"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.May(device) != c.device || p.May(peer) != c.peer || p.May(other) != c.other {
			t.Errorf("%q: device %v peer %v other %v", c.policy, p.May(device), p.May(peer), p.May(other))
		}
	}
	if _, err := newTransfers(sipConfig{Transfer: "some"}, nil); err == nil {
		t.Error("an unknown policy was accepted")
	}
}

// A number of ours runs its flow, one that runs nothing is called as a number, and foreign addresses are called.
func TestWhereTransfersLead(t *testing.T) {
	p := transfers{policy: transferAll, router: interpreter.RouterFunc(func(l interpreter.LegInfo) (interpreter.Start,
		error) {
		if l.Request.User == "201" {
			return interpreter.Start{Request: interpreter.Request{URL: "http://app.test/201"}}, nil
		}
		return interpreter.Start{}, interpreter.ErrNotFound
	})}
	ask := func(local bool, user, host string) interpreter.Destination {
		t.Helper()
		d, err := p.Destination(interpreter.LegInfo{}, &interpreter.Transfer{Local: local,
			To: interpreter.Address{User: user, Host: host, URI: "sip:" + user + "@" + host}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := ask(true, "201", "us"); d.Start == nil || d.Start.Request.URL != "http://app.test/201" {
		t.Errorf("a number of ours: %+v", d)
	}
	if d := ask(true, "+1-555-0199", "us"); d.Start != nil || d.Target.URI != "+15550199" {
		t.Errorf("another number: %+v", d)
	}
	if d := ask(true, "ann", "us"); d.Target.URI != "sip:ann@us" {
		t.Errorf("a phone of ours: %+v", d)
	}
	if d := ask(false, "201", "them"); d.Start != nil || d.Target.URI != "sip:201@them" {
		t.Errorf("a foreign address: %+v", d)
	}
}
