package audio

import (
	"context"
	"errors"
	"sync"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/dtmf"
	"pintle/media/rtpio"
)

// errReplaced ends the turn of a prompt whose place another one took.
var errReplaced = errors.New("another prompt took its place")

// patience is how long a prompt may take to be ready before the trace tells why nothing is heard.
const patience = 300 * time.Millisecond

// keyEnds is how long a key that is on the line may take to end.
const keyEnds = time.Second

// turn is one prompt's time on the line.
type turn struct {
	cancel context.CancelCauseFunc
	over   chan struct{}
}

// Play plays a prompt to its end, as often as it says, without a gap. When ctx ends the sound stops at once and the
// cause is returned; when the half is closed first, ErrCallOver. A prompt that another one replaced counts as played. A
// *Fault says why it could not be played as asked.
func (h *Half) Play(ctx context.Context, p interpreter.Prompt) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := context.Cause(h.closing); err != nil {
		return err
	}
	if err := h.awaitKeys(ctx); err != nil {
		return err
	}
	on, t, before := h.take(ctx)
	defer close(t.over)
	defer t.cancel(nil)
	defer context.AfterFunc(h.closing, func() { t.cancel(context.Cause(h.closing)) })()
	err := h.play(on, p, before)
	if errors.Is(err, media.ErrStopped) || errors.Is(err, rtpio.ErrClosed) {
		<-on.Done() // only what ends a turn stops its sound
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if cause := context.Cause(on); cause != nil {
		if errors.Is(cause, errReplaced) {
			return nil
		}
		return cause
	}
	return err
}

// take begins a turn and ends the one before, which is returned if there was any.
func (h *Half) take(ctx context.Context) (context.Context, *turn, *turn) {
	on, cancel := context.WithCancelCause(ctx)
	t := &turn{cancel: cancel, over: make(chan struct{})}
	h.turns.Lock()
	defer h.turns.Unlock()
	before := h.turn
	if before != nil {
		before.cancel(errReplaced)
	}
	h.turn = t
	return on, t, before
}

// start puts a source made for a rate on the line, unless the turn is over. A re-INVITE may have changed the rate
// since, or may do so while it plays.
func (h *Half) start(on context.Context, src media.Source, rate int) (*media.Playback, error) {
	h.turns.Lock()
	defer h.turns.Unlock()
	if err := context.Cause(on); err != nil {
		return nil, err
	}
	return h.stream.Play(media.AtAnyRate(src, rate)), nil
}

// play plays a prompt as often as it says.
func (h *Half) play(on context.Context, p interpreter.Prompt, before *turn) error {
	if p.Digits != "" && before != nil {
		select { // keys cannot be sent while others are
		case <-before.over:
		case <-on.Done():
			return context.Cause(on)
		}
	}
	rounds, within := p.Loop, 1
	if rounds == 0 {
		rounds = 1
	}
	if p.URL != "" || p.Audio != nil {
		rounds, within = 1, rounds // a file repeats by itself
	}
	for n := 0; rounds < 0 || n < rounds; n++ {
		if err := h.round(on, p, within); err != nil {
			return err
		}
	}
	return nil
}

// round plays a prompt once, a file as often as times says.
func (h *Half) round(on context.Context, p interpreter.Prompt, times int) error {
	if p.Digits != "" {
		return h.sendDigits(on, p)
	}
	making, stop := context.WithCancel(on)
	defer stop()
	ready := h.tellSlow(p)
	now := h.params()
	src, bad := h.sounds.source(making, p, asked{now, times})
	ready()
	if src == nil {
		return bad
	}
	playing, err := h.start(on, src, now.SampleRate)
	if err == nil {
		err = playing.Wait(on)
	}
	if err != nil {
		stop()
	}
	short := waitFor(src)
	switch {
	case on.Err() != nil, errors.Is(err, media.ErrStopped):
		return err
	case err != nil:
		return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "play", Err: err}
	case short != nil:
		return &interpreter.Fault{Code: interpreter.CodeNoVoice, Msg: "the voice broke off", Err: short}
	}
	return bad
}

// tellSlow tells the trace when a prompt is not ready soon, and when it is ready then. The function returned says that
// it is.
func (h *Half) tellSlow(p interpreter.Prompt) func() {
	what := "the sound"
	if p.Text != nil {
		what = "the voice"
	}
	began, told, over := time.Now(), false, make(chan struct{})
	var g sync.WaitGroup
	g.Go(func() {
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case <-t.C:
			told = true
			h.milestone(what + " is being prepared")
		case <-over:
		}
	})
	return func() {
		close(over)
		g.Wait()
		if told {
			h.milestone(what + " was prepared in " + time.Since(began).Round(time.Millisecond).String())
		}
	}
}

// waitFor joins what a source still does in the background, and tells what cut it short.
func waitFor(src media.Source) error {
	if w, ok := src.(interface{ Wait() error }); ok {
		return w.Wait()
	}
	return nil
}

func (h *Half) params() codec.Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.codec
}

// sendDigits presses keys. One that is still sounding, or crosses from the other leg of a bridge, is let out first.
func (h *Half) sendDigits(ctx context.Context, p interpreter.Prompt) error {
	err := h.stream.SendDigits(ctx, p.Digits, p.KeyTone, 0)
	for waited := time.Duration(0); errors.Is(err, dtmf.ErrBusy) && waited < keyEnds; waited += media.FrameDuration {
		if cause := interpreter.Sleep(ctx, media.FrameDuration); cause != nil {
			return cause
		}
		err = h.stream.SendDigits(ctx, p.Digits, p.KeyTone, 0)
	}
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
	src, err := h.sounds.source(ctx, p, asked{h.params(), 1})
	short := waitFor(src)
	switch {
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case short != nil:
		return &interpreter.Fault{Code: interpreter.CodeNoVoice, Msg: "the voice broke off", Err: short}
	}
	return nil
}
