package rtpio

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/dtmf"
)

// Limits of the sender's clock.
const (
	maxAhead  = media.FrameDuration    // prompts that start at once may send this much early
	maxBehind = 60 * time.Millisecond  // beyond this time is skipped, not sent in a burst
	relayIdle = 200 * time.Millisecond // without a packet of the other leg we send silence ourselves
)

// outbound is the sending half of a stream.
type outbound struct {
	mu      sync.Mutex
	io      PacketIO
	params  Params
	remote  netip.AddrPort
	encoder media.Codec
	rate    int
	ssrc    uint32
	seq     uint16    // of the next packet
	ts      uint32    // of the next packet, which is due at
	due     time.Time // this time
	batch   [1]Packet
	sealer  sealer
	buf     [maxPacket]byte
	frame   [media.MaxFrame]int16
	code    [2 * media.MaxFrame]byte
	silence []byte // one frame, encoded
	rest    []byte // encoded, not yet a whole packet
	unit    int    // bytes of a packet; 0 if one frame is one packet

	lastTick time.Time
	credit   time.Duration // time that passed less time that was sent
	silent   bool          // the last packet was filler, or there was none: the next sound has the marker
	marker   bool          // of the packet being made

	dial   dialler
	bridge media.Source // sound of the other leg, when it has to be decoded
	pipe   *media.Tap   // frames of the other leg
	link   link
	taps   []*media.Tap
	tapped atomic.Int32 // len(taps), for the other leg

	packets, octets, unsent, stalls uint64
	firstSent                       time.Time
}

func (o *outbound) start(io PacketIO, p Params) {
	o.io = io
	o.ssrc, o.seq, o.ts = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
	o.silent = true
	o.prepare(p)
}

func (o *outbound) update(p Params) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.prepare(p)
}

// prepare makes what depends on the agreement.
func (o *outbound) prepare(p Params) {
	if p.Remote != o.params.Remote {
		o.remote = p.Remote // else what was learned stays good until something else is
	}
	o.params = p
	if o.encoder != nil {
		media.Release(o.encoder)
	}
	o.encoder, o.rate = p.Codec.New(), p.Codec.SampleRate
	clear(o.frame[:])
	n := o.encoder.Encode(o.code[:], o.frame[:media.FrameSize(o.rate)])
	o.silence = nil
	if !p.Codec.Stateful {
		o.silence = append(o.silence, o.code[:n]...)
	}
	o.unit = 0
	if p.Ptime != media.FrameDuration && !p.Codec.Stateful {
		o.unit = n * int(p.Ptime) / int(media.FrameDuration)
	}
	o.rest = make([]byte, 0, n+max(n, o.unit))
	o.dial.prepare(p)
	o.link.anchored = false
}

func (o *outbound) setRemote(a netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remote = a
}

func (o *outbound) addTap(t *media.Tap) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taps = append(o.taps, t)
	o.tapped.Store(int32(len(o.taps)))
}

func (o *outbound) removeTap(t *media.Tap) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taps = without(o.taps, t)
	o.tapped.Store(int32(len(o.taps)))
}

func (o *outbound) closeTaps() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.taps {
		_ = t.Close() // never fails
	}
	o.taps = nil
	media.Release(o.encoder)
}

// units returns d in units of the RTP clock.
func (o *outbound) units(d time.Duration) uint32 {
	return uint32(media.Samples(o.encoder.ClockRate(), d))
}

// sendTick sends what is due.
func (s *Stream) sendTick(now time.Time) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pass(now)
	own := o.dial.busy() || o.bridge != nil || s.swap.Playing()
	switch {
	case !own && o.link.alive(now):
		o.credit = 0
		o.tapRelayed()
		return
	case own && o.credit < -maxAhead, !own && o.credit < media.FrameDuration:
		return // sent already, at once when it began
	}
	o.credit -= media.FrameDuration
	o.own(now)
	o.dial.next(o.rate)
	switch {
	case o.dial.sender.Busy():
		o.sendEvents(now)
	case s.sendEncoded(now):
	default:
		s.sendFrame(now)
	}
}

// pass accounts for the time since the last tick. After a stall the time that
// is too long ago is left out; its timestamps are not.
func (o *outbound) pass(now time.Time) {
	elapsed := media.FrameDuration
	if !o.lastTick.IsZero() {
		elapsed = now.Sub(o.lastTick)
	}
	o.lastTick = now
	o.credit += elapsed
	if o.credit <= maxBehind {
		return
	}
	skip := o.credit - media.FrameDuration
	o.credit -= skip
	if !o.link.anchored { // else the other leg's timestamps count
		o.ts += o.units(skip)
	}
	o.silent = true
	o.stalls++
}

