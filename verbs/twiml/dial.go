package twiml

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

// Dial calls one or more parties and connects the first that answers.
type Dial struct {
	Action   link
	ReferURL link // asked when a party transfers the other one
	Dial     verbs.Dial
	CallerID string    // as it was written; empty: the caller's own
	Refused  []refusal // nouns that cannot be called; each is a failed child
	Room     string    // a noun that stands alone and cannot be joined here; empty: none
	Sip      bool      // a Sip noun is among the targets
	mayShow  func(number string) bool
}

// refusal is a noun that is not called: its child call ends at once.
type refusal struct {
	To       interpreter.Address
	Callback interpreter.StatusCallback
	Fault    interpreter.Fault
}

var _ = register(spec{
	name: "Dial",
	doc:  "Dial calls the parties named in it and connects the caller with the first that answers.",
	attrs: append([]attr{
		{"action", "", "URL that is asked when the call has ended; left out: the next verb runs"},
		{"method", "POST", "GET or POST"},
		{"timeout", "30", "seconds to let it ring, 5 to 600"},
		{"timeLimit", "14400", "longest conversation in seconds"},
		{"callerId", "", "number or SIP user shown to the called party; left out: that of the caller"},
		{"hangupOnStar", "false", "the caller ends the conversation with *"},
		{"answerOnBridge", "false", "the caller is answered when the called party is connected"},
		{"record", "do-not-record", "do-not-record, record-from-answer, record-from-ringing, the last two also with -dual"},
		{"trim", "do-not-trim", "silence at both ends of the recording"},
		{"recordingTrack", "both", "inbound, outbound or both"},
		{"ringTone", "", "country whose ringing the caller hears; left out: the called network's or our own"},
		{"sequential", "false", "the parties are called one after the other"},
		{"referUrl", "", "URL that is asked when a party transfers the other one, on whom the answer runs"},
		{"referMethod", "POST", "GET or POST"},
		{"callReason", "", "ignored"},
		{"events", "", "ignored"},
	}, recordingAttrs...),
	waits:  true, // it answers by itself: at once, or when the parties are connected
	decode: decodeDial,
})

// Limits of a Dial: parties that ring, and times in seconds.
const (
	maxTargets   = 10
	minRing      = 5
	maxRing      = 600
	maxTimeLimit = 24 * 60 * 60
)

// ringTones are the countries whose ringing tone may be asked for.
var ringTones = strings.Fields(`at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no
	nz ph pl pt ru se sg th uk us us-old tw ve za`)

func decodeDial(r *reader, e *element) interpreter.Verb {
	d := Dial{mayShow: r.opts.MayPresent}
	if e.str("action") == "" {
		d.Action.Method = e.method("method", codeDialMethod)
	} else {
		d.Action = e.action(codeDialMethod)
	}
	d.Dial = verbs.Dial{
		Timeout:        e.seconds("timeout", bounds{code: codeDialTimeout, min: minRing, max: maxRing, raise: true}),
		TimeLimit:      e.seconds("timeLimit", bounds{code: codeDialTimeLimit, min: 1, max: maxTimeLimit}),
		AnswerOnBridge: e.boolean("answerOnBridge", schema),
		EarlyMedia:     true,
		Record:         e.dialRecording(),
	}
	if e.boolean("hangupOnStar", codeDialStar) {
		d.Dial.HangupKey = "*"
	}
	if e.boolean("sequential", codeDialSequential) {
		d.Dial.Strategy = verbs.InTurn
	}
	if t := e.enum("ringTone", schema, ringTones...); t != "" {
		d.Dial.Ringback = interpreter.Prompt{Tone: "ringback:" + t}
	}
	d.CallerID = e.str("callerId")
	e.str("callReason")
	e.str("events")
	d.ReferURL = e.referLink()
	d.nouns(r, e)
	return d
}

