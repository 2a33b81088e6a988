package account_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter/account"
)

// layered is an account in which all three say something about everything.
const layered = `
accounts:
  name: Example
  realm: voice.example.com
  language: en-US
  caller_id:
    {internal: {name: Firm, number: "1"}, external: {name: Firm, number: "+1550"}, emergency: {number: "+1911"}}
  call_restriction: {caribbean: {action: deny}}
  call_recording: {endpoint: {any: {any: {enabled: true, format: wav, time_limit: 60}}}}
  ringtones: {internal: firm-in, external: firm-out}
  dial_plan: {'^(\d{7})$': {prefix: "+1555"}, system: [a]}
  music_on_hold: {media_id: "https://example.com/firm.wav"}
  users:
    u:
      first_name: Uma
      last_name: Urban
      presence_id: "200"
      caller_id: {external: {number: "+1551"}, emergency: {number: "+1551"}}
      call_restriction: {international: {action: deny}, toll_us: {action: allow}}
      call_recording: {inbound: {any: {format: mp3}}}
      dial_plan: {'^9(\d+)$': {}}
    w: {first_name: W, last_name: W, call_restriction: {international: {action: deny}}}
    x: {first_name: X, last_name: X, call_restriction: {international: {action: deny}, did_us: {action: deny}}}
  devices:
    d:
      name: Desk
      owner_id: u
      sip: {username: desk}
      language: de-DE
      caller_id: {internal: {name: Desk, number: "1000"}, external: {name: Desk}, emergency: {number: "+1552"}}
      call_restriction: {toll_us: {action: deny}, tollfree_us: {action: deny}}
      call_recording: {outbound: {offnet: {enabled: false}}}
      ringtones: {external: desk-out}
      call_waiting: {enabled: false}
      outbound_flags: [fax]
    shared: {name: Shared, sip: {username: shared}, hotdesk: {users: {w: {}, x: {}}}}
`

func TestMerge(t *testing.T) {
	v := view(t, open(t, layered))
	d, err := account.Get[*account.Device](v, "d")
	if err != nil {
		t.Fatal(err)
	}
	m := v.Merge(d)
	if m.Name != "Uma Urban" || m.Language != "de-de" || m.PresenceID != "200@voice.example.com" || m.CallWaiting {
		t.Errorf("name %q, language %q, presence %q, waiting %v", m.Name, m.Language, m.PresenceID, m.CallWaiting)
	}
	want := account.CallerIDs{Internal: &account.Identity{Name: "Uma Urban", Number: "1000"},
		External: &account.Identity{Name: "Desk", Number: "+1551"}, Emergency: &account.Identity{Number: "+1552"}}
	if diff := cmp.Diff(want, m.CallerID); diff != "" {
		t.Errorf("caller id (-want +got):\n%s", diff)
	}
	rules := map[string]string{"caribbean": "deny", "international": "deny", "toll_us": "allow", "tollfree_us": "deny"}
	if diff := cmp.Diff(rules, m.Restrictions); diff != "" {
		t.Errorf("restrictions (-want +got):\n%s", diff)
	}
	if m.Ringtones != (account.Ringtones{Internal: "firm-in", External: "desk-out"}) {
		t.Errorf("ringtones %+v", m.Ringtones)
	}
	in, out := m.CallRecording.Inbound.Onnet, m.CallRecording.Outbound.Offnet
	if !*in.Enabled || in.Format != "mp3" || *in.TimeLimit != 60 || *out.Enabled || out.Format != "wav" {
		t.Errorf("recording inbound %+v, outbound %+v", in, out)
	}
	for dialled, want := range map[string]string{"1234567": "+15551234567", "9123": "123", "100": "100"} {
		if got := m.DialPlan.Dial(dialled); got != want {
			t.Errorf("%s becomes %s, want %s", dialled, got, want)
		}
	}
	shared, err := account.Get[*account.Device](v, "shared")
	if err != nil {
		t.Fatal(err)
	}
	if m = v.Merge(shared); !m.Denies("international") || m.Denies("did_us") || m.Name != "Shared" || m.Owner() != nil {
		t.Errorf("of two guests %+v", m.Restrictions)
	}
}

func TestCallerID(t *testing.T) {
	v := view(t, open(t, layered+"  phone_numbers: [\"+1551\", \"+1559\"]\n"))
	d, err := account.Get[*account.Device](v, "d")
	if err != nil {
		t.Fatal(err)
	}
	m, own := v.Merge(d), account.Identity{Name: "own", Number: "0"}
	for _, tc := range []struct {
		name string
		p    account.Presenting
		want account.Identity
	}{
		{"from outside", account.Presenting{As: account.External}, own},
		{"inside", account.Presenting{As: account.Internal, From: m}, account.Identity{Name: "Uma Urban", Number: "1000"}},
		{"outwards", account.Presenting{As: account.External, From: m}, account.Identity{Name: "Desk", Number: "+1551"}},
		{"emergency", account.Presenting{As: account.Emergency, From: m}, account.Identity{Name: "Desk", Number: "+1552"}},
		{"retained", account.Presenting{As: account.External, From: m, Forwarded: true, Retain: true}, own},
		{"forwarded", account.Presenting{As: account.External, From: m, Forwarded: true},
			account.Identity{Name: "Desk", Number: "+1551"}},
		{"dynamic", account.Presenting{As: account.External, From: m, Dynamic: account.Identity{Number: "77"}},
			account.Identity{Name: "Desk", Number: "77"}},
		{"prepended, then rewritten", account.Presenting{As: account.Internal, From: m, PrependName: "Sales ",
			PrependNumber: "9", Rewrite: func(i account.Identity) account.Identity { i.Number += "!"; return i }},
			account.Identity{Name: "Sales Uma Urban", Number: "91000!"}},
		{"valid already", account.Presenting{As: account.External, From: m, EnsureValid: true},
			account.Identity{Name: "Desk", Number: "+1551"}},
		{"made valid", account.Presenting{As: account.External, From: m, EnsureValid: true,
			Dynamic: account.Identity{Number: "+1666"}}, account.Identity{Name: "Firm", Number: "+1550"}},
	} {
		tc.p.Own = own
		if got := v.CallerID(tc.p); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}
