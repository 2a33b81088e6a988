package kazoo

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"pintle/interpreter"
)

// gregorian is the Unix time 0 in seconds since the year 0, from which Kazoo counts its timestamps.
const gregorian = 62167219200

// finalEvent are the parameters of the one request to cdr_url: the last channel event of the caller's leg.
func finalEvent(c *interpreter.Call, now time.Time) url.Values {
	v := url.Values{}
	set := func(name, s string) {
		if s != "" {
			v.Set(name, s)
		}
	}
	info := c.Leg.Info()
	why := whyEnded(c)
	set("Call-ID", info.CallID)
	set("Account-ID", c.Account.ID)
	set("Call-Direction", direction(c))
	set("From", uriOf(c.From))
	set("To", uriOf(c.To))
	set("Request", uriOf(info.Request))
	set("Caller-ID-Name", c.From.Display)
	set("Caller-ID-Number", c.From.User)
	set("Timestamp", strconv.FormatInt(now.Unix()+gregorian, 10))
	rang, billed := now.Sub(info.Started), time.Duration(0)
	if a := c.Answered(); !a.IsZero() {
		rang, billed = a.Sub(info.Started), now.Sub(a)
	}
	set("Duration-Seconds", seconds(now.Sub(info.Started)))
	set("Ringing-Seconds", seconds(rang))
	set("Billing-Seconds", seconds(billed))
	set("Hangup-Cause", causeOf(why.Cause, why.Code))
	set("Hangup-Code", "sip:"+strconv.Itoa(why.Code))
	set("Disposition", disposition(why, billed > 0))
	if s := stateOf(c); s.dial != nil {
		set("Other-Leg-Call-ID", s.dial.CallID)
		set("Callee-ID-Number", s.callee)
	}
	for name, x := range c.Vars() {
		set("Custom-Application-Vars["+name+"]", x)
	}
	for _, h := range info.Headers {
		set("Custom-SIP-Headers["+h.Name+"]", h.Value)
	}
	return v
}

// whyEnded is how the caller's leg ended, or a normal end while it lives.
func whyEnded(c *interpreter.Call) interpreter.Hangup {
	var h *interpreter.Hangup
	why := interpreter.Hangup{By: interpreter.ByEngine, Code: 200}
	if errors.As(context.Cause(c.Leg.Context()), &h) {
		why = *h
	}
	if why.Code == 0 {
		why.Code = 200
	}
	return why
}

// disposition says which message ended the leg, seen from us.
func disposition(why interpreter.Hangup, answered bool) string {
	switch {
	case answered && why.By == interpreter.ByCaller:
		return "recv_bye"
	case answered:
		return "send_bye"
	case why.By == interpreter.ByCaller:
		return "recv_cancel"
	default:
		return "send_refuse"
	}
}

func direction(c *interpreter.Call) string {
	if c.Direction == interpreter.Inbound {
		return "inbound"
	}
	return "outbound"
}

func uriOf(a interpreter.Address) string {
	if a.Host == "" {
		return a.User
	}
	return a.User + "@" + a.Host
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(max(d, 0).Round(time.Second)/time.Second), 10)
}
