package rtpio

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"pintle/media"
	"pintle/media/dtmf"
)

// ErrClosed means that the stream was closed.
var ErrClosed = errors.New("stream closed")

// digitsKept is how many digits wait for a reader; further ones are dropped and counted.
const digitsKept = 128

// Stream is the sound of one leg. What it sends is set by Play; what it
// receives goes to taps, to the other leg of a Bridge, and digits to Digits.
// All methods may be called from any goroutine, Tick by one at a time.
type Stream struct {
	options Options
	swap    media.Swap
	in      inbound
	out     outbound
	report  reporter
	bridge  atomic.Pointer[Bridge]

	handshakes  sync.Mutex
	association *association // guarded by handshakes; nil without DTLS
	shaken      chan Handshake

	digits  chan dtmf.Event
	timeout chan struct{}
	done    chan struct{}
	close   sync.Once
	readers sync.WaitGroup
}

var _ media.Ticker = (*Stream)(nil)

// New starts a stream. It takes over the sockets of o: Close closes them. Those
// of a Sockets are given back to their Ports by closing it after the stream.
func New(o Options, p Params) (*Stream, error) {
	if o.RTP == nil {
		return nil, errors.New("stream options: no RTP")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	o.Wait = o.Wait.defaults()
	s := &Stream{options: o, digits: make(chan dtmf.Event, digitsKept), timeout: make(chan struct{}),
		done: make(chan struct{}), shaken: make(chan Handshake, handshakesKept)}
	now := time.Now()
	s.in.start(p, now)
	s.out.start(o.RTP, p)
	if err := s.rekey(p, now); err != nil {
		return nil, err
	}
	s.report.start(o, s.out.ssrc, now)
	s.read(o.RTP)
	if o.RTCP != nil {
		s.read(o.RTCP)
	}
	if o.Pace != nil {
		o.Pace.Add(s)
	}
	return s, nil
}

// Update puts a new agreement into force, after a re-INVITE. Sequence numbers,
// timestamps and SSRC of what we send go on; the source of what we receive may
// be learned anew.
func (s *Stream) Update(p Params) error {
	if err := p.check(); err != nil {
		return err
	}
	now := time.Now()
	if err := s.rekey(p, now); err != nil {
		return err
	}
	s.in.update(p, now)
	s.out.update(p)
	if b := s.bridge.Load(); b != nil {
		b.arrange()
	}
	return nil
}

// Tick sends and receives what is due at now; the pacer calls it.
func (s *Stream) Tick(now time.Time) {
	s.sendTick(now)
	s.receiveTick(now)
	s.reportTick(now)
}

// Play replaces what is sent by src, whose rate must be Rate, and sends its
// first frame at once. See media.Playback for its end.
func (s *Stream) Play(src media.Source) *media.Playback {
	p := s.swap.Play(src)
	if s.options.Pace != nil {
		s.options.Pace.Kick(s)
	}
	return p
}

// Stop ends what is being played; silence follows.
func (s *Stream) Stop() { s.swap.Stop() }

// Rate returns the sample rate of the leg.
func (s *Stream) Rate() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.rate
}

// Digits gives each key pressed by the far end once, when it begins. It is never closed.
func (s *Stream) Digits() <-chan dtmf.Event { return s.digits }

// TimedOut is closed when no media came for too long.
func (s *Stream) TimedOut() <-chan struct{} { return s.timeout }

// FirstPacketSent returns when the first RTP packet was sent, or the zero time.
func (s *Stream) FirstPacketSent() time.Time {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.firstSent
}

// Side says what a tap hears.
type Side uint8

// The sides of a leg.
const (
	Received Side = iota // what the far end says
	Sent                 // what the far end hears
)

// AddTap lets t, made for Rate, have a frame of one side every tick, silence
// included, so that both sides of a recording stay together. Close closes it.
func (s *Stream) AddTap(side Side, t *media.Tap) {
	if side == Sent {
		s.out.addTap(t)
		return
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.taps = append(s.in.taps, t)
}

// RemoveTap takes t out. When it returns t gets no more frames; the caller closes it.
func (s *Stream) RemoveTap(t *media.Tap) {
	s.in.mu.Lock()
	s.in.taps = without(s.in.taps, t)
	s.in.mu.Unlock()
	s.out.removeTap(t)
}

func without(taps []*media.Tap, t *media.Tap) []*media.Tap {
	var rest []*media.Tap
	for _, have := range taps {
		if have != t {
			rest = append(rest, have)
		}
	}
	return rest
}

// LocalAddr is the address for our SDP.
func (s *Stream) LocalAddr() netip.AddrPort { return s.options.RTP.LocalAddr() }

// String prints the chain of what is sent, such as
// "rtp(PCMU 8000) <- switch <- file(menu.wav)".
func (s *Stream) String() string {
	s.out.mu.Lock()
	name, clock := s.out.encoder.Name(), s.out.encoder.ClockRate()
	s.out.mu.Unlock()
	if b := s.bridge.Load(); b != nil && !s.swap.Playing() {
		return fmt.Sprintf("rtp(%s %d) <- %v", name, clock, b)
	}
	return fmt.Sprintf("rtp(%s %d) <- %v", name, clock, &s.swap)
}

// Close leaves the bridge, says goodbye, closes the sockets and taps and waits
// for everything the stream has started. It may be called again.
func (s *Stream) Close() error {
	var err error
	s.close.Do(func() {
		if b := s.bridge.Load(); b != nil {
			b.Close()
		}
		if s.options.Pace != nil {
			s.options.Pace.Remove(s)
		}
		close(s.done)
		s.swap.Stop()
		s.goodbye()
		s.endHandshake()
		err = s.options.RTP.Close()
		if s.options.RTCP != nil {
			err = errors.Join(err, s.options.RTCP.Close())
		}
		s.readers.Wait()
		s.in.closeTaps()
		s.out.closeTaps()
	})
	return err
}

// read starts the goroutine that takes packets from a socket until it is closed.
func (s *Stream) read(from PacketIO) {
	s.readers.Add(1)
	go func() {
		defer s.readers.Done()
		batch := []Packet{{Buf: make([]byte, maxPacket+1)}}
		for {
			n, err := from.ReadBatch(batch)
			if err == nil {
				for _, p := range batch[:n] {
					s.receive(p.Buf[:p.N], p.Addr, time.Now())
				}
				continue
			}
			if s.closing() || !transient(err) {
				return
			}
		}
	}()
}

func (s *Stream) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
