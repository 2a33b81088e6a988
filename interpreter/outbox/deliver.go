package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"pintle/interpreter"
)

// attemptsAt are the times of the attempts, counted from the first.
var attemptsAt = []time.Duration{0, 30 * time.Second, 5 * time.Minute}

// noteTime bounds the write that notes an attempt's result; it is made even while the outbox closes.
const noteTime = 10 * time.Second

// attempt posts a callback once and notes what came of it.
func (b *Outbox) attempt(it *item) {
	if it.Attempts == 0 {
		it.First = time.Now()
	}
	resp, err := b.cfg.Web.Session(b.cfg.Account(it.Account)).Fetch(b.ctx, interpreter.Fetch{
		Method: it.Method, URL: it.URL, Params: it.Params, JSON: it.JSON, Timeout: b.cfg.Timeout,
		Purpose: interpreter.ForCallback, Token: it.ID, Emit: b.emitter(it),
	})
	again := false
	if err == nil || b.ctx.Err() == nil {
		again = b.note(it, resp, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if again {
		b.place(it)
	} else if b.ctx.Err() == nil || err == nil {
		b.forget(it)
	}
	b.leave(it)
}

// note writes an attempt's result to the store and the trace and tells whether another attempt follows.
func (b *Outbox) note(it *item, resp interpreter.Response, err error) (again bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), noteTime)
	defer cancel()
	it.Attempts++
	if delivered(err) {
		b.tell(it, fmt.Sprintf("callback %s delivered%s", it.What, aside(resp, err)), 0)
		if bad := b.cfg.Records.Delete(ctx, interpreter.KindOutbox, it.ID); bad != nil {
			b.cfg.Log.WithError(bad).WithField("call", it.Call).Error("note a delivered callback")
		}
		return false
	}
	code := interpreter.CodeOf(err)
	if it.Attempts < len(attemptsAt) && worthAgain(resp, err) {
		it.Due = it.First.Add(attemptsAt[it.Attempts])
		if now := time.Now(); it.Due.Before(now) {
			it.Due = now
		}
		wait := time.Until(it.Due).Round(time.Second)
		b.tell(it, fmt.Sprintf("callback %s failed, again in %v: %v", it.What, wait, err), code)
		if bad := b.cfg.Records.Put(ctx, interpreter.KindOutbox, it.ID, it, 0); bad != nil {
			b.cfg.Log.WithError(bad).WithField("call", it.Call).Error("note a failed callback")
		}
		return true
	}
	b.bury(ctx, it, err)
	return false
}

// emitter passes the events of one exchange on under the callback's call.
func (b *Outbox) emitter(it *item) func(interpreter.Event) {
	return func(e interpreter.Event) {
		e.Call = it.Call
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		e.Offset = it.since(e.Time)
		b.cfg.Observer(e)
	}
}

// delivered tells whether the customer's server took the callback. What it answered is of no interest, so an answer
// that was too long to read is one.
func delivered(err error) bool {
	return err == nil || interpreter.CodeOf(err) == interpreter.CodeTooLarge
}

// aside says what was odd about the answer to a callback that arrived.
func aside(resp interpreter.Response, err error) string {
	switch {
	case err != nil:
		return ", with an answer that was too long to read"
	case resp.Status == http.StatusNoContent || len(resp.Body) == 0:
		return ""
	default:
		return fmt.Sprintf(", the answer (%d octets) is ignored", len(resp.Body))
	}
}

// worthAgain tells whether a failure may pass: connection, time-out, 5xx. A 4xx, a refused address and a URL that
// cannot be used stay what they are.
func worthAgain(resp interpreter.Response, err error) bool {
	switch interpreter.CodeOf(err) {
	case interpreter.CodeURL, interpreter.CodeAddress, interpreter.CodeRedirects:
		return false
	case interpreter.CodeRetrieval:
		s := status(resp, err)
		return s < 400 || s > 499
	default:
		return true
	}
}

// status is the HTTP status of a failed exchange, or 0: it stands in the response, or the error knows it.
func status(resp interpreter.Response, err error) int {
	var s interface{ HTTPStatus() int }
	if errors.As(err, &s) {
		return s.HTTPStatus()
	}
	return resp.Status
}
