package kazoo

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
	"pintle/verbs"
)

// bare is a call without a leg: a child that is not answered yet.
func bare() *interpreter.Call {
	c := &interpreter.Call{
		ID: "0123456789abcdef0123456789abcdef", Account: interpreter.Account{ID: "acc"},
		Direction: interpreter.OutboundDial,
		From:      interpreter.Address{User: "100", Host: "a.test", Display: "Ann"},
		To:        interpreter.Address{User: "200", Host: "b.test"},
	}
	c.SetVar("plan", "gold")
	return c
}

var everything = interpreter.Result{
	Verb: "menu", Branch: "1",
	Recording: &interpreter.Recording{ID: "rec", URL: "https://p.test/rec", Duration: 2600 * time.Millisecond},
	Dial:      &interpreter.DialResult{Status: interpreter.StatusNoAnswer, ID: "leg", CallID: "sip-leg"},
	Fault:     &interpreter.FaultResult{Code: 11200, URL: "https://a.test/"},
}

func TestEncode(t *testing.T) {
	c := bare()
	stateOf(c).collect("pin", "12 34")
	got := New(Options{Language: "fr-FR"}).Encode(c, everything)
	want := url.Values{
		"Account-ID": {"acc"}, "Api-Version": {"4.x"}, "Call-ID": {c.ID},
		"Caller-ID-Name": {"Ann"}, "Caller-ID-Number": {"100"},
		"Direction": {"outbound"}, "From": {"100"}, "From-Realm": {"a.test"}, "To": {"200"}, "To-Realm": {"b.test"},
		"Language": {"fr-fr"}, "Custom-Application-Vars[plan]": {"gold"}, "Digits[pin]": {"12 34"},
		"Last-Module": {"menu"}, "Last-Result": {"1"},
		"Recording-ID": {"rec"}, "Recording-Url": {"https://p.test/rec"}, "Recording-Duration": {"3"},
		"RecordingUrl": {"https://p.test/rec"}, "RecordingDuration": {"3"},
		"DialCallStatus": {"no-answer"}, "DialCallSid": {"sip-leg"}, "ErrorCode": {"11200"}, "ErrorUrl": {"https://a.test/"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEncodeJSON(t *testing.T) {
	c := bare()
	stateOf(c).collect("pin", "1234")
	b, err := New(Options{}).EncodeJSON(c, everything)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"Digits": map[string]any{"pin": "1234"}, "Custom-Application-Vars": map[string]any{"plan": "gold"},
		"Recording-Duration": 3.0, "ErrorCode": 11200.0, "Api-Version": "4.x",
	} {
		if d := cmp.Diff(want, got[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Digits is the key that ended a recording, else every collection, else the keys of a verb.
func TestDigits(t *testing.T) {
	digits := "77"
	c := bare()
	d := New(Options{})
	if got := d.Encode(c, interpreter.Result{Digits: &digits}).Get("Digits"); got != "77" {
		t.Errorf("without collections: %q, want the verb's keys", got)
	}
	stateOf(c).collect("a", "1")
	got := d.Encode(c, interpreter.Result{Digits: &digits})
	if got.Has("Digits") || got.Get("Digits[a]") != "1" {
		t.Errorf("with collections: %v", got)
	}
	got = d.Encode(c, interpreter.Result{Digits: &digits, Recording: &interpreter.Recording{Key: "hangup"}})
	if got.Get("Digits") != "hangup" || got.Has("Digits[a]") {
		t.Errorf("after a recording: %v", got)
	}
}

func TestCauses(t *testing.T) {
	for _, tc := range []struct {
		r    interpreter.DialResult
		want []string
	}{
		{interpreter.DialResult{Status: interpreter.StatusBusy, Code: 486},
			[]string{"USER_BUSY", "USER_BUSY", "sip:486"}},
		{interpreter.DialResult{Status: interpreter.StatusNoAnswer, Code: 487, Cause: "X"},
			[]string{"NO_ANSWER", "ORIGINATOR_CANCEL", "sip:487"}},
		{interpreter.DialResult{Status: interpreter.StatusNoAnswer, Code: 480},
			[]string{"NO_USER_RESPONSE", "NO_USER_RESPONSE", "sip:480"}},
		{interpreter.DialResult{Status: interpreter.StatusFailed, Code: 404, Cause: "SUBSCRIBER_ABSENT"},
			[]string{"SUBSCRIBER_ABSENT", "UNALLOCATED_NUMBER", "sip:404"}},
		{interpreter.DialResult{Status: interpreter.StatusFailed},
			[]string{"NORMAL_UNSPECIFIED", "NORMAL_UNSPECIFIED", "sip:600"}},
	} {
		if d := cmp.Diff(tc.want, failureKeys(tc.r)); d != "" {
			t.Error(d)
		}
	}
}

func TestSIPAddresses(t *testing.T) {
	for _, tc := range []struct{ uri, user, host, moved string }{
		{"sip:bob@pbx.test:5062;transport=tcp", "bob", "pbx.test", "sip:x%20y@pbx.test:5062;transport=tcp"},
		{"sips:%2B1555@[2001:db8::1]:5061", "+1555", "[2001:db8::1]", "sips:x%20y@[2001:db8::1]:5061"},
		{"sip:pbx.test", "", "pbx.test", "sip:x%20y@pbx.test"},
	} {
		user, host := splitURI(tc.uri)
		if user != tc.user || host != tc.host || verbs.WithUser(tc.uri, "x y") != tc.moved {
			t.Errorf("%s: user %q host %q, moved %q", tc.uri, user, host, verbs.WithUser(tc.uri, "x y"))
		}
	}
}
