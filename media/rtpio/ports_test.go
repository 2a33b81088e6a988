package rtpio

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// freeRange returns the first of n ports that nobody uses, as far as we can tell.
func freeRange(t *testing.T, n int) int {
	t.Helper()
	for first := 42000; first < 60000; first += n {
		free := true
		for p := first; p < first+n && free; p++ {
			u, err := ListenUDP(netip.AddrPortFrom(loopback, uint16(p)))
			if err != nil {
				free = false
				continue
			}
			_ = u.Close()
		}
		if free {
			return first
		}
	}
	t.Skip("no free range of UDP ports on this machine")
	return 0
}

func TestPorts(t *testing.T) {
	first := freeRange(t, 6)
	p, err := NewPorts(loopback, first, first+5)
	if err != nil {
		t.Fatal(err)
	}
	var open []*Sockets
	for range 3 {
		s, taken := p.Open()
		if taken != nil {
			t.Fatal(taken)
		}
		defer s.Close()
		open = append(open, s)
		rtp, rtcp := s.RTP.LocalAddr().Port(), s.RTCP.LocalAddr().Port()
		if rtp%2 != 0 || rtcp != rtp+1 || int(rtp) < first || int(rtcp) > first+5 {
			t.Errorf("RTP %d, RTCP %d", rtp, rtcp)
		}
	}
	if _, err = p.Open(); !errors.Is(err, ErrNoPorts) {
		t.Errorf("fourth of three: %v", err)
	}
	if err = open[1].Close(); err != nil {
		t.Error(err)
	}
	if _, err = p.Open(); !errors.Is(err, ErrNoPorts) || p.Free() != 0 {
		t.Errorf("a port is used again at once: %v", err)
	}
	for i := range p.pairs {
		p.pairs[i].freed = p.pairs[i].freed.Add(-quiet) // two seconds later
	}
	s, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	// As when a stream closed its sockets before the ports are given back.
	if err := s.RTP.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestPortsPassBusyOnes(t *testing.T) {
	first := freeRange(t, 4)
	taken, err := ListenUDP(netip.AddrPortFrom(loopback, uint16(first+1))) // an RTCP port
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p, err := NewPorts(loopback, first, first+3)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open()
	if err != nil || int(s.RTP.LocalAddr().Port()) != first+2 {
		t.Fatalf("opened %v, %v", s, err)
	}
	defer s.Close()
	if _, err := p.Open(); !errors.Is(err, ErrNoPorts) {
		t.Errorf("got %v", err)
	}
	for _, r := range [][2]int{{10, 5}, {65535, 65536}, {0, 1}, {-5, 70000}} {
		if _, err := NewPorts(loopback, r[0], r[1]); err == nil {
			t.Errorf("range %v accepted", r)
		}
	}
}

// One call over real sockets: what is sent arrives, and Close ends the readers.
func TestOverUDP(t *testing.T) {
	near, err := ListenUDP(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		t.Fatal(err)
	}
	distant, err := ListenUDP(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{RTP: near}, params("PCMU", distant.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	batch := []Packet{{Buf: make([]byte, maxPacket)}}
	s.Tick(time.Now())
	if n, err := distant.ReadBatch(batch); n != 1 || err != nil || batch[0].N != 172 || batch[0].Addr != near.LocalAddr() {
		t.Errorf("got %d of %d bytes from %v: %v", n, batch[0].N, batch[0].Addr, err)
	}
	_ = distant.Close()
	// Nobody listens there now; errors of the network end nothing.
	for k := range 5 {
		s.Tick(time.Now().Add(time.Duration(k) * 20 * time.Millisecond))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := near.ReadBatch(batch); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
