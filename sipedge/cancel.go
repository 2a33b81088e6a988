package sipedge

import (
	"context"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// cancelReason tells phones that lost a fork not to show a missed call (RFC 3326).
func cancelReason(ctx context.Context) sip.Header {
	var h *interpreter.Hangup
	if errors.As(context.Cause(ctx), &h) {
		return reasonHeader(487, "Caller hung up")
	}
	return reasonHeader(200, "Call completed elsewhere")
}

// cancelling is the wish to end an INVITE: CANCEL goes out once, and not before the peer has shown life (RFC 3261
// §9.1).
type cancelling struct {
	attempt *attempt
	req     *sip.Request
	tell    func(outcome)
	why     error
	reason  sip.Header
	heard   bool
	sent    bool
	grace   *time.Timer // how long the caller waits for the final response
	life    *time.Timer // how long we do
}

func (c *cancelling) begin(why error, reason sip.Header) {
	if c.why != nil {
		return
	}
	c.why, c.reason = why, reason
	c.attempt.lose()
	if !c.heard {
		c.tell(outcome{err: why})
		return
	}
	c.grace = time.NewTimer(2 * c.attempt.edge.t1)
	c.send()
}

func (c *cancelling) alive() {
	c.heard = true
	c.send()
}

func (c *cancelling) send() {
	if c.why == nil || c.sent {
		return
	}
	c.sent = true
	e := c.attempt.edge
	// A peer that ignores CANCEL gets no more than the life of a transaction.
	c.life = time.NewTimer(64 * e.t1)
	req := cancelOf(c.req)
	req.AppendHeader(c.reason)
	e.spawn(func() {
		ctx, cancel := context.WithTimeout(e.work, 64*e.t1)
		defer cancel()
		if _, err := e.roundTrip(ctx, req); err != nil {
			e.log.WithError(err).Debug("CANCEL not answered")
		}
	})
}

func (c *cancelling) graceOver() <-chan time.Time { return ticks(c.grace) }

func (c *cancelling) lifeOver() <-chan time.Time { return ticks(c.life) }

// ticks is the channel of a timer that may not be set yet.
func ticks(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

func (c *cancelling) stop() {
	for _, t := range []*time.Timer{c.grace, c.life} {
		if t != nil {
			t.Stop()
		}
	}
}

// cancelOf builds the CANCEL of an INVITE: the same branch, target and route (RFC 3261 §9.1).
func cancelOf(invite *sip.Request) *sip.Request {
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(sip.HeaderClone(invite.Via()))
	sip.CopyHeaders("Route", invite, req)
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetBody(nil)
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	req.Laddr = invite.Laddr
	return req
}
