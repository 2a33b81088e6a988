package rtpio

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/dtmf"
	"pintle/media/tone"
)

// record collects what a tap gets until it is closed.
func record(t *media.Tap, rate int) func() []int16 {
	out := make(chan []int16)
	go func() {
		var all []int16
		f := make(media.Frame, media.FrameSize(rate))
		for {
			n, err := t.ReadFrame(f)
			all = append(all, f[:n]...)
			if errors.Is(err, io.EOF) {
				out <- all
				return
			}
			if n == 0 {
				time.Sleep(media.FrameDuration)
			}
		}
	}()
	return func() []int16 {
		_ = t.Close()
		return <-out
	}
}

// heard records what a stream receives.
func heard(s *Stream, rate int) func() []int16 {
	tap := media.NewTap(rate, time.Second)
	s.AddTap(Received, tap)
	stop := record(tap, rate)
	return func() []int16 {
		s.RemoveTap(tap)
		return stop()
	}
}

// The sequence of senders, and who is believed.
func TestSourceIsLearnedOnce(t *testing.T) {
	sdp := netip.MustParseAddrPort("10.0.0.5:4000")
	nat := netip.MustParseAddrPort("192.0.2.7:31000")
	nat2 := netip.MustParseAddrPort("192.0.2.7:31002")
	foe := netip.MustParseAddrPort("203.0.113.66:5000")
	type from struct {
		addr netip.AddrPort
		ssrc uint32
		n    int
	}
	for _, tc := range []struct {
		name     string
		packets  []from
		anywhere bool
		locked   netip.AddrPort
		taken    int
	}{
		{"the address of the SDP", []from{{sdp, 1, 4}, {foe, 2, 9}, {nat, 1, 5}}, false, sdp, 4},
		{"behind NAT, from the address of the signalling", []from{{nat, 1, 4}, {nat, 1, 4}}, false, nat, 6},
		{"a foreign address never", []from{{foe, 1, 50}}, false, netip.AddrPort{}, 0},
		{"a foreign address first does not spoil it", []from{{foe, 1, 4}, {nat, 1, 3}, {foe, 1, 4}}, false, nat, 1},
		{"unsteady sources within five packets", []from{{nat, 1, 2}, {nat2, 1, 2}, {nat, 2, 1}}, false, netip.AddrPort{}, 0},
		{"two SSRCs are not one source", []from{{nat, 1, 2}, {nat, 2, 2}}, false, netip.AddrPort{}, 0},
		{"no second learning after silence", []from{{nat, 1, 3}, {nat2, 1, 50}}, false, nat, 1},
		{"anywhere where it is permitted", []from{{foe, 1, 4}}, true, foe, 2},
	} {
		l := learner{expected: sdp, signalling: nat.Addr(), anywhere: tc.anywhere}
		taken := 0
		for _, p := range tc.packets {
			for range p.n {
				if ok, _ := l.accept(p.addr, p.ssrc); ok {
					taken++
				}
			}
		}
		if l.locked != tc.locked || taken != tc.taken {
			t.Errorf("%s: locked %v, took %d; want %v, %d", tc.name, l.locked, taken, tc.locked, tc.taken)
		}
	}
}

// Packets of a stranger are neither heard, nor digits, nor do they move where
// media is sent; only a re-INVITE opens the learning again.
func TestForeignPacketsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		f.say(300, 200*time.Millisecond)
		foe := netip.MustParseAddrPort("203.0.113.66:5000")
		for k := range 100 {
			h := rtp.Header{PayloadType: 101, SequenceNumber: f.seq + uint16(k), Timestamp: f.ts, SSRC: 7}
			f.end.peer.Deliver(packet(h, []byte{5, 0x80, 3, 0xe8}), foe)
			synctest.Wait()
		}
		f.say(300, 200*time.Millisecond)
		st := s.Stats()
		if st.Foreign != 100 || st.Received != 20 || st.Lost != 0 || st.Remote != f.end.local {
			t.Errorf("%+v", st)
		}
		select {
		case d := <-s.Digits():
			t.Errorf("digit %c of a stranger", d.Digit)
		default:
		}
		p := params("PCMU", f.end.local)
		p.Signalling = foe.Addr()
		if err := s.Update(p); err != nil {
			t.Fatal(err)
		}
		for k := range 3 {
			h := rtp.Header{SequenceNumber: 100 + uint16(k), Timestamp: 5000, SSRC: 9}
			f.end.peer.Deliver(packet(h, make([]byte, 160)), foe)
			synctest.Wait()
		}
		if st := s.Stats(); st.Remote != foe || !st.Learned {
			t.Errorf("after a re-INVITE: remote %v, learned %v", st.Remote, st.Learned)
		}
	})
}

