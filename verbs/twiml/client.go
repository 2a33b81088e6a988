package twiml

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "Client",
	doc: "Client is a browser or a telephone that is connected under a name; every page and phone of that name rings. " +
		"The name is its text, or stands in an Identity beside Parameters.",
	inside: []string{"Dial"},
	attrs:  calleeAttrs,
	callee: decodeClient,
})

var _ = register(spec{
	name:   "Identity",
	doc:    "Identity is the name of a Client that has Parameters too.",
	inside: []string{"Client"},
})

var _ = register(spec{
	name:   "Parameter",
	doc:    "Parameter is told to the client, and to the document that runs before the connection.",
	inside: []string{"Client"},
	attrs:  []attr{{"name", "", "its name"}, {"value", "", "its value"}},
})

// Limits of a Client.
const (
	maxClient      = 256 // characters of a name
	maxParameters  = 50
	maxParamName   = 64
	maxParamLength = 1024
)

// paramName is a name that can also be told to a SIP phone, as the header X-name.
var paramName = regexp.MustCompile(`^[A-Za-z0-9_.~!%*-]{1,64}$`)

// decodeClient adds a client to the parties that ring.
func decodeClient(r *reader, e *element, d *Dial) {
	c := e.calleeOptions(schema)
	name := e.words()
	var params [][2]string
	for _, n := range e.elements() {
		k := r.child(n, "Client", schema)
		switch {
		case k == nil:
		case k.s.name == "Identity":
			k.leaf()
			name = k.words()
		default:
			if p, ok := k.parameter(); ok && len(params) < maxParameters {
				params = append(params, p)
			}
		}
	}
	if !goodClient(name) {
		e.warn(schema, "", "%q is not the name of a client: write 1 to %d characters", clip(name), maxClient)
		d.Refused = append(d.Refused, refusal{To: interpreter.Address{User: "client:" + shown(name)}, Callback: c.Callback,
			Fault: interpreter.Fault{Code: schema, Msg: "not the name of a client: " + shown(name)}})
		return
	}
	for _, p := range params {
		c.Target.Headers = append(c.Target.Headers, interpreter.Header{Name: "X-" + p[0], Value: p[1]})
	}
	if c.Screen != nil {
		c.Screen.Result.Extra = params
	}
	c.Target.URI = "client:" + name
	c.Target.Name = c.Target.URI
	d.add(c, []interpreter.Target{c.Target}, nil)
}

// parameter reads one Parameter of a Client.
func (e *element) parameter() (p [2]string, ok bool) {
	name, value := e.str("name"), e.str("value")
	if !paramName.MatchString(name) || len(value) > maxParamLength || strings.ContainsFunc(value, isControl) {
		e.warn(schema, "name", "the parameter %q cannot be sent: its name has 1 to %d letters, digits or -_.~!%%*, its "+
			"value at most %d characters in one line", clip(name), maxParamName, maxParamLength)
		return p, false
	}
	return [2]string{name, value}, true
}

func goodClient(name string) bool {
	n := utf8.RuneCountInString(name)
	return n > 0 && n <= maxClient && utf8.ValidString(name) && !strings.ContainsFunc(name, isControl)
}

// ofClient tells whether a party is a client: a page, whose parameters the application sees under their own names.
func ofClient(user string) bool { return strings.HasPrefix(user, "client:") }
