package twiml

import (
	"net/url"
	"strconv"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// apiVersion is what applications compare with; it has not changed since it was published.
const apiVersion = "2010-04-01"

// Encode gives the standard parameters of a request, and those of the verb that asks. A call that has no leg yet has
// no SIP parameters.
func (d *Dialect) Encode(c *interpreter.Call, r interpreter.Result) url.Values {
	v := url.Values{
		"CallSid":    {interpreter.SID("CA", c.ID)},
		"AccountSid": {interpreter.SID("AC", c.Account.ID)},
		"ApiVersion": {apiVersion},
		"Direction":  {string(c.Direction)},
		"CallStatus": {string(statusOf(c, r))},
	}
	if c.Parent != nil {
		v.Set("ParentCallSid", interpreter.SID("CA", c.Parent.ID))
	}
	from, to := c.From, c.To
	if c.Leg != nil {
		info := c.Leg.Info()
		if c.Direction == interpreter.Inbound && info.Request.User != "" {
			to = info.Request
		}
		d.encodeLeg(v, info)
	}
	d.encodeParty(v, "From", "Caller", d.party(from, true))
	d.encodeParty(v, "To", "Called", d.party(to, false))
	encodeResult(v, r)
	return v
}

// statusOf is the call's state; a call whose caller has left is over, even while its verb still reports.
func statusOf(c *interpreter.Call, r interpreter.Result) interpreter.CallStatus {
	s := c.Status()
	if r.Hungup && !s.Final() {
		return interpreter.StatusCompleted
	}
	return s
}

// encodeParty writes a party under its two names, and the country its number belongs to.
func (d *Dialect) encodeParty(v url.Values, name, twin, party string) {
	v.Set(name, party)
	v.Set(twin, party)
	if country := countryOf(party); country != "" {
		v.Set(name+"Country", country)
		v.Set(twin+"Country", country)
	}
}

// encodeLeg writes what SIP told of the leg.
func (d *Dialect) encodeLeg(v url.Values, info interpreter.LegInfo) {
	set := func(name, value string) {
		if value != "" {
			v.Set(name, strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	set("SipCallId", info.CallID)
	set("SipDomain", info.Request.Host)
	set("SipSourceIp", info.SourceIP)
	set("SipUsername", info.Username)
	set("ForwardedFrom", d.party(interpreter.Address{User: info.ForwardedFrom}, false))
	if d.opts.CallerName {
		set("CallerName", info.From.Display)
	}
	for _, h := range info.Headers {
		if name := strings.TrimPrefix(h.Name, "X-"); ofClient(info.From.User) && name != h.Name && !v.Has(name) {
			set(name, h.Value)
			continue
		}
		if name, ok := sentHeader(h.Name); ok {
			set("SipHeader_"+name, h.Value)
		}
	}
}

// sentHeader tells whether a header of an INVITE is handed to the application, and how its name is written there.
func sentHeader(name string) (string, bool) {
	switch {
	case len(name) > 2 && strings.EqualFold(name[:2], "X-"):
		return name, true
	case strings.EqualFold(name, "User-to-User"):
		return "User-to-User", true
	case strings.EqualFold(name, "Diversion"):
		return "Diversion", true
	}
	return "", false
}

// encodeResult writes what a verb found out.
func encodeResult(v url.Values, r interpreter.Result) {
	if r.Digits != nil {
		v.Set("Digits", *r.Digits)
		v.Set("FinishedOnKey", r.FinishKey)
		v.Set("msg", "Gather End")
	}
	if r.Recording != nil {
		v.Set("RecordingUrl", r.Recording.URL)
		v.Set("RecordingSid", interpreter.SID("RE", r.Recording.ID))
		v.Set("RecordingDuration", verbs.Seconds(r.Recording.Duration))
	}
	if r.Recording != nil && r.Dial == nil && r.Digits == nil {
		v.Set("Digits", r.Recording.Key)
	}
	if r.Dial != nil {
		encodeDial(v, *r.Dial)
	}
	if r.Fault != nil {
		v.Set("ErrorCode", strconv.Itoa(r.Fault.Code))
		v.Set("ErrorUrl", r.Fault.URL)
	}
}

func encodeDial(v url.Values, d interpreter.DialResult) {
	v.Set("DialCallStatus", string(d.Status))
	v.Set("DialBridged", strconv.FormatBool(d.Bridged))
	if d.ID != "" {
		v.Set("DialCallSid", interpreter.SID("CA", d.ID))
	}
	if d.Answered {
		v.Set("DialCallDuration", verbs.Seconds(d.Duration))
	}
}
