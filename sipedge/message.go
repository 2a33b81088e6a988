package sipedge

import "github.com/emiago/sipgo/sip"

// refused is the answer to a method that we do not do, and why; docs/sip.md shows the same table.
type refused struct {
	code int
	why  string
}

// Methods that are refused to those whom we know, outside a call and within one. Others that exist are 405, and what is
// no method of SIP is 501.
var (
	refusedOutside = map[sip.RequestMethod]refused{
		sip.REFER:    {603, "only a party of a running call can transfer it, within that call"},
		sip.NOTIFY:   {481, "we have no subscription with you"},
		sip.MESSAGE:  {405, "text messages are not delivered by this engine"}, // RFC 3428 §7: not for later either
		sip.REGISTER: {405, "this engine has no accounts to register with"},
	}
	refusedInside = map[sip.RequestMethod]refused{
		sip.MESSAGE:   {405, "text messages are not delivered by this engine"},
		sip.SUBSCRIBE: {481, "no such subscription in this call"},
		sip.REGISTER:  {405, "registration does not belong to a call"},
		sip.PUBLISH:   {405, "publication does not belong to a call"},
	}
)

// stranger is told to all whom we do not know, whatever they ask for, so that it tells nothing.
const stranger = "this source is not known here"

// refusal answers a request of a method that is not done there.
func (e *Edge) refusal(req *sip.Request, table map[sip.RequestMethod]refused) *sip.Response {
	r, ok := table[req.Method]
	switch {
	case ok:
	case knownMethods[req.Method]:
		r = refused{405, "not done by this engine"}
	default:
		r = refused{501, "no such method"}
	}
	return e.reply(req, r.code, "", explain(r.code, r.why)...)
}