func (e *element) dialRecording() verbs.DialRecording {
	rec := verbs.DialRecording{Callback: e.recordingCallback()}
	mode := e.enum("record", codeDialRecord, "do-not-record", "record-from-answer", "record-from-ringing",
		"record-from-answer-dual", "record-from-ringing-dual", "true", "false")
	mode, rec.Dual = strings.CutSuffix(mode, "-dual")
	switch mode {
	case "true", "record-from-answer":
		rec.Mode = verbs.FromAnswer
	case "record-from-ringing":
		rec.Mode = verbs.FromRinging
	}
	rec.Track = e.enum("recordingTrack", codeRecordingTrack, "inbound", "outbound", "both")
	if rec.Track != "both" {
		rec.Dual = false
	}
	if e.trim() && rec.Mode != verbs.NoRecording {
		e.warn(codeTrim, "trim", "recordings of conversations are not trimmed yet; the whole recording is kept")
	}
	return rec
}

// nouns reads whom to call. Bare text is one number more, called first.
func (d *Dial) nouns(r *reader, e *element) {
	if t := e.words(); t != "" {
		d.addNumber(e, t, verbs.Callee{})
	}
	for _, n := range e.elements() {
		c := r.child(n, "Dial", codeDialNested)
		switch {
		case c == nil:
		case d.Room != "":
			c.warn(codeDialNested, "", "<%s> is ignored: <%s> stands alone in its <Dial>", n.name, d.Room)
		case len(d.Dial.Targets) >= maxTargets:
			c.warn(codeDialNested, "", "<%s> is ignored: more than %d parties cannot ring", n.name, maxTargets)
		default:
			c.s.callee(r, c, d)
		}
	}
	if len(d.Dial.Targets)+len(d.Refused) == 0 && d.Room == "" {
		e.warn(codeNumberFormat, "", "<Dial> names nobody to call; it fails")
	}
}

// callerID is what may be presented: a number, a client, a SIP user.
var callerID = regexp.MustCompile(`^(\+?[0-9]{1,15}|(client:)?[A-Za-z0-9+_.-]{1,255})$`)

// from checks the caller id. A caller id that may not be shown fails the Dial: to show another one would be wrong.
func (v Dial) from(c *interpreter.Call) (interpreter.Address, error) {
	id := v.CallerID
	switch {
	case id == "" || id == c.From.User:
		return interpreter.Address{}, nil
	case strings.ContainsFunc(id, isControl):
		return interpreter.Address{}, &interpreter.Fault{Code: interpreter.CodeHeader,
			Msg: "callerId holds control characters; nobody is called"}
	}
	id = punctuation.Replace(id)
	if !callerID.MatchString(id) {
		return interpreter.Address{}, &interpreter.Fault{Code: v.callerIDCode(),
			Msg: "callerId " + shown(id) + " is neither a number nor a SIP user; nobody is called"}
	}
	if v.mayShow != nil && !v.mayShow(id) {
		return interpreter.Address{}, &interpreter.Fault{Code: codeDialCallerID,
			Msg: "callerId " + id + " is not a number of this account; nobody is called"}
	}
	return interpreter.Address{User: strings.TrimPrefix(id, "client:")}, nil
}

// callerIDCode is the code of a caller id that is written wrongly.
func (v Dial) callerIDCode() int {
	switch {
	case !v.Sip:
		return codeDialCallerID
	case len(v.CallerID) > maxSipURI:
		return codeSipCallerIDLong
	default:
		return codeSipCallerID
	}
}

