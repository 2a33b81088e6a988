package rtpio

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"pintle/media"
)

// Any datagrams in any order, cut from the input, from the right address: no
// panic, no sound out of bounds, and the stream goes on.
func FuzzReceive(f *testing.F) {
	good := packet(rtp.Header{SequenceNumber: 1, SSRC: 7}, ulaw(400, 0, 160))
	event := packet(rtp.Header{SequenceNumber: 2, SSRC: 7, PayloadType: 101}, []byte{5, 0x8a, 3, 0x20})
	cn := packet(rtp.Header{SequenceNumber: 3, SSRC: 7, PayloadType: 13}, []byte{70})
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 1}}},
		&rtcp.Goodbye{Sources: []uint32{7}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, uint8(172))
	f.Add(append(append(append(append([]byte(nil), event...), cn...), report...), good...), uint8(16))
	f.Add([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0xff, 0xff, 1}, uint8(255))
	near, end := Pair()
	p := params("PCMU", end.local)
	p.Inband = true
	s, err := New(Options{RTP: near}, p)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	s.AddTap(Received, media.NewTap(8000, time.Second))
	now := time.Now()
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		for len(b) > 0 {
			n := min(len(b), max(1, int(size)))
			now = now.Add(7 * time.Millisecond)
			s.receive(b[:n], end.local, now)
			b = b[n:]
			s.receiveTick(now)
		}
		st := s.Stats()
		if st.Jitter < 0 || st.Buffer < minTarget || st.Buffer > maxTarget || !(st.MOS >= 1 && st.MOS <= 4.5) {
			t.Fatalf("figures %+v", st)
		}
		i := &s.in
		if i.player.count < 0 || i.player.audio < 0 || i.player.have > len(i.player.pcm) {
			t.Fatalf("buffer of %d packets, %d with sound, %d samples", i.player.count, i.player.audio, i.player.have)
		}
	})
}
