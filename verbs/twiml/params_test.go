package twiml_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/verbs/twiml"
)

const (
	account = "AC00000000000000000000000000000001"
	parent  = "0000000000000000000000000000000a"
	child   = "0000000000000000000000000000000b"
)

// Every parameter that an application may read, whole: names, values, and what is left out.
func TestEncode(t *testing.T) {
	digits := ""
	leg := fixtures.NewLeg(t.Context(), interpreter.LegInfo{
		ID: parent, CallID: "abc@host", Direction: interpreter.Inbound, SourceIP: "192.0.2.7", Username: "alice",
		From: interpreter.Address{Display: "Alice", User: "+493012345678"}, ForwardedFrom: "+4989123456",
		Request: interpreter.Address{User: "100", Host: "pbx.test"},
		Headers: []interpreter.Header{{Name: "x-account", Value: "7"}, {Name: "DIVERSION", Value: "<sip:1@h>"},
			{Name: "Subject", Value: "no"}, {Name: "X-Bad", Value: "a\xffb"}},
	})
	call := &interpreter.Call{ID: parent, Account: interpreter.Account{ID: account[2:]}, Direction: interpreter.Inbound,
		From: leg.Info().From, To: interpreter.Address{User: "someone", Host: "else.test"}, Leg: leg}
	dialled := &interpreter.Call{ID: child, Parent: call, Account: call.Account, Direction: interpreter.OutboundDial,
		From: call.From, To: interpreter.Address{User: "+14155551212"}}
	const first = "CallSid=CA" + parent + " AccountSid=" + account +
		" ApiVersion=2010-04-01 Direction=inbound CallStatus= " +
		"From=+493012345678 Caller=+493012345678 FromCountry=DE CallerCountry=DE " +
		"To=sip:100@pbx.test Called=sip:100@pbx.test " +
		"SipCallId=abc@host SipDomain=pbx.test SipSourceIp=192.0.2.7 SipUsername=alice ForwardedFrom=+4989123456 " +
		"SipHeader_x-account=7 SipHeader_Diversion=<sip:1@h> SipHeader_X-Bad=a\uFFFDb"
	tests := []struct {
		name string
		opts twiml.Options
		call *interpreter.Call
		res  interpreter.Result
		want string
	}{
		{"an inbound call", twiml.Options{}, call, interpreter.Result{}, first},
		{"with the caller's name", twiml.Options{CallerName: true}, call, interpreter.Result{}, first + " CallerName=Alice"},
		{"a child that has no leg yet", twiml.Options{}, dialled, interpreter.Result{},
			"CallSid=CA" + child + " ParentCallSid=CA" + parent + " AccountSid=" + account + " ApiVersion=2010-04-01 " +
				"Direction=outbound-dial CallStatus= From=+493012345678 Caller=+493012345678 FromCountry=DE CallerCountry=DE " +
				"To=+14155551212 Called=+14155551212 ToCountry=US CalledCountry=US"},
		{"keys, none of them", twiml.Options{}, call, interpreter.Result{Digits: &digits},
			first + " Digits= FinishedOnKey= msg=Gather_End"},
		{"a recording", twiml.Options{}, call, interpreter.Result{Hungup: true, Recording: &interpreter.Recording{
			ID: child, URL: "https://p/RE", Duration: 2600 * time.Millisecond, Length: time.Second, Key: "hangup"}},
			strings.Replace(first, "CallStatus=", "CallStatus=completed", 1) +
				" RecordingUrl=https://p/RE RecordingSid=RE" + child + " RecordingDuration=3 Digits=hangup"},
		{"a dial that was recorded", twiml.Options{}, call, interpreter.Result{
			Dial: &interpreter.DialResult{Status: interpreter.StatusCompleted, ID: child, Answered: true, Bridged: true,
				Duration: 61 * time.Second},
			Recording: &interpreter.Recording{ID: child, URL: "https://p/RE", Duration: time.Minute}},
			first + " DialCallStatus=completed DialCallSid=CA" + child + " DialCallDuration=61 DialBridged=true " +
				"RecordingUrl=https://p/RE RecordingSid=RE" + child + " RecordingDuration=60"},
		{"a dial that reached nobody", twiml.Options{}, call, interpreter.Result{
			Dial: &interpreter.DialResult{Status: interpreter.StatusFailed}},
			first + " DialCallStatus=failed DialBridged=false"},
		{"a fallback", twiml.Options{}, call,
			interpreter.Result{Fault: &interpreter.FaultResult{Code: 12100, URL: "https://h/"}},
			first + " ErrorCode=12100 ErrorUrl=https://h/"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			want := url.Values{}
			for _, p := range strings.Fields(tc.want) {
				k, v, _ := strings.Cut(p, "=")
				want.Set(k, strings.ReplaceAll(v, "Gather_End", "Gather End"))
			}
			if d := cmp.Diff(want, twiml.New(tc.opts).Encode(tc.call, tc.res)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// The reply of Reject is the operator's choice, among those that refuse; its state is no-answer whatever the reply.
func TestRejectCode(t *testing.T) {
	for code, want := range map[int]int{0: 404, 603: 603, 200: 404, 700: 404} {
		doc, err := twiml.New(twiml.Options{RejectCode: code}).Parse(interpreter.Response{
			Body: []byte("<Response><Reject/></Response>")})
		if err != nil {
			t.Fatal(err)
		}
		s := fixtures.NewLeg(t.Context(), interpreter.LegInfo{})
		doc.Root.Verb.Run(t.Context(), &interpreter.Call{Leg: s}) //nolint:errcheck // the leg tells
		var got *interpreter.Hangup
		if !errors.As(context.Cause(s.Context()), &got) || got.Code != want ||
			got.Status != interpreter.StatusNoAnswer {
			t.Errorf("configured %d: the leg ended with %v, want %d and no-answer", code, got, want)
		}
	}
}
