package verbs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pintle/interpreter"
)

// Strategy is the order in which targets ring.
type Strategy int

// The orders.
const (
	Together Strategy = iota // all at once, each after its own Delay
	InTurn                   // one after the other, until one is bridged
)

// RecordMode says whether and from when a Dial is recorded.
type RecordMode int

// The modes.
const (
	NoRecording RecordMode = iota
	FromAnswer             // from the bridge on
	FromRinging            // from the first ring on; what comes before the bridge is silence in the file
)

// Callee is one target of a Dial.
type Callee struct {
	Target     interpreter.Target
	Others     []interpreter.Target       // further addresses of the same party, tried in turn when one cannot be reached
	GoOn       func(error) bool           // whether a failure lets the next of Others try; nil: what could not be reached
	Screen     *interpreter.Request       // document run on the called leg before it is bridged; nil: none
	SendDigits string                     // keys sent to the called leg when it answers, before Screen
	Callback   interpreter.StatusCallback // subscription to the states of the child call
	Vars       map[string]string          // custom variables that the child call is born with
	Confirm    *Confirm                   // what the called party has to press to take the call; nil: nothing
	Quiet      bool                       // its sound before the answer is not heard

	ForwardedBy interpreter.Address // who sent the call on to it, if it shall be told

	// Redirected finds out where an address of a redirection (3xx) leads, in the order in which they are to be tried; nil:
	// to itself.
	Redirected func(contact string) []interpreter.Target

	// Prepare completes an address just before it is called, when the child call is known; nil: it is complete. What it
	// sets must not be shared with other targets.
	Prepare func(child *interpreter.Call, t *interpreter.Target)

	failover *failover // where the call goes when none of the party's telephones can be reached; nil: nowhere
	phone    string    // id of the device that is called; empty: none
	onBehalf *onBehalf // whose call it is; nil: the caller's
}

// DialRecording of the joined legs.
type DialRecording struct {
	Mode     RecordMode
	Dual     bool   // caller left, callee right; else both mixed
	Track    string // "both" (default), "inbound" (caller alone), "outbound" (callee alone)
	Callback RecordingCallback
}

// Dial calls someone and joins the two legs.
type Dial struct {
	Targets        []Callee
	Strategy       Strategy
	From           interpreter.Address // caller id; zero: the caller's own
	Timeout        time.Duration       // ring time of each target; 0: 30 s
	TimeLimit      time.Duration       // of the conversation; 0: none
	AnswerOnBridge bool                // the caller is answered when the callee is connected, and hears ringing until then
	Ringback       interpreter.Prompt  // what an answered caller hears while it rings; zero: the tone "ringback"
	EarlyMedia     bool                // the caller hears the callee's own early media, where a single one rings
	FailOnReject   bool                // one target that declines (486, 600, 603) ends the calling of all
	RoundTime      time.Duration       // of ringing all targets once; 0: none
	MostTelling    bool                // in turn too, the result that says most about the called counts, not the last one
	HangupKey      string              // keys of the caller that end the conversation; empty: none
	Record         DialRecording

	// Refer makes the request for the document that takes over when a party of the conversation transfers the other one,
	// on whom it then runs; nil: the operator's rules count (interpreter.Transfers).
	Refer func(t *interpreter.Transfer) (interpreter.Request, error)

	// More gives the targets of another round after one that reached nobody; nil, or none: that was the last.
	More func(last interpreter.DialResult) []Callee

	transfer *interpreter.Transfer // whose party is told how the calling goes
	joined   func()                // told when the two are joined
}

// Dialled is how a Dial ended.
type Dialled struct {
	interpreter.DialResult
	Recording *interpreter.Recording // nil: none was made
	Hungup    bool                   // the caller hung up
	Key       string                 // key of HangupKey that ended the conversation, or empty
	TimeLimit bool                   // TimeLimit ended it
	Next      *interpreter.Request   // the document that a transfer leads the caller to; nil: the flow goes on
}

// defaultRing is how long a target rings that names no time.
const defaultRing = 30 * time.Second

