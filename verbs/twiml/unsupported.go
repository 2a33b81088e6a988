package twiml

import (
	"context"
	"strconv"

	"pintle/interpreter"
	"pintle/verbs"
)

// later is a verb that is known by name but does not run in this version. It takes the way out that the verb itself
// takes when it cannot do its work.
type later struct {
	Action link        // asked if it was written; else the next verb runs
	Result [][2]string // what the action is told
}

// Run asks the action, or goes on.
func (v later) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if !v.Action.given() {
		return interpreter.Continue(), nil
	}
	return v.Action.follow(c, interpreter.Result{Extra: v.Result})
}

// laterCodes are the numbers of elements that the vendor has one for.
var laterCodes = map[string]int{"Sms": codeSms, "Sim": codeSim}

// notYet warns that the element is known and does nothing.
func (e *element) notYet() {
	code, own := laterCodes[e.s.name]
	if !own {
		code = codeUnsupported
	}
	what := "<" + e.s.name + ">"
	if kids := e.elements(); len(kids) > 0 && (e.s.name == "Connect" || e.s.name == "Start" || e.s.name == "Stop") {
		what += " with <" + kids[0].name + ">"
	}
	e.warn(code, "", "%s is known but not available yet: %s", what, e.s.later)
}

// actionAttrs are the two attributes of a way out.
var actionAttrs = []attr{
	{"action", "", "URL that is asked with the failure; left out: the next verb runs"},
	{"method", "POST", "GET or POST"},
}

// laterVerb registers a verb that comes later, with the parameters its action is told.
func laterVerb(s spec, result ...[2]string) *spec {
	s.attrs = append(actionAttrs[:2:2], s.attrs...)
	s.decode = func(_ *reader, e *element) interpreter.Verb {
		e.notYet()
		return later{Action: e.action(schema), Result: result}
	}
	return register(s)
}

// skipped registers a verb that comes later and has no way out but the next verb.
func skipped(s spec) *spec {
	s.decode = func(_ *reader, e *element) interpreter.Verb {
		e.notYet()
		return later{}
	}
	return register(s)
}

const nextVerb = "the action is asked with the failure, or the next verb runs"

var notAvailable = [2]string{"ErrorCode", strconv.Itoa(codeUnsupported)}

// The verbs that come later.
var (
	_ = laterVerb(spec{name: "Enqueue", answers: true, doc: "Enqueue puts the caller into a queue.", later: nextVerb},
		[2]string{"QueueResult", "system-error"})
	_ = laterVerb(spec{name: "Connect", answers: true, doc: "Connect hands the call to a stream, a relay or an assistant.",
		later: nextVerb}, notAvailable)
	_ = laterVerb(spec{name: "Pay", answers: true, doc: "Pay takes card data by keypad.", later: nextVerb},
		[2]string{"Result", "payment-connector-error"})
	_ = laterVerb(spec{name: "Sms", answers: true, doc: "Sms sends a text message.",
		later: "no message is sent; " + nextVerb}, [2]string{"SmsStatus", "invalid"})
	_ = skipped(spec{name: "Leave", doc: "Leave takes the caller out of the queue he waits in.",
		later: "no call is in a queue, so the next verb runs"})
	_ = skipped(spec{name: "Echo", doc: "Echo sends the caller's sound back.", later: "the next verb runs"})
	_ = skipped(spec{name: "Start", doc: "Start begins a stream, a recording or a transcription in the background.",
		later: "nothing is started and the next verb runs"})
	_ = skipped(spec{name: "Stop", doc: "Stop ends what Start began.", later: "nothing runs that could be stopped"})
	_ = skipped(spec{name: "Queue", doc: "Queue is an old way to wait in a queue.", later: "the next verb runs"})
	_ = skipped(spec{name: "Prompt", inside: []string{response, "Pay"}, doc: "Prompt replaces a prompt of Pay.",
		later: "the next verb runs"})
	_ = skipped(spec{name: "Message", doc: "Message is a verb for text messages, not for calls.",
		later: "no message is sent and the next verb runs"})
)

// laterNoun registers a party of a Dial that cannot be called: its child call fails.
func laterNoun(code int, s spec) *spec {
	s.inside = []string{"Dial"}
	s.later = "its leg fails, the other parties ring"
	s.callee = func(r *reader, e *element, d *Dial) {
		e.notYet()
		name := e.words()
		o := verbs.Callee{Callback: interpreter.StatusCallback{
			URL:    e.callback("statusCallback", schema),
			Method: e.method("statusCallbackMethod", schema),
			Events: e.list("statusCallbackEvent", schema, "initiated", "ringing", "answered", "completed"),
		}}
		d.Refused = append(d.Refused, refusal{To: interpreter.Address{User: shown(name)}, Callback: o.Callback,
			Fault: interpreter.Fault{Code: code, Msg: "<" + s.name + "> cannot be called yet: " + shown(name)}})
	}
	s.attrs = calleeAttrs[2:5:5]
	return register(s)
}

// laterRoom registers a noun that stands alone in its Dial and cannot be joined: the Dial fails.
func laterRoom(s spec) *spec {
	s.inside = []string{"Dial"}
	s.later = "the <Dial> fails, and its action or the next verb follows"
	s.callee = func(_ *reader, e *element, d *Dial) {
		e.notYet()
		if len(d.Dial.Targets)+len(d.Refused) > 0 {
			e.warn(codeDialNested, "", "<%s> stands alone in its <Dial>; the parties before it are not called", e.s.name)
		}
		d.Dial.Targets, d.Refused, d.Room = nil, nil, e.s.name
	}
	return register(s)
}

// The parties and rooms that come later.
var (
	_ = laterNoun(codeSim, spec{name: "Sim", doc: "Sim is a mobile device known by its card."})
	_ = laterNoun(codeUnsupported, spec{name: "WhatsApp", doc: "WhatsApp is a user of that service."})
	_ = laterRoom(spec{name: "Conference", doc: "Conference is a room in which callers are mixed."})
	_ = laterRoom(spec{name: "Application", doc: "Application is a document of another application."})
)

var _ = laterRoom(spec{name: "Queue", doc: "Queue is a queue whose first caller is connected."})

// Elements inside verbs that come later; they are known, so that a misplaced one is not called unknown.
var _ = innerNouns(map[string][]string{
	"Task":           {"Enqueue"},
	"ApplicationSid": {"Application"},
	"Parameter": {"Hangup", "Reject", "Application", "Stream", "Siprec", "Pay", "ConversationRelay",
		"VirtualAgent"},
	"Config":                   {"VirtualAgent", "Transcription"},
	"Language":                 {"ConversationRelay", "Assistant"},
	"Stream":                   {"Start", "Stop", "Connect"},
	"Siprec":                   {"Start", "Stop"},
	"Recording":                {"Start", "Stop"},
	"Transcription":            {"Start", "Stop"},
	"ConversationRelay":        {"Connect"},
	"ConversationRelaySession": {"Connect"},
	"AiSession":                {"Connect"},
	"Assistant":                {"Connect"},
	"VirtualAgent":             {"Connect"},
	"Autopilot":                {"Connect"},
	"Room":                     {"Connect"},
	"Conversation":             {"Connect"},
})

func innerNouns(table map[string][]string) int {
	for name, inside := range table {
		s := spec{name: name, inside: inside, doc: name + " is part of a verb that is not available yet.",
			later: "it is ignored"}
		if name == "Siprec" {
			s.also = []string{"SipRec"}
		}
		register(s)
	}
	return len(table)
}
