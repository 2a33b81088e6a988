package interpreter

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Transfer is what one party of a conversation asks for: that someone else takes its place (REFER, RFC 3515). It is
// the cause by which the conversation ends.
type Transfer struct {
	Written    string  // content of Refer-To, as the party wrote it: <sip:100@example.com>
	To         Address // whom it names, without headers
	Local      bool    // the address is of this engine, so that To.User is a number here
	ReferredBy string  // content of Referred-By (RFC 3892), or empty
	Replaces   string  // id of the leg whose place is to be taken (RFC 3891): an attended transfer; empty: blind

	// Progress and Done tell the party what became of it: a provisional SIP code, and once the final one. Progress does
	// not block; Done returns when the party knows or cannot be told in time. Both may be nil.
	Progress func(code int)
	Done     func(code int)
}

// Error names whom the conversation is handed to.
func (t *Transfer) Error() string { return "transfer to " + t.name() }

func (t *Transfer) name() string {
	if t.To.URI != "" {
		return t.To.URI
	}
	return t.To.User
}

// Tell passes a provisional code on.
func (t *Transfer) Tell(code int) {
	if t != nil && t.Progress != nil && code > 100 && code < 200 {
		t.Progress(code)
	}
}

// End passes the final code on.
func (t *Transfer) End(code int) {
	if t != nil && t.Done != nil {
		t.Done(code)
	}
}

// Refusal is why a request of a party is not carried out: the SIP code and the sentence it is told.
type Refusal struct {
	Code   int
	Reason string
}

// Error is code and reason.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s", r.Code, r.Reason) }

// Transferable is a leg whose party may ask for a transfer.
type Transferable interface {
	// OnTransfer gives what the party asks for to f, until stop is called. f must not block. It returns nil if the
	// transfer is taken on, and calls Done later, else a *Refusal. Without an f every transfer is declined (603). When
	// stop has returned f is not asked any more.
	OnTransfer(f func(*Transfer) error) (stop func())
}

// Referrer is a leg whose party can be asked to call someone else (REFER sent by us).
type Referrer interface {
	// Refer sends the request and returns when the party has told of the outcome, has hung up, or declines. When ctx
	// ends it returns what is known with context.Cause(ctx).
	Refer(ctx context.Context, to ReferTarget) (Referred, error)
}

// ReferTarget is whom a party is asked to call.
type ReferTarget struct {
	URI      string   // sip:user@host;params
	Headers  []Header // headers of the URI, which the party puts into its INVITE
	Replaces Leg      // leg whose far end it is to be connected with (RFC 3891); nil: none
	By       string   // who asks, for Referred-By; empty: none
}

// Referred is what came of a Refer.
type Referred struct {
	Code     int  // final response to the REFER
	Notified int  // last code that the party told of its own call; 0: none
	Final    bool // that code was final
}

// Transfers is the operator's policy: who may transfer, and where to.
type Transfers interface {
	// May tells whether the party of a leg may transfer at all.
	May(by LegInfo) bool
	// Destination finds out where a party sends the other one. ErrNotFound: there is no such number.
	Destination(by LegInfo, t *Transfer) (Destination, error)
}

// Destination is where a transfer leads: a number of ours, whose flow runs on the party that stays, or an address that
// is called for it.
type Destination struct {
	Start  *Start // nil: Target is called
	Target Target
}

// MayTransfer tells whether the operator lets the party of a leg transfer.
func (c *Call) MayTransfer(by LegInfo) bool {
	return c.m.cfg.Transfers != nil && c.m.cfg.Transfers.May(by)
}

// Destination is where a transfer leads, by the operator's rules.
func (c *Call) Destination(by LegInfo, t *Transfer) (Destination, error) {
	if c.m.cfg.Transfers == nil {
		return Destination{}, ErrNotFound
	}
	return c.m.cfg.Transfers.Destination(by, t)
}

// Causes in the records of legs that left by a transfer, in the words of switches.
const (
	CauseBlind    = "BLIND_TRANSFER"
	CauseAttended = "ATTENDED_TRANSFER"
)

