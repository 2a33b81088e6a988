package dtmf

import "time"

// lostEnd is how long an event may stay without packets before it counts as ended. Senders repeat an event every
// 20 to 50 ms, so 100 ms is two lost packets at the slowest.
const lostEnd = 100 * time.Millisecond

// staleSeconds bounds how far back a timestamp counts as a late packet of an earlier event; anything farther is a
// sender that restarted its clock.
const staleSeconds = 5

// settled is how long after the last packet nothing that was sent before it is still on its way. A beginning with an
// old timestamp is then no late packet: players of captured digits (SIPp's play_pcap_audio) repeat the timestamps of
// the capture, whatever was sent in between.
const settled = 250 * time.Millisecond

// Receiver turns telephone-event packets into digits: one per key however many packets carry it, are lost, repeated
// or arrive out of order. It needs neither the marker bit nor the start of an event, since both get lost, and several
// phones never set the marker.
//
// The beginning of an event also ends the one before it. A Receiver is not safe for concurrent use.
type Receiver struct {
	clockRate int
	ssrc      uint32
	start     uint32 // timestamp of the event's current segment
	held      uint32 // clock units of finished segments
	last      uint32 // duration in the current segment
	digit     byte
	seen      bool // some event was received
	active    bool
	fresh     bool // a packet came since the last Expire
	quietFrom time.Time
	touched   bool      // so did one that said nothing new
	restFrom  time.Time // of the last packet of any event
	settled   bool
}

// NewReceiver returns a receiver for events whose RTP clock ticks clockRate times a second (8000 if not positive).
func NewReceiver(clockRate int) *Receiver {
	if clockRate <= 0 {
		clockRate = 8000
	}
	return &Receiver{clockRate: clockRate}
}

// Packet takes the payload of one telephone-event packet with the timestamp and SSRC of its RTP header. It reports
// the digit when a key begins (began), is let go (ended), or both when only its end arrived; digit is 0 when the packet
// says nothing new or is no key. It never allocates and accepts any bytes.
func (r *Receiver) Packet(payload []byte, timestamp, ssrc uint32) (digit byte, began, ended bool) {
	if len(payload) < 4 {
		return 0, false, false
	}
	digit = digitOf(payload[0])
	if digit == 0 {
		return 0, false, false
	}
	end := payload[1]&0x80 != 0
	duration := uint32(payload[2])<<8 | uint32(payload[3])
	replayed := r.replayed(duration, timestamp, ssrc) && !end
	r.touched, r.settled = true, false
	switch {
	case replayed:
		r.held = 0
	case r.seen && ssrc == r.ssrc && timestamp == r.start:
		return r.again(digit, duration, end)
	case r.stale(timestamp, ssrc):
		return 0, false, false
	case r.continues(digit, timestamp, ssrc):
		r.held += timestamp - r.start
		r.start, r.last, r.fresh = timestamp, 0, true
		return r.again(digit, duration, end)
	}
	r.ssrc, r.start, r.digit = ssrc, timestamp, digit
	r.held, r.last = 0, duration
	r.seen, r.active, r.fresh = true, !end, true
	return digit, true, end
}

// again handles a further packet of the event that is known already.
func (r *Receiver) again(digit byte, duration uint32, end bool) (byte, bool, bool) {
	if !r.active || digit != r.digit {
		return 0, false, false
	}
	r.fresh = true
	r.last = max(r.last, duration)
	if !end {
		return 0, false, false
	}
	r.active = false
	return digit, false, true
}

// stale tells whether the packet belongs to an event before the current one.
func (r *Receiver) stale(timestamp, ssrc uint32) bool {
	if !r.seen || ssrc != r.ssrc {
		return false
	}
	behind := int32(r.start - timestamp)
	return behind > 0 && int(behind) < staleSeconds*r.clockRate
}

// replayed tells whether a packet with a timestamp that is not new begins a key all the same: after a rest, and shorter
// than what came under that timestamp before, or from before it.
func (r *Receiver) replayed(duration, timestamp, ssrc uint32) bool {
	if !r.settled || ssrc != r.ssrc || int(duration) > r.clockRate/20 {
		return false
	}
	return r.stale(timestamp, ssrc) || (timestamp == r.start && duration < r.last)
}

// continues tells whether a new timestamp is the next segment of a key that is still held: segments follow each
// other without a gap when the 16 bits of the duration are used up (RFC 4733 §2.5.1.3).
func (r *Receiver) continues(digit byte, timestamp, ssrc uint32) bool {
	const nearlyFull, full = 0xf000, 0xffff
	if !r.active || digit != r.digit || ssrc != r.ssrc {
		return false
	}
	step := timestamp - r.start
	return step >= nearlyFull && step <= full+1
}

// Expire ends an event whose end packets were lost: call it in every slot with the present time. It reports the digit
// once, at least 100 ms after the first call that followed the event's last packet.
func (r *Receiver) Expire(now time.Time) (digit byte, ended bool) {
	if r.touched {
		r.touched, r.restFrom = false, now
	}
	r.settled = r.seen && now.Sub(r.restFrom) >= settled
	if !r.active {
		return 0, false
	}
	if r.fresh {
		r.fresh, r.quietFrom = false, now
		return 0, false
	}
	if now.Sub(r.quietFrom) < lostEnd {
		return 0, false
	}
	r.active = false
	return r.digit, true
}

// Active reports whether a key is held down.
func (r *Receiver) Active() bool { return r.active }

// Duration is how long the most recent key was held, as its sender counted.
func (r *Receiver) Duration() time.Duration {
	units := int64(r.held) + int64(r.last)
	return time.Duration(units) * time.Second / time.Duration(r.clockRate)
}
