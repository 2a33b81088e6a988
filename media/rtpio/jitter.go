package rtpio

import "time"

// Bounds of the jitter buffer.
const (
	ringSize  = 64 // packets, by sequence number
	minTarget = 40 * time.Millisecond
	maxTarget = 200 * time.Millisecond
)

// kind is what a packet carries.
type kind uint8

const (
	kindAudio kind = iota
	kindEvent      // a telephone event: takes a sequence number, has no sound
	kindNoise      // comfort noise, RFC 3389
)

// slot is one packet in the ring.
type slot struct {
	full bool
	kind kind
	seq  uint16
	buf  []byte
}

// jitter orders packets by sequence number. It has no clock of its own: player
// takes from it at the rate of the pacer. Buffers are reused, so it allocates
// only while it grows.
type jitter struct {
	slots   [ringSize]slot
	free    [][]byte
	head    uint16 // next to be played
	top     uint16 // highest so far
	started bool
	played  bool // something was taken since the start
	count   int
	audio   int // of these, with sound

	late, duplicate, reordered, flushed uint64
}

// put keeps a copy of a packet and reports whether it is new and in time.
func (j *jitter) put(seq uint16, k kind, payload []byte) bool {
	if !j.started {
		j.started, j.played, j.head, j.top = true, false, seq, seq
	}
	ahead := int(int16(seq - j.head))
	switch {
	case ahead >= ringSize:
		j.flushed += uint64(j.count)
		j.reset()
		return j.put(seq, k, payload)
	case ahead < 0 && (j.played || int(int16(j.top-seq)) >= ringSize):
		j.late++
		return false
	case ahead < 0:
		j.head = seq // nothing was played yet, so an earlier packet may still come first
	}
	s := &j.slots[seq%ringSize]
	if s.full {
		j.duplicate++
		return false
	}
	if int16(seq-j.top) < 0 {
		j.reordered++
	} else {
		j.top = seq
	}
	s.full, s.kind, s.seq = true, k, seq
	s.buf = append(j.buffer()[:0], payload...)
	j.count++
	if k == kindAudio {
		j.audio++
	}
	return true
}

// peek returns the packet to be played next; ok is false when it is missing.
func (j *jitter) peek() (s *slot, ok bool) {
	s = &j.slots[j.head%ringSize]
	return s, s.full && s.seq == j.head
}

// after returns the payload of the audio packet behind the next one, if it is there.
func (j *jitter) after() []byte {
	s := &j.slots[(j.head+1)%ringSize]
	if !s.full || s.seq != j.head+1 || s.kind != kindAudio {
		return nil
	}
	return s.buf
}

// pass goes on to the next sequence number, present or not.
func (j *jitter) pass() {
	if s, ok := j.peek(); ok {
		j.drop(s)
	}
	j.head++
	j.played = true
}

// skip goes on to the first packet that is there.
func (j *jitter) skip() {
	for j.count > 0 {
		if _, ok := j.peek(); ok {
			return
		}
		j.head++
	}
}

func (j *jitter) drop(s *slot) {
	s.full = false
	j.count--
	if s.kind == kindAudio {
		j.audio--
	}
	j.free = append(j.free, s.buf)
	s.buf = nil
}

// reset empties the buffer; the next packet starts it again.
func (j *jitter) reset() {
	for i := range j.slots {
		if j.slots[i].full {
			j.drop(&j.slots[i])
		}
	}
	j.started = false
}

func (j *jitter) buffer() []byte {
	if n := len(j.free); n > 0 {
		b := j.free[n-1]
		j.free = j.free[:n-1]
		return b
	}
	return nil
}

// The delay of packets is judged over a window of them, in steps of 5 ms.
const (
	delayWindow = 150 // packets: 3 s of 20 ms
	delayPeriod = 25  // packets between two judgements
	delayStep   = 5 * time.Millisecond
	delaySteps  = 60
)

// delays follows how much later than the earliest packets the others come, and
// says how much must be buffered so that 95 % of them are in time.
type delays struct {
	transit [delayWindow]time.Duration // arrival less timestamp, on an arbitrary scale
	n       int                        // packets so far
}

// add takes the transit time of a packet and returns the wanted depth at times, else 0.
func (d *delays) add(transit time.Duration) time.Duration {
	d.transit[d.n%delayWindow] = transit
	d.n++
	if d.n%delayPeriod != 0 {
		return 0
	}
	used := d.transit[:min(d.n, delayWindow)]
	least := used[0]
	for _, t := range used {
		least = min(least, t)
	}
	var steps [delaySteps]int
	for _, t := range used {
		steps[min((t-least)/delayStep, delaySteps-1)]++
	}
	rest := len(used) / 20 // 5 % may be later
	for i := delaySteps - 1; i >= 0; i-- {
		if rest -= steps[i]; rest < 0 {
			// A frame on top, because a packet is taken up to a frame before its last sample is heard.
			return max(minTarget, min(maxTarget, time.Duration(i+1)*delayStep+20*time.Millisecond))
		}
	}
	return minTarget
}
