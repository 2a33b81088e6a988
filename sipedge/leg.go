package sipedge

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"pintle/interpreter"
)

// Audio is the half of a leg that deals with sound. Its methods may be called from any goroutine.
type Audio interface {
	interpreter.Player
	interpreter.Collector
	interpreter.Recorder
	// Local is the address the peer shall send to.
	Local() netip.AddrPort
	// Update makes what was negotiated live. It must not block.
	Update(s Session) error
	// Key takes a key that came by signalling.
	Key(digit byte, held time.Duration)
	// Join lets both parties hear each other until ctx ends; either may still be unanswered. It returns when nothing of
	// the join is left, with an error only if it could not be made.
	Join(ctx context.Context, other Audio, o interpreter.BridgeOptions) error
	// Close stops all sound and gives the port back.
	Close()
}

// AudioOptions of a new leg.
type AudioOptions struct {
	LegID string
	// Gone is told when no packets came for too long; the leg ends then. It may be called from any goroutine and must not
	// block.
	Gone func(reason string)
}

// OpenAudio opens the audio half of a new leg: a port, no sound yet.
type OpenAudio func(o AudioOptions) (Audio, error)

// Leg is one party's line: a dialog joined with its audio. It implements interpreter.Leg.
type Leg struct {
	interpreter.Player
	interpreter.Collector
	interpreter.Recorder
	audio  Audio
	dialog *dialog
	edge   *Edge

	mu    sync.Mutex // guards what follows
	info  interpreter.LegInfo
	emit  func(interpreter.Event)
	notes []interpreter.Event // what happened before anybody listened

	transfers *transferUser // whom transfers of the party are given to; nil: nobody
}

var (
	_ interpreter.Leg      = (*Leg)(nil)
	_ interpreter.Tracer   = (*Leg)(nil)
	_ interpreter.Preparer = (*Leg)(nil)
	_ interpreter.Measurer = (*Leg)(nil)
)

const maxNotes = 32 // milestones kept until Trace

// newLeg opens the audio of a dialog and joins both. browser says that the far end is one.
func (e *Edge) newLeg(d *dialog, info interpreter.LegInfo, browser bool) (*Leg, error) {
	l := &Leg{dialog: d, edge: e, info: info}
	a, neg, err := e.openAudio(d, l, browser)
	if err != nil {
		return nil, err
	}
	l.audio, l.Player, l.Collector, l.Recorder = a, a, a, a
	d.neg, d.user = neg, l
	return l, nil
}

// negotiatorFor makes what negotiates for our own RTP.
func (e *Edge) negotiatorFor(d *dialog, l *Leg, a Audio) *negotiator {
	var signalling netip.Addr
	if ap, err := netip.ParseAddrPort(d.flow.remote); err == nil {
		signalling = ap.Addr().Unmap()
	}
	codecs := e.cfg.Codecs
	if len(d.codecs) > 0 {
		codecs = d.codecs
	}
	n := newNegotiator(e.mediaAddress(a.Local()), codecs, signalling, uint64(l.info.Started.UnixNano())>>10)
	n.guarding = e.guardingFor(d, a)
	return n
}

// mediaAddress is what our descriptions say: the advertised host where that is an address, for a port is the same on
// both sides of a NAT that lets calls in.
func (e *Edge) mediaAddress(local netip.AddrPort) netip.AddrPort {
	if a, err := netip.ParseAddr(e.cfg.Advertise); err == nil {
		return netip.AddrPortFrom(a.Unmap(), local.Port())
	}
	return local
}

// watch closes the audio when the dialog is over. The goroutine lives as long as the leg.
func (l *Leg) watch() {
	if !l.edge.spawn(func() {
		<-l.dialog.ctx.Done()
		l.audio.Close()
	}) {
		l.audio.Close()
	}
}

// Info is what is known of the leg.
func (l *Leg) Info() interpreter.LegInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

// Context ends with the dialog; its cause is an *interpreter.Hangup.
func (l *Leg) Context() context.Context { return l.dialog.ctx }

// Ring sends 180 on an unanswered inbound leg; on any other it does nothing.
func (l *Leg) Ring(ctx context.Context) error { return l.dialog.ring(ctx) }

// Early opens the sound of an unanswered inbound leg with 183. Where the INVITE brought no offer it gives
// ErrUnsupported.
func (l *Leg) Early(ctx context.Context) error { return l.dialog.early(ctx) }

// Answer sends the 200; an answered leg stays so. It returns when the 200 is sent, not when the ACK has come.
func (l *Leg) Answer(ctx context.Context) error {
	if err := l.dialog.answer(ctx); err != nil {
		if cause := context.Cause(l.dialog.ctx); cause != nil {
			return cause
		}
		return err
	}
	l.answered()
	return nil
}

// learn keeps the custom headers of the answer of a leg that we dialled.
func (l *Leg) learn(headers []interpreter.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Headers = headers
}

func (l *Leg) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.info.Answered.IsZero() {
		l.info.Answered = time.Now()
	}
}

// Hangup ends the leg: a refusal with why.Code before the answer, BYE after it. It returns when the leg's context has
// ended; the peer's reply to BYE is waited for in the background.
func (l *Leg) Hangup(ctx context.Context, why interpreter.Hangup) error {
	return l.dialog.hangup(ctx, why)
}

// Prepare fetches what a prompt needs, where the audio half can.
func (l *Leg) Prepare(ctx context.Context, p interpreter.Prompt) error {
	if a, ok := l.audio.(interpreter.Preparer); ok {
		return a.Prepare(ctx, p)
	}
	return nil
}

// Quality is what the leg measured of its sound.
func (l *Leg) Quality() interpreter.Quality {
	if a, ok := l.audio.(interpreter.Measurer); ok {
		return a.Quality()
	}
	return interpreter.Quality{}
}

// Trace takes the function that is told of the dialog's and the sound's milestones, those of before included.
func (l *Leg) Trace(emit func(interpreter.Event)) {
	if a, ok := l.audio.(interpreter.Tracer); ok {
		a.Trace(emit)
	}
	l.mu.Lock()
	l.emit = emit
	earlier := l.notes
	l.notes = nil
	l.mu.Unlock()
	for _, e := range earlier {
		emit(e)
	}
}

// note tells of a milestone of the dialog. The text holds methods and codes alone, never a body: keys may be private.
func (l *Leg) note(text string) {
	e := interpreter.Event{Time: time.Now(), Lane: interpreter.LaneSIP, Kind: interpreter.EvSIP, Text: text}
	l.mu.Lock()
	emit := l.emit
	if emit == nil && len(l.notes) < maxNotes {
		l.notes = append(l.notes, e)
	}
	l.mu.Unlock()
	if emit != nil {
		emit(e)
	}
}

func (l *Leg) update(s Session) error { return l.audio.Update(s) }

func (l *Leg) key(digit byte, held time.Duration) { l.audio.Key(digit, held) }

// mediaGone ends a leg whose peer has fallen silent on RTP.
func (l *Leg) mediaGone(reason string) {
	l.dialog.box.post(func() {
		l.dialog.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: "MEDIA_TIMEOUT", Reason: reason})
	})
}
