package file

import (
	"fmt"
	"io"
	"time"

	"pintle/media"
)

// Forever is the number of loops of a Player that never ends by itself.
const Forever = -1

// PlayOptions say how a clip is played; the zero value plays it once from its beginning.
type PlayOptions struct {
	Loops int           // how often; 0 means once, Forever without end
	Start time.Duration // where the first round begins; rounded down to a whole frame
}

// Player is a source over a clip, at the clip's rate. It serves one leg and is not safe for concurrent use.
type Player struct {
	clip  *Clip
	loops int // rounds left besides the present one
	at    int // sample
	size  int // of a frame
	key   encodedKey
	enc   *encoding
}

var _ media.EncodedSource = (*Player)(nil)

// Play returns a player. For ready payloads call Prepare before and play the clip at the codec's sample rate (see At).
func (c *Clip) Play(o PlayOptions) *Player {
	p := &Player{clip: c, size: media.FrameSize(c.rate), loops: o.Loops - 1}
	if o.Loops == 0 {
		p.loops = 0
	}
	if o.Loops < 0 {
		p.loops = Forever
	}
	p.Seek(o.Start)
	return p
}

// Seek goes to a place in the present round, rounded down to a whole frame. Beyond the end it ends the round.
func (p *Player) Seek(to time.Duration) {
	frames := max(0, to) / media.FrameDuration
	end := (len(p.clip.samples) + p.size - 1) / p.size
	p.at = min(int(min(frames, time.Duration(end))), end) * p.size
}

// Position is the place in the present round.
func (p *Player) Position() time.Duration {
	at := min(p.at, len(p.clip.samples))
	return time.Duration(at) * time.Second / time.Duration(p.clip.rate)
}

// Rate is the rate of the frames it gives.
func (p *Player) Rate() int { return p.clip.rate }

// rewind begins the next round when the present one is over; ok is false at the very end.
func (p *Player) rewind() (ok bool) {
	if p.at < len(p.clip.samples) {
		return true
	}
	if p.loops == 0 || len(p.clip.samples) == 0 {
		return false
	}
	if p.loops > 0 {
		p.loops--
	}
	p.at = 0
	return true
}

// ReadFrame gives the next 20 ms. Rounds follow each other at the next whole frame; the last one of a round is filled
// up with silence.
func (p *Player) ReadFrame(dst media.Frame) (int, error) {
	if !p.rewind() {
		return 0, io.EOF
	}
	n := copy(dst, p.clip.samples[p.at:])
	p.at += n
	if p.at < len(p.clip.samples) {
		return n, nil
	}
	p.at = len(p.clip.samples)
	if p.loops == 0 {
		return n, io.EOF
	}
	clear(dst[n:])
	return len(dst), nil
}

// ReadEncoded gives the payload of the next 20 ms when the clip was prepared for c.
func (p *Player) ReadEncoded(c media.Codec) (payload []byte, ok bool, err error) {
	if p.at%p.size != 0 && p.at < len(p.clip.samples) {
		return nil, false, nil // somebody read with frames of another size
	}
	if key := (encodedKey{c.Name(), c.ClockRate()}); p.enc == nil || key != p.key {
		if p.enc = p.clip.ready(key); p.enc == nil {
			return nil, false, nil
		}
		p.key = key
	}
	if !p.rewind() {
		return nil, true, io.EOF
	}
	payload = p.enc.frame(p.at / p.size)
	p.at += p.size
	if p.loops == 0 && p.at >= len(p.clip.samples) {
		err = io.EOF
	}
	return payload, true, err
}

// String names the clip for traces.
func (p *Player) String() string { return fmt.Sprintf("file(%s)", p.clip.name) }
