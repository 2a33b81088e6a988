package audio

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/dtmf"
	"pintle/media/rtpio"
)

// digitsKept is how many keys wait for a verb; further ones are dropped.
const digitsKept = 128

// Factory opens halves: it owns the ports and the pacers of an engine.
type Factory struct {
	Ports  *rtpio.Ports
	Pacers *media.Pacers
	Sounds *Sounds
	Wait   rtpio.Timeouts // media time-outs; zero values: the usual ones

	Identity *rtpio.Identity // shown in DTLS; nil: no DTLS-SRTP
}

// Open takes a port and starts a half that hears and sends nothing until Update. gone is told once when no packets
// came for too long; it may be called from any goroutine.
func (f *Factory) Open(gone func(reason string)) (*Half, error) {
	sockets, err := f.Ports.Open()
	if err != nil {
		return nil, err
	}
	opt := rtpio.Options{RTP: sockets.RTP, RTCP: sockets.RTCP, Pace: f.Pacers.Least(), Wait: f.Wait, Name: "pintle",
		Identity: f.Identity}
	h, err := Open(opt, f.Sounds, gone)
	if err != nil {
		sockets.Close() //nolint:errcheck // the failure above is the one to tell
		return nil, err
	}
	h.release = sockets
	return h, nil
}

// Half is one leg's sound. Its methods may be called from any goroutine.
type Half struct {
	stream  *rtpio.Stream
	sounds  *Sounds
	digits  chan interpreter.Digit
	shown   string                     // fingerprint of the DTLS certificate
	release interface{ Close() error } // the ports, when the stream is closed
	closing context.Context            //nolint:containedctx // a half is a lifetime; the cause is ErrCallOver
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	once    sync.Once
	relay   atomic.Pointer[relay]
	live    chan struct{} // one token: packets may begin to flow
	hold    hold

	turns sync.Mutex // held while a source is put on the line, so that a prompt that was replaced cannot come back
	turn  *turn      // guarded by turns

	mu    sync.Mutex // guards what follows
	codec codec.Info
	agree string // what was agreed last, for the trace
	emit  func(interpreter.Event)
}

// Open starts a half on given packet sockets, which it takes over.
func Open(o rtpio.Options, s *Sounds, gone func(reason string)) (*Half, error) {
	first := codec.All()[0]
	stream, err := rtpio.New(o, rtpio.Params{Codec: first, SendType: first.PayloadType, RecvType: first.PayloadType,
		Direction: rtpio.Inactive})
	if err != nil {
		return nil, fmt.Errorf("open RTP: %w", err)
	}
	h := &Half{stream: stream, sounds: s, codec: first, shown: o.Identity.Fingerprint(),
		digits: make(chan interpreter.Digit, digitsKept), live: make(chan struct{}, 1)}
	h.closing, h.cancel = context.WithCancelCause(context.Background())
	h.running.Go(h.pump)
	h.running.Go(func() { h.watch(gone) })
	return h, nil
}

// Trace takes the function that is told of keys and milestones.
func (h *Half) Trace(emit func(interpreter.Event)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit = emit
}

func (h *Half) tell(e interpreter.Event) {
	h.mu.Lock()
	emit := h.emit
	h.mu.Unlock()
	if emit != nil {
		emit(e)
	}
}

// Local is the address the peer shall send to.
func (h *Half) Local() netip.AddrPort { return h.stream.LocalAddr() }

// Fingerprint is that of the certificate shown in DTLS, as a=fingerprint has it; empty: no DTLS.
func (h *Half) Fingerprint() string { return h.shown }

// Update makes what was negotiated live. It does not block.
func (h *Half) Update(p rtpio.Params) error {
	if err := h.stream.Update(p); err != nil {
		return err
	}
	text := fmt.Sprintf("media %s to %v", p.Codec.Name, p.Remote)
	switch {
	case p.Held:
		text += ", on hold"
	case p.Direction != rtpio.SendRecv:
		text += " " + p.Direction.String()
	case p.Inband:
		text += ", keys as tones"
	}
	switch {
	case p.DTLS != (rtpio.DTLS{}):
		text += ", DTLS-SRTP"
	case p.Keys.Suite != "":
		text += ", SRTP " + string(p.Keys.Suite)
	}
	h.mu.Lock()
	again := h.agree == text
	h.codec, h.agree = p.Codec, text
	h.mu.Unlock()
	if p.Remote.IsValid() && !again {
		h.milestone(text)
	}
	h.hold.set(p.Held)
	select {
	case h.live <- struct{}{}:
	default:
	}
	return nil
}