// Cause is the word for the end of the leg whose party asked for the transfer.
func (t *Transfer) Cause() string {
	if t.Replaces != "" {
		return CauseAttended
	}
	return CauseBlind
}

// Transferred notes in the call's record whom its party handed the conversation to. Its leg ends for that reason, also
// where the party hangs up as soon as it knows.
func (c *Call) Transferred(t *Transfer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.transferred, c.parting = t.name(), t.Cause()
}

// Handover is a party that takes another one's place in a conversation.
type Handover struct {
	Call *Call           // whose leg comes in
	Ctx  context.Context //nolint:containedctx // ends when the party is wanted elsewhere or has gone
	Over func()          // called once when the conversation is over, and the party free again
}

// Sit registers the call's place in a conversation, or that it rings, until stand has returned: take is asked when
// another party shall have it. It must not block, and reports whether it was done.
func (c *Call) Sit(take func(Handover) bool) (stand func()) {
	s := &seat{call: c, take: take}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if c.m.seats == nil {
		c.m.seats = map[string]*seat{}
	}
	c.m.seats[c.ID] = s
	return func() {
		c.m.mu.Lock()
		if c.m.seats[c.ID] == s {
			delete(c.m.seats, c.ID)
		}
		c.m.mu.Unlock()
		s.mu.Lock()
		s.take = nil
		s.mu.Unlock()
	}
}

// seat is a place in a conversation, or of a party that rings. Its lock is held while take decides.
type seat struct {
	call *Call

	mu   sync.Mutex // guards what follows
	take func(Handover) bool
	held bool // a newcomer is being answered for it
}

func (s *seat) give(h Handover) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take != nil && s.take(h)
}

// Replace puts h in the place of the call with that id; ErrNotFound when that is in no conversation. When it returns
// nil, h.Over will be called.
func (c *Call) Replace(id string, h Handover) error { return c.m.replace(id, h) }

func (m *Manager) replace(id string, h Handover) error {
	m.mu.Lock()
	s := m.seats[id]
	m.mu.Unlock()
	if s == nil || !s.give(h) {
		return ErrNotFound
	}
	return nil
}

// Adopt runs work in a goroutine that Drain waits for, so that the call outlives the one that dialled it. Its context
// ends with the call's leg, or when the longest time of a call is over. Work ends the call with Finish.
func (c *Call) Adopt(work func(ctx context.Context)) {
	c.m.wg.Add(1) // whoever calls it runs within a live call, so the count is not zero
	go func() {
		defer c.m.wg.Done()
		ctx, stop := context.WithTimeoutCause(c.Leg.Context(), c.m.cfg.Limits.CallLength, ErrTimeLimit)
		defer stop()
		c.safely(func() { work(ctx) })
	}()
}

// Continue runs the document of r, and those that follow, on a call that was adopted. It returns how the call is to
// end; a verb that released the leg is waited for.
func (c *Call) Continue(ctx context.Context, r Request) Hangup {
	r.local = true
	why := c.runSafely(ctx, r)
	if why == nil {
		<-ctx.Done()
		return Hangup{By: ByFlow, Code: 200}
	}
	return *why
}

// TakeOver answers a leg and puts it in the place of the call with that id (INVITE with Replaces, pickup). It returns
// at once. ErrNotFound means that nobody can be replaced there, ErrOverload that there is no capacity.
func (m *Manager) TakeOver(leg Leg, id string) (*Call, error) {
	s, err := m.reserve(id)
	if err != nil {
		return nil, err
	}
	c, err := m.start(leg, Start{}, s)
	if err != nil {
		s.release()
	}
	return c, err
}

// takeOver is the whole flow of a call that takes another one's place.
func (c *Call) takeOver(ctx context.Context, s *seat) *Hangup {
	switch err := c.takePlace(ctx, s); {
	case errors.Is(err, ErrNotFound):
		return &Hangup{By: ByEngine, Code: 481, Reason: "the party to be replaced has gone"}
	case err != nil:
		return c.endOf(err)
	}
	return &Hangup{By: ByFlow, Code: 200, Reason: "the conversation is over"}
}
