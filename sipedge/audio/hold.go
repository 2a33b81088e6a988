package audio

import (
	"context"
	"sync"

	"pintle/interpreter"
)

// holdMusic is what is heard of ourselves when nothing else was asked for.
const holdMusic = "hold"

// hold is whether the far end of a half has put us on hold, and who is to know.
type hold struct {
	mu   sync.Mutex
	on   bool
	told func(on bool)
}

// set takes the state that was negotiated.
func (h *hold) set(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.on == on {
		return
	}
	h.on = on
	if h.told != nil {
		h.told(on)
	}
}

// tell has f told of each change, and of the state now if it is hold. Nil ends that.
func (h *hold) tell(f func(on bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = f
	if f != nil && h.on {
		f(true)
	}
}

// waiting lets a party of a bridge hear music while the other one has put it on hold.
type waiting struct {
	ctx    context.Context //nolint:containedctx // of the bridge
	prompt interpreter.Prompt

	mu     sync.Mutex
	over   bool
	stops  map[*Half]context.CancelFunc // by who hears music
	played sync.WaitGroup
}

// entertain watches both halves of a bridge until the function returned is called, which waits for the music to end.
func entertain(ctx context.Context, a, b *Half, p interpreter.Prompt) func() {
	w := &waiting{ctx: ctx, prompt: p, stops: make(map[*Half]context.CancelFunc)}
	for _, instead := range []interpreter.Prompt{a.sounds.Hold, {Tone: holdMusic}} {
		if empty(w.prompt) {
			w.prompt = instead
		}
	}
	w.prompt.Loop = interpreter.Forever
	a.hold.tell(func(on bool) { w.set(b, on) })
	b.hold.tell(func(on bool) { w.set(a, on) })
	return func() {
		a.hold.tell(nil)
		b.hold.tell(nil)
		w.end()
	}
}

func empty(p interpreter.Prompt) bool {
	return p.URL == "" && p.Tone == "" && p.Text == nil && p.Audio == nil && p.Silence == 0
}

// set begins or ends the music of one party. It does not wait.
func (w *waiting) set(hears *Half, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stop := w.stops[hears]; stop != nil {
		stop()
		delete(w.stops, hears)
	}
	if !on || w.over {
		return
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.stops[hears] = stop
	w.played.Go(func() { w.play(ctx, hears) })
}

// play plays until ctx ends. Music that cannot be had is replaced by our own.
func (w *waiting) play(ctx context.Context, hears *Half) {
	hears.milestone("on hold: music")
	err := hears.Play(ctx, w.prompt)
	if err == nil || ctx.Err() != nil || hears.closing.Err() != nil {
		return
	}
	hears.milestone("music on hold: " + err.Error())
	_ = hears.Play(ctx, interpreter.Prompt{Tone: holdMusic, Loop: interpreter.Forever}) // ends with ctx or the half
}

func (w *waiting) end() {
	w.mu.Lock()
	w.over = true
	for _, stop := range w.stops {
		stop()
	}
	w.mu.Unlock()
	w.played.Wait()
}
