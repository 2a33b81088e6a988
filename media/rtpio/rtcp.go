package rtpio

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is the mean time between two reports (RFC 3550 §6.2).
const reportEvery = 5 * time.Second

// isRTCP tells reports from media on one port (RFC 5761 §4).
func isRTCP(b []byte) bool { return len(b) >= 2 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }

// remoteReport is what the far end says about our media, and what we need to answer.
type remoteReport struct {
	lastSR   uint32 // middle of its NTP time
	lastSRAt time.Time
	loss     float64
	jitter   time.Duration
	rtt      time.Duration
	count    uint64
}

// control takes an RTCP datagram. It only ever feeds statistics: a BYE does not
// end a call, and what cannot be understood is ignored.
func (i *inbound) control(b []byte, from netip.AddrPort, ours uint32, now time.Time) {
	if !i.learner.from(from.Addr()) {
		i.foreign++
		return
	}
	for len(b) > 0 {
		var h rtcp.Header
		if h.Unmarshal(b) != nil {
			return
		}
		size := 4 * (int(h.Length) + 1)
		if size > len(b) {
			return
		}
		switch h.Type {
		case rtcp.TypeSenderReport:
			var sr rtcp.SenderReport
			if sr.Unmarshal(b[:size]) == nil {
				i.remote.lastSR, i.remote.lastSRAt = uint32(sr.NTPTime>>16), now
				i.blocks(sr.Reports, ours, now)
			}
		case rtcp.TypeReceiverReport:
			var rr rtcp.ReceiverReport
			if rr.Unmarshal(b[:size]) == nil {
				i.blocks(rr.Reports, ours, now)
			}
		default: // the rest says nothing about our sound
		}
		b = b[size:]
	}
}

// blocks keeps what is said about our SSRC. Absurd values are left out.
func (i *inbound) blocks(reports []rtcp.ReceptionReport, ours uint32, now time.Time) {
	for _, r := range reports {
		if r.SSRC != ours {
			continue
		}
		i.remote.count++
		i.remote.loss = float64(r.FractionLost) / 256
		i.remote.jitter = min(time.Duration(r.Jitter)*time.Second/time.Duration(i.params.Codec.ClockRate), time.Minute)
		if r.LastSenderReport == 0 {
			continue
		}
		units := int32(uint32(ntp(now)>>16) - r.LastSenderReport - r.Delay) // 1/65536 s
		if rtt := time.Duration(units) * time.Second >> 16; rtt >= 0 && rtt < time.Minute {
			i.remote.rtt = rtt
		}
	}
}

// ntp returns t as NTP writes it: seconds since 1900 and their fraction.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// block returns our report about what is received, if there is anything.
func (i *inbound) block(now time.Time) []rtcp.ReceptionReport {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := &i.reception
	if !r.have {
		return nil
	}
	b := rtcp.ReceptionReport{
		SSRC:               r.ssrc,
		FractionLost:       r.fraction(),
		TotalLost:          min(r.lost(), 1<<23-1),
		LastSequenceNumber: r.extended(),
		Jitter:             uint32(r.jitter * float64(r.clockRate)),
	}
	if !i.remote.lastSRAt.IsZero() {
		b.LastSenderReport = i.remote.lastSR
		b.Delay = uint32(min(now.Sub(i.remote.lastSRAt), time.Hour) << 16 / time.Second)
	}
	return []rtcp.ReceptionReport{b}
}

// reporter sends reports. Only the tick uses it, and Close after the last tick.
type reporter struct {
	io    PacketIO
	ssrc  uint32
	cname string
	every time.Duration
	next  time.Time
}

func (r *reporter) start(o Options, ssrc uint32, now time.Time) {
	r.io, r.ssrc, r.cname, r.every = o.RTCP, ssrc, o.Name, o.Rest
	if r.io == nil {
		r.io = o.RTP
	}
	if r.cname == "" {
		r.cname = "pintle"
	}
	if r.every <= 0 {
		r.every = reportEvery
	}
	r.plan(now)
}

// plan sets the time of the next report, spread so that calls do not report together.
func (r *reporter) plan(now time.Time) {
	r.next = now.Add(r.every/2 + rand.N(r.every))
}

func (s *Stream) reportTick(now time.Time) {
	if now.Before(s.report.next) {
		return
	}
	s.report.plan(now)
	s.sendReport(now, nil)
	s.in.mu.Lock()
	loss := s.in.remote.loss
	s.in.mu.Unlock()
	s.Harden(loss)
}

// goodbye ends the RTCP session.
func (s *Stream) goodbye() {
	s.sendReport(time.Now(), &rtcp.Goodbye{Sources: []uint32{s.report.ssrc}})
}

// sendReport sends a compound packet: SR or RR, SDES, and last if it is not nil.
func (s *Stream) sendReport(now time.Time, last *rtcp.Goodbye) {
	blocks := s.in.block(now)
	to, first := s.out.sender(blocks, now)
	if !to.IsValid() || (s.options.RTCP == nil && !s.inParams().MuxRTCP) {
		return
	}
	packets := []rtcp.Packet{first, rtcp.NewCNAMESourceDescription(s.report.ssrc, s.report.cname)}
	if last != nil {
		packets = append(packets, last)
	}
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return // nothing of it comes from outside
	}
	b, ok := s.out.sealReport(b)
	if !ok {
		return
	}
	// A lost report is made up for by the next one.
	_, _ = s.report.io.WriteBatch([]Packet{{Buf: b, N: len(b), Addr: to}})
}

// sender returns where reports go and the first packet of one.
func (o *outbound) sender(blocks []rtcp.ReceptionReport, now time.Time) (netip.AddrPort, rtcp.Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	to := o.params.rtcpAddr(o.remote)
	if o.packets == 0 {
		return to, &rtcp.ReceiverReport{SSRC: o.ssrc, Reports: blocks}
	}
	// The timestamp of now: that of the next packet less the time until it is due.
	ts := o.ts - uint32(int64(o.due.Sub(now))*int64(o.encoder.ClockRate())/int64(time.Second))
	return to, &rtcp.SenderReport{
		SSRC: o.ssrc, NTPTime: ntp(now), RTPTime: ts,
		PacketCount: uint32(o.packets), OctetCount: uint32(o.octets), Reports: blocks,
	}
}
