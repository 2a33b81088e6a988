package rtpio

import (
	"time"

	"pintle/media"
)

const (
	longestPacket = 120 * time.Millisecond // of sound in one packet
	concealLimit  = 60 * time.Millisecond  // then the line is silent, and the buffer fills anew
	trimPeriod    = 50                     // frames over which the depth is judged
	trimSoft      = -40.0                  // dBFS: a packet this quiet is not missed
	maxExcess     = 60 * time.Millisecond  // beyond this a packet is dropped whatever it says
	lateNoise     = -65.0                  // dBFS of the line when nothing comes
)

// player turns packets into one frame each tick, whatever their length and
// however they arrive.
type player struct {
	jitter
	delays delays
	codec  media.Codec
	rate   int
	plc    *media.PLC
	own    media.Concealer // the codec, where it replaces lost packets itself; else nil
	noise  media.Noise

	pcm  []int16 // decoded, not yet played
	have int
	unit int // samples of the last packet

	target    time.Duration
	buffering bool
	waited    time.Duration // while buffering, since there is something
	quiet     bool          // the far end sends no sound on purpose
	excess    time.Duration // least depth above the target in this period
	frames    int           // of this period
	trim      bool
	trimHard  bool

	concealed uint64 // frames in part
	lost      uint64 // packets missing when they were due
	trimmed   uint64
}

func newPlayer(c media.Codec) *player {
	rate := media.SampleRate(c)
	p := &player{codec: c, rate: rate, plc: media.NewPLC(rate), target: minTarget, buffering: true}
	p.own, _ = c.(media.Concealer)
	// A G.711 packet of the greatest size fits too.
	p.pcm = make([]int16, max(media.Samples(rate, longestPacket), maxPacket)+media.FrameSize(rate))
	p.unit = media.FrameSize(rate)
	p.noise.SetLevel(lateNoise)
	return p
}

// put takes a packet that came at the given transit time.
func (p *player) put(seq uint16, k kind, payload []byte, transit time.Duration) {
	p.jitter.put(seq, k, payload)
	if k != kindAudio {
		return
	}
	if t := p.delays.add(transit); t > 0 {
		p.target = t
	}
}

// restart forgets what is buffered, as for a new stream.
func (p *player) restart() {
	p.reset()
	p.delays = delays{}
	p.have, p.buffering, p.waited, p.quiet = 0, true, 0, false
	p.target = minTarget
}

// depth is how much sound is buffered.
func (p *player) depth() time.Duration {
	return p.duration(p.have + p.audio*p.unit)
}

func (p *player) duration(samples int) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(p.rate)
}

// frame fills dst with what is due, and reports whether any of it was received.
func (p *player) frame(dst media.Frame) bool {
	p.judge()
	if p.buffering && !p.filled() {
		p.fill(dst)
		return false
	}
	for p.have < len(dst) && p.more() {
	}
	n := copy(dst, p.pcm[:p.have])
	copy(p.pcm, p.pcm[n:p.have])
	p.have -= n
	if n < len(dst) {
		p.fill(dst[n:])
	}
	return n > 0
}

// filled tells whether to begin to play.
func (p *player) filled() bool {
	if p.count == 0 {
		return false
	}
	if p.depth() < p.target && p.waited < p.target {
		p.waited += media.FrameDuration
		return false
	}
	// What was missed while the line was silent is not made up for.
	p.skip()
	p.buffering, p.waited = false, 0
	return true
}

// more decodes the next packet or replaces it; it is false when nothing is there.
func (p *player) more() bool {
	if p.count == 0 {
		return false
	}
	s, ok := p.peek()
	switch {
	case !ok:
		p.lost++
		p.conceal()
	case s.kind == kindAudio:
		p.decode(s.buf)
	case s.kind == kindNoise:
		p.quiet = true
		if len(s.buf) > 0 { // RFC 3389 §3.1: the level in -dBov
			p.noise.SetLevel(-float64(s.buf[0] & 0x7f))
		}
	default:
		p.quiet = true
	}
	p.pass()
	return true
}

func (p *player) decode(payload []byte) {
	room := p.pcm[p.have:]
	n := p.codec.Decode(room, payload)
	if n == 0 {
		return
	}
	p.unit, p.quiet = n, false
	sound := room[:n]
	if p.trim && (p.trimHard || media.Level(sound) < trimSoft) {
		p.trim, p.trimHard = false, false
		p.trimmed++
		return
	}
	p.plc.Good(sound)
	p.have += n
}

func (p *player) conceal() {
	n := min(p.unit, len(p.pcm)-p.have)
	gap := p.pcm[p.have : p.have+n]
	if p.own != nil && p.own.Conceal(gap, p.after()) == n {
		p.plc.Good(gap)
	} else {
		p.plc.Conceal(gap)
	}
	p.concealed++
	p.have += n
}

// fill writes what is heard when nothing was received: a continuation, then noise.
func (p *player) fill(dst media.Frame) {
	if !p.quiet && p.started && !p.buffering {
		p.plc.Conceal(dst)
		p.concealed++
		if p.duration(p.plc.Lost()) < concealLimit {
			return
		}
		p.buffering, p.waited = true, 0
		return
	}
	if !p.started {
		clear(dst)
		return
	}
	if p.quiet {
		// The far end said that silence is meant, so its next packet is not late.
		p.buffering, p.waited = p.count == 0, 0
	}
	_, _ = p.noise.ReadFrame(dst) // never fails
}

// judge sees to it that the buffer does not stay deeper than needed: a clock
// that runs fast, or a burst, would otherwise delay the call for good.
func (p *player) judge() {
	over := p.depth() - p.target
	if p.frames == 0 || over < p.excess {
		p.excess = over
	}
	if p.frames++; p.frames < trimPeriod && over < 2*maxExcess {
		return
	}
	slack := p.duration(p.unit)
	p.trim = p.excess > slack
	p.trimHard = p.excess > max(slack, maxExcess)
	p.frames = 0
}
