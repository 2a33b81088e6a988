package rtpio

import (
	"net/netip"
	"time"
)

// Stats is what a stream has measured so far.
type Stats struct {
	Remote  netip.AddrPort // where media goes
	Learned bool           // the source of media is locked

	Sent, SentOctets uint64
	Unsent           uint64 // packets that could not be sent: hold, no address, refused by the network
	SendStalls       uint64 // times that sending skipped ahead
	FirstSent        time.Time

	Received uint64
	Lost     uint64        // as the sequence numbers tell
	Jitter   time.Duration // RFC 3550 A.8

	// Of the jitter buffer, which runs only while somebody listens.
	Buffer                     time.Duration // depth it aims at
	Late, Duplicate, Reordered uint64
	// replaced frames, packets absent when due, dropped to catch up, dropped at a jump
	Concealed, Missing, Trimmed, Flushed uint64

	// Dropped unheard: from another address, not RTP or out of sequence, of an
	// unknown payload type, beyond the limit of packets a second.
	Foreign, Invalid, WrongType, Flooded uint64
	Unauthentic                          uint64 // dropped too: SRTP with a bad tag, a wrong key, or seen before

	Suite    Suite  // that protects packets now; empty: none
	Unshaken uint64 // DTLS handshakes that failed

	LostDigits uint64 // nobody read Digits
	Withheld   uint64 // packets of the other leg not passed on, because something was played

	// As the far end reports.
	RemoteLoss   float64 // part of what we sent that it did not get, of its last report
	RemoteJitter time.Duration
	RTT          time.Duration
	Reports      uint64

	MOS float64 // estimate of listening quality here, 1 to 4.4, by the E-model
}

// Stats returns the measurements.
func (s *Stream) Stats() Stats {
	var st Stats
	s.in.stats(&st)
	s.out.stats(&st)
	loss := 0.0
	if total := st.Received + st.Lost; total > 0 {
		loss = float64(st.Lost) / float64(total)
	}
	st.MOS = quality(loss, st.RTT/2+st.Buffer+st.Jitter)
	return st
}

func (i *inbound) stats(st *Stats) {
	i.mu.Lock()
	defer i.mu.Unlock()
	st.Learned = i.learner.locked.IsValid()
	st.Received, st.Lost = i.reception.totalReceived(), i.reception.totalLost()
	st.Jitter = time.Duration(i.reception.jitter * float64(time.Second))
	p := i.player
	st.Buffer = p.target
	st.Late, st.Duplicate, st.Reordered = p.late, p.duplicate, p.reordered
	st.Concealed, st.Missing, st.Trimmed, st.Flushed = p.concealed, p.lost, p.trimmed, p.flushed
	st.Foreign, st.Invalid, st.WrongType, st.Flooded = i.foreign, i.invalid, i.wrongType, i.flooded
	st.LostDigits, st.Unauthentic = i.lostDigits, i.unauthentic
	st.Unshaken = i.unshaken
	if i.opener.now != nil {
		st.Suite = i.opener.keys.Suite
	}
	st.RemoteLoss, st.RemoteJitter, st.RTT, st.Reports = i.remote.loss, i.remote.jitter, i.remote.rtt, i.remote.count
}

func (o *outbound) stats(st *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	st.Remote = o.remote
	st.Sent, st.SentOctets, st.Unsent, st.SendStalls = o.packets, o.octets, o.unsent, o.stalls
	st.FirstSent, st.Withheld = o.firstSent, o.link.dropped
}

// quality is the E-model of ITU-T G.107 cut down to delay and random loss,
// with the robustness of G.711 with concealment (G.113 appendix I).
func quality(loss float64, delay time.Duration) float64 {
	const robustness = 25.1
	ms := delay.Seconds() * 1000
	id := 0.024 * ms
	if ms > 177.3 {
		id += 0.11 * (ms - 177.3)
	}
	percent := loss * 100
	r := 93.2 - id - 95*percent/(percent+robustness)
	if r <= 0 {
		return 1
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6) // the polynomial dips below 1
}
