package audio

import (
	"context"

	"pintle/media"
	"pintle/media/rtpio"
)

// listener gives what a half's party says, frame by frame at a rate of its own, with silence in the place of frames
// that were lost because nobody took them in time: what it gives is as long as what was said.
type listener struct {
	half  *Half
	tap   *media.Tap
	heard media.Frame
	out   media.Frame
	size  int              // samples of a frame given
	to    *media.Resampler // nil: the rate is that of the half
	waits bool             // heard is still to be given
	lost  int              // frames of silence to be given before
	told  uint64           // frames known to be lost
}

// listen begins to listen.
func (h *Half) listen(rate int) (*listener, error) {
	own := h.stream.Rate()
	l := &listener{half: h, tap: media.NewTap(own, tapDepth), heard: make(media.Frame, media.FrameSize(own)),
		out: make(media.Frame, media.FrameSize(rate)), size: media.FrameSize(rate)}
	if own != rate {
		var err error
		if l.to, err = media.NewResampler(own, rate); err != nil {
			return nil, err
		}
		l.out = make(media.Frame, max(l.size, l.to.Bound(len(l.heard))))
	}
	h.stream.AddTap(rtpio.Received, l.tap)
	return l, nil
}

// next waits for a frame, which is the caller's until the next call. real is false for one that was lost. When ctx ends
// or the half is closed it gives what is there, then an error.
func (l *listener) next(ctx context.Context) (f media.Frame, real bool, err error) {
	if l.lost == 0 && !l.waits {
		_, lost, err := l.tap.Read(ctx, l.heard)
		l.waits, l.lost = err == nil, lost
		if err != nil {
			lost = int(l.tap.Dropped() - l.told) // at the very end no frame tells
			l.lost = lost
		}
		l.told += uint64(lost)
		if err != nil && lost == 0 {
			return nil, false, err
		}
	}
	if l.lost > 0 {
		l.lost--
		f = l.out[:l.size]
		clear(f)
		return f, false, nil
	}
	l.waits = false
	if l.to == nil {
		return l.heard, true, nil
	}
	return l.out[:l.to.Process(l.out, l.heard)], true, nil
}

// stop takes no more frames; next still gives those that are there. It may be called again.
func (l *listener) stop() {
	l.half.stream.RemoveTap(l.tap)
	l.tap.Close() //nolint:errcheck // never fails
}
