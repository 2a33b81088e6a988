package sipedge

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// whys tell, code by code, why a request is refused where the one who refuses does not say it better. Some are told to
// strangers, so none of them tells what exists here.
var whys = map[int]string{
	400: "the request is malformed",
	403: "the sender may not do this",
	404: "nobody is reached under this number or name",
	406: "the sender takes no body of the kind that it would get; see Accept",
	408: "nobody answered in time",
	410: "nobody is reached under this number or name any more",
	412: "no publication has this entity tag; publish the whole state again",
	413: "the body is too large",
	415: "a body of this type is not understood; see Accept",
	422: "the session is too short; see Min-SE",
	423: "the registration or subscription is too short; see Min-Expires",
	480: "nobody takes the call at the moment",
	481: "no such call, transaction or subscription is known here",
	482: "this request has been here already",
	483: "Max-Forwards is used up",
	486: "the called party is busy",
	488: "the session description cannot be used",
	489: "there is no such event here; see Allow-Events",
	491: "another change of this call is under way",
	500: "the request could not be carried out; the log of the engine says why",
	501: "there is no such method here",
	503: "too much is going on; try again after the time in Retry-After",
	504: "somebody further on did not answer in time",
	600: "the called party is busy everywhere",
	603: "the call was declined",
	604: "the called party does not exist",
}

// Why a login fails is the same for a wrong password, an unknown user and a disabled device (R-AUTH-2).
const (
	whyLogin    = "wrong user name or password, or the device is disabled"
	whyDraining = "the engine is draining and takes nothing new; try another one"
	whyRate     = "too many requests a second from this source; see Retry-After"
	whyNoLogins = "this engine has no accounts to log in to"
)

// sayWhy adds a Warning (RFC 3261 §20.43) to a refusal that does not tell a person why. A challenge tells it by
// itself, and so does the answer to a CANCEL.
func sayWhy(res *sip.Response) {
	switch code := res.StatusCode; {
	case code < 400 || code == 401 || code == 407 || code == 487 || res.GetHeader("warning") != nil:
		return
	}
	if h := res.GetHeader("reason"); h != nil && strings.Contains(h.Value(), "text=") {
		return
	}
	why := res.Reason
	if why == phrase(res.StatusCode) {
		if text, ok := whys[res.StatusCode]; ok {
			why = text
		}
	}
	res.AppendHeader(because(why))
}
