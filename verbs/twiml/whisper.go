package twiml

import (
	"context"
	"fmt"

	"pintle/interpreter"
)

// notInWhisper is a verb that cannot run on a called leg before it is bridged. A Dial there ends the document; any
// other verb is skipped.
type notInWhisper struct {
	interpreter.Verb
	name string
}

// Run runs the verb, except in a whisper document.
func (v notInWhisper) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	if !c.Whisper {
		return v.Verb.Run(ctx, c)
	}
	msg := fmt.Sprintf("<%s> cannot run on a called leg before it is bridged", v.name)
	if v.name != "Dial" {
		return interpreter.Continue(), &interpreter.Fault{Code: schema, Msg: msg + "; it is skipped"}
	}
	doc, step := c.Document()
	return interpreter.Continue(), &interpreter.DocumentError{URL: doc.URL, Pos: step.Pos, Code: codeDialInWhisper,
		Verb: v.name, Msg: msg}
}
