package rtpio

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
)

// keysOf makes keys for both ends of a call.
func keysOf(tb testing.TB, s Suite) (ours, theirs Keys) {
	tb.Helper()
	octets := func() string {
		b := make([]byte, s.KeyLength())
		rand.Read(b)
		return string(b)
	}
	a, b := octets(), octets()
	return Keys{s, a, b}, Keys{s, b, a}
}

var allSuites = []Suite{AEADAES256GCM, AEADAES128GCM, AESCM128SHA80, AESCM128SHA32}

// secured is a stream and what seals the packets of its far end.
type secured struct {
	*ticking
	far sealer
}

func newSecured(tb testing.TB, suite Suite) *secured {
	tb.Helper()
	ours, theirs := keysOf(tb, suite)
	s, _ := quietStream(tb, func(p *Params) { p.Keys = ours })
	c := &secured{ticking: newTicking(s)}
	if err := c.far.renew(theirs, false); err != nil {
		tb.Fatal(err)
	}
	return c
}

// next is the far end's next packet as it goes over the wire.
func (c *secured) next() []byte {
	c.h.SequenceNumber++
	c.h.Timestamp += 160
	_, _ = c.h.MarshalTo(c.b)
	b, _ := c.far.seal(c.b)
	return b
}

func (c *secured) step() {
	b := c.next()
	c.now = c.now.Add(media.FrameDuration)
	c.s.receive(b, c.s.in.learner.expected, c.now)
	c.s.Tick(c.now)
}

func TestSecureStreamAllocatesNothing(t *testing.T) {
	for _, suite := range allSuites {
		c := newSecured(t, suite)
		for range 200 {
			c.step()
		}
		if n := testing.AllocsPerRun(300, c.step); n != 0 && !raced {
			t.Errorf("%s: %v allocations for a packet and a tick", suite, n)
		}
		if st := c.s.Stats(); st.Received < 400 || st.Sent < 400 || st.Unauthentic != 0 {
			t.Errorf("%s: %+v", suite, st)
		}
	}
}

// What is not sealed with the agreed key is dropped and counted, and the call goes on.
func TestForgedPacketsAreDropped(t *testing.T) {
	for _, suite := range allSuites {
		t.Run(string(suite), func(t *testing.T) {
			c := newSecured(t, suite)
			from := c.s.in.learner.expected
			for range 5 {
				c.step()
			}
			good := append([]byte(nil), c.next()...)
			flipped := append([]byte(nil), good...)
			flipped[len(flipped)-1] ^= 1
			var wrong sealer
			other, _ := keysOf(t, suite)
			if err := wrong.renew(other, false); err != nil {
				t.Fatal(err)
			}
			stranger, _ := wrong.seal(c.b)
			plain := append([]byte(nil), c.b...)
			for _, b := range [][]byte{flipped, stranger, plain, good[:11], nil} {
				c.s.receive(b, from, c.now)
			}
			if st := c.s.Stats(); st.Received != 5 || st.Unauthentic != 5 {
				t.Errorf("received %d, unauthentic %d; want 5 and 5", st.Received, st.Unauthentic)
			}
			c.s.receive(good, from, c.now)
			c.s.receive(good, from, c.now) // again: a replay
			if st := c.s.Stats(); st.Received != 6 || st.Unauthentic != 6 {
				t.Errorf("received %d, unauthentic %d; want 6 and 6", st.Received, st.Unauthentic)
			}
			c.s.receive(c.next(), netip.MustParseAddrPort("203.0.113.9:4000"), c.now)
			if st := c.s.Stats(); st.Foreign != 1 || st.Received != 6 {
				t.Errorf("foreign %d, received %d; want 1 and 6", st.Foreign, st.Received)
			}
			c.step()
			if st := c.s.Stats(); st.Received != 7 {
				t.Errorf("the call does not go on: received %d, want 7", st.Received)
			}
		})
	}
}

// New keys of a re-INVITE count at once for what is sent; packets under the old ones are taken until the first new one.
func TestNewKeys(t *testing.T) {
	c := newSecured(t, AESCM128SHA80)
	c.step()
	p := c.s.inParams()
	ours, theirs := keysOf(t, AEADAES128GCM)
	p.Keys = ours
	if err := c.s.Update(p); err != nil {
		t.Fatal(err)
	}
	c.s.receive(c.next(), c.s.in.learner.expected, c.now)
	if st := c.s.Stats(); st.Received != 2 || st.Unauthentic != 0 {
		t.Errorf("under the old keys: received %d, unauthentic %d", st.Received, st.Unauthentic)
	}
	old := c.far
	if err := c.far.renew(theirs, false); err != nil {
		t.Fatal(err)
	}
	c.step()
	c.h.SequenceNumber++
	_, _ = c.h.MarshalTo(c.b)
	late, _ := old.seal(c.b)
	c.s.receive(late, c.s.in.learner.expected, c.now)
	if st := c.s.Stats(); st.Received != 3 || st.Unauthentic != 1 {
		t.Errorf("after the new keys: received %d, unauthentic %d; want 3 and 1", st.Received, st.Unauthentic)
	}
}

// Nothing leaves in the clear, reports included, and the far end can read both.
func TestSealedOutput(t *testing.T) {
	for _, suite := range allSuites {
		near, end := Pair()
		ours, theirs := keysOf(t, suite)
		p := params("PCMU", end.local)
		p.Keys, p.MuxRTCP = ours, true
		s, err := New(Options{RTP: near, Rest: time.Millisecond}, p)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for i := range 10 {
			s.Tick(now.Add(time.Duration(i) * media.FrameDuration))
		}
		var far opener
		if err := far.renew(theirs, false, now); err != nil {
			t.Fatal(err)
		}
		var sound, reports int
		batch := []Packet{{Buf: make([]byte, maxPacket)}}
		for sound+reports < 15 {
			n, err := end.ReadBatch(batch)
			if err != nil || n == 0 {
				break
			}
			b, ok := far.open(batch[0].Buf[:batch[0].N], now)
			var h rtp.Packet
			switch {
			case !ok:
				t.Fatalf("%s: the far end cannot read packet %d", suite, sound+reports)
			case isRTCP(b):
				reports++
			case h.Unmarshal(b) == nil && len(h.Payload) == 160:
				sound++
			}
		}
		if sound < 5 || reports < 2 {
			t.Errorf("%s: %d packets of sound, %d reports", suite, sound, reports)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestKeysAreChecked(t *testing.T) {
	near, end := Pair()
	for _, k := range []Keys{{Suite: "NULL"}, {Suite: AESCM128SHA80, Send: "short", Receive: "short"}} {
		p := params("PCMU", end.local)
		p.Keys = k
		if _, err := New(Options{RTP: near}, p); err == nil {
			t.Errorf("%v was taken", k)
		}
	}
	secret := Keys{AESCM128SHA80, "topsecret", "topsecret"}
	if strings.Contains(secret.String()+secret.GoString(), "topsecret") {
		t.Error("keys can be printed")
	}
}

func BenchmarkSecure(b *testing.B) {
	for _, suite := range allSuites {
		b.Run(string(suite), func(b *testing.B) {
			c := newSecured(b, suite)
			b.ReportAllocs()
			for b.Loop() {
				c.step()
			}
		})
	}
}
