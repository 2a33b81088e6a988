package rtpio

import (
	"bytes"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
)

func marshal(t *testing.T, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reports returns the RTCP datagrams that came so far.
func (f *far) reports() (got [][]rtcp.Packet) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.got {
		if !a.rtcp {
			continue
		}
		p, err := rtcp.Unmarshal(a.Payload)
		if err != nil {
			f.t.Errorf("sent bad RTCP: %v", err)
		}
		got = append(got, p)
	}
	return got
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, func(_ *Options, p *Params) { p.MuxRTCP = true })
		f.say(300, 2*time.Second)
		f.seq += 50 // lost
		f.ts += 50 * 160
		f.say(300, 20*time.Second)
		got := f.reports()
		if len(got) < 3 || len(got) > 8 {
			t.Fatalf("%d reports in 22 s", len(got))
		}
		sr, ok := got[len(got)-1][0].(*rtcp.SenderReport)
		if !ok || len(sr.Reports) != 1 {
			t.Fatalf("last report %v", got[len(got)-1])
		}
		if sr.SSRC != s.out.ssrc || sr.Reports[0].SSRC != 7 || sr.Reports[0].TotalLost != 50 || sr.PacketCount < 500 {
			t.Errorf("report %+v", sr)
		}
		if _, ok := got[0][1].(*rtcp.SourceDescription); !ok {
			t.Error("no CNAME")
		}
		// The far end answers 100 ms later, having held the report for 30 ms.
		time.Sleep(100 * time.Millisecond)
		s.receive(marshal(t, &rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{
			SSRC: s.out.ssrc, FractionLost: 64, Jitter: 80,
			LastSenderReport: uint32(ntp(time.Now().Add(-100*time.Millisecond)) >> 16), Delay: 65536 * 30 / 1000,
		}}}), f.end.local, time.Now())
		st := s.Stats()
		if d := st.RTT - 70*time.Millisecond; d.Abs() > time.Millisecond || st.RemoteLoss != 0.25 ||
			st.RemoteJitter != 10*time.Millisecond {
			t.Errorf("RTT %v, loss %v, jitter %v", st.RTT, st.RemoteLoss, st.RemoteJitter)
		}
		if st.Lost != 50 || st.MOS < 3.5 || st.MOS > 4.3 {
			t.Errorf("lost %d, MOS %.2f", st.Lost, st.MOS)
		}
		f.taken()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		last := f.reports()
		if len(last) != 1 {
			t.Fatalf("%d reports at the end", len(last))
		}
		if _, ok := last[0][2].(*rtcp.Goodbye); !ok {
			t.Errorf("the last report has no BYE: %v", last[0])
		}
	})
}

// Nothing in RTCP ends a call or disturbs the figures.
func TestHostileRTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := start(t, func(_ *Options, p *Params) { p.MuxRTCP = true })
		f.say(300, 200*time.Millisecond)
		absurd := rtcp.ReceptionReport{SSRC: s.out.ssrc, FractionLost: 255, Jitter: math.MaxUint32,
			LastSenderReport: 1, Delay: math.MaxUint32, TotalLost: 1<<23 - 1}
		for _, b := range [][]byte{
			marshal(t, &rtcp.Goodbye{Sources: []uint32{7, s.out.ssrc}}),
			marshal(t, &rtcp.SenderReport{SSRC: 7, NTPTime: math.MaxUint64, Reports: []rtcp.ReceptionReport{absurd}}),
			{0x80, 200}, {0x9f, 201, 0xff, 0xff, 1, 2, 3}, append([]byte{0x81, 202, 0, 1}, bytes.Repeat([]byte{0xff}, 90)...),
		} {
			s.receive(b, f.end.local, time.Now())
		}
		s.receive(marshal(t, &rtcp.Goodbye{Sources: []uint32{7}}), netip.MustParseAddrPort("203.0.113.66:5000"), time.Now())
		f.say(300, 200*time.Millisecond)
		st := s.Stats()
		if st.Received != 20 || st.Foreign != 1 || st.RTT < 0 || st.RTT > time.Minute || st.RemoteJitter > time.Minute ||
			math.IsNaN(st.MOS) {
			t.Errorf("%+v", st)
		}
	})
}

func TestQuality(t *testing.T) {
	for _, tc := range []struct {
		loss     float64
		delay    time.Duration
		min, max float64
	}{
		{0, 0, 4.3, 4.5}, {0, 400 * time.Millisecond, 3, 3.8}, {0.05, 50 * time.Millisecond, 3.4, 4.1},
		{0.3, 50 * time.Millisecond, 1, 2.4}, {1, time.Hour, 1, 1},
	} {
		if q := quality(tc.loss, tc.delay); q < tc.min || q > tc.max {
			t.Errorf("loss %v, delay %v: MOS %.2f", tc.loss, tc.delay, q)
		}
	}
}
