package rtpio

import (
	"net"
	"net/netip"
	"sync"
)

// pairDepth is how many datagrams wait at one end before further ones are lost.
const pairDepth = 64

// End is one end of an in-memory link made by Pair.
type End struct {
	local netip.AddrPort
	peer  *End

	mu     sync.Mutex
	queue  []Packet // ring
	head   int
	used   int
	closed bool
	ready  chan struct{} // one token: look again
}

var _ PacketIO = (*End)(nil)

// Pair returns two ends that are joined in memory: what one writes, the other
// reads, whatever the address on the packet. It works inside a synctest bubble.
func Pair() (*End, *End) {
	a := newEnd(netip.MustParseAddrPort("192.0.2.1:10000"))
	b := newEnd(netip.MustParseAddrPort("192.0.2.2:10000"))
	a.peer, b.peer = b, a
	return a, b
}

func newEnd(local netip.AddrPort) *End {
	e := &End{local: local, queue: make([]Packet, pairDepth), ready: make(chan struct{}, 1)}
	for i := range e.queue {
		e.queue[i].Buf = make([]byte, maxPacket)
	}
	return e
}

// ReadBatch waits for datagrams of the other end.
func (e *End) ReadBatch(ps []Packet) (int, error) {
	for {
		e.mu.Lock()
		n := 0
		for n < len(ps) && e.used > 0 {
			q := &e.queue[e.head]
			ps[n].N, ps[n].Addr = copy(ps[n].Buf, q.Buf[:q.N]), q.Addr
			e.head = (e.head + 1) % len(e.queue)
			e.used--
			n++
		}
		closed := e.closed
		e.mu.Unlock()
		if n > 0 || len(ps) == 0 {
			return n, nil
		}
		if closed {
			return 0, net.ErrClosed
		}
		<-e.ready
	}
}

// WriteBatch gives the packets to the other end; they come from this end's address.
func (e *End) WriteBatch(ps []Packet) (int, error) {
	for i := range ps {
		e.peer.Deliver(ps[i].Buf[:ps[i].N], e.local)
	}
	return len(ps), nil
}

// Deliver lets a datagram arrive at this end as if from addr. It is lost when
// too many are waiting.
func (e *End) Deliver(b []byte, from netip.AddrPort) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.used == len(e.queue) {
		return
	}
	q := &e.queue[(e.head+e.used)%len(e.queue)]
	q.N, q.Addr = copy(q.Buf, b), from
	e.used++
	e.signal()
}

// LocalAddr returns the address that the other end sees.
func (e *End) LocalAddr() netip.AddrPort { return e.local }

// Close ends this end only; what is written to it is lost.
func (e *End) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.signal()
	return nil
}

func (e *End) signal() {
	select {
	case e.ready <- struct{}{}:
	default:
	}
}
