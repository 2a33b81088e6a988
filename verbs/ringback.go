package verbs

import (
	"context"
	"sync/atomic"
	"time"

	"pintle/interpreter"
)

// ringback is what the caller hears while it rings.
type ringback struct {
	r      *ring
	on     atomic.Bool // no sound of the callee has taken its place
	cancel context.CancelFunc
	end    func(error) // tells the trace; nil: no sound of ours
	err    error       // of playing
	g      group
}

// startTone lets the caller hear ringing, unless he does already.
func (r *ring) startTone(ctx context.Context) {
	if r.tone != nil && r.tone.on.Load() {
		return
	}
	r.tone.stop()
	r.tone = r.ringback(ctx)
}

// ringback starts the tone for a caller who hears us: an answered one, or one for whom a sound of his own is set.
func (r *ring) ringback(ctx context.Context) *ringback {
	on, cancel := context.WithCancel(ctx)
	t := &ringback{r: r, cancel: cancel}
	t.on.Store(true)
	p := r.d.Ringback
	own := p.URL != "" || p.Tone != "" || p.Audio != nil || p.Text != nil
	if !own {
		p = interpreter.Prompt{Tone: "ringback"}
	}
	if r.unanswered() && !own {
		return t // the caller's own telephone makes the tone
	}
	t.end = begin(r.c, p)
	p.Loop = interpreter.Forever
	t.g.Go(func() {
		if r.unanswered() {
			if t.err = r.c.Leg.Early(on); t.err != nil {
				return
			}
		}
		t.err = r.c.Leg.Play(on, p)
	})
	return t
}

// early makes room for the callee's own sound.
func (t *ringback) early(ctx context.Context) {
	t.on.Store(false)
	t.cancel()
	if t.r.unanswered() {
		t.r.c.Leg.Early(ctx) //nolint:errcheck // he hears nothing, and is called all the same
	}
}

// stop ends the tone and waits for it; more than once does no harm. A caller who heard no tone is called all the same.
func (t *ringback) stop() {
	if t == nil {
		return
	}
	t.cancel()
	t.g.Wait()
	if t.end == nil {
		return
	}
	t.end(nil)
	t.end = nil
	if interpreter.CodeOf(t.err) != 0 {
		t.r.c.Fault(t.err)
	}
}

// lead is how much silence comes before the conversation in a recording that began with the first ring.
func (r *ring) lead() time.Duration {
	if r.d.Record.Mode == FromRinging {
		return time.Since(r.began)
	}
	return 0
}
