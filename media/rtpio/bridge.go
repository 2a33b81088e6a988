package rtpio

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/dtmf"
)

// ErrBridged means that a stream is in a bridge already.
var ErrBridged = errors.New("stream is in a bridge")

const (
	pipeDepth = 200 * time.Millisecond
	pipeDelay = 3 // frames between two legs on different phases of the pacer
)

// DigitPolicy says what a bridge does with the keys of its parties.
type DigitPolicy uint8

// The policies. In each of them the digits are also seen by Stream.Digits.
const (
	ForwardDigits  DigitPolicy = iota // the other leg gets them, as events or tones
	SuppressDigits                    // telephone events stay here
)

// Bridge is two streams joined. With the same codec on both sides packets are
// rewritten and sent on at once, without a jitter buffer; otherwise, sound is
// decoded and encoded again. What is played to a leg replaces the other one meanwhile.
type Bridge struct {
	a, b   *Stream
	digits DigitPolicy
	mu     sync.Mutex
	closed bool
	direct bool
}

// Join bridges two streams until Close, or until one of them is closed.
func Join(a, b *Stream, digits DigitPolicy) (*Bridge, error) {
	if a == b {
		return nil, ErrBridged
	}
	br := &Bridge{a: a, b: b, digits: digits}
	if !a.bridge.CompareAndSwap(nil, br) {
		return nil, ErrBridged
	}
	if !b.bridge.CompareAndSwap(nil, br) {
		a.bridge.Store(nil)
		return nil, ErrBridged
	}
	br.arrange()
	return br, nil
}

// Close takes the streams apart. When it returns no packet of one goes to the
// other any more. It may be called again.
func (b *Bridge) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	connect(b.a, b.b, nil)
	connect(b.b, b.a, nil)
	b.a.bridge.Store(nil)
	b.b.bridge.Store(nil)
}

// Direct reports whether packets are passed on without decoding.
func (b *Bridge) Direct() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.direct
}

// String names the bridge in a chain.
func (b *Bridge) String() string {
	if b.Direct() {
		return "relay"
	}
	return "bridge"
}

// arrange chooses how sound passes, at first and when a leg has changed.
func (b *Bridge) arrange() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	pa, pb := b.a.inParams(), b.b.inParams()
	b.direct = pa.Codec.Name == pb.Codec.Name && pa.Codec.ClockRate == pb.Codec.ClockRate
	connect(b.a, b.b, b.way(pa.Codec.SampleRate, b.b))
	connect(b.b, b.a, b.way(pb.Codec.SampleRate, b.a))
}

func (b *Bridge) way(rate int, to *Stream) *relay {
	return &relay{to: to, pipe: media.NewTap(rate, pipeDepth), rate: rate, direct: b.direct, digits: b.digits}
}

func (s *Stream) inParams() Params {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.in.params
}

// connect lets sound of one stream go to the other by r, or no longer if r is nil.
func connect(from, to *Stream, r *relay) {
	from.in.mu.Lock()
	from.in.relay = r
	from.in.mu.Unlock()

	o := &to.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bridge, o.pipe = nil, nil
	o.link.on = r != nil && r.direct
	if r == nil {
		return
	}
	o.pipe = r.pipe
	if r.direct {
		return
	}
	o.bridge = r.pipe
	if r.rate != o.rate {
		// All rates of codecs have whole frames, so this does not fail; without it there is silence.
		if resampled, err := media.NewResampled(r.pipe, r.rate, o.rate); err == nil {
			o.bridge = resampled
		}
	}
}

// relay is one way of a bridge, as the receiving side of it sees it.
type relay struct {
	to     *Stream
	pipe   *media.Tap
	rate   int
	direct bool
	digits DigitPolicy
}

// packet passes a packet on if the way is direct.
func (r *relay) packet(p *rtp.Packet, k kind, fresh bool, now time.Time) {
	if r.direct {
		r.to.forward(p, k, passing{fresh: fresh, drop: k == kindEvent && r.digits == SuppressDigits}, now)
	}
}

// digit passes a key on where no packet can do that.
func (r *relay) digit(e dtmf.Event) {
	if r.digits == SuppressDigits || e.Source == dtmf.FromTone {
		return // tones pass as sound
	}
	if r.direct && e.Source == dtmf.FromRTP && r.to.takesEvents() {
		return
	}
	r.to.out.queueDigit(e.Digit)
}

// hears tells whether the other leg needs decoded sound.
func (r *relay) hears() bool {
	return r != nil && (!r.direct || r.to.out.tapped.Load() > 0)
}

// frame gives decoded sound to the other leg.
func (r *relay) frame(f media.Frame) {
	if r.hears() {
		_ = r.pipe.WriteFrame(f) // never closed while it is here
	}
}

func (s *Stream) takesEvents() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.params.EventSend != 0
}

// link maps the numbers of the other leg's packets to ours.
type link struct {
	on       bool
	anchored bool
	last     time.Time // a packet passed
	seq      uint16    // ours less theirs
	ts       uint32
	dropped  uint64
}

func (l *link) alive(now time.Time) bool { return l.on && l.anchored && now.Sub(l.last) < relayIdle }

// passing says how a packet of the other leg is to be treated.
type passing struct {
	fresh bool // first of a new stream
	drop  bool // leave it out, closing the gap in the numbers
}

// forward sends a packet of the other leg as one of ours.
func (s *Stream) forward(p *rtp.Packet, k kind, how passing, now time.Time) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	pt := o.params.SendType
	switch k {
	case kindEvent:
		pt = o.params.EventSend
		how.drop = how.drop || pt == 0
	case kindNoise:
		pt = noise
	case kindAudio:
	}
	if how.drop {
		o.link.seq--
		return
	}
	if !o.link.on || o.dial.busy() || s.swap.Playing() {
		o.link.dropped++
		return
	}
	marker := p.Marker
	if !o.link.anchored || how.fresh {
		o.catchUp(now)
		o.link.seq, o.link.ts, o.link.anchored = o.seq-p.SequenceNumber, o.ts-p.Timestamp, true
		marker = true
	}
	h := rtp.Header{PayloadType: pt, Marker: marker, SequenceNumber: p.SequenceNumber + o.link.seq,
		Timestamp: p.Timestamp + o.link.ts}
	o.write(h, p.Payload, now)
	o.link.last = now
	if int16(h.SequenceNumber-o.seq) >= 0 {
		o.seq = h.SequenceNumber + 1
		o.ts, o.due = h.Timestamp, now
		o.advance(media.FrameDuration) // where our own clock would go on
	}
}

// tapRelayed gives the taps what the far end hears by way of forward.
func (o *outbound) tapRelayed() {
	if len(o.taps) == 0 || o.pipe == nil {
		return
	}
	o.pipe.Trim(pipeDelay)
	f := media.Frame(o.frame[:media.FrameSize(o.rate)])
	n, _ := o.pipe.ReadFrame(f) // never closed while it is here
	clear(f[n:])
	for _, t := range o.taps {
		_ = t.WriteFrame(f) // a closed tap is its owner's affair
	}
}
