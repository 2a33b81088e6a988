package verbs

import "pintle/interpreter"

// payer is the id of the account that a call's own calls are made for: the one whose flow runs, else the one whose
// telephone calls, else the engine's own.
func payer(c *interpreter.Call) string {
	for at := c; at != nil; at = at.Parent {
		if at.Start.Account != "" {
			return at.Start.Account
		}
	}
	if c.Leg != nil {
		if id := c.Leg.Info().Account; id != "" {
			return id
		}
	}
	return c.Account.ID
}

// caller is the id of the telephone that calls, of the account that pays; empty: a call from elsewhere.
func caller(c *interpreter.Call) string {
	if c.Leg == nil {
		return ""
	}
	if l := c.Leg.Info(); l.Account == payer(c) && l.Direction == interpreter.Inbound {
		return l.Device
	}
	return ""
}
