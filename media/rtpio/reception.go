package rtpio

import "time"

// Limits of RFC 3550 A.1, tightened: at 50 packets a second 1000 are 20 s.
const (
	maxDropout   = 1000
	maxMisorder  = 100
	ssrcSwitch   = 3   // packets in a row of a new SSRC before it is believed
	maxPerSecond = 500 // packets of one leg
)

// verdict is what reception thinks of a packet.
type verdict uint8

const (
	refused verdict = iota // not (yet) believed
	good
	restarted // good, and the first of a new stream
)

// reception follows the SSRC and the sequence numbers of what is received and
// keeps the statistics of RFC 3550 A.3 and A.8.
type reception struct {
	clockRate int
	have      bool
	ssrc      uint32
	candidate uint32 // a new SSRC
	candNum   int

	maxSeq   uint16
	badSeq   uint32 // expected after a jump, or none
	cycles   uint32
	base     uint32
	received uint32

	lastTS  uint32
	elapsed int64 // clock units since the first packet, not wrapped
	first   time.Time
	transit time.Duration
	jitter  float64 // in seconds

	expectedPrior, receivedPrior uint32
	pastReceived, pastLost       uint64 // of streams before this one
	anew                         bool   // any SSRC may come

	window time.Time // of the limit on packets
	inWin  int
}

// maxJump is the most that the time between two packets may differ from their timestamps.
const maxJump = 10 * time.Second

const noSeq = 1 << 16 // no sequence number

// allow enforces the limit on packets a second.
func (r *reception) allow(now time.Time) bool {
	if now.Sub(r.window) >= time.Second {
		r.window, r.inWin = now, 0
	}
	r.inWin++
	return r.inWin <= maxPerSecond
}

// take judges a packet by SSRC and sequence number, and measures it.
func (r *reception) take(ssrc uint32, seq uint16, ts uint32, now time.Time) verdict {
	v := good
	if !r.have || ssrc != r.ssrc {
		if r.have && !r.anew && !r.switchTo(ssrc) {
			return refused
		}
		r.start(ssrc, seq, ts, now)
		v = restarted
	}
	if v == good {
		v = r.sequence(seq, ts, now)
	}
	if v == refused {
		return v
	}
	r.candNum, r.anew = 0, false
	r.received++
	return v
}

// switchTo counts packets of another SSRC until it is believed.
func (r *reception) switchTo(ssrc uint32) bool {
	if ssrc != r.candidate || r.candNum == 0 {
		r.candidate, r.candNum = ssrc, 0
	}
	r.candNum++
	return r.candNum >= ssrcSwitch
}

func (r *reception) start(ssrc uint32, seq uint16, ts uint32, now time.Time) {
	r.pastReceived, r.pastLost = r.totalReceived(), r.totalLost()
	r.have, r.ssrc = true, ssrc
	r.maxSeq, r.base, r.cycles, r.badSeq = seq, uint32(seq), 0, noSeq
	r.received, r.expectedPrior, r.receivedPrior = 0, 0, 0
	r.lastTS, r.elapsed, r.first, r.transit = ts, 0, now, 0
}

func (r *reception) sequence(seq uint16, ts uint32, now time.Time) verdict {
	step := seq - r.maxSeq
	switch {
	case step < maxDropout:
		if seq < r.maxSeq {
			r.cycles += 1 << 16
		}
		r.maxSeq = seq
		r.badSeq = noSeq
		return good
	case step > 1<<16-1-maxMisorder:
		return good // late or repeated
	case uint32(seq) == r.badSeq:
		r.start(r.ssrc, seq, ts, now) // the sender restarted without telling
		return restarted
	}
	r.badSeq = uint32(seq + 1)
	return refused
}

// measure updates the interarrival jitter by an audio packet. Telephone events
// all carry the timestamp of their beginning and say nothing about it.
func (r *reception) measure(ts uint32, now time.Time) {
	r.elapsed += int64(int32(ts - r.lastTS))
	r.lastTS = ts
	transit := now.Sub(r.first) - time.Duration(r.elapsed)*time.Second/time.Duration(r.clockRate)
	d := (transit - r.transit).Abs()
	if d > maxJump {
		r.first, r.elapsed, r.transit = now, 0, 0 // another clock, or an absurd value
		return
	}
	r.jitter += (d.Seconds() - r.jitter) / 16
	r.transit = transit
}

// expected returns how many packets were sent to us, as far as the numbers tell.
func (r *reception) expected() uint32 {
	if !r.have {
		return 0
	}
	return r.extended() - r.base + 1
}

func (r *reception) extended() uint32 { return r.cycles + uint32(r.maxSeq) }

// lost returns the packets missing, not below 0.
func (r *reception) lost() uint32 {
	if e := r.expected(); e > r.received {
		return e - r.received
	}
	return 0
}

// expectNew believes the next SSRC at once: the far end is another one now.
func (r *reception) expectNew() { r.anew = true }

func (r *reception) totalReceived() uint64 { return r.pastReceived + uint64(r.received) }

func (r *reception) totalLost() uint64 { return r.pastLost + uint64(r.lost()) }

// fraction returns the part lost since its last call, in 1/256.
func (r *reception) fraction() uint8 {
	expected, received := r.expected()-r.expectedPrior, r.received-r.receivedPrior
	r.expectedPrior, r.receivedPrior = r.expected(), r.received
	if expected == 0 || received >= expected {
		return 0
	}
	return uint8(min(255, (expected-received)*256/expected))
}
