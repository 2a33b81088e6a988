package kazoo

import "pintle/interpreter"

var _ = register(spec{
	name:   "noop",
	doc:    "Does nothing and goes on; what was played before it has ended when it runs.",
	decode: func(*data) interpreter.Verb { return interpreter.VerbFunc(skip) },
})
