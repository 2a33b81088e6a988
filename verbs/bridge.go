package verbs

import (
	"context"
	"errors"
	"strings"
	"time"

	"pintle/interpreter"
)

// bridge joins the caller with the attempt that won, until they are parted.
func (r *ring) bridge(ctx context.Context, a *attempt) Dialled {
	a.connected()
	r.tone.stop()
	if err := r.c.Answer(ctx); err != nil {
		a.finish(err)
		return Dialled{DialResult: a.result}
	}
	if r.d.joined != nil {
		r.d.joined()
	}
	return r.conversation(ctx, a)
}

// conversation joins the caller with a, and with whoever follows by transfers, until nobody is left to talk with. What
// is left of it has ended when it returns.
func (r *ring) conversation(ctx context.Context, a *attempt) Dialled {
	var out Dialled
	if r.d.TimeLimit > 0 {
		r.ends = time.Now().Add(r.d.TimeLimit)
	}
	for lead := r.lead(); a != nil; lead = 0 {
		cause := r.talk(ctx, a, lead, &out)
		a = r.handOver(ctx, a, cause, &out)
	}
	return out
}

// talk joins the two until they are parted, and returns why: nil when one of them ended, a *Pressed, ErrTimeLimit, an
// *asked or *swapped, a failure, or the cause of ctx.
func (r *ring) talk(ctx context.Context, a *attempt, lead time.Duration, out *Dialled) error {
	rec := r.openRecording(ctx)
	joined := time.Now()
	r.c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvBridge, Text: "bridge " + names(a.to),
		Data: a.child.ID})
	cause, broken := r.join(ctx, a, interpreter.BridgeOptions{
		Record: rec.writer(), Stereo: r.d.Record.Dual, Track: r.d.Record.Track, KeepKeys: r.d.HangupKey, Lead: lead,
	})
	ran := interpreter.Recorded{Length: lead + time.Since(joined), Trimmed: lead + time.Since(joined)}
	if broken {
		ran.Why = interpreter.RecordFault // the parties talked to the end; the file alone is cut short
	}
	why := whyParted(ctx, cause)
	a.result.Bridged, a.result.Headers = true, told(a.leg)
	if a.loan != nil {
		a.result.Duration += time.Since(joined)
	} else {
		a.result.Duration = a.child.Since()
	}
	r.c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvBridge,
		Text: "parted: " + partedBy(a, why)})
	var key *interpreter.Pressed
	if errors.As(cause, &key) {
		out.Key = string(key.Digit.Key)
	}
	out.TimeLimit = errors.Is(cause, interpreter.ErrTimeLimit)
	if rec != nil {
		saved := rec.close(ctx, ran)
		out.Recording = &saved
	}
	return cause
}

// join bridges the two legs and returns why they were parted, as talk does. broken says that the recording ended
// before they were.
func (r *ring) join(ctx context.Context, a *attempt, o interpreter.BridgeOptions) (parted error, broken bool) {
	on, stop := context.WithCancelCause(ctx)
	if !r.ends.IsZero() {
		limit := time.AfterFunc(time.Until(r.ends), func() { stop(interpreter.ErrTimeLimit) })
		defer limit.Stop()
	}
	var g group
	defer g.Wait()
	defer stop(nil)
	deaf := r.listen(on, a, stop)
	defer deaf()
	if r.d.HangupKey != "" {
		Drop(r.c.Leg)
		g.Go(func() { watchKeys(on, r.c.Leg, r.d.HangupKey, stop) })
	}
	err := r.c.Lines.Bridge(on, r.c.Leg, a.leg, o)
	deaf() // what was accepted until now counts
	cause := context.Cause(on)
	var f *interpreter.Fault
	switch {
	case interpreter.CodeOf(err) == interpreter.CodeRecording:
		r.c.Fault(err)
		return cause, true
	case cause != nil || err == nil:
		return cause, false
	case !errors.As(err, &f):
		f = &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "join the two parties", Err: err}
	}
	r.c.Fault(f)
	return f, false
}

// watchKeys ends a conversation when the caller presses one of keys.
func watchKeys(ctx context.Context, l interpreter.Collector, keys string, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-l.Digits():
			if strings.IndexByte(keys, d.Key) >= 0 {
				stop(&interpreter.Pressed{Digit: d})
				return
			}
		}
	}
}

// whyParted is how a callee who is still there is hung up.
func whyParted(ctx context.Context, cause error) interpreter.Hangup {
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: 200}
	var key *interpreter.Pressed
	var t *asked
	var sw *swapped
	switch {
	case errors.As(cause, &t), errors.As(cause, &sw):
		why.Reason = cause.Error()
	case errors.Is(cause, errWithdrawn):
	case context.Cause(ctx) != nil:
		why.Reason = interpreter.HangupOf(context.Cause(ctx)).Reason
	case errors.As(cause, &key):
		why.Reason = key.Error()
	case errors.Is(cause, interpreter.ErrTimeLimit):
		why.Reason = "time limit of the dial"
	case cause != nil:
		why.By, why.Code, why.Reason, why.Fault = interpreter.ByEngine, 500, cause.Error(), interpreter.CodeOf(cause)
	}
	return why
}

func partedBy(a *attempt, why interpreter.Hangup) string {
	if why.Reason == "" && a.leg.Context().Err() != nil {
		return "hangup by callee"
	}
	return why.Reason
}

// openRecording begins the recording of the conversation, if one was asked for. One that cannot be made is noted; the
// two parties talk all the same.
func (r *ring) openRecording(ctx context.Context) *recording {
	if r.d.Record.Mode == NoRecording {
		return nil
	}
	o := recording{cb: r.d.Record.Callback, track: r.d.Record.Track,
		rec: interpreter.Recording{Channels: 1, Source: "DialVerb"}}
	if o.track == "" {
		o.track = "both"
	}
	if r.d.Record.Dual && o.track == "both" {
		o.rec.Channels = 2
	}
	rec, err := openRecording(ctx, r.c, o)
	if err != nil {
		r.c.Fault(err)
		return nil
	}
	return rec
}
