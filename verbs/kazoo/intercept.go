package kazoo

import "pintle/interpreter"

var _ = register(spec{
	name: "intercept",
	doc: "Takes over a call of another telephone, ringing or answered; who talks there is dropped. Without an approved_ " +
		"field the caller must be a telephone of the same user or a member of the group.",
	fields: pickupFields,
	waits:  true,
	decode: func(d *data) interpreter.Verb { return decodePickup(d, true) },
})