func (h *Half) milestone(text string) {
	h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvMedia, Text: text})
}

// watch tells of the first packets, of their absence, and of the keys they are protected with.
func (h *Half) watch(gone func(reason string)) {
	const first, most = media.FrameDuration, time.Second
	pause, sent, came := first, false, false
	var keys keying
	look := time.NewTimer(most)
	look.Stop()
	defer look.Stop()
	for {
		select {
		case <-h.live:
			pause = first
		case <-look.C:
			pause = min(2*pause, most)
			if at := h.stream.FirstPacketSent(); !sent && !at.IsZero() {
				sent = true
				h.tell(interpreter.Event{Time: at, Lane: interpreter.LaneMedia, Kind: interpreter.EvMedia,
					Text: "first packet sent"})
			}
			if !came && h.stream.Stats().Received > 0 {
				came = true
				h.milestone("first packet came")
			}
		case s := <-h.stream.Handshakes():
			keys.tell(h, s)
		case <-h.stream.TimedOut():
			const reason = "no media came from the far end for too long"
			h.milestone(reason)
			if gone != nil {
				gone(reason)
			}
			return
		case <-h.closing.Done():
			return
		}
		if !sent || !came {
			look.Reset(pause)
		}
	}
}

// Digits is the queue of keys.
func (h *Half) Digits() <-chan interpreter.Digit { return h.digits }

// Key takes a key that came by signalling.
func (h *Half) Key(digit byte, held time.Duration) { h.stream.Inject(digit, held) }

// pump moves keys from the stream to the verbs' queue, into the trace, and over a bridge.
func (h *Half) pump() {
	for {
		select {
		case e := <-h.stream.Digits():
			h.key(e)
		case <-h.closing.Done():
			return
		}
	}
}

func (h *Half) key(e dtmf.Event) {
	if e.Digit == dtmf.Flash {
		return
	}
	d := interpreter.Digit{Key: e.Digit, At: time.Now(), Source: sourceOf(e.Source)}
	h.tell(interpreter.Event{Lane: interpreter.LaneCaller, Kind: interpreter.EvDigit, Time: d.At,
		Text: "digit " + string(d.Key), Data: interpreter.DigitData{Key: string(d.Key), Source: d.Source}})
	if r := h.relay.Load(); r != nil && strings.IndexByte(r.keep, d.Key) < 0 {
		r.pass(d)
		return
	}
	select {
	case h.digits <- d:
	default: // nobody has asked for keys for a long time: the oldest are kept
	}
}

func sourceOf(s dtmf.Source) interpreter.DigitSource {
	switch s {
	case dtmf.FromInfo:
		return interpreter.DigitINFO
	case dtmf.FromTone:
		return interpreter.DigitInband
	default:
		return interpreter.DigitRTP
	}
}

// Quality is what the half measured.
func (h *Half) Quality() interpreter.Quality {
	s := h.stream.Stats()
	h.mu.Lock()
	name := h.codec.Name
	h.mu.Unlock()
	return interpreter.Quality{Codec: name, Sent: s.Sent, Received: s.Received, Lost: s.Lost, Foreign: s.Foreign,
		Jitter: s.Jitter, RoundTrip: s.RTT, MOS: s.MOS, FirstPacket: s.FirstSent, Encryption: string(s.Suite),
		FarLoss: s.RemoteLoss, Unauthentic: s.Unauthentic, Handshakes: s.Unshaken}
}

// Harden tells the codec which part of our packets the far end has lost lately, 0 to 1, where reports do not come by
// the half's own RTCP.
func (h *Half) Harden(loss float64) { h.stream.Harden(loss) }

// AddTap lets t have every frame of one side; RemoveTap ends that. For scripted phones and recordings.
func (h *Half) AddTap(side rtpio.Side, t *media.Tap) { h.stream.AddTap(side, t) }

// RemoveTap takes a tap out.
func (h *Half) RemoveTap(t *media.Tap) { h.stream.RemoveTap(t) }

// Rate is the sample rate of the half.
func (h *Half) Rate() int { return h.stream.Rate() }

// Close stops all sound, waits for everything the half has started and gives the port back. What still plays, records
// or is joined returns, with ErrCallOver unless its own context has ended.
func (h *Half) Close() {
	h.once.Do(func() {
		h.cancel(interpreter.ErrCallOver)
		h.stream.Close() //nolint:errcheck // sockets that fail to close are gone anyway
		h.running.Wait()
		if h.release != nil {
			h.release.Close() //nolint:errcheck // closed before
		}
	})
}
