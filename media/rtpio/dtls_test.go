package rtpio

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/media"
	"pintle/media/tone"
)

// shaking is a stream that agrees on keys by DTLS.
func shaking(t *testing.T, io, far *End, p Params, me *Identity) *Stream {
	t.Helper()
	p.Remote = far.local
	s, err := New(Options{RTP: io, Identity: me, Rest: time.Hour}, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func identity(t *testing.T) *Identity {
	t.Helper()
	i, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if parsed, ok := ParseFingerprint(strings.ToLower(i.Fingerprint())); !ok || parsed != i.Fingerprint() {
		t.Fatalf("fingerprint %q is read as %q", i.Fingerprint(), parsed)
	}
	return i
}

func TestDTLSAgreesOnKeysAndSoundPasses(t *testing.T) {
	for name, client := range map[string]bool{"as client": true, "as server": false} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { agreeAndTalk(t, client) }) })
	}
}

func agreeAndTalk(t *testing.T, client bool) {
	a, b := Pair()
	ia, ib := identity(t), identity(t)
	pa, pb := params("PCMU", b.local), params("PCMU", a.local)
	pa.DTLS = DTLS{Fingerprint: ib.Fingerprint(), Client: client}
	pb.DTLS = DTLS{Fingerprint: ia.Fingerprint(), Client: !client}
	sa, sb := shaking(t, a, b, pa, ia), shaking(t, b, a, pb, ib)
	now := time.Now()
	sa.Tick(now)
	if st := sa.Stats(); st.Sent != 0 {
		t.Errorf("%d packets left before there were keys", st.Sent)
	}
	for _, s := range []*Stream{sa, sb} {
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h := <-s.Handshakes(); h.Err != nil || h.Suite != AEADAES256GCM {
			t.Errorf("told of %+v", h)
		}
	}
	if suite, _ := sa.Secured(); suite != AEADAES256GCM {
		t.Errorf("suite %s, want the best", suite)
	}
	ring, err := tone.Ringback(8000, "us")
	if err != nil {
		t.Fatal(err)
	}
	sa.Play(ring)
	for i := range 5 {
		sa.Tick(now.Add(time.Duration(i+1) * media.FrameDuration))
	}
	synctest.Wait()
	if got := sb.Stats().Received; got < 5 {
		t.Errorf("%d packets came, want 5", got)
	}

	// A re-INVITE with the same certificate keeps the association.
	if err := sa.Update(sa.inParams()); err != nil {
		t.Fatal(err)
	}
	if _, ok := sa.Secured(); !ok {
		t.Error("the keys were thrown away by a refresh")
	}
	// Without DTLS the sound is plain again.
	p := sa.inParams()
	p.DTLS = DTLS{}
	if err := sa.Update(p); err != nil {
		t.Fatal(err)
	}
	if _, ok := sa.Secured(); ok {
		t.Error("protected although nothing says so")
	}
}

// A certificate that is not the one of the description gets no keys, and the owner is told why, attempt by attempt.
func TestDTLSWrongCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		ia, ib := identity(t), identity(t)
		pa, pb := params("PCMU", b.local), params("PCMU", a.local)
		pa.DTLS = DTLS{Fingerprint: identity(t).Fingerprint(), Client: true}
		pb.DTLS = DTLS{Fingerprint: ia.Fingerprint()}
		sa, sb := shaking(t, a, b, pa, ia), shaking(t, b, a, pb, ib)
		for range 2 {
			if h := <-sa.Handshakes(); h.Err == nil || !strings.Contains(h.Err.Error(), errFingerprint.Error()) {
				t.Errorf("told of %+v, want that the certificate is another one", h)
			}
		}
		for _, s := range []*Stream{sa, sb} {
			if _, ok := s.Secured(); ok {
				t.Error("keys were agreed on with a wrong certificate")
			}
		}
		if st := sa.Stats(); st.Unshaken < 2 || st.Suite != "" {
			t.Errorf("%d failures, suite %q", st.Unshaken, st.Suite)
		}
	})
}

// Whom nobody answers learns that, and who waits for keys waits as long as he wants.
func TestDTLSSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		p := params("PCMU", b.local)
		p.DTLS = DTLS{Fingerprint: identity(t).Fingerprint(), Client: true}
		s := shaking(t, a, b, p, identity(t))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := s.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting ended with %v", err)
		}
		if h := <-s.Handshakes(); !errors.Is(h.Err, errSilent) {
			t.Errorf("told of %+v", h)
		}
		if err := s.Update(params("PCMU", b.local)); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("without DTLS: %v", err)
		}
	})
}

// CVE-2023-49786: who is neither the negotiated far end nor at the address of its signalling shakes no hands.
func TestDTLSFromStrangersIsDropped(t *testing.T) {
	a, b := Pair()
	me := identity(t)
	p := params("PCMU", b.local)
	p.DTLS = DTLS{Fingerprint: identity(t).Fingerprint()}
	s := shaking(t, a, b, p, me)
	hello := append([]byte{22, 254, 253}, make([]byte, 60)...)
	s.receive(hello, netip.MustParseAddrPort("203.0.113.5:4000"), time.Now())
	if st := s.Stats(); st.Foreign != 1 || s.association.locked {
		t.Errorf("a stranger's record was taken: %+v", st)
	}
	s.receive(hello, b.local, time.Now())
	s.receive(hello, netip.AddrPortFrom(b.local.Addr(), 4999), time.Now())
	if st := s.Stats(); st.Foreign != 2 {
		t.Errorf("a second sender was heard: foreign %d, want 2", st.Foreign)
	}
	if err := s.Update(params("PCMU", b.local)); err != nil {
		t.Fatal(err)
	}
	s.receive(hello, b.local, time.Now())
	if st := s.Stats(); st.Foreign != 3 {
		t.Errorf("a record was taken although no handshake is expected: foreign %d, want 3", st.Foreign)
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add("sha-256 AB:CD")
	f.Add("SHA-512 " + strings.Repeat("00:", 63) + "FF")
	f.Fuzz(func(t *testing.T, text string) {
		one, ok := ParseFingerprint(text)
		if !ok {
			return
		}
		if two, ok := ParseFingerprint(one); !ok || two != one {
			t.Errorf("%q became %q, then %q", text, one, two)
		}
	})
}
