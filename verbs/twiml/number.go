package twiml

import (
	"regexp"
	"strings"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name:   "Number",
	doc:    "Number is a telephone number that a Dial calls.",
	inside: []string{"Dial"},
	attrs: append([]attr{
		{"sendDigits", "", "keys sent when it answers: 0-9 A-D * #, w half a second, W a second"},
		{"byoc", "", "ignored; the trunk is chosen by the number"},
	}, calleeAttrs...),
	callee: func(_ *reader, e *element, d *Dial) {
		e.leaf()
		if e.str("byoc") != "" {
			e.warn(codeUnsupported, "byoc", "byoc is ignored; the trunk is chosen by the number")
		}
		c := e.calleeOptions(codeNumberMethod)
		c.SendDigits = e.sendDigits("sendDigits", codeNumberDigits)
		d.addNumber(e, e.words(), c)
	},
})

// calleeAttrs are the attributes of every noun that rings.
var calleeAttrs = []attr{
	{"url", "", "document that runs on the called leg before it is connected"},
	{"method", "POST", "GET or POST"},
	{"statusCallback", "", "URL that is told of the states of the called leg"},
	{"statusCallbackMethod", "POST", "GET or POST"},
	{"statusCallbackEvent", "completed", "states that are told: initiated, ringing, answered, completed"},
	{"machineDetection", "", "Enable or DetectMessageEnd: not available yet"},
	{"machineDetectionTimeout", "30", "seconds, 3 to 60"},
	{"machineDetectionSpeechThreshold", "2400", "milliseconds, 1000 to 6000"},
	{"machineDetectionSpeechEndThreshold", "1200", "milliseconds, 500 to 5000"},
	{"machineDetectionSilenceTimeout", "5000", "milliseconds, 2000 to 10000"},
	{"amdStatusCallback", "", "URL that is told who answered"},
	{"amdStatusCallbackMethod", "POST", "GET or POST"},
}

// calleeOptions reads the attributes that every ringing noun has.
func (e *element) calleeOptions(methodCode int) verbs.Callee {
	c := verbs.Callee{Callback: interpreter.StatusCallback{
		URL:    e.callback("statusCallback", schema),
		Method: e.method("statusCallbackMethod", schema),
		Events: e.list("statusCallbackEvent", schema, "initiated", "ringing", "answered", "completed"),
	}}
	method := e.method("method", methodCode)
	if u := e.str("url"); u != "" {
		l := link{}
		l.set(e, "url", u)
		if l.Wrong != "" {
			l.URL = u // asking for it fails, and then nobody is connected without having been screened
		}
		c.Screen = &interpreter.Request{URL: l.URL, Method: method, Purpose: interpreter.ForWhisper}
	}
	e.machineDetection()
	return c
}

// machineDetection checks what would tell people from machines.
func (e *element) machineDetection() {
	e.number("machineDetectionTimeout", bounds{code: schema, min: 3, max: 60})
	e.number("machineDetectionSpeechThreshold", bounds{code: schema, min: 1000, max: 6000})
	e.number("machineDetectionSpeechEndThreshold", bounds{code: schema, min: 500, max: 5000})
	e.number("machineDetectionSilenceTimeout", bounds{code: schema, min: 2000, max: 10000})
	e.callback("amdStatusCallback", schema)
	e.method("amdStatusCallbackMethod", schema)
	if e.enum("machineDetection", schema, "Enable", "DetectMessageEnd") != "" {
		e.warn(codeUnsupported, "machineDetection",
			"answering machines are not detected yet; the call is connected whoever answers")
	}
}

var (
	punctuation = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "/", "", "\u00a0", "", "\u2011", "")
	dialable    = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)
	onlyDigits  = regexp.MustCompile(`^[0-9]+$`)
)

// addNumber adds a number to call; one that cannot be called is a failed child.
func (d *Dial) addNumber(e *element, written string, c verbs.Callee) {
	number := punctuation.Replace(strings.TrimPrefix(written, "tel:"))
	if !dialable.MatchString(number) {
		e.warn(codeNumberFormat, "", "%q is not a telephone number; it cannot be called", clip(written))
		d.Refused = append(d.Refused, refusal{To: interpreter.Address{User: shown(written)}, Callback: c.Callback,
			Fault: interpreter.Fault{Code: codeNumberFormat, Msg: "not a telephone number: " + shown(written)}})
		return
	}
	if onlyDigits.MatchString(number) {
		number = e.r.opts.international(number)
	}
	c.Target.URI, c.Target.Name = number, number
	d.Dial.Targets = append(d.Dial.Targets, c)
}
