package rtpio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/dtmf"
	"pintle/media/tone"
)

// SendDigits presses keys towards the far end: 0-9 * # A-D, w and W for pauses.
// They go as telephone events if those were agreed, else as tones; what is
// being played is suspended meanwhile. Zero for on and off means 100 ms. It
// returns when the digits are sent; when ctx ends before, the rest is dropped
// and the cause returned. While others are being sent it fails with dtmf.ErrBusy.
func (s *Stream) SendDigits(ctx context.Context, digits string, on, off time.Duration) error {
	done, err := s.out.startDigits(digits, on, off)
	if err != nil {
		return fmt.Errorf("send digits: %w", err)
	}
	select {
	case <-done:
		return nil
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		s.out.stopDigits()
		return context.Cause(ctx)
	}
}

func (o *outbound) startDigits(digits string, on, off time.Duration) (<-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dial.busy() {
		return nil, dtmf.ErrBusy
	}
	if err := o.dial.begin(digits, on, off, o.rate); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	o.dial.done = done
	if !o.dial.busy() {
		o.dial.finish()
	}
	return done, nil
}

func (o *outbound) stopDigits() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dial.sender.Stop()
	o.dial.tones, o.dial.done = nil, nil
	o.dial.queue = o.dial.queue[:0]
}

// queueDigit sends a digit that came from the other leg, after those before it.
func (o *outbound) queueDigit(digit byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.dial.queue) < digitsKept {
		o.dial.queue = append(o.dial.queue, digit)
	}
}

// sendEvents uses 20 ms for packets of telephone events.
func (o *outbound) sendEvents(now time.Time) {
	d := &o.dial
	o.rest, o.silent = o.rest[:0], true
	d.slot += media.FrameDuration
	for d.slot >= o.params.Ptime {
		d.slot -= o.params.Ptime
		n, f := d.sender.Next(d.event[:])
		if f.Has(dtmf.SendEvent) {
			if f.Has(dtmf.SendFirst) {
				d.start = o.ts
			}
			h := rtp.Header{PayloadType: d.pt, Marker: f.Has(dtmf.SendFirst), Timestamp: d.start + d.sender.Offset()*d.scale}
			o.packet(h, d.event[:n], now)
		}
		o.advance(o.params.Ptime)
	}
	if !d.sender.Busy() {
		d.finish()
	}
}

func (d *dialler) prepare(p Params) {
	d.sender = dtmf.NewSender(p.EventRate, p.Ptime)
	d.pt = p.EventSend
	d.scale = uint32(max(1, p.Codec.ClockRate/p.EventRate))
	d.finish()
}

// begin starts to send digits.
func (d *dialler) begin(digits string, on, off time.Duration, rate int) error {
	d.slot = 0
	if d.pt != 0 {
		return d.sender.Start(digits, on, off)
	}
	t, err := tone.DTMF(rate, digits, on, off)
	if err != nil {
		return err
	}
	if digits != "" {
		d.tones = t
	}
	return nil
}

func (d *dialler) busy() bool { return d.sender.Busy() || d.tones != nil || len(d.queue) > 0 }

// next starts on the digits that came from the other leg.
func (d *dialler) next(rate int) {
	if len(d.queue) == 0 || d.sender.Busy() || d.tones != nil {
		return
	}
	// An error means a key that cannot be sent, such as a flash as a tone; it is dropped.
	_ = d.begin(string(d.queue), 0, 0, rate)
	d.queue = d.queue[:0]
}

// read gives the next frame of tones.
func (d *dialler) read(f media.Frame) int {
	n, err := d.tones.ReadFrame(f)
	if err != nil || n < len(f) {
		if err != nil && !errors.Is(err, io.EOF) {
			n = 0
		}
		d.finish()
	}
	return n
}

// finish ends a SendDigits that waits.
func (d *dialler) finish() {
	d.tones = nil
	if d.done != nil {
		close(d.done)
		d.done = nil
	}
}
