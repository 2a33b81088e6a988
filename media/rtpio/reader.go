package rtpio

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/dtmf"
)

// twice is how long after a digit the same one from another path (SIP INFO,
// tones) is the same key.
const twice = 250 * time.Millisecond

// catchUp is the most frames one tick gives to taps after a stall.
const catchUp = 50

// inbound is the receiving half of a stream.
type inbound struct {
	mu        sync.Mutex
	params    Params
	learner   learner
	reception reception
	player    *player
	events    *dtmf.Receiver
	detector  *dtmf.Detector // nil unless tones are listened for
	opener    opener

	association *association // takes the records of DTLS; nil: none is expected
	packet      rtp.Packet
	taps        []*media.Tap
	relay       *relay // to the other leg of a bridge
	listening   bool   // packets are kept to be decoded

	last     time.Time // of a packet that counts, or of the last change
	began    bool      // there was a packet
	lastTick time.Time
	credit   time.Duration
	frame    [media.MaxFrame]int16

	digit   dtmf.Event // the last one
	digitAt time.Time

	foreign, invalid, wrongType, flooded, lostDigits, unauthentic, unshaken uint64

	remote remoteReport
}

func (i *inbound) start(p Params, now time.Time) {
	i.params, i.last = p, now
	i.learner.reopen(p)
	i.reception.clockRate = p.Codec.ClockRate
	i.prepare()
}

// prepare makes what depends on the codec and the kinds of digits.
func (i *inbound) prepare() {
	if i.player != nil {
		media.Release(i.player.codec)
	}
	i.player = newPlayer(i.params.Codec.New())
	i.events = dtmf.NewReceiver(i.params.EventRate)
	i.detector = nil
	if i.params.Inband {
		i.detector = dtmf.NewDetector(i.params.Codec.SampleRate)
	}
}

func (i *inbound) update(p Params, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := i.params
	i.params, i.last = p, now
	i.learner.reopen(p)
	if old.Remote != p.Remote {
		i.reception.expectNew()
	}
	if old.Codec.Name != p.Codec.Name || old.Codec.ClockRate != p.Codec.ClockRate ||
		old.EventRate != p.EventRate || old.Inband != p.Inband {
		i.prepare()
		i.reception.clockRate = p.Codec.ClockRate
	}
	if !p.Direction.receives() {
		i.player.restart()
	}
}

func (i *inbound) closeTaps() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, t := range i.taps {
		_ = t.Close() // never fails
	}
	i.taps = nil
	media.Release(i.player.codec)
}

// transient tells errors of one datagram, such as an ICMP answer to one we
// sent, from the end of the socket.
func transient(err error) bool {
	return !errors.Is(err, net.ErrClosed) &&
		(errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) ||
			errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EMSGSIZE))
}

// receive takes one datagram.
func (s *Stream) receive(b []byte, from netip.AddrPort, now time.Time) {
	i := &s.in
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.reception.allow(now) {
		i.flooded++
		return
	}
	if isDTLS(b) {
		i.shake(b, from)
		return
	}
	// The source is looked at first: a stranger shall not make us compute.
	if i.opener.secure && !i.learner.plausible(from) {
		i.foreign++
		return
	}
	b, ok := i.opener.open(b, now)
	if !ok {
		i.unauthentic++
		return
	}
	if isRTCP(b) {
		i.control(b, from, s.report.ssrc, now)
		return
	}
	// The parser takes any version, and a datagram longer than we read was cut.
	if len(b) < 12 || len(b) > maxPacket || b[0]>>6 != 2 || i.packet.Unmarshal(b) != nil {
		i.invalid++
		return
	}
	k, known := i.kind(i.packet.PayloadType)
	if !known {
		i.wrongType++
		return
	}
	ok, learned := i.learner.accept(from, i.packet.SSRC)
	if learned {
		s.out.setRemote(from)
	}
	if !ok {
		i.foreign++
		return
	}
	if !i.params.Direction.receives() {
		return
	}
	s.take(k, now)
}

// shake passes a datagram of a handshake on.
func (i *inbound) shake(b []byte, from netip.AddrPort) {
	// CVE-2023-49786: only who may send us media may shake hands.
	if i.association == nil || !i.learner.plausible(from) || !i.association.take(b, from) {
		i.foreign++
	}
}

