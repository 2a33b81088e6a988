package audio

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/rtpio"
)

// shaking is a half that agrees on keys by DTLS.
func shaking(t *testing.T, end *rtpio.End, me *rtpio.Identity) *Half {
	t.Helper()
	pacer := media.NewPacer()
	h, err := Open(rtpio.Options{RTP: end, Pace: pacer, Identity: me}, &Sounds{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		pacer.Close()
	})
	return h
}

func newIdentity(t *testing.T) *rtpio.Identity {
	t.Helper()
	i, err := rtpio.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// A prompt waits for a handshake that is late, so that all of it is heard, but two seconds at most; a failure is told
// once, with its number, and stands in the record.
func TestPromptsWaitForKeys(t *testing.T) {
	for _, tc := range []struct {
		name   string
		late   time.Duration // before the far end shakes hands
		wrong  bool          // it shows another certificate
		waited time.Duration
		heard  string
	}{
		{"late", time.Second / 2, false, time.Second / 2, "1111"},
		{"too late", 5 * time.Second, false, keysTime, ""},
		{"another certificate", 0, true, keysTime, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := rtpio.Pair()
				ia, ib := newIdentity(t), newIdentity(t)
				here, there := shaking(t, a, ia), shaking(t, b, ib)
				told := &events{}
				here.Trace(told.add)
				p := rtpio.Params{Codec: codecNamed("PCMU"), Remote: b.LocalAddr(), EventSend: 101, EventRecv: 101,
					DTLS: rtpio.DTLS{Fingerprint: ib.Fingerprint(), Client: true}}
				if tc.wrong {
					p.DTLS.Fingerprint = newIdentity(t).Fingerprint()
				}
				if err := here.Update(p); err != nil {
					t.Fatal(err)
				}
				shake := time.AfterFunc(tc.late, func() {
					p := p
					p.Remote, p.DTLS = a.LocalAddr(), rtpio.DTLS{Fingerprint: ia.Fingerprint()}
					if err := there.Update(p); err != nil {
						t.Error(err)
					}
				})
				defer shake.Stop()
				began := time.Now()
				if err := here.Play(t.Context(), interpreter.Prompt{Digits: strings.Repeat("1", 4)}); err != nil {
					t.Fatal(err)
				}
				q := here.Quality()
				heard := keys(there)
				switch {
				case time.Since(began) < tc.waited || time.Since(began) > tc.waited+2*time.Second:
					t.Errorf("it took %v, of which %v of waiting were expected", time.Since(began), tc.waited)
				case heard != tc.heard || (q.Encryption != "") != (heard != ""):
					t.Errorf("heard %q, %+v", heard, q)
				}
				failures := 0
				for _, text := range told.texts() {
					if strings.HasPrefix(text, "DTLS handshake failed: ") {
						failures++
					}
				}
				if tc.wrong && (failures != 1 || q.Handshakes < 2) || !tc.wrong && failures != 0 {
					t.Errorf("%d failures told, %d counted", failures, q.Handshakes)
				}
			})
		})
	}
}
