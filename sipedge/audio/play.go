package audio

import (
	"context"
	"errors"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
)

// Play plays a prompt to its end. When ctx ends the sound stops at once and the cause is returned; a prompt that
// another one replaced counts as played. A *Fault says why it could not be played as asked.
func (h *Half) Play(ctx context.Context, p interpreter.Prompt) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	rounds := max(p.Loop, 1)
	if p.Loop == interpreter.Forever {
		rounds = interpreter.Forever
	}
	for n := 0; rounds == interpreter.Forever || n < rounds; n++ {
		if err := h.round(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// round plays a prompt once.
func (h *Half) round(ctx context.Context, p interpreter.Prompt) error {
	if p.Digits != "" {
		return h.sendDigits(ctx, p.Digits)
	}
	making, stop := context.WithCancel(ctx)
	src, bad := h.sounds.source(making, p, h.params())
	defer waitFor(src)
	defer stop()
	if src == nil {
		return bad
	}
	err := h.stream.Play(src).Wait(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil && !errors.Is(err, media.ErrStopped) {
		return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "play", Err: err}
	}
	return bad
}

// waitFor joins what a source still does in the background.
func waitFor(src media.Source) {
	if w, ok := src.(interface{ Wait() error }); ok {
		w.Wait() //nolint:errcheck // what was heard is what counts
	}
}

func (h *Half) params() codec.Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.codec
}

func (h *Half) sendDigits(ctx context.Context, digits string) error {
	err := h.stream.SendDigits(ctx, digits, 0, 0)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "send keys", Err: err}
	}
	return nil
}

// Prepare fetches and decodes what a prompt needs, so that it starts without delay.
func (h *Half) Prepare(ctx context.Context, p interpreter.Prompt) error {
	if p.Digits != "" || p.Tone != "" || p.Silence > 0 {
		return nil
	}
	src, err := h.sounds.source(ctx, p, h.params())
	waitFor(src)
	return err
}
