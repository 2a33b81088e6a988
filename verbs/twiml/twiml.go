package twiml

import (
	"errors"
	"fmt"

	"pintle/interpreter"
)

// Name is the dialect's word in configuration and traces.
const Name = "twiml"

// Options are the choices that an operator may make. The zero value is the vendor's behaviour.
type Options struct {
	TypeAhead  bool                     // keys pressed before a Gather began count in it
	RejectCode int                      // SIP reply of <Reject>; 0: 404
	National   string                   // country code that ten bare digits get; empty: 1; "-": none
	CallerName bool                     // the display name of the From header is sent as CallerName
	MayPresent func(number string) bool // numbers a Dial may present besides its caller's; nil: any
}

// Dialect is TwiML. It is safe for use by many calls at once.
type Dialect struct{ opts Options }

// New returns the dialect.
func New(o Options) *Dialect {
	if o.RejectCode < 300 || o.RejectCode > 699 {
		o.RejectCode = 404
	}
	if o.National == "" {
		o.National = "1"
	}
	return &Dialect{opts: o}
}

// Name is twiml.
func (d *Dialect) Name() string { return Name }

// Method is POST.
func (d *Dialect) Method() string { return "POST" }

// Verbs describes every verb and noun that is known, also those that are only skipped with a warning.
func (d *Dialect) Verbs() []interpreter.Info { return infos() }

// Accepts tells whether the answer is TwiML, or text or sound that may stand for it. Content goes before content type,
// since applications label TwiML as HTML, as text, and not at all.
func (d *Dialect) Accepts(r interpreter.Response) bool {
	kind := kindOf(r.ContentType)
	if kind == kindAudio {
		return true
	}
	body, err := toUTF8(r.Body, r.ContentType)
	if err != nil {
		body = r.Body // Parse says what is wrong with its encoding
	}
	switch {
	case isBlank(body):
		return kind != kindOther
	case rootName(body) == response:
		return true
	case kind == kindText:
		return !isJSONObject(body)
	case kind == kindXML, kind == kindMissing:
		return startsWithTag(body) || kind == kindXML && !isJSONObject(body)
	default:
		return false
	}
}

// Parse makes the document. Its error is a *interpreter.DocumentError.
func (d *Dialect) Parse(resp interpreter.Response) (*interpreter.Document, error) {
	doc, err := d.parse(resp)
	var e *interpreter.DocumentError
	if errors.As(err, &e) {
		e.URL = resp.URL
	}
	if err != nil {
		return nil, err
	}
	doc.URL, doc.Dialect, doc.Source, doc.EndAnswers = resp.URL, Name, resp.Body, true
	return doc, nil
}

func (d *Dialect) parse(resp interpreter.Response) (*interpreter.Document, error) {
	kind := kindOf(resp.ContentType)
	if isBlank(resp.Body) {
		return nil, &interpreter.DocumentError{Code: interpreter.CodeParse,
			Msg: "the answer is empty; answer at least <Response/>"}
	}
	if kind == kindAudio {
		return oneStep("Play", Play{Prompt: interpreter.Prompt{Audio: resp.Body}}), nil
	}
	body, err := toUTF8(resp.Body, resp.ContentType)
	if err != nil {
		return nil, &interpreter.DocumentError{Code: interpreter.CodeParse, Msg: err.Error()}
	}
	if kind == kindText && rootName(body) != response {
		return oneStep("Say", spoken(string(body))), nil
	}
	r := &reader{base: resp.URL, opts: d.opts}
	r.oddities(body, kind, resp)
	root, err := readTree(body)
	if err != nil {
		return nil, err
	}
	first, err := r.response(root)
	if err != nil {
		return nil, err
	}
	return &interpreter.Document{Root: first, Warnings: r.warnings}, nil
}

// oneStep is the document that stands for an answer which is no document.
func oneStep(name string, v interpreter.Verb) *interpreter.Document {
	return &interpreter.Document{Root: &interpreter.Step{Name: name, Verb: v, Answers: true, Waits: true}}
}

// oddities warns of what is around the document: its label, and white space where XML allows none.
func (r *reader) oddities(body []byte, kind contentKind, resp interpreter.Response) {
	top := &node{name: response, pos: interpreter.Pos{Line: 1, Col: 1}}
	if kind == kindOther || kind == kindMissing && resp.Header != nil {
		r.warn(top, interpreter.CodeContentType, "", "the content type of the answer is %q; TwiML is text/xml",
			resp.ContentType)
	}
	if xmlDeclaration.Match(body) && body[0] != '<' {
		r.warn(top, interpreter.CodeParse, "", "white space stands before <?xml; strict readers refuse that")
	}
}

// response decodes the verbs of a document into steps.
func (r *reader) response(root *node) (*interpreter.Step, error) {
	if root.name != response {
		return nil, &interpreter.DocumentError{Pos: root.pos, Code: interpreter.CodeRoot, Verb: root.name,
			Msg: fmt.Sprintf("the root is <%s>; put all verbs inside one <Response>", root.name)}
	}
	if t := root.words(); t != "" {
		r.warn(root, schema, "", "the text %q directly inside <Response> is ignored; put it into <Say>", clip(t))
	}
	for _, a := range root.attrs {
		r.warn(root, schema, a.name, "<Response> has no attribute %s; it is ignored", a.name)
	}
	var first, last *interpreter.Step
	for _, n := range root.elements() {
		s := r.step(n)
		switch {
		case s == nil:
			continue
		case first == nil:
			first = s
		default:
			last.Next = s
		}
		last = s
	}
	return first, nil
}

// step decodes one verb; nil if it is skipped.
func (r *reader) step(n *node) *interpreter.Step {
	e := r.child(n, response, schema)
	if e == nil {
		return nil
	}
	v := e.s.decode(r, e)
	if v == nil {
		return nil
	}
	s := &interpreter.Step{Name: e.s.name, Pos: n.pos, Verb: v, Answers: e.s.answers, Waits: e.s.waits}
	if i, ok := v.(idler); ok && i.idle() {
		s.Waits = false
	}
	if !e.s.whisper {
		s.Verb = notInWhisper{name: e.s.name, Verb: v}
	}
	return s
}
