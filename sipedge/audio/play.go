package audio

import (
	"context"
	"errors"
	"sync"

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
	steps := h.sounds.pieces(p)
	if len(steps) == 0 {
		return nil
	}
	return h.sequence(ctx, steps)
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

// made is a piece that is ready, with what was wrong with it.
type made struct {
	src media.Source
	err error
}

// sequence plays pieces one after the other; while one is heard the next is fetched or synthesised.
func (h *Half) sequence(ctx context.Context, steps []func(context.Context) (piece, error)) error {
	making, stop := context.WithCancel(ctx)
	var maker sync.WaitGroup
	defer maker.Wait()
	defer stop()
	h.mu.Lock()
	info := h.codec
	h.mu.Unlock()
	next := make(chan made, 1) // the one piece that waits while another is heard
	maker.Go(func() {
		defer close(next)
		for _, step := range steps {
			m := prepare(making, step, info)
			select {
			case next <- m:
			case <-making.Done():
				return
			}
			if m.err != nil {
				return
			}
		}
	})
	for {
		select {
		case m, more := <-next:
			if !more {
				return context.Cause(ctx)
			}
			if err := h.sound(ctx, m); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// prepare makes one piece; a piece that stands in for another one comes with the fault that says so.
func prepare(ctx context.Context, step func(context.Context) (piece, error), info codec.Info) made {
	p, err := step(ctx)
	if err != nil && p == (piece{}) {
		return made{err: err}
	}
	src, bad := p.source(info)
	if bad != nil {
		return made{err: bad}
	}
	return made{src: src, err: err}
}

// sound plays one piece.
func (h *Half) sound(ctx context.Context, m made) error {
	if m.src != nil {
		err := h.stream.Play(m.src).Wait(ctx)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil && !errors.Is(err, media.ErrStopped) {
			return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "play", Err: err}
		}
	}
	return m.err
}

// Prepare fetches and decodes what a prompt needs, so that it starts without delay.
func (h *Half) Prepare(ctx context.Context, p interpreter.Prompt) error {
	h.mu.Lock()
	info := h.codec
	h.mu.Unlock()
	if p.Digits != "" {
		return nil
	}
	for _, step := range h.sounds.pieces(p) {
		if m := prepare(ctx, step, info); m.err != nil {
			return m.err
		}
	}
	return nil
}
