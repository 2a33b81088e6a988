package kazoo

import "pintle/interpreter"

var _ = register(spec{
	name:    "answer",
	doc:     "Answers the caller, then goes on.",
	answers: true,
	decode:  func(*data) interpreter.Verb { return interpreter.VerbFunc(skip) },
})
