package browser

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/rtpio"
	"pintle/sipedge/audio"
)

// A page calls a number: it hears what the flow plays, the flow hears it, and the page is told of the end.
func TestCallOfAPage(t *testing.T) {
	for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypePCMU} {
		t.Run(mime, func(t *testing.T) {
			r := newRig(t)
			heard := make(chan float64, 1)
			r.take = func(leg interpreter.Leg) {
				ctx := leg.Context()
				if err := leg.Answer(ctx); err != nil {
					t.Error(err)
					return
				}
				if got := leg.Info(); got.From.User != "client:ann" || got.Request.User != "100" || len(got.Headers) != 1 ||
					got.Headers[0] != (interpreter.Header{Name: "X-order", Value: "7"}) || got.Answered.IsZero() {
					t.Errorf("info %+v", got)
				}
				half := audio.HalfOf(leg)
				tap := media.NewTap(half.Rate(), 3*time.Second)
				half.AddTap(rtpio.Received, tap)
				_ = leg.Play(ctx, interpreter.Prompt{Tone: "1000/2500"})
				half.RemoveTap(tap)
				heard <- level(tap, half.Rate())
				_ = leg.Hangup(ctx, interpreter.Hangup{By: interpreter.ByFlow, Code: 200, Reason: "done"})
			}
			c := r.page(t, "ann", "")
			m := newMouth(t, mime)
			c.send(message{Type: typeCall, Call: "1", To: "100", SDP: m.offer(t), Params: map[string]string{"order": "7"}})
			m.answered(t, c.expect(typeMedia).SDP)
			c.expect(typeRinging)
			c.expect(typeAnswered)
			rate := map[string]int{webrtc.MimeTypeOpus: 16000, webrtc.MimeTypePCMU: 8000}[mime]
			eventually(t, "the page hears 1000 Hz", func() bool { return m.level(rate, 1000) > 0.8 })
			if e := c.expect(typeEnded); e.Code != 200 || e.By != "flow" || e.Reason != "done" {
				t.Errorf("end %+v", e)
			}
			if l := <-heard; l < 0.8 {
				t.Errorf("the flow hears 600 Hz by %.2f", l)
			}
		})
	}
}

func level(tap *media.Tap, rate int) float64 {
	_ = tap.Close()
	f := make(media.Frame, media.FrameSize(rate))
	var all []int16
	for {
		if _, _, err := tap.Read(context.Background(), f); err != nil {
			break
		}
		all = append(all, f...)
	}
	return tone(all[max(0, len(all)-rate):], rate, 600)
}

