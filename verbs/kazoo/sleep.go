package kazoo

import (
	"context"
	"time"

	"pintle/interpreter"
	"pintle/verbs"
)

var _ = register(spec{
	name: "sleep",
	doc:  "Waits without a sound, then goes on. Keys pressed meanwhile do not count. It does not answer.",
	fields: []field{
		{name: "duration", kind: "integer", def: "0", doc: "how long, in units; at most 24 hours"},
		{name: "unit", kind: "string", def: "s", doc: "ms, s, m or h"},
	},
	waits: true,
	decode: func(d *data) interpreter.Verb {
		n := d.integer("duration", bounds{0, -1 << 53, 1 << 53})
		unit := time.Second
		switch d.choice("unit", "s", "ms", "s", "m", "h") {
		case "ms":
			unit = time.Millisecond
		case "m":
			unit = time.Minute
		case "h":
			unit = time.Hour
		}
		s := Sleep{For: time.Duration(min(max(n, 0), int64(maxSleep/unit))) * unit}
		if n < 0 || n > int64(maxSleep/unit) {
			v, _ := d.n.data.get("duration")
			d.warn("duration", v, "%s is not between 0 and 24 hours; %v is used", v, s.For)
		}
		d.waits = s.For > 0
		return s
	},
})

// maxSleep is the longest sleep.
const maxSleep = 24 * time.Hour

// Sleep waits (Kazoo sleep).
type Sleep struct{ For time.Duration }

// Run waits, and stops at once when the caller hangs up.
func (s Sleep) Run(ctx context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	err := verbs.Pause{For: s.For}.Run(ctx, c)
	verbs.Drop(c.Leg)
	return interpreter.Branch(wildcard), err
}
