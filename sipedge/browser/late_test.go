package browser

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"pintle/interpreter"
)

func only(set map[*page]struct{}) *page {
	for p := range set {
		return p
	}
	return nil
}

// A page that connects while its client rings is rung too, and may answer; it is put on hold and taken back, and what
// was measured says more than the half alone knows.
func TestLatePage(t *testing.T) {
	r := newRig(t)
	bob := r.page(t, "bob", "")
	result := make(chan interpreter.Leg, 1)
	go func() {
		leg, err := r.phones.Dial(t.Context(), interpreter.Target{URI: "client:bob"}, interpreter.DialOptions{
			Timeout: 20 * time.Second})
		if err != nil {
			t.Error(err)
		}
		result <- leg
	}()
	bob.send(message{Type: typeReject, Call: bob.expect(typeIncoming).Call + "0", Reason: "busy"}) // another call's
	late := r.page(t, "bob", "")
	in := late.expect(typeIncoming)
	m := newMouth(t, webrtc.MimeTypeOpus)
	late.send(message{Type: typeAccept, Call: in.Call, SDP: m.offer(t)})
	m.answered(t, late.expect(typeMedia).SDP)
	late.expect(typeAnswered)
	bob.expect(typeEnded)
	leg := <-result
	if len(r.phones.rings) != 0 || r.phones.Count() != 2 || r.phones.cfg.Media.Sessions() != 1 {
		t.Errorf("%d rings, %d pages, %d sessions", len(r.phones.rings), r.phones.Count(), r.phones.cfg.Media.Sessions())
	}
	h, ok := leg.(interpreter.Holder)
	if !ok {
		t.Fatal("no Holder")
	}
	for _, held := range []bool{true, false} {
		change := h.Resume
		if held {
			change = h.Hold
		}
		if err := errors.Join(change(t.Context()), change(t.Context())); err != nil { // the second changes nothing
			t.Fatal(err)
		}
		if got := late.expect(typeHold); got.Held != held || got.Call != in.Call {
			t.Errorf("told %+v", got)
		}
	}
	if err := h.Renegotiate(t.Context(), []string{"PCMU"}); !errors.Is(err, interpreter.ErrUnsupported) {
		t.Errorf("other codecs: %v", err)
	}
	eventually(t, "a report of the browser", func() bool {
		q := leg.(interpreter.Measurer).Quality()
		return q.Encryption != "" && q.RoundTrip > 0
	})
	late.send(message{Type: typeHangup, Call: in.Call})
	<-leg.Context().Done()
	if err := h.Hold(context.Background()); !errors.Is(err, interpreter.ErrCallOver) {
		t.Errorf("hold after the end: %v", err)
	}
}

// When every page that rings has refused, those that came late too, the ring is over.
func TestLatePageRefuses(t *testing.T) {
	r := newRig(t)
	bob := r.page(t, "bob", "")
	result := make(chan error, 1)
	go func() {
		_, err := r.phones.Dial(t.Context(), interpreter.Target{URI: "client:bob"}, interpreter.DialOptions{
			Timeout: 20 * time.Second})
		result <- err
	}()
	in := bob.expect(typeIncoming)
	late := r.page(t, "bob", "")
	late.expect(typeIncoming)
	for _, c := range []*client{bob, late} {
		select {
		case err := <-result:
			t.Fatalf("over before everybody has refused: %v", err)
		default:
		}
		c.send(message{Type: typeReject, Call: in.Call, Reason: "busy"})
	}
	var d *interpreter.DialError
	if err := <-result; !errors.As(err, &d) || d.Code != 486 {
		t.Errorf("%v", err)
	}
}