// sendEncoded sends the next frame of a source that has it ready; it is false if there is none.
func (s *Stream) sendEncoded(now time.Time) bool {
	o := &s.out
	if o.dial.tones != nil || len(o.taps) > 0 {
		return false
	}
	b, ok, _ := s.swap.ReadEncoded(o.encoder)
	if !ok || len(b) == 0 {
		return false
	}
	o.sound(b, now)
	return true
}

// sendFrame sends one frame of whatever is to be heard.
func (s *Stream) sendFrame(now time.Time) {
	o := &s.out
	f := media.Frame(o.frame[:media.FrameSize(o.rate)])
	n := 0
	switch {
	case o.dial.tones != nil:
		n = o.dial.read(f)
	case s.swap.Playing():
		n, _ = s.swap.ReadFrame(f) // never fails
	case o.bridge != nil:
		o.pipe.Trim(pipeDelay)
		n, _ = o.bridge.ReadFrame(f) // ends with the bridge
	}
	clear(f[n:])
	for _, t := range o.taps {
		_ = t.WriteFrame(f) // a closed tap is its owner's affair
	}
	if n == 0 {
		o.silent = true
		quiet := o.silence
		if quiet == nil {
			quiet = o.code[:o.encoder.Encode(o.code[:], f)]
		}
		o.audio(quiet, now)
		return
	}
	o.sound(o.code[:o.encoder.Encode(o.code[:], f)], now)
}

// sound sends a payload that is not filler.
func (o *outbound) sound(payload []byte, now time.Time) {
	o.marker, o.silent = o.silent, false
	o.audio(payload, now)
	o.marker = false
}

// audio sends 20 ms in packets of the wanted length.
func (o *outbound) audio(payload []byte, now time.Time) {
	h := rtp.Header{PayloadType: o.params.SendType, Marker: o.marker, Timestamp: o.ts}
	if o.unit == 0 {
		o.packet(h, payload, now)
		o.advance(media.FrameDuration)
		return
	}
	o.rest = append(o.rest, payload...)
	for len(o.rest) >= o.unit {
		h.Timestamp = o.ts
		o.packet(h, o.rest[:o.unit], now)
		o.advance(o.params.Ptime)
		o.rest = o.rest[:copy(o.rest, o.rest[o.unit:])]
		h.Marker = false
	}
}

// advance moves the media clock on.
func (o *outbound) advance(d time.Duration) {
	o.ts += o.units(d)
	o.due = o.due.Add(d)
}

// packet sends one packet of our own and counts on.
func (o *outbound) packet(h rtp.Header, payload []byte, now time.Time) {
	h.SequenceNumber = o.seq
	o.write(h, payload, now)
	o.seq++
}

// write sends a packet. What cannot be sent now is counted only.
func (o *outbound) write(h rtp.Header, payload []byte, now time.Time) {
	if !o.params.Direction.sends() || !o.remote.IsValid() {
		o.unsent++
		return
	}
	h.Version, h.SSRC = 2, o.ssrc
	n, err := h.MarshalTo(o.buf[:])
	if err != nil || n+len(payload) > len(o.buf) {
		o.unsent++
		return
	}
	n += copy(o.buf[n:], payload)
	sealed, ok := o.sealer.seal(o.buf[:n])
	if !ok {
		o.unsent++
		return
	}
	o.batch[0] = Packet{Buf: sealed, N: len(sealed), Addr: o.remote}
	if _, err := o.io.WriteBatch(o.batch[:]); err != nil {
		o.unsent++
		return
	}
	o.packets++
	o.octets += uint64(len(payload))
	if o.firstSent.IsZero() {
		o.firstSent = now
	}
}

// own makes the media clock ours again after packets of the other leg went out.
func (o *outbound) own(now time.Time) {
	if o.link.anchored {
		o.catchUp(now)
		o.link.anchored = false
		o.silent = true
	}
	o.due = now
}

// catchUp moves the timestamp to now when packets of the other leg went out last.
func (o *outbound) catchUp(now time.Time) {
	if d := now.Sub(o.due); d > 0 && !o.due.IsZero() {
		o.advance(d.Truncate(time.Millisecond))
	}
}

// dialler sends digits: as telephone events, or as tones where the far end takes none.
type dialler struct {
	sender *dtmf.Sender
	pt     uint8 // payload type of events; 0: tones
	event  [4]byte
	scale  uint32 // of the RTP clock to that of events
	start  uint32
	slot   time.Duration
	tones  media.Source
	queue  []byte        // single digits to send
	done   chan struct{} // of SendDigits
}
