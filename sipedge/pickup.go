package sipedge

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/presence"
)

// pickedUp decides on an INVITE with Replaces that names no answered call: a telephone wants a call that rings at
// another one of its account (RFC 3891 §3). The leg is given by id.
func (e *Edge) pickedUp(req *sip.Request, r replaced, by interpreter.LegInfo) (id string, refused *sip.Response) {
	leg := e.ringingLeg(r)
	if leg == nil {
		const why = "no call is to be replaced there"
		return "", e.reply(req, 481, "", explain(481, why)...)
	}
	old := leg.Info()
	if by.Account == "" || by.Account != old.Account {
		const why = "this call rings at someone else's telephone"
		return "", e.reply(req, 403, "", explain(403, why)...)
	}
	return old.ID, nil
}

// ringingLeg finds a call of ours that rings: by the early dialog that it has with the telephone, or by the name that
// watchers of the telephone are told.
func (e *Edge) ringingLeg(r replaced) *Leg {
	if id, ok := strings.CutPrefix(r.callID, presence.PickupPrefix); ok && r.to == id && r.from == id {
		return e.attemptByID(id)
	}
	for _, tags := range [2][2]string{{r.to, r.from}, {r.from, r.to}} {
		e.attemptsMu.Lock()
		a := e.attempts[dialogKey(r.callID, tags[0])]
		e.attemptsMu.Unlock()
		if a != nil && a.ringsWith(tags[1]) {
			return a.leg
		}
	}
	return nil
}

func (e *Edge) attemptByID(id string) *Leg {
	e.attemptsMu.Lock()
	defer e.attemptsMu.Unlock()
	for _, a := range e.attempts {
		if a.leg.Info().ID == id {
			return a.leg
		}
	}
	return nil
}

// ringsWith tells whether a telephone that answered our INVITE provisionally has this tag, and nobody has answered yet.
func (a *attempt) ringsWith(tag string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.forks[tag] != nil && a.ack == nil && !a.over
}