// take handles the packet in i.packet, which comes from the right source.
func (s *Stream) take(k kind, now time.Time) {
	i, p := &s.in, &s.in.packet
	v := i.reception.take(p.SSRC, p.SequenceNumber, p.Timestamp, now)
	if v == refused {
		i.invalid++
		return
	}
	i.last, i.began = now, true
	if k == kindAudio {
		i.reception.measure(p.Timestamp, now)
	}
	if v == restarted {
		i.player.restart()
	}
	if k == kindEvent {
		if digit, began, _ := i.events.Packet(p.Payload, p.Timestamp, p.SSRC); began {
			s.emit(dtmf.Event{Digit: digit, Source: dtmf.FromRTP}, now)
		}
	}
	if i.relay != nil {
		i.relay.packet(p, k, v == restarted, now)
	}
	if i.hears() {
		i.player.put(p.SequenceNumber, k, p.Payload, i.reception.transit)
	}
}

// kind tells what a payload type carries.
func (i *inbound) kind(pt uint8) (kind, bool) {
	switch {
	case pt == i.params.RecvType:
		return kindAudio, true
	case pt == i.params.EventRecv && pt != 0:
		return kindEvent, true
	case pt == noise && i.params.Codec.ClockRate == 8000:
		return kindNoise, true
	}
	return 0, false
}

// hears tells whether anybody wants decoded sound, and starts afresh when that begins.
func (i *inbound) hears() bool {
	now := len(i.taps) > 0 || i.detector != nil || i.relay.hears()
	if now && !i.listening {
		i.player.restart()
	}
	i.listening = now
	return now
}

// emit reports a digit, unless the same key was just heard another way.
func (s *Stream) emit(e dtmf.Event, now time.Time) {
	i := &s.in
	if e.Digit == i.digit.Digit && e.Source != i.digit.Source && now.Sub(i.digitAt) < twice {
		return
	}
	i.digit, i.digitAt = e, now
	if i.relay != nil {
		i.relay.digit(e)
	}
	select {
	case s.digits <- e:
	default:
		i.lostDigits++
	}
}

// Inject reports a digit that came by signalling, unless the same key was
// heard in the media within 250 ms.
func (s *Stream) Inject(digit byte, d time.Duration) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.emit(dtmf.Event{Digit: digit, Duration: d, Source: dtmf.FromInfo}, time.Now())
}

// receiveTick gives the frames that are due to whoever listens.
func (s *Stream) receiveTick(now time.Time) {
	i := &s.in
	i.mu.Lock()
	defer i.mu.Unlock()
	elapsed := media.FrameDuration
	if !i.lastTick.IsZero() {
		elapsed = now.Sub(i.lastTick)
	}
	i.lastTick = now
	i.credit = min(i.credit+elapsed, catchUp*media.FrameDuration)
	for i.credit >= media.FrameDuration {
		i.credit -= media.FrameDuration
		s.hear(now)
	}
	i.events.Expire(now)
	s.checkTimeout(now)
}

// hear takes one frame from the player.
func (s *Stream) hear(now time.Time) {
	i := &s.in
	if !i.hears() {
		return
	}
	f := media.Frame(i.frame[:media.FrameSize(i.player.rate)])
	received := false
	if i.params.Direction.receives() {
		received = i.player.frame(f)
	} else {
		clear(f)
	}
	if received && i.detector != nil {
		if digit, ok := i.detector.Write(f); ok {
			s.emit(dtmf.Event{Digit: digit, Source: dtmf.FromTone}, now)
		}
	}
	for _, t := range i.taps {
		_ = t.WriteFrame(f) // a closed tap is its owner's affair
	}
	i.relay.frame(f)
}

func (s *Stream) checkTimeout(now time.Time) {
	i := &s.in
	limit := s.options.Wait.Gap
	switch {
	case i.params.Held || !i.params.Direction.receives() || !i.params.Remote.IsValid():
		limit = s.options.Wait.Hold
	case !i.began:
		limit = s.options.Wait.First
	}
	if now.Sub(i.last) < limit {
		return
	}
	select {
	case <-s.timeout:
	default:
		close(s.timeout)
	}
}