// Run calls, and returns when the parties are parted. With an action its document takes over, also when nobody was
// reached; a caller who has left is told to the action as well.
func (v Dial) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	d, refused := v.Dial, v.Refused
	from, err := v.from(c)
	if err != nil {
		c.Fault(err)
		refused = append(refused[:len(refused):len(refused)], refuseAll(d.Targets)...)
		d.Targets = nil
	}
	d.From = from
	last := refuse(ctx, c, from, refused)
	if v.Room != "" {
		d.Targets = nil
	}
	d.Refer = v.ReferURL.referred(c)
	out, err := d.Run(ctx, c)
	if err == nil && out.Next != nil {
		return interpreter.Goto(*out.Next), nil // transferred: neither the action nor the next verb is wanted
	}
	if out.ID == "" {
		out.ID = last
	}
	res := v.result(&out)
	switch {
	case err != nil && out.Hungup && v.Action.given():
		lastRequest(c, v.Action, res)
		return interpreter.Continue(), err
	case err != nil || !v.Action.given():
		return interpreter.Continue().Refusing(unreached(out.DialResult)), err
	default:
		next, err := v.Action.follow(c, res)
		return next.Refusing(unreached(out.DialResult)), err
	}
}

// result is what the action is told.
func (v Dial) result(out *verbs.Dialled) interpreter.Result {
	res := interpreter.Result{Dial: &out.DialResult, Took: out.Duration}
	if out.Recording != nil && out.Recording.ID != "" && out.Recording.Status != verbs.RecordingAbsent {
		res.Recording = out.Recording
	}
	if v.Sip {
		res.Extra = sipResult(out.DialResult)
	}
	return res
}

// Refusals of a caller for whom nobody was reached (RFC 3261 §21.4 and §21.5). Replies that only concern the leg we
// made, such as a challenge, a redirection or our own time limit, are not his.
const (
	sipUnavailable = 480
	sipError       = 500
)

// passedOn are the replies of a called party that mean the same to the caller.
var passedOn = []int{sipNotFound, 410, 484, 488, sipBusy, 600, 603, 604}

// unreached is how the caller of an answerOnBridge Dial is refused when no verb is left to answer him.
func unreached(d interpreter.DialResult) interpreter.Hangup {
	why := interpreter.Hangup{By: interpreter.ByFlow, Code: sipUnavailable, Status: d.Status, Reason: "nobody was reached"}
	switch {
	case d.Status != interpreter.StatusBusy && d.Status != interpreter.StatusFailed:
		why.Status = interpreter.StatusNoAnswer
	case slices.Contains(passedOn, d.Code):
		why.Code = d.Code
	case d.Status == interpreter.StatusBusy:
		why.Code = sipBusy
	default:
		why.Code = sipError
	}
	return why
}

// lastRequest tells an action of the result although the caller has left; its answer is ignored.
func lastRequest(c *interpreter.Call, l link, res interpreter.Result) {
	r, err := l.request(c, res)
	if err != nil {
		c.Fault(err)
		return
	}
	c.LastRequest(r)
}

// refuse ends a child for each noun that cannot be called, so that its callbacks and its record tell of it. It returns
// the id of the last one.
func refuse(ctx context.Context, c *interpreter.Call, from interpreter.Address, list []refusal) string {
	if from == (interpreter.Address{}) {
		from = c.From
	}
	id := ""
	for _, r := range list {
		child := c.NewChild(from, r.To, r.Callback)
		id = child.ID
		c.Emit(interpreter.Event{Lane: interpreter.LaneFlow, Kind: interpreter.EvDial, Text: "dial " + r.To.User, Data: id})
		c.Fault(&r.Fault)
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), callbackTime)
		child.Finish(after, interpreter.Hangup{By: interpreter.ByCaller, Code: sipNotFound, Cause: "UNALLOCATED_NUMBER",
			Reason: r.Fault.Msg, Fault: r.Fault.Code})
		cancel()
	}
	return id
}

// sipNotFound is the SIP code of a party that cannot be called (RFC 3261 §21.4.5).
const sipNotFound = 404

// refuseAll turns targets into refusals, for a Dial that may not call them.
func refuseAll(targets []verbs.Callee) []refusal {
	var list []refusal
	for _, t := range targets {
		list = append(list, refusal{To: interpreter.Address{User: t.Target.Name}, Callback: t.Callback,
			Fault: interpreter.Fault{Code: codeDialCallerID, Msg: "not called: " + t.Target.Name}})
	}
	return list
}
