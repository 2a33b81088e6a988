package audio

import (
	"context"

	"pintle/interpreter"
)

// Halved is what has a half: every leg that this engine's own media serve, and the audio of its dialog.
type Halved interface {
	// AudioHalf is the half, or nil where other media serve the leg.
	AudioHalf() *Half
}

// HalfOf is the half of v, or nil.
func HalfOf(v any) *Half {
	if h, ok := v.(Halved); ok {
		return h.AudioHalf()
	}
	return nil
}

// Bridge joins two answered legs of any kind until one of them or ctx ends; see interpreter.Lines. Legs without halves
// give ErrUnsupported.
func Bridge(ctx context.Context, a, b interpreter.Leg, o interpreter.BridgeOptions) error {
	ha, hb := HalfOf(a), HalfOf(b)
	if ha == nil || hb == nil {
		return interpreter.ErrUnsupported
	}
	return Together(ctx, a, b, func(joined context.Context) error { return ha.Join(joined, hb, o) })
}

// Together runs join under a context that ends with either leg and with ctx, and gives what Bridge promises.
func Together(ctx context.Context, a, b interpreter.Leg, join func(context.Context) error) error {
	joined, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.Context(), cancel)()
	defer context.AfterFunc(b.Context(), cancel)()
	err := join(joined)
	switch {
	case interpreter.CodeOf(err) == interpreter.CodeRecording:
		return err // they talked to the end; the file alone is cut short
	case a.Context().Err() != nil || b.Context().Err() != nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}
