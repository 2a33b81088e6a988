package kazoo

import (
	"context"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "manual_presence",
	doc: "Sets the lamp of a presence id, for every telephone that watches it, until it is set again. It does not " +
		"answer.",
	fields: []field{
		{name: "presence_id", kind: "string", doc: "user@realm, or a user of the realm that was dialled; without it what " +
			"the pattern of the number captured"},
		{name: "status", kind: "string", def: "idle", doc: "idle, ringing or busy"},
	},
	decode: func(d *data) interpreter.Verb {
		return ManualPresence{ID: d.words("presence_id", ""),
			State: lampStates[d.choice("status", "idle", "idle", "ringing", "busy")]}
	},
})

var lampStates = map[string]interpreter.LampState{"idle": interpreter.LampIdle, "ringing": interpreter.LampRinging,
	"busy": interpreter.LampBusy}

// ManualPresence sets a lamp (Kazoo manual_presence).
type ManualPresence struct {
	ID    string
	State interpreter.LampState
}

// Run sets it and goes on; what cannot be set is noted in the trace.
func (m ManualPresence) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	id := m.ID
	if id == "" {
		id = c.Start.Capture
	}
	_ = c.SetLamp(ctx, id, m.State) // a lamp that stays dark ends no call; the trace has it
	return interpreter.Branch(wildcard), context.Cause(ctx)
}
