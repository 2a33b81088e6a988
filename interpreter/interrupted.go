package interpreter

import (
	"maps"
	"net/url"
	"strconv"
	"time"
)

// interruptedReason is what the record of a call says that a crash cut off.
const interruptedReason = "the engine was restarted while the call was up"

// openRecord is the call's open record with the callbacks that its end would send, made while there is a dialect to
// make them: after a crash there is only the record.
func (c *Call) openRecord() CallRecord {
	r := c.record()
	c.mu.Lock()
	seq := c.seq
	c.mu.Unlock()
	r.Last = c.statusPosts(StatusCompleted, nil)
	c.mu.Lock()
	c.seq = seq
	c.mu.Unlock()
	return r
}

// Interrupted closes the open record of a call that a crash cut off: it gives the CDR, with code 90005 and an end at
// the last sign of life, and the last status callbacks. The caller writes both in one batch with the deletion of the
// open record. Alive is when the process that ran the call is last known to have been alive.
func Interrupted(r CallRecord, alive time.Time) (CDR, []Post) {
	end := r.Heartbeat
	if alive.After(end) {
		end = alive
	}
	posts := r.Last
	r.Last = nil
	cdr := CDR{CallRecord: r, Ended: end, Duration: end.Sub(r.Started), By: ByEngine, Code: 500,
		Cause: "NORMAL_TEMPORARY_FAILURE", Reason: interruptedReason, Fault: CodeInterrupted}
	cdr.Status, cdr.Heartbeat = StatusFailed, end
	if !r.Answered.IsZero() {
		cdr.Status, cdr.Code, cdr.Billed = StatusCompleted, 200, end.Sub(r.Answered)
	}
	last := make([]Post, len(posts))
	for i, p := range posts {
		params := maps.Clone(p.Params)
		if params == nil {
			params = url.Values{}
		}
		seq := params["SequenceNumber"]
		maps.Copy(params, statusParams(0, end, &cdr))
		params["SequenceNumber"] = seq
		params.Set("ErrorCode", strconv.Itoa(cdr.Fault))
		params.Set("ErrorMessage", cdr.Reason)
		for _, name := range []string{"CallStatus", "Call-Status"} { // as the dialects call it
			if _, ok := params[name]; ok {
				params.Set(name, string(cdr.Status))
			}
		}
		p.What, p.Params = "status "+string(cdr.Status), params
		last[i] = p
	}
	return cdr, last
}
