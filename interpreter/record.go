package interpreter

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// SetStatus moves the call to a later state, tells the trace, and queues the callbacks that subscribe to it. A state
// that is not later than the present one is ignored. Final states are set by the end of the leg alone.
func (c *Call) SetStatus(ctx context.Context, s CallStatus) {
	if s.Final() || !c.advance(s) {
		return
	}
	c.Emit(Event{Lane: LaneSIP, Kind: EvStatus, Text: "status " + string(s)})
	c.tellState()
	posts := c.statusPosts(s, nil)
	if len(posts) == 0 {
		return
	}
	// A hang-up at this very moment must not lose a state that was reached.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.m.cfg.Limits.AfterHangup)
	defer cancel()
	err := c.m.cfg.Outbox.Queue(ctx, posts, Write{Kind: KindCall, ID: c.ID, Value: c.openRecord()})
	if err != nil {
		c.Fault(&Fault{Code: CodeInternal, Msg: "queue status callback", Err: err})
	}
}

func (c *Call) advance(s CallStatus) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.rank() <= c.status.rank() {
		return false
	}
	c.status = s
	if s == StatusInProgress {
		c.answered = time.Now()
	}
	return true
}

// statusPosts makes the callbacks of a state for every subscription.
func (c *Call) statusPosts(s CallStatus, cdr *CDR) []Post {
	c.mu.Lock()
	subs := c.callbacks
	c.mu.Unlock()
	var posts []Post
	for _, sub := range subs {
		if !sub.wants(s.event()) {
			continue
		}
		name := sub.Dialect
		if name == "" {
			name = "twiml"
		}
		p := Post{ID: NewID(), Call: c.ID, Account: c.Account.ID, Begun: c.begun,
			What: "status " + string(s), Method: sub.Method, URL: sub.URL}
		if p.Method == "" {
			p.Method = http.MethodPost
		}
		p.Params = c.Encode(name, Result{})
		c.mu.Lock()
		seq := c.seq
		c.seq++
		c.mu.Unlock()
		for k, v := range statusParams(seq, time.Now(), cdr) {
			p.Params[k] = v
		}
		posts = append(posts, p)
	}
	return posts
}

func (c *Call) record() CallRecord {
	r := CallRecord{
		ID: c.ID, Account: c.Account.ID, Direction: c.Direction, From: c.From, To: c.To,
		Status: c.Status(), Started: c.begun, Answered: c.Answered(), Heartbeat: time.Now(),
	}
	if c.Parent != nil {
		r.Parent = c.Parent.ID
	}
	if c.Leg != nil {
		r.CallID = c.Leg.Info().CallID
	}
	return r
}

// opened commits the open record of the call; the answer waits for it.
func (c *Call) opened(ctx context.Context) error {
	if err := c.m.cfg.Records.Put(ctx, KindCall, c.ID, c.openRecord(), 0); err != nil {
		return &Fault{Code: CodeInternal, Msg: "write the call's record", Err: err}
	}
	return nil
}

// close writes the CDR and queues the last status callbacks in one batch, then tells the trace.
func (c *Call) close(ctx context.Context, why *Hangup) {
	answered := !c.Answered().IsZero()
	final := finalStatus(why, answered)
	c.mu.Lock()
	c.status = final
	c.mu.Unlock()
	c.tellState()
	cdr := c.cdr(why, time.Now())
	writes := []Write{{Kind: KindCall, ID: c.ID}, {Kind: KindCDR, ID: c.ID, Value: cdr}}
	c.Emit(Event{Lane: LaneSIP, Kind: EvHangup, Text: why.Error(), Fault: why.Fault})
	var posts []Post
	c.safely(func() { posts = c.statusPosts(final, &cdr) }) // the record is written in any case
	if err := c.m.cfg.Outbox.Queue(ctx, posts, writes...); err != nil {
		c.Fault(&Fault{Code: CodeInternal, Msg: "write the call's record", Err: err})
		c.Log.WithError(err).Error("write CDR")
	}
	c.Emit(Event{Lane: LaneSIP, Kind: EvStatus,
		Text: fmt.Sprintf("status %s duration=%d", final, int(cdr.Billed.Round(time.Second)/time.Second))})
	c.Emit(Event{Lane: LaneSIP, Kind: EvCDR, Text: "call record written", Data: cdr})
}

// finalStatus is the state of a leg that ended.
func finalStatus(why *Hangup, answered bool) CallStatus {
	switch {
	case answered:
		return StatusCompleted
	case why.Status.Final():
		return why.Status
	case why.By == ByCaller:
		if why.Code >= 300 && why.Code != 487 {
			return StatusOf(why.Code)
		}
		return StatusNoAnswer
	case why.By == ByAPI || why.Cause == originatorCancel:
		return StatusCanceled
	case why.Code == 404 && why.By == ByFlow:
		return StatusNoAnswer // rejected by the flow
	case why.Code == 0 || why.Code == 200:
		return StatusNoAnswer
	default:
		return StatusOf(why.Code)
	}
}

func (c *Call) cdr(why *Hangup, now time.Time) CDR {
	r := CDR{CallRecord: c.record(), Ended: now, Duration: now.Sub(c.begun), By: why.By, Code: why.Code,
		Cause: why.causeWord(), Reason: why.Reason, Fault: why.Fault, Vars: c.Vars()}
	if r.Code == 0 {
		r.Code = 200
	}
	if !r.Answered.IsZero() {
		r.Billed = now.Sub(r.Answered)
	}
	c.mu.Lock()
	r.Recordings = append(r.Recordings, c.recordings...)
	r.Documents, r.Fallbacks, r.Transferred = c.documents, c.fallbacks, c.transferred
	if r.Fault == 0 {
		r.Fault = c.fault
	}
	if c.parting != "" && r.Cause == CauseOf(r.Code) {
		r.Cause = c.parting
	}
	c.mu.Unlock()
	if q, ok := c.Leg.(Measurer); ok {
		m := q.Quality()
		r.Media = &m
	}
	return r
}
