package main

import (
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/number"
	"pintle/interpreter/toll"
	"pintle/sipedge"
	"pintle/verbs"
)

// sip.gateway alone stays what it was: every number as dialled, all countries, no OPTIONS.
func TestGatewayIsTheDefaultTrunk(t *testing.T) {
	c := &config{SIP: sipConfig{Gateway: "sip:10.0.0.5", Username: "u", Password: "p"}}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	list := c.trunks()
	if len(list) != 1 || list[0].ID != sipedge.DefaultTrunk || list[0].Ping >= 0 || list[0].Username != "u" {
		t.Errorf("trunks %+v", list)
	}
	if c.carriers() != nil || c.tollRules().Home || c.tollRules().CallerIDs != nil {
		t.Errorf("carriers %v, rules %+v", c.carriers(), c.tollRules())
	}
}

// What the file says of trunks reaches those who choose among them and those who guard them.
func TestTrunksOfTheConfiguration(t *testing.T) {
	c := &config{SIP: sipConfig{Gateway: "sip:10.0.0.5"}, Number: []numConfig{{Number: "+35315550199"}},
		Trunks: []trunkConfig{{ID: "acme", URI: "sip:acme.test", Weight: 10, Numbers: []string{`^\+353(\d+)$`}, Prefix: "9",
			Networks: []string{"198.51.100.7"}, Codecs: []string{"pcma"}, CallerID: "+35315550100",
			Headers: map[string]string{"X-B": "2", "X-A": "1"}}}}
	c.Limits.Toll.Country = "IE"
	if err := c.checkTrunks(); err != nil {
		t.Fatal(err)
	}
	trunk := c.trunks()[1]
	if trunk.Codecs[0] != "PCMA" || trunk.Networks[0].Bits() != 32 ||
		trunk.Headers[0] != (interpreter.Header{Name: "X-A", Value: "1"}) || trunk.Ping != 0 {
		t.Errorf("trunk %+v", trunk)
	}
	var ways []string
	q := verbs.CarrierRequest{Number: "+35312345678"}
	for _, r := range verbs.Routes(c.carriers(), c.plan(), q) {
		ways = append(ways, r.Gateway.Trunk+":"+r.Number)
	}
	if s := strings.Join(ways, " "); s != "acme:912345678 default:+35312345678" {
		t.Errorf("routes %q", s)
	}
	r := c.tollRules()
	if !r.Home || strings.Join(r.CallerIDs, " ") != "+35315550199 +35315550100" ||
		r.Plan != (number.Plan{Country: "IE"}) || r.CallerPolicy != toll.CallerPolicy("") {
		t.Errorf("rules %+v", r)
	}
}
