package sipedge

import (
	"context"

	"pintle/interpreter"
	"pintle/sipedge/audio"
)

// AudioHalf is the half of the leg's sound, for bridges with legs that are not of SIP; nil where other media serve it.
func (l *Leg) AudioHalf() *audio.Half { return audio.HalfOf(l.audio) }

// hear lets a caller of any kind hear a leg of ours until ctx ends; false: the caller has no sound of this engine.
func (l *Leg) hear(caller interpreter.Leg) func(ctx context.Context) {
	if c, ok := caller.(*Leg); ok {
		return func(ctx context.Context) { _ = c.audio.Join(ctx, l.audio, interpreter.BridgeOptions{}) }
	}
	theirs, ours := audio.HalfOf(caller), l.AudioHalf()
	if theirs == nil || ours == nil {
		return nil
	}
	return func(ctx context.Context) { _ = theirs.Join(ctx, ours, interpreter.BridgeOptions{}) }
}
