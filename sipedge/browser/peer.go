package browser

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"pintle/media/rtpio"
	"pintle/sipedge/audio"
)

// maxDescription bounds a session description of a browser.
const maxDescription = 16 << 10

var (
	errTooLong = fmt.Errorf("session description: larger than %d octets", maxDescription)
	errNoAudio = errors.New("session description: no audio")
)

// peer is one browser's media: a peer connection whose packets a half plays and hears.
type peer struct {
	*audio.Half
	engine *Engine
	pc     *webrtc.PeerConnection
	io     *packets
	gone   func(reason string)

	connected chan struct{} // closed when ICE and DTLS are up
	live      chan struct{} // closed when sound can pass, or cannot ever: see failed
	cancel    context.CancelFunc
	running   sync.WaitGroup
	report    report

	mu        sync.Mutex // guards what follows
	failed    error
	lost      bool
	connOnce  sync.Once
	closeOnce sync.Once
}

// open makes a peer that waits for descriptions. gone is told once when the browser cannot be reached any more; it may
// be called from any goroutine.
func (e *Engine) open(gone func(reason string)) (*peer, error) {
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, ErrSessions
	}
	e.wg.Add(1)
	p, err := e.newPeer(gone)
	if err != nil {
		<-e.slots
		e.wg.Done()
	}
	return p, err
}

func (e *Engine) newPeer(gone func(reason string)) (*peer, error) {
	p := &peer{engine: e, io: newPackets(), gone: gone, connected: make(chan struct{}), live: make(chan struct{})}
	var err error
	if p.pc, err = e.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, fmt.Errorf("peer connection: %w", err)
	}
	p.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			p.io.hears(t)
		}
	})
	p.pc.OnConnectionStateChange(p.changed)
	sender, err := p.pc.AddTrack(p.io)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("track: %w", err), p.pc.Close())
	}
	opt := rtpio.Options{RTP: p.io, Pace: e.cfg.Pacers.Least(), Wait: e.cfg.Wait, Name: "pintle"}
	if p.Half, err = audio.Open(opt, e.cfg.Sounds, p.lose); err != nil {
		return nil, errors.Join(err, p.pc.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() { p.drain(sender) })
	p.running.Go(func() { p.start(ctx) })
	return p, nil
}

func (p *peer) changed(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.connOnce.Do(func() { close(p.connected) })
	case webrtc.PeerConnectionStateFailed:
		p.lose("the browser cannot be reached: ICE or DTLS failed")
	case webrtc.PeerConnectionStateClosed:
		p.lose("the browser closed its peer connection")
	default:
	}
}

// lose tells of the end of the browser, once.
func (p *peer) lose(reason string) {
	p.mu.Lock()
	was := p.lost
	p.lost = true
	p.mu.Unlock()
	if !was && p.gone != nil {
		p.gone(reason)
	}
}

// start makes the sound live when the peer is connected.
func (p *peer) start(ctx context.Context) {
	defer close(p.live)
	for _, step := range []<-chan struct{}{p.connected, p.io.bound} {
		select {
		case <-step:
		case <-ctx.Done():
			p.fail(context.Cause(ctx))
			return
		}
	}
	if p.io.err != nil {
		p.fail(p.io.err)
		return
	}
	a := p.io.agree
	remote := p.address()
	p.io.remote.Store(&remote)
	err := p.Update(rtpio.Params{Codec: a.codec, SendType: a.number, RecvType: a.number, EventSend: a.events,
		EventRecv: a.events, EventRate: a.clock, Remote: remote, MuxRTCP: true, Inband: a.events == 0})
	if err != nil {
		p.fail(err)
	}
}

// address is where the browser is as ICE found it, for the trace.
func (p *peer) address() netip.AddrPort {
	for _, s := range p.pc.GetSenders() {
		if t := s.Transport(); t != nil {
			pair, err := t.ICETransport().GetSelectedCandidatePair()
			if err != nil || pair == nil || pair.Remote == nil {
				continue
			}
			a, err := netip.ParseAddr(pair.Remote.Address)
			if found := netip.AddrPortFrom(a, pair.Remote.Port); err == nil && rtpio.CheckRemote(found) == nil {
				return found
			}
		}
	}
	return virtual
}

func (p *peer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = err
}

// ready waits until sound can pass.
func (p *peer) ready(ctx context.Context) error {
	limit := time.NewTimer(connectTime)
	defer limit.Stop()
	select {
	case <-p.live:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.failed
	case <-limit.C:
		return fmt.Errorf("the browser's media did not connect within %v", connectTime)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// answer reads the browser's offer and makes our answer, candidates included.
func (p *peer) answer(ctx context.Context, offer string) (string, error) {
	if len(offer) > maxDescription {
		return "", errTooLong
	}
	d := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := p.pc.SetRemoteDescription(d); err != nil {
		return "", fmt.Errorf("offer: %w", err)
	}
	if !p.takesAudio() {
		return "", errNoAudio
	}
	a, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	return p.describe(ctx, a)
}

// takesAudio tells whether the browser's description left our track in use.
func (p *peer) takesAudio() bool {
	for _, t := range p.pc.GetTransceivers() {
		if t.Kind() == webrtc.RTPCodecTypeAudio && t.Mid() != "" {
			return true
		}
	}
	return false
}

// offer makes our description, candidates included.
func (p *peer) offer(ctx context.Context) (string, error) {
	o, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("offer: %w", err)
	}
	return p.describe(ctx, o)
}

func (p *peer) describe(ctx context.Context, d webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(d); err != nil {
		return "", fmt.Errorf("describe: %w", err)
	}
	limit := time.NewTimer(gatherTime)
	defer limit.Stop()
	select {
	case <-gathered:
	case <-limit.C: // what is there will do
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	return p.pc.LocalDescription().SDP, nil
}

// accept reads the browser's answer to our offer.
func (p *peer) accept(answer string) error {
	if len(answer) > maxDescription {
		return errTooLong
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Close ends the sound and the connection and waits for everything that was started.
func (p *peer) Close() {
	p.closeOnce.Do(func() {
		p.mu.Lock()
		p.lost = true // our own close is no loss
		p.mu.Unlock()
		p.cancel()
		p.io.Close()   //nolint:errcheck // never fails
		p.pc.Close()   //nolint:errcheck // the sockets are the engine's
		p.Half.Close() // its reader ended with the connection
		p.running.Wait()
		<-p.engine.slots
		p.engine.wg.Done()
	})
}
