package browser

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"pintle/interpreter"
	"pintle/sipedge"
)

// Media for SIP over WebSocket: our offer is answered by a browser, and a prompt waits until it can be heard.
func TestOfferForSIP(t *testing.T) {
	r := newRig(t)
	a, err := r.engine.ForSIP()(sipedge.AudioOptions{LegID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	offer, err := a.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	played := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { played <- a.Play(ctx, interpreter.Prompt{Tone: "1000/60000"}) }()
	m := newMouth(t, webrtc.MimeTypeOpus)
	err = m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(m.pc)
	if err := m.pc.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if err := a.Accept(t.Context(), []byte(m.pc.LocalDescription().SDP)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser hears 1000 Hz", func() bool { return m.level(16000, 1000) > 0.8 })
	stop()
	if err := <-played; !errors.Is(err, context.Canceled) {
		t.Errorf("play: %v", err)
	}
}

// Descriptions that are of no use are refused, and the engine has only so many sessions.
func TestDescriptionsAndSessions(t *testing.T) {
	r := newRig(t)
	open := r.engine.ForSIP()
	for i, offer := range []string{"", "v=0", string(make([]byte, maxDescription+1)),
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"} {
		a, err := open(sipedge.AudioOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := a.Answer(t.Context(), []byte(offer)); err == nil {
			t.Errorf("offer %d: answered by %s", i, answer)
		}
		a.Close()
	}
	for range cap(r.engine.slots) {
		r.engine.slots <- struct{}{}
	}
	if _, err := open(sipedge.AudioOptions{}); !errors.Is(err, ErrSessions) {
		t.Errorf("one too many: %v", err)
	}
	for range cap(r.engine.slots) {
		<-r.engine.slots
	}
}

// A browser that closes its connection without a word ends the call, and the flow is told why.
func TestBrowserGoes(t *testing.T) {
	r := newRig(t)
	over := make(chan error, 1)
	r.take = func(leg interpreter.Leg) {
		_ = leg.Answer(leg.Context())
		<-leg.Context().Done()
		over <- context.Cause(leg.Context())
	}
	c := r.page(t, "ann", "")
	m := newMouth(t, webrtc.MimeTypeOpus)
	c.send(message{Type: typeCall, Call: "1", To: "100", SDP: m.offer(t)})
	m.answered(t, c.expect(typeMedia).SDP)
	c.expect(typeRinging)
	c.expect(typeAnswered)
	_ = m.pc.Close()
	select {
	case err := <-over:
		var h *interpreter.Hangup
		if !errors.As(err, &h) || h.Cause != "MEDIA_TIMEOUT" || h.Code != 408 || h.By != interpreter.ByEngine {
			t.Errorf("cause %#v", err)
		}
	case <-time.After(40 * time.Second):
		t.Fatal("the call goes on without a browser")
	}
	if e := c.expect(typeEnded); e.Code != 408 {
		t.Errorf("told %+v", e)
	}
}

// stuck is a socket whose peer does not read.
type stuck struct {
	pipe
	writes chan struct{}
}

// Write never returns before the end.
func (s stuck) Write([]byte) error {
	s.writes <- struct{}{}
	<-s.done
	return io.EOF
}

// A page that does not read loses its socket; nobody waits for it.
func TestSlowReader(t *testing.T) {
	r := newRig(t)
	ours, theirs := newPipe()
	slow := stuck{theirs, make(chan struct{}, 10)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.phones.Serve(context.Background(), slow, r.source())
	}()
	token, _, _ := r.tokens.Issue("ann", 0)
	c := &client{t: t, socket: ours, over: over}
	c.send(message{Type: typeHello, Token: token})
	<-slow.writes
	p := only(r.phones.pages["ann"])
	for range backlog + 2 {
		p.send(message{Type: typePong})
	}
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatal("the slow page holds its socket")
	}
}
