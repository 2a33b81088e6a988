package audio

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/file"
	"pintle/media/rtpio"
)

// relay is what becomes of a party's keys in a bridge: those in keep stay with the verb that bridged, the others are
// the other party's.
type relay struct {
	keep string
	keys chan byte // to be sent on to the other party; nil: the bridge passes keys on by itself
}

// relayDepth is how many keys wait while one is being sent, which takes 200 ms.
const relayDepth = 32

// pass sends a key on. One that was heard as a tone has passed with the sound.
func (r *relay) pass(d interpreter.Digit) {
	if r.keys == nil || d.Source == interpreter.DigitInband {
		return
	}
	select {
	case r.keys <- d.Key:
	default: // faster than keys can be sent
	}
}

// send presses the keys that were passed on, until ctx ends.
func (r *relay) send(ctx context.Context, to *rtpio.Stream) {
	for {
		select {
		case k := <-r.keys:
			to.SendDigits(ctx, string(k), 0, 0) //nolint:errcheck // a key that crosses one of ours is lost, as on a line
		case <-ctx.Done():
			return
		}
	}
}

// Join lets both parties hear each other until ctx ends or one half is closed, and returns when nothing of the join is
// left. Keys go to the other party and not to Digits, except those of h in KeepKeys, which do the opposite. The error
// says that the join could not be made, or is a *Fault 90004: the recording broke off, while the parties talked on.
func (h *Half) Join(ctx context.Context, other *Half, o interpreter.BridgeOptions) error {
	mine, theirs := &relay{keep: o.KeepKeys}, &relay{}
	policy := rtpio.ForwardDigits
	if o.KeepKeys != "" {
		policy = rtpio.SuppressDigits
		mine.keys, theirs.keys = make(chan byte, relayDepth), make(chan byte, relayDepth)
	}
	b, err := rtpio.Join(h.stream, other.stream, policy)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer b.Close()
	h.relay.Store(mine)
	other.relay.Store(theirs)
	defer h.relay.Store(nil)
	defer other.relay.Store(nil)
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if policy == rtpio.SuppressDigits {
		beside.Go(func() { mine.send(ctx, other.stream) })
		beside.Go(func() { theirs.send(ctx, h.stream) })
	}
	defer entertain(ctx, h, other, o.Hold)()
	recorded := make(chan error, 1)
	if o.Record == nil {
		recorded <- nil
	} else {
		beside.Go(func() { recorded <- h.recordBoth(ctx, other, o) })
	}
	select {
	case <-ctx.Done():
	case <-h.closing.Done():
	case <-other.closing.Done():
	}
	stop()
	return <-recorded
}

// recordBoth writes the sound of a bridge until ctx ends.
func (h *Half) recordBoth(ctx context.Context, other *Half, o interpreter.BridgeOptions) error {
	m := mixdown{track: strings.ToLower(o.Track), channels: 1}
	if o.Stereo && m.track != inboundTrack && m.track != outboundTrack {
		m.channels = 2
	}
	rate := h.stream.Rate()
	var err error
	if m.out, err = file.NewWriter(writerAt(o.Record), rate, m.channels); err != nil {
		return recordFault(err)
	}
	left, err := h.listen(rate)
	if err != nil {
		return recordFault(err)
	}
	defer left.stop()
	right, err := other.listen(rate)
	if err != nil {
		return recordFault(err)
	}
	defer right.stop()
	blank := make(media.Frame, media.FrameSize(rate))
	for quiet := o.Lead; quiet > 0 && err == nil; quiet -= media.FrameDuration {
		err = m.write(blank, blank)
	}
	if err == nil {
		err = m.run(ctx, left, right)
	}
	left.stop()
	right.stop()
	if err == nil {
		err = m.run(context.Background(), left, right) //nolint:contextcheck // what waited for the disk
	}
	if closed := m.out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return recordFault(err)
	}
	return nil
}

// The tracks of a recording that are one party alone.
const (
	inboundTrack  = "inbound"
	outboundTrack = "outbound"
)

// mixdown joins two directions into one file.
type mixdown struct {
	channels int
	track    string
	out      *file.Writer
}

// run writes frames until ctx ends or one side has no more. The error is of the file.
func (m *mixdown) run(ctx context.Context, left, right *listener) error {
	for ctx.Err() == nil {
		l, _, over := left.next(ctx)
		if over != nil {
			return nil //nolint:nilerr // the end of a side is the end of the recording, not a fault of the file
		}
		r, _, over := right.next(ctx)
		if over != nil {
			return nil //nolint:nilerr // likewise
		}
		if err := m.write(l, r); err != nil {
			return err
		}
	}
	return nil
}

// write adds one frame of each side to the file. It may change l.
func (m *mixdown) write(l, r media.Frame) error {
	switch {
	case m.channels == 2:
		return m.out.WriteStereo(l, r)
	case m.track == outboundTrack:
		return m.out.WriteFrame(r)
	case m.track != inboundTrack:
		media.Mix(l, r)
	}
	return m.out.WriteFrame(l)
}
