package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/sipedge/audio"
)

// rig is an engine on loopback with a hub whose calls go to take.
type rig struct {
	engine *Engine
	phones *Phones
	tokens *Tokens
	take   func(leg interpreter.Leg)
	calls  sync.WaitGroup
}

func newRig(t *testing.T) *rig {
	t.Helper()
	pacers := media.NewPacers(1)
	r := &rig{tokens: NewTokens("secret")}
	var err error
	r.engine, err = Open(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Pacers: pacers, Sounds: &audio.Sounds{}})
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	r.phones = NewPhones(PhonesConfig{Media: r.engine, Calls: r, Tokens: r.tokens, Log: logrus.NewEntry(log)})
	t.Cleanup(func() {
		_ = r.phones.Close()
		r.calls.Wait()
		if err := r.engine.Close(); err != nil {
			t.Error(err)
		}
		_ = pacers.Close()
	})
	return r
}

// Route refuses the number 404.
func (r *rig) Route(l interpreter.LegInfo) (interpreter.Start, error) {
	if l.Request.User == "404" {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	return interpreter.Start{}, nil
}

// Start gives the leg to take.
func (r *rig) Start(leg interpreter.Leg, _ interpreter.Start) error {
	r.calls.Go(func() { r.take(leg) })
	return nil
}

// source is where pages come from.
func (r *rig) source() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

// pipe is both ends of a WebSocket.
type pipe struct {
	in, out chan []byte
	done    chan struct{}
	once    *sync.Once
}

func newPipe() (a, b pipe) {
	x, y, done, once := make(chan []byte, 100), make(chan []byte, 100), make(chan struct{}), &sync.Once{}
	return pipe{x, y, done, once}, pipe{y, x, done, once}
}

func (p pipe) Read() ([]byte, error) {
	select {
	case b := <-p.in:
		return b, nil
	default:
	}
	select {
	case b := <-p.in:
		return b, nil
	case <-p.done:
		return nil, io.EOF
	}
}

func (p pipe) Write(b []byte) error {
	select {
	case p.out <- bytes.Clone(b):
		return nil
	case <-p.done:
		return io.EOF
	}
}

func (p pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// client is a page in Go.
type client struct {
	t      *testing.T
	socket pipe
	resume string
	over   chan struct{} // the engine let the socket go
}

func (r *rig) page(t *testing.T, identity, resume string) *client {
	t.Helper()
	token, _, err := r.tokens.Issue(identity, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := r.visit(t)
	c.send(message{Type: typeHello, Token: token, Resume: resume})
	c.resume = c.expect(typeWelcome).Resume
	return c
}

func (r *rig) visit(t *testing.T) *client {
	ours, theirs := newPipe()
	c := &client{t: t, socket: ours, over: make(chan struct{})}
	go func() {
		defer close(c.over)
		r.phones.Serve(context.Background(), theirs, r.source())
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		<-c.over
	})
	return c
}

func (c *client) send(m message) {
	b, _ := json.Marshal(m)
	_ = c.socket.Write(b)
}

// expect reads the next message, which must be of a type.
func (c *client) expect(kind string) message {
	c.t.Helper()
	got := make(chan message, 1)
	go func() {
		var m message
		if b, err := c.socket.Read(); err == nil {
			_ = json.Unmarshal(b, &m)
		}
		got <- m
	}()
	select {
	case m := <-got:
		if m.Type != kind {
			c.t.Fatalf("got %+v, want %s", m, kind)
		}
		return m
	case <-time.After(20 * time.Second):
		c.t.Fatalf("no %s came", kind)
		return message{}
	}
}

// mouth is the media of a page: it hears into heard and speaks a tone.
type mouth struct {
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticRTP
	mu    sync.Mutex
	heard []int16
	stop  chan struct{}
	wg    sync.WaitGroup
	keys  chan byte
}

func newMouth(t *testing.T, mime string) *mouth {
	t.Helper()
	me := &webrtc.MediaEngine{}
	clock, channels := uint32(8000), uint16(0)
	if mime == webrtc.MimeTypeOpus {
		clock, channels = 48000, 2
	}
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock, Channels: channels}
	number := map[string]webrtc.PayloadType{webrtc.MimeTypeOpus: 100, webrtc.MimeTypePCMU: 0}[mime]
	for _, p := range []webrtc.RTPCodecParameters{{RTPCodecCapability: capability, PayloadType: number},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: eventsName, ClockRate: 8000}, PayloadType: 97},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: eventsName, ClockRate: clock}, PayloadType: 98}} {
		if clock == 8000 && p.PayloadType == 98 {
			continue
		}
		if err := me.RegisterCodec(p, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithSettingEngine(s)).NewPeerConnection(
		webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	m := &mouth{pc: pc, stop: make(chan struct{}), keys: make(chan byte, 10)}
	m.track, _ = webrtc.NewTrackLocalStaticRTP(capability, "mic", "page")
	if _, err := pc.AddTrack(m.track); err != nil {
		t.Fatal(err)
	}
	info, _ := codec.ByName(mime[len("audio/"):], int(clock))
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { m.listen(tr, info.New()) })
	m.wg.Go(func() { m.speak(info, uint8(number)) })
	t.Cleanup(func() {
		close(m.stop)
		m.wg.Wait()
		_ = pc.Close()
	})
	return m
}

func (m *mouth) listen(tr *webrtc.TrackRemote, c media.Codec) {
	frame := make(media.Frame, media.MaxFrame)
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		n := c.Decode(frame, p.Payload)
		m.mu.Lock()
		m.heard = append(m.heard, frame[:n]...)
		m.mu.Unlock()
	}
}

// speak sends 600 Hz, and keys at the 8 kHz clock on the payload type that is not that of the sound, as Chromium does.
func (m *mouth) speak(info codec.Info, number uint8) {
	c := info.New()
	frame, buf := make(media.Frame, media.FrameSize(info.SampleRate)), make([]byte, 2*media.MaxFrame)
	tick := time.NewTicker(media.FrameDuration)
	defer tick.Stop()
	at, seq, ts := 0, uint16(1), uint32(1000)
	for {
		select {
		case <-tick.C:
			for i := range frame {
				frame[i] = int16(8000 * math.Sin(2*math.Pi*600*float64(at)/float64(info.SampleRate)))
				at++
			}
			n := c.Encode(buf, frame)
			_ = m.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: number, SequenceNumber: seq,
				Timestamp: ts}, Payload: buf[:n]})
			seq++
			ts += uint32(media.Samples(info.ClockRate, media.FrameDuration))
		case <-m.stop:
			return
		}
	}
}

// level is how much of a frequency was heard in the last second, 0 to 1.
func (m *mouth) level(rate int, hertz float64) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.heard[max(0, len(m.heard)-rate):]
	return tone(last, rate, hertz)
}

func tone(samples []int16, rate int, hertz float64) float64 {
	var re, im, all float64
	for i, v := range samples {
		x := float64(v)
		a := 2 * math.Pi * hertz * float64(i) / float64(rate)
		re, im, all = re+x*math.Cos(a), im+x*math.Sin(a), all+x*x
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (all * float64(len(samples)))
}

func (m *mouth) offer(t *testing.T) string {
	t.Helper()
	o, err := m.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(m.pc)
	if err := m.pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	<-done
	return m.pc.LocalDescription().SDP
}

func (m *mouth) answered(t *testing.T, sdp string) {
	t.Helper()
	if err := m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Errorf("never: %s", what)
}
