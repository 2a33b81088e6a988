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
}

// Open takes a port and starts a half that hears and sends nothing until Update. gone is told once when no packets
// came for too long; it may be called from any goroutine.
func (f *Factory) Open(gone func(reason string)) (*Half, error) {
	sockets, err := f.Ports.Open()
	if err != nil {
		return nil, err
	}
	opt := rtpio.Options{RTP: sockets.RTP, RTCP: sockets.RTCP, Pace: f.Pacers.Least(), Wait: f.Wait, Name: "pintle"}
	h, err := Open(opt, f.Sounds, gone)
	if err != nil {
		sockets.Close()
		return nil, err
	}
	h.release = sockets
	return h, nil
}

// Half is one leg's sound.
type Half struct {
	stream  *rtpio.Stream
	sounds  *Sounds
	digits  chan interpreter.Digit
	release interface{ Close() error } // the ports, when the stream is closed
	closing context.Context            // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
	relay   atomic.Pointer[relay]
	sent    sync.Once

	mu    sync.Mutex // guards what follows
	codec codec.Info
	emit  func(interpreter.Event)
}

// relay is what becomes of keys in a bridge: those in keep stay with the verb that bridged, the others are the other
// party's.
type relay struct {
	to   *rtpio.Stream // nil: the bridge itself passes keys on
	keep string
}

// Open starts a half on given packet sockets, which it takes over.
func Open(o rtpio.Options, s *Sounds, gone func(reason string)) (*Half, error) {
	first := codec.All()[0]
	stream, err := rtpio.New(o, rtpio.Params{Codec: first, SendType: first.PayloadType, RecvType: first.PayloadType,
		Direction: rtpio.Inactive})
	if err != nil {
		return nil, fmt.Errorf("open RTP: %w", err)
	}
	h := &Half{stream: stream, sounds: s, codec: first, digits: make(chan interpreter.Digit, digitsKept)}
	h.closing, h.cancel = context.WithCancel(context.Background())
	h.running.Go(h.pump)
	h.running.Go(func() {
		select {
		case <-stream.TimedOut():
			if gone != nil {
				gone("no media came from the far end for too long")
			}
		case <-h.closing.Done():
		}
	})
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

// Update makes what was negotiated live. It does not block.
func (h *Half) Update(p rtpio.Params) error {
	if err := h.stream.Update(p); err != nil {
		return err
	}
	h.mu.Lock()
	changed := h.codec.Name != p.Codec.Name
	h.codec = p.Codec
	h.mu.Unlock()
	text := fmt.Sprintf("media %s to %v", p.Codec.Name, p.Remote)
	switch {
	case p.Direction != rtpio.SendRecv:
		text += " " + p.Direction.String()
	case p.Inband:
		text += ", keys as tones"
	}
	if changed || p.Remote.IsValid() {
		h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvMedia, Text: text})
	}
	return nil
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
		if r.to != nil {
			r.to.SendDigits(h.closing, string(d.Key), 0, 0) //nolint:errcheck // a key that crosses another is lost, as on a line
		}
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

// Join lets both parties hear each other until ctx ends or one half is closed. It returns when nothing of the join is
// left, with an error only if it could not be made.
func (h *Half) Join(ctx context.Context, other *Half, o interpreter.BridgeOptions) error {
	policy := rtpio.ForwardDigits
	if o.KeepKeys != "" {
		policy = rtpio.SuppressDigits
	}
	b, err := rtpio.Join(h.stream, other.stream, policy)
	if err != nil {
		return err
	}
	defer b.Close()
	mine, theirs := &relay{keep: o.KeepKeys}, &relay{}
	if policy == rtpio.SuppressDigits {
		mine.to, theirs.to = other.stream, h.stream
	}
	h.relay.Store(mine)
	other.relay.Store(theirs)
	defer h.relay.Store(nil)
	defer other.relay.Store(nil)
	var recording sync.WaitGroup
	defer recording.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.Record != nil {
		recording.Go(func() { h.recordBoth(ctx, other, o) })
	}
	select {
	case <-ctx.Done():
	case <-h.closing.Done():
	case <-other.closing.Done():
	}
	return nil
}

// Quality is what the half measured.
func (h *Half) Quality() interpreter.Quality {
	s := h.stream.Stats()
	h.mu.Lock()
	name := h.codec.Name
	h.mu.Unlock()
	return interpreter.Quality{Codec: name, Sent: s.Sent, Received: s.Received, Lost: s.Lost, Foreign: s.Foreign,
		Jitter: s.Jitter, RoundTrip: s.RTT, MOS: s.MOS, FirstPacket: s.FirstSent}
}

// AddTap lets t have every frame of one side; RemoveTap ends that. For scripted phones and recordings.
func (h *Half) AddTap(side rtpio.Side, t *media.Tap) { h.stream.AddTap(side, t) }

// RemoveTap takes a tap out.
func (h *Half) RemoveTap(t *media.Tap) { h.stream.RemoveTap(t) }

// Rate is the sample rate of the half.
func (h *Half) Rate() int { return h.stream.Rate() }

// Close stops all sound, waits for everything the half has started and gives the port back.
func (h *Half) Close() {
	h.once.Do(func() {
		h.cancel()
		h.stream.Close() //nolint:errcheck // sockets that fail to close are gone anyway
		h.running.Wait()
		if h.release != nil {
			h.release.Close() //nolint:errcheck // closed before
		}
	})
}