// Run calls the targets, lets the first that answers through its screening, joins it with the caller and returns when
// they are parted. Every child call has ended, and its record is written, when Run returns. When ctx ends, children
// are hung up, the error is context.Cause(ctx), and Dialled says how far it came (Status is canceled when nobody had
// been bridged).
func (d Dial) Run(ctx context.Context, c *interpreter.Call) (Dialled, error) {
	var g group
	r := &ring{d: d, c: c, began: time.Now()}
	defer g.Wait()
	defer func() { r.tone.stop() }()
	if err := r.answer(ctx); err != nil {
		return Dialled{DialResult: interpreter.DialResult{Status: interpreter.StatusCanceled}, Hungup: isHangup(err)}, err
	}
	var out Dialled
	switch {
	case len(d.Targets) == 0 || c.Lines == nil:
		out.DialResult = interpreter.DialResult{Status: interpreter.StatusFailed, Cause: "NO_ROUTE_DESTINATION", Code: 404}
	default:
		out = r.rounds(ctx, &g)
	}
	g.Wait() // the losers have ended too
	r.tone.stop()
	cause := context.Cause(ctx)
	if cause != nil && !out.Bridged && !out.Answered {
		out.Status, out.Cause, out.Code = interpreter.StatusCanceled, "ORIGINATOR_CANCEL", 487
	}
	out.Hungup = isHangup(cause)
	c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvDialEnd, Text: out.title(),
		Data: out.DialResult})
	return out, cause
}

func (o Dialled) title() string {
	s := "dial " + string(o.Status)
	if o.Bridged {
		return s + fmt.Sprintf(" after %v", o.Duration.Round(time.Millisecond))
	}
	if o.Cause != "" {
		s += " " + o.Cause
	}
	return s
}

// ring is one run of a Dial.
type ring struct {
	d     Dial
	c     *interpreter.Call
	began time.Time
	tone  *ringback // what the caller hears between rounds too
	ends  time.Time // of the conversation at the latest; zero: no limit
	until time.Time // the round rings at the latest; zero: no limit
}

// answer answers the caller, or lets him hear ringing where the answer waits for the bridge.
func (r *ring) answer(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !r.d.AnswerOnBridge {
		return r.c.Answer(ctx)
	}
	if r.unanswered() {
		return r.c.Leg.Ring(ctx)
	}
	return nil
}

func (r *ring) unanswered() bool { return r.c.Status() != interpreter.StatusInProgress }

// round calls targets together and bridges the first that is ready.
func (r *ring) round(ctx context.Context, g *group, targets []Callee) (Dialled, bool) {
	calling, lose := context.WithCancelCause(ctx)
	defer lose(interpreter.ErrElsewhere)
	// One place each, and one for who picks the call up: an attempt that lost never waits to say so.
	ready := make(chan *attempt, len(targets)+1)
	var all []*attempt
	for _, t := range targets {
		all = append(all, r.newAttempt(t))
	}
	r.startTone(ctx)
	picking := r.offer(all, ready)
	for _, a := range all {
		if len(all) == 1 && r.d.EarlyMedia && !a.to.Quiet {
			a.earlyTo, a.onEarly = r.c.Leg, r.tone.early
		}
		g.Go(func() { a.run(calling, ready) })
	}
	won := picking.close(r.first(ready, len(all), lose))
	if won == nil {
		g.Wait()
		return Dialled{DialResult: r.best(all)}, false
	}
	lose(interpreter.ErrElsewhere)
	g.Go(func() { finishLosers(all, won) })
	out := r.bridge(ctx, won)
	return out, true
}

// first returns the first attempt that is ready to be bridged, or nil when all have ended.
func (r *ring) first(ready <-chan *attempt, n int, lose context.CancelCauseFunc) *attempt {
	for range n { // whoever picks it up is ready, and ends the count
		a := <-ready
		if a.ready {
			return a
		}
		var e *interpreter.DialError
		if r.d.FailOnReject && errors.As(a.err, &e) && declines(e.Code) {
			lose(errDeclined)
		}
	}
	return nil
}

// errDeclined is the cause of attempts that end because another target declined.
var errDeclined = errors.New("another party declined the call")

// declines tells whether a SIP code is the decision of a party, not a fault on the way to him.
func declines(code int) bool { return code == 486 || code == 600 || code == 603 }

// finishLosers ends the attempts that another one beat, in order of the document.
func finishLosers(all []*attempt, won *attempt) {
	for _, a := range all {
		if a != won {
			<-a.done
			a.finish(a.err)
		}
	}
}

// rank orders the results of attempts from the least to the most telling.
var rank = map[interpreter.CallStatus]int{
	interpreter.StatusCanceled: 1, interpreter.StatusFailed: 2, interpreter.StatusNoAnswer: 3,
	interpreter.StatusBusy: 4, interpreter.StatusCompleted: 5,
}

// best is the result of a round in which nobody was bridged.
func (r *ring) best(all []*attempt) interpreter.DialResult {
	var b interpreter.DialResult
	if r.d.MostTelling {
		for _, a := range all {
			b = moreTelling(b, a.result)
		}
		return b
	}
	for _, a := range all {
		if rank[a.result.Status] > rank[b.Status] {
			b = a.result
		}
	}
	return b
}

// names of the targets for the trace.
func names(t Callee) string {
	if t.Target.Name != "" {
		return t.Target.Name
	}
	return strings.TrimSpace(t.Target.URI)
}
