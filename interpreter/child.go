package interpreter

import (
	"context"
	"errors"
	"time"
)

// NewChild makes the call of a leg that is about to be dialled: it has an id and subscriptions before it has a leg.
// The caller moves it on with SetStatus, gives it its leg with Attach, and ends it with Finish in every case.
func (c *Call) NewChild(from, to Address, cb StatusCallback) *Call {
	ch := c.m.newCall(NewID(), c)
	ch.Direction, ch.From, ch.To = OutboundDial, from, to
	ch.Start = Start{Request: Request{Dialect: c.Start.Request.Dialect}}
	if doc, _ := c.Document(); doc != nil {
		ch.Start.Request.Dialect = doc.Dialect
	}
	ch.AddCallback(cb)
	return ch
}

// Attach gives a child its answered leg, commits its open record and makes it findable by id until Finish.
func (c *Call) Attach(ctx context.Context, leg Leg) error {
	c.Leg = leg
	if t, ok := leg.(Tracer); ok {
		t.Trace(c.Emit)
	}
	c.m.mu.Lock()
	c.m.calls[c.ID] = c
	c.m.legs[leg.Info().CallID] = c.ID
	c.m.mu.Unlock()
	return c.opened(ctx)
}

// Screen runs the document of r on the child before it is bridged. It returns nil when the document came to its end,
// the cause of the leg when it was hung up by either side, and a failure when the document could not be had.
func (c *Call) Screen(ctx context.Context, r Request) error {
	c.Whisper = true
	defer func() { c.Whisper = false }()
	r.Purpose = ForWhisper
	why := c.runSafely(ctx, r)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if why == nil || why.endOfDocument {
		return nil
	}
	if err := c.Leg.Hangup(ctx, *why); err != nil && context.Cause(ctx) == nil {
		return err
	}
	return why
}

// Finish ends a child: it hangs up a leg that is still there, writes the CDR and queues the last callbacks. why is
// used where there was no leg, or the leg is still up. Once; later calls do nothing.
func (c *Call) Finish(ctx context.Context, why Hangup) {
	c.mu.Lock()
	was := c.over
	c.mu.Unlock()
	if was {
		return
	}
	if c.Leg == nil {
		c.mu.Lock()
		c.over = true
		c.mu.Unlock()
		c.close(ctx, &why)
		return
	}
	if c.Leg.Context().Err() == nil {
		if err := c.Leg.Hangup(ctx, why); err != nil {
			c.Log.WithError(err).Info("hang up child")
		}
	}
	c.finish(c.Leg.Context()) //nolint:contextcheck // it tells why the leg ended, and ctx does not
	c.m.remove(c, c.Leg.Info().CallID)
}

// originatorCancel is the cause word of an attempt that we gave up ourselves.
const originatorCancel = "ORIGINATOR_CANCEL"

// HangupOf makes the hang-up that describes a failed attempt to call someone: what the far end said, or that the
// attempt was cancelled because of err.
func HangupOf(err error) Hangup {
	var d *DialError
	if errors.As(err, &d) {
		by := ByCaller
		if d.CallID == "" || d.Unreached {
			by = ByEngine // nobody was there to refuse it
		}
		return Hangup{By: by, Code: d.Code, Cause: d.Cause, Reason: d.Reason, Fault: d.Fault, Headers: d.Headers}
	}
	why := Hangup{By: ByFlow, Code: 487, Cause: originatorCancel}
	if h, ok := hangupOf(err); ok && h.By == ByCaller {
		why.Reason = "the caller hung up"
	} else if err != nil {
		why.Reason = err.Error()
	}
	return why
}

// Since is how long the call has been answered; 0 if it never was.
func (c *Call) Since() time.Duration {
	a := c.Answered()
	if a.IsZero() {
		return 0
	}
	return time.Since(a)
}
