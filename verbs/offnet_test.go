package verbs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs"
)

const offnetAccount = `
accounts:
  name: Example
  realm: pbx.test
  caller_id: {external: {name: Shop, number: "+14155550100"}, emergency: {number: "+14155550911"},
    asserted: {number: "+14155550199", realm: id.test}}
  caller_id_options: {outbound_privacy: full}
  devices:
    desk: {name: Desk, caller_id: {internal: {number: "100"}}, sip: {username: desk,
      custom_sip_headers: {out: {X-Out: "1", X-Both: "device"}}}}
  resources:
    - name: a
      rules: ["^\\+1(\\d{10})$"]
      cid_rules: ["^\\+1"]
      gateways: [{server: a.test}, {server: b.test, caller_id_type: internal}]
      formatters: {from: [{regex: "^\\+1(\\d+)$", prefix: "1"}], to: {regex: "^(555\\d+)$", prefix: "9"}}
    - {name: help, rules: ["^(911)$"], emergency: true, gateways: [{server: help.test}]}
`

// targets refuse every call, and keep what was dialled.
type targets struct {
	interpreter.Lines
	mu   sync.Mutex
	list []string
}

func (l *targets) Dial(_ context.Context, t interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var headers []string
	for _, h := range t.Headers {
		headers = append(headers, h.Name+"="+h.Value)
	}
	l.list = append(l.list, fmt.Sprintf("%s from %s <%s> privacy %s asserted %s headers %s by %s help %t", t.URI,
		t.From.Display, t.From.User, t.Privacy, t.Asserted.User, strings.Join(headers, ","), o.ForwardedBy.User,
		t.Emergency))
	return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 503, Cause: interpreter.CauseOf(503)}
}

// A carrier is shown the caller id that the account says, the one for emergencies where help is called, with the
// headers of the telephone and of the flow.
func TestOffnetPresents(t *testing.T) {
	v := bookOf(t, offnetAccount)
	desk, err := account.Get[*account.Device](v, "desk")
	if err != nil {
		t.Fatal(err)
	}
	var own []*account.Resource
	for r := range account.All[*account.Resource](v) {
		own = append(own, r)
	}
	inside := interpreter.LegInfo{Direction: interpreter.Inbound, Account: v.Account().ID, Device: desk.ID,
		From: interpreter.Address{User: "desk", Host: "pbx.test"}}
	outside := interpreter.LegInfo{Direction: interpreter.Inbound, From: interpreter.Address{User: "+14155551111"},
		ForwardedFrom: "+14155552222", Privacy: interpreter.PrivacyFull}
	for _, tc := range []struct {
		name string
		leg  interpreter.LegInfo
		o    verbs.Offnet
		want []string
	}{
		{"telephone", inside, verbs.Offnet{Number: "5553334444",
			Headers: []interpreter.Header{{Name: "X-Both", Value: "flow"}}}, []string{
			"95553334444 from Shop <14155550100> privacy full asserted +14155550199 headers X-Both=flow,X-Out=1 by  help false",
			"95553334444 from  <100> privacy full asserted +14155550199 headers X-Both=flow,X-Out=1 by  help false"}},
		{"help", inside, verbs.Offnet{Number: "911"}, []string{
			"911 from Shop <+14155550911> privacy none asserted +14155550199 headers X-Both=device,X-Out=1 by  help true"}},
		{"from outside", outside, verbs.Offnet{Number: "+15553334444"}, []string{
			"95553334444 from  <14155551111> privacy full asserted  headers  by +14155552222 help false",
			"95553334444 from  <14155551111> privacy full asserted  headers  by +14155552222 help false"}},
		{"the caller is not the carrier's", interpreter.LegInfo{From: interpreter.Address{User: "+4930123"}},
			verbs.Offnet{Number: "+15553334444"}, nil},
	} {
		l := &targets{}
		var got verbs.Dialled
		runVerb(t, func(ctx context.Context) world {
			return world{leg: fixtures.NewLeg(ctx, tc.leg), lines: l}
		}, func(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
			o := tc.o
			o.View, o.Carriers = v, verbs.CarriersOf(own)
			var err error
			got, err = o.Run(ctx, c)
			return interpreter.Stop(), err
		})
		if strings.Join(l.list, "\n") != strings.Join(tc.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", tc.name, strings.Join(l.list, "\n"), strings.Join(tc.want, "\n"))
		}
		if tc.want == nil && (got.Code != 404 || got.Cause != "NO_ROUTE_DESTINATION") {
			t.Errorf("%s: %+v", tc.name, got.DialResult)
		}
	}
}

// bookOf is the one account of a configuration.
func bookOf(t *testing.T, text string) *account.View {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pintle.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := account.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := account.Open(t.Context(), nil, files...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.View("")
	if err != nil {
		t.Fatal(err)
	}
	return v
}
