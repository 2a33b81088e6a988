package twiml

import (
	"context"

	"pintle/interpreter"
)

// Redirect replaces the document by another one.
type Redirect struct{ To link }

var _ = register(spec{
	name:    "Redirect",
	doc:     "Redirect goes on with the document of its URL; without a URL it asks for the current document again.",
	attrs:   []attr{{"method", "POST", "GET or POST"}},
	whisper: true,
	decode: func(_ *reader, e *element) interpreter.Verb {
		e.leaf()
		v := Redirect{link{Method: e.method("method", codeRedirectMethod)}}
		if to := e.words(); to != "" {
			v.To.set(e, "", to)
		}
		return v
	},
})

// Run asks for the document. It does not answer the call.
func (v Redirect) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	return v.To.follow(c, interpreter.Result{})
}