// Two pages of a client ring; the first that accepts talks, the other is told, and a bridge joins Opus with G.711.
func TestDialAndBridge(t *testing.T) {
	r := newRig(t)
	caller, done := make(chan interpreter.Leg, 1), make(chan struct{})
	r.take = func(leg interpreter.Leg) {
		if err := leg.Answer(leg.Context()); err != nil {
			t.Error(err)
		}
		caller <- leg
		<-done
	}
	ann, bob, bob2 := r.page(t, "ann", ""), r.page(t, "bob", ""), r.page(t, "bob", "")
	am, bm := newMouth(t, webrtc.MimeTypeOpus), newMouth(t, webrtc.MimeTypePCMU)
	ann.send(message{Type: typeCall, Call: "1", To: "bob", SDP: am.offer(t)})
	am.answered(t, ann.expect(typeMedia).SDP)
	a := <-caller
	var steps []interpreter.CallStatus
	result := make(chan error, 1)
	var b interpreter.Leg
	go func() {
		var err error
		b, err = r.phones.Dial(a.Context(), interpreter.Target{URI: "client:bob",
			Headers: []interpreter.Header{{Name: "X-room", Value: "9"}}},
			interpreter.DialOptions{From: a.Info().From, Timeout: 20 * time.Second,
				Progress: func(p interpreter.Progress) { steps = append(steps, p.Status) }})
		result <- err
	}()
	in := bob.expect(typeIncoming)
	bob2.expect(typeIncoming)
	if in.From != "client:ann" || in.Params["room"] != "9" {
		t.Errorf("incoming %+v", in)
	}
	bob.send(message{Type: typeAccept, Call: in.Call, SDP: bm.offer(t)})
	bm.answered(t, bob.expect(typeMedia).SDP)
	bob.expect(typeAnswered)
	if e := bob2.expect(typeEnded); e.Reason != "answered elsewhere" {
		t.Errorf("the other page: %+v", e)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if len(steps) != 3 || steps[2] != interpreter.StatusInProgress {
		t.Errorf("steps %v", steps)
	}
	joined := make(chan error, 1)
	go func() { joined <- audio.Bridge(a.Context(), a, b, interpreter.BridgeOptions{}) }()
	eventually(t, "the caller hears the other page", func() bool { return am.level(16000, 600) > 0.8 })
	eventually(t, "the other page hears the caller", func() bool { return bm.level(8000, 600) > 0.8 })
	bob.send(message{Type: typeHangup, Call: in.Call})
	if err := <-joined; err != nil {
		t.Errorf("bridge: %v", err)
	}
	var h *interpreter.Hangup
	if !errors.As(context.Cause(b.Context()), &h) || h.By != interpreter.ByCaller || h.Code != 200 {
		t.Errorf("cause %v", context.Cause(b.Context()))
	}
	close(done)
}

// How a Dial ends that nobody answers.
func TestDialFails(t *testing.T) {
	r := newRig(t)
	dial := func(ctx context.Context, limit time.Duration) error {
		_, err := r.phones.Dial(ctx, interpreter.Target{URI: "client:bob"}, interpreter.DialOptions{Timeout: limit})
		return err
	}
	code := func(err error) int {
		var d *interpreter.DialError
		if !errors.As(err, &d) {
			t.Errorf("error %v", err)
			return 0
		}
		return d.Code
	}
	if c := code(dial(t.Context(), time.Second)); c != 480 {
		t.Errorf("nobody is there: %d", c)
	}
	bob := r.page(t, "bob", "")
	for reason, want := range map[string]int{"busy": 486, "declined": 603} {
		got := make(chan error, 1)
		go func() { got <- dial(t.Context(), 20*time.Second) }()
		bob.send(message{Type: typeReject, Call: bob.expect(typeIncoming).Call, Reason: reason})
		if c := code(<-got); c != want {
			t.Errorf("%s: %d", reason, c)
		}
		bob.expectQuiet()
	}
	if c := code(dial(t.Context(), 50*time.Millisecond)); c != 487 {
		t.Errorf("no answer: %d", c)
	}
	bob.expect(typeIncoming)
	bob.expect(typeEnded)
	ctx, cancel := context.WithCancelCause(t.Context())
	got := make(chan error, 1)
	go func() { got <- dial(ctx, 20*time.Second) }()
	bob.expect(typeIncoming)
	cancel(interpreter.ErrElsewhere)
	if err := <-got; !errors.Is(err, interpreter.ErrElsewhere) {
		t.Errorf("cancelled: %v", err)
	}
	if e := bob.expect(typeEnded); e.Reason != "answered elsewhere" {
		t.Errorf("told %+v", e)
	}
}

// expectQuiet reads what ends the ringing of a page that refused.
func (c *client) expectQuiet() {
	c.t.Helper()
	c.expect(typeEnded)
}

// A page that loses its connection comes back with its call; one that does not know the secret is another page.
func TestResume(t *testing.T) {
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
	_ = c.socket.Close()
	<-c.over
	token, _, _ := r.tokens.Issue("ann", 0)
	back := r.visit(t)
	back.send(message{Type: typeHello, Token: token, Resume: c.resume})
	if w := back.expect(typeWelcome); len(w.Calls) != 1 || w.Calls[0] != "1" || w.Resume != c.resume {
		t.Errorf("welcome %+v", w)
	}
	if other := r.page(t, "bob", c.resume); other.resume == c.resume {
		t.Error("a stranger got the page")
	}
	back.send(message{Type: typeHangup, Call: "1"})
	if e := back.expect(typeEnded); e.By != "caller" || e.Code != 200 {
		t.Errorf("end %+v", e)
	}
	var h *interpreter.Hangup
	if err := <-over; !errors.As(err, &h) || h.By != interpreter.ByCaller {
		t.Errorf("cause %v", err)
	}
}

// What is refused, and how.
func TestRefusals(t *testing.T) {
	r := newRig(t)
	r.take = func(leg interpreter.Leg) { <-leg.Context().Done() }
	c := r.visit(t)
	c.send(message{Type: typeHello, Token: "x.y"})
	if e := c.expect(typeError); e.Code != 401 {
		t.Errorf("forged token: %+v", e)
	}
	c = r.visit(t)
	c.send(message{Type: typeCall})
	if e := c.expect(typeError); e.Code != 400 {
		t.Errorf("no hello: %+v", e)
	}
	c = r.page(t, "ann", "")
	c.send(message{Type: typeCall, Call: "1", To: "404", SDP: "v=0"})
	if e := c.expect(typeEnded); e.Code != 404 {
		t.Errorf("unknown number: %+v", e)
	}
	c.send(message{Type: typeCall, Call: "1", To: "100", SDP: "v=0\r\nnonsense"})
	if e := c.expect(typeEnded); e.Code != 488 {
		t.Errorf("bad description: %+v", e)
	}
	c.send(message{Type: "sing"})
	c.expect(typeError)
	_ = c.socket.Write([]byte("{"))
	if e := c.expect(typeError); e.Code != 400 {
		t.Errorf("not JSON: %+v", e)
	}
	<-c.over
	c = r.page(t, "ann", "")
	for range burst + 5 {
		c.send(message{Type: typePing})
	}
	select {
	case <-c.over:
	case <-time.After(20 * time.Second):
		t.Error("a page that floods stays")
	}
}
