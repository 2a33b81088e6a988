package sipedge

import (
	"errors"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// A sips address wants TLS on every hop (RFC 5630 §3). Both neighbours of ours are held to it: what is for such an
// address neither comes nor goes in the clear, and never becomes a sip address on the way.

var errDowngrade = errors.New("a sips address wants TLS, and the way there has none")

func isSips(u *sip.Uri) bool { return strings.EqualFold(u.Scheme, "sips") }

// sipsInClear refuses a call for a sips address that came without TLS (RFC 5630 §6.2).
func (e *Edge) sipsInClear(req *sip.Request) *sip.Response {
	if !isSips(&req.Recipient) || encrypted(req.Transport()) {
		return nil
	}
	return e.reply(req, 480, "", sip.NewHeader("Warning", `380 pintle "SIPS Not Allowed: use TLS"`))
}

// wantsSips reports an INVITE whose dialog must be TLS on every hop (RFC 3261 §12.1.1).
func wantsSips(req *sip.Request) bool {
	if !encrypted(req.Transport()) {
		return false
	}
	if isSips(&req.Recipient) {
		return true
	}
	if r, ok := req.GetHeader("record-route").(*sip.RecordRouteHeader); ok {
		return isSips(&r.Address)
	}
	c := req.Contact()
	return c != nil && isSips(&c.Address)
}

// contact is where the peer of a dialog reaches us.
func (d *dialog) contact() *sip.ContactHeader { return d.contactBy(d.flow.network) }

// contactBy is the same while the way of the dialog may yet change.
func (d *dialog) contactBy(network string) *sip.ContactHeader {
	c := d.edge.contact(network)
	if !d.sips {
		return c
	}
	c.Address.Scheme = "sips"
	if strings.EqualFold(network, "TLS") {
		c.Address.UriParams = nil // the scheme says it (RFC 5630 §4)
	}
	return c
}

// securely makes of the next URI of a dialog one that is reached by TLS, whatever the peer wrote into its Contact.
func (d *dialog) securely(u *sip.Uri) *sip.Uri {
	if !d.sips || isSips(u) {
		return u
	}
	u = u.Clone()
	u.Scheme = "sips"
	return u
}

// demand is what the address of a customer asks of the way there.
type demand struct {
	tls  bool // sips: nothing less
	srtp bool // ;secure=true: encrypted sound
}

// takeDemand reads it, and removes what is not for the far end: secure=true stands for SRTP, and for TLS where no
// transport is named.
func takeDemand(u *sip.Uri) demand {
	d := demand{tls: isSips(u)}
	value, named := u.UriParams.Get("secure")
	if !named {
		return d
	}
	u.UriParams.Remove("secure")
	d.srtp = strings.EqualFold(value, "true")
	if _, has := u.UriParams.Get("transport"); d.srtp && !has && !d.tls {
		u.UriParams.Add("transport", "tls")
	}
	return d
}

// demandOf reads what the address of a registered phone asks for.
func demandOf(text string) demand {
	u, _, err := targetURI(strings.TrimSpace(text))
	if err != nil {
		return demand{}
	}
	return takeDemand(&u)
}

// hold lets a way meet a demand, or refuses it.
func (w *way) hold(d demand) error {
	if d.srtp {
		w.srtp = SRTPRequired
	}
	if (d.tls || isSips(&w.uri) || len(w.routes) > 0 && isSips(&w.routes[0])) && !encrypted(w.hop.network) {
		return errDowngrade
	}
	return nil
}
