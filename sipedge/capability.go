package sipedge

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// What this edge can do, said in one place: Allow, Supported, and what a peer may require of us.

// allowedMethods are the methods that we do within or outside dialogs (RFC 3261 §20.5), in the order of Allow.
var allowedMethods = strings.Join([]string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE",
	"SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER"}, ", ")

// extension is one option tag (RFC 3261 §19.2).
type extension struct {
	tag    string
	needed bool // a peer may put it into Require
	told   bool // Supported names it
}

// extensions are all option tags that we know. What is not here, or not needed, is answered with 420 when it is
// required.
var extensions = []extension{
	{tag: "100rel", needed: true, told: true}, // RFC 3262
	{tag: "timer", needed: true, told: true},  // RFC 4028
	{tag: "path", needed: true, told: true},
	{tag: "outbound", needed: true, told: true},
	{tag: "replaces", needed: true, told: true}, // RFC 3891
	{tag: "norefersub", told: true},             // RFC 4488
}

// supportedOptions are the option tags a request may require of us (RFC 3261 §8.2.2.3).
var supportedOptions = func() map[string]bool {
	m := make(map[string]bool)
	for _, x := range extensions {
		m[x.tag] = x.needed
	}
	return m
}()

// supportedTags is the value of Supported.
var supportedTags = func() string {
	var list []string
	for _, x := range extensions {
		if x.told {
			list = append(list, x.tag)
		}
	}
	return strings.Join(list, ", ")
}()

// listed reports whether a list header (Supported, Require, Allow) names a token, whatever its case.
func listed(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// announces reports a message in which a peer looks for Supported (RFC 3261 §20.37).
func announces(m sip.Message) bool {
	if res, ok := m.(*sip.Response); ok {
		return res.IsSuccess() && res.CSeq().MethodName != sip.BYE
	}
	req, ok := m.(*sip.Request)
	return ok && req.Method != sip.BYE && req.Method != sip.ACK
}
