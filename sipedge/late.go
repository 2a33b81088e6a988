package sipedge

import (
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// INVITEs of ours without an offer (RFC 3261 §13.2.1): the far end offers, in a reliable provisional response or in its
// 2xx, and we answer in PRACK or ACK.

// firstOffer is what an INVITE of ours carries: nothing where we were told to let the far end offer.
func (e *Edge) firstOffer(d *dialog) ([]byte, error) {
	if _, own := d.neg.(*negotiator); own && e.cfg.LateOffer {
		return nil, nil
	}
	return d.neg.offer()
}

// late reports an INVITE that carried no offer.
func (a *attempt) late() bool { return a.offer == nil }

// answerOffer reads the offer of a reliable provisional and gives our answer for its PRACK; a.mu is held. Nothing comes
// back when there is none, or one that was answered before.
func (a *attempt) answerOffer(f *earlyDialog, res *sip.Response) []byte {
	if !a.late() || f.agreed {
		return nil
	}
	body, err := sessionBody(contentType(res), res.Body())
	if err != nil {
		return nil
	}
	answer, s, err := a.dialog.neg.answer(body)
	if err != nil {
		a.leg.note("offer of the far end not usable: " + shorten(err.Error()))
		return nil
	}
	f.offer, f.agreed, a.hasEarly = append([]byte(nil), body...), true, true
	a.early(s)
	return answer
}

// answerLate puts our answer to the offer in a 2xx into its ACK; a.mu is held. Where the offer came earlier, or was
// ours, there is nothing to do, and the session is nil.
func (a *attempt) answerLate(res *sip.Response, ack *sip.Request) (*Session, error) {
	if f := a.forks[a.winner]; !a.late() || f != nil && f.agreed {
		return nil, nil
	}
	body, err := sessionBody(contentType(res), res.Body())
	if errors.Is(err, errBodyless) {
		return nil, fmt.Errorf("%w: the far end offers none", errSDP)
	}
	var answer []byte
	var s Session
	if err == nil {
		answer, s, err = a.dialog.neg.answer(body)
	}
	if err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	setSDP(ack, answer)
	return &s, nil
}
