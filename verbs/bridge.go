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
	a.result.Answered, a.result.Status, a.result.Code = true, interpreter.StatusCompleted, 200
	a.result.CallID = a.leg.Info().CallID
	r.tone.stop()
	if err := r.c.Answer(ctx); err != nil {
		a.finish(err)
		return Dialled{DialResult: a.result}
	}
	var out Dialled
	rec := r.openRecording(ctx)
	lead, joined := r.lead(), time.Now()
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
	a.result.Duration = a.child.Since()
	r.c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvBridge,
		Text: "parted: " + partedBy(a, why)})
	var key *interpreter.Pressed
	if errors.As(cause, &key) {
		out.Key = string(key.Digit.Key)
	}
	out.TimeLimit = errors.Is(cause, interpreter.ErrTimeLimit)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if rec != nil {
		saved := rec.close(ctx, ran)
		out.Recording = &saved
	}
	a.child.Finish(after, why)
	a.result.Cause = "NORMAL_CLEARING"
	out.DialResult = a.result
	return out
}

// join bridges the two legs and returns why they were parted: nil when one of them ended, a *Pressed, ErrTimeLimit, a
// failure, or the cause of ctx. broken says that the recording ended before they were.
func (r *ring) join(ctx context.Context, a *attempt, o interpreter.BridgeOptions) (parted error, broken bool) {
	on, stop := context.WithCancelCause(ctx)
	if r.d.TimeLimit > 0 {
		limit := time.AfterFunc(r.d.TimeLimit, func() { stop(interpreter.ErrTimeLimit) })
		defer limit.Stop()
	}
	var g group
	defer g.Wait()
	defer stop(nil)
	if r.d.HangupKey != "" {
		Drop(r.c.Leg)
		g.Go(func() { watchKeys(on, r.c.Leg, r.d.HangupKey, stop) })
	}
	err := r.c.Lines.Bridge(on, r.c.Leg, a.leg, o)
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
	switch {
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