func TestInvalidPacketsAreCounted(t *testing.T) {
	near, end := Pair()
	s, err := New(Options{RTP: near}, params("PCMU", end.local))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	good := packet(rtp.Header{SequenceNumber: 1, SSRC: 7}, make([]byte, 160))
	s.receive(good, end.local, now)
	bad := map[string][]byte{
		"empty":      {},
		"short":      good[:11],
		"version 1":  append([]byte{0x40}, good[1:]...),
		"padding":    append(append([]byte{0xa0}, good[1:]...), 255),
		"no padding": append(append([]byte{0xa0}, good[1:]...), 0),
		"CSRC lies":  append([]byte{0x8f}, good[1:20]...),
		"extension":  append([]byte{0x90}, good[1:14]...),
		"sequence":   packet(rtp.Header{SequenceNumber: 30000, SSRC: 7}, make([]byte, 160)),
		"other SSRC": packet(rtp.Header{SequenceNumber: 2, SSRC: 8}, make([]byte, 160)),
		"too long":   make([]byte, maxPacket+1),
	}
	for name, b := range bad {
		before := s.Stats()
		s.receive(b, end.local, now)
		after := s.Stats()
		if after.Invalid != before.Invalid+1 || after.Received != 1 {
			t.Errorf("%s: invalid %d, received %d", name, after.Invalid-before.Invalid, after.Received)
		}
	}
	s.receive(packet(rtp.Header{PayloadType: 8, SequenceNumber: 2, SSRC: 7}, nil), end.local, now)
	if st := s.Stats(); st.WrongType != 1 {
		t.Errorf("wrong payload type: %d", st.WrongType)
	}
	for range 1000 {
		s.receive(good, end.local, now)
	}
	if st := s.Stats(); st.Flooded < 500 || st.Received > 500 {
		t.Errorf("flood: %d dropped, %d received", st.Flooded, st.Received)
	}
}

func TestNewSSRCAfterThreePackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		f.say(300, 100*time.Millisecond)
		for k := range 5 {
			h := rtp.Header{SequenceNumber: uint16(5 + k), Timestamp: uint32(160 * k), SSRC: 99}
			f.end.peer.Deliver(packet(h, ulaw(300, 0, 160)), f.end.local)
			synctest.Wait()
			if got, want := s.in.reception.ssrc == 99, k >= 2; got != want {
				t.Errorf("packet %d: believed is %v", k+1, got)
			}
		}
	})
}

// Recorded sound is as long as the call, and whole, whatever the network does.
func TestReceivedSoundIsTrueToTime(t *testing.T) {
	type impaired struct {
		name   string
		ptime  int     // ms
		loss   float64 // part
		jitter time.Duration
		drift  float64 // of the sender's clock
		want   float64 // dB of the tone at least
	}
	for _, tc := range []impaired{
		{name: "clean", ptime: 20, want: -0.5},
		{name: "10 ms", ptime: 10, want: -0.5},
		{name: "30 ms", ptime: 30, want: -0.5},
		{name: "60 ms", ptime: 60, want: -0.5},
		{name: "5 % lost", ptime: 20, loss: 0.05, want: -1.5},
		{name: "100 ms jitter", ptime: 20, jitter: 100 * time.Millisecond, want: -4},
		{name: "200 ppm fast", ptime: 20, drift: 200e-6, want: -1},
		{name: "200 ppm slow", ptime: 20, drift: -200e-6, want: -1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f := start(t, nil)
			stop := heard(s, 8000)
			r := rand.New(rand.NewPCG(1, 2))
			const length = 20 * time.Second
			from := time.Now()
			for k := 0; k < int(length/time.Millisecond)/tc.ptime; k++ {
				at := time.Duration(float64(k*tc.ptime)*(1-tc.drift)*float64(time.Millisecond)) +
					time.Duration(r.Float64()*float64(tc.jitter))
				b := packet(rtp.Header{SequenceNumber: uint16(65000 + k), Timestamp: uint32(k * 8 * tc.ptime), SSRC: 7},
					ulaw(400, uint32(k*8*tc.ptime), 8*tc.ptime))
				if r.Float64() < tc.loss {
					continue
				}
				time.AfterFunc(time.Until(from.Add(at)), func() { f.end.peer.Deliver(b, f.end.local) })
			}
			time.Sleep(length)
			pcm := stop()
			if d := float64(len(pcm)) / (8000 * length.Seconds()); d < 0.99 || d > 1.01 {
				t.Errorf("%s: recorded %.3f of the call", tc.name, d)
			}
			// The level over blocks of 50 ms, so that a shift of phase does not count but silence does.
			sum, blocks := 0.0, 0
			for i := 8000; i+400 <= len(pcm)-8000; i += 400 {
				sum += level(pcm[i:i+400], 400, 8000)
				blocks++
			}
			if l := sum / float64(blocks); l < tc.want || l > 0.5 {
				t.Errorf("%s: the tone is at %.2f dB, stats %+v", tc.name, l, s.Stats())
			}
		})
	}
}

func TestReorderedDuplicateLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		stop := heard(s, 8000)
		send := func(k int) {
			f.end.peer.Deliver(packet(rtp.Header{SequenceNumber: uint16(k), Timestamp: uint32(160 * k), SSRC: 7},
				ulaw(400, uint32(160*k), 160)), f.end.local)
		}
		time.Sleep(10 * time.Millisecond) // between two ticks
		for k := 1; k < 100; k++ {
			switch k {
			case 50: // comes with, and after, the next one
			case 51:
				send(51)
				send(50)
			case 60:
				send(60)
				send(60)
			case 70: // comes much later
			default:
				send(k)
			}
			if k == 90 {
				send(70)
			}
			time.Sleep(20 * time.Millisecond)
		}
		pcm := stop()
		st := s.Stats()
		if st.Reordered != 1 || st.Duplicate+st.Late != 2 || st.Missing != 1 || st.Concealed != 1 {
			t.Errorf("reordered %d, duplicate %d, late %d, missing %d, concealed %d",
				st.Reordered, st.Duplicate, st.Late, st.Missing, st.Concealed)
		}
		if l := level(pcm[1600:14400], 400, 8000); l < -0.3 {
			t.Errorf("the tone is at %.2f dB", l)
		}
	})
}

func TestDigitsCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, nil)
		f.say(300, 100*time.Millisecond)
		press := func(code byte) {
			ts := f.ts
			for _, d := range []uint16{160, 320, 480, 480, 480} {
				end := byte(0)
				if d == 480 {
					end = 0x80
				}
				b := packet(rtp.Header{PayloadType: 101, SequenceNumber: f.seq, Timestamp: ts, SSRC: 7},
					[]byte{code, end | 10, byte(d >> 8), byte(d)})
				f.seq++
				f.end.peer.Deliver(b, f.end.local)
				time.Sleep(20 * time.Millisecond)
			}
			f.ts += 800
		}
		press(1)
		s.Inject('1', 0) // the same key by INFO
		press(1)
		press(11)
		time.Sleep(time.Second)
		s.Inject('#', 0) // another press, later
		press(36)        // no key
		var got []byte
		for len(s.Digits()) > 0 {
			got = append(got, (<-s.Digits()).Digit)
		}
		if string(got) != "11##" {
			t.Errorf("digits %q", got)
		}
	})
}

func TestDigitsInBand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, func(_ *Options, p *Params) { p.EventRecv, p.Inband = 0, true })
		keys, err := tone.DTMF(8000, "19#", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		pcm, b := make(media.Frame, 160), make([]byte, 160)
		for range 35 {
			n, _ := keys.ReadFrame(pcm)
			clear(pcm[n:])
			codec.PCMU{}.Encode(b, pcm)
			f.send(b, 0)
			time.Sleep(20 * time.Millisecond)
		}
		var got []byte
		for len(s.Digits()) > 0 {
			d := <-s.Digits()
			got = append(got, d.Digit)
			if d.Source != dtmf.FromTone {
				t.Errorf("source %v", d.Source)
			}
		}
		if string(got) != "19#" {
			t.Errorf("digits %q", got)
		}
	})
}

// A re-INVITE that names the same private address again, as for hold and back,
// does not cost the way through NAT; another address is a new party.
func TestReinviteKeepsTheLearnedSource(t *testing.T) {
	near, end := Pair()
	defer end.Close()
	nat := netip.MustParseAddrPort("192.0.2.7:31000")
	p := params("PCMU", netip.MustParseAddrPort("10.0.0.5:4000"))
	p.Signalling = nat.Addr()
	s, err := New(Options{RTP: near}, p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, now := rtp.Header{SSRC: 7}, time.Now()
	arrive := func(from netip.AddrPort, n int) {
		for range n {
			h.SequenceNumber++
			s.receive(packet(h, make([]byte, 160)), from, now)
		}
	}
	arrive(nat, 3)
	if err := s.Update(p); err != nil {
		t.Fatal(err)
	}
	arrive(nat, 2)
	if st := s.Stats(); st.Remote != nat || st.Received != 3 || st.Learned {
		t.Errorf("after hold: remote %v, received %d, locked %v", st.Remote, st.Received, st.Learned)
	}
	p.Remote = netip.MustParseAddrPort("198.51.100.1:6000")
	if err := s.Update(p); err != nil {
		t.Fatal(err)
	}
	h.SSRC = 8
	arrive(p.Remote, 1)
	if st := s.Stats(); st.Remote != p.Remote || st.Received != 4 {
		t.Errorf("another party: remote %v, received %d", st.Remote, st.Received)
	}
}
