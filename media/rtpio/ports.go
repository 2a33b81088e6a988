package rtpio

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// ErrNoPorts means that every port of the range is in use or not yet quiet.
var ErrNoPorts = errors.New("no free RTP port")

// quiet is how long a freed port rests, so that late packets of its last call
// do not reach the next one.
const quiet = 2 * time.Second

// Ports hands out pairs of ports, even for RTP and the next one for RTCP. It is
// safe for concurrent use.
type Ports struct {
	addr  netip.Addr
	first int

	mu    sync.Mutex
	next  int // index of the pair to try first
	pairs []portState
}

type portState struct {
	used  bool
	freed time.Time
}

// Sockets are the two sockets of a leg.
type Sockets struct {
	RTP, RTCP *UDP

	ports *Ports
	index int
	once  sync.Once
}

// NewPorts returns an allocator for the even ports from first to last at addr.
func NewPorts(addr netip.Addr, first, last int) (*Ports, error) {
	if first%2 == 1 {
		first++
	}
	if first < 2 || last > 65535 || last < first+1 {
		return nil, fmt.Errorf("RTP ports %d to %d: no such range", first, last)
	}
	p := &Ports{addr: addr, first: first, pairs: make([]portState, (last-first+1)/2)}
	p.next = rand.IntN(len(p.pairs)) // a guess at the next port is worth less
	return p, nil
}

// Open binds a pair of ports that has been quiet for two seconds. When there
// is none the error wraps ErrNoPorts.
func (p *Ports) Open() (*Sockets, error) {
	var last error
	for range p.pairs {
		i, ok := p.take()
		if !ok {
			break
		}
		s, err := p.bind(i)
		if err == nil {
			return s, nil
		}
		p.release(i) // another program has it
		last = err
	}
	if last != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPorts, last)
	}
	return nil, ErrNoPorts
}

// Free returns how many pairs could be opened now, as far as we know.
func (p *Ports) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, now := 0, time.Now()
	for i := range p.pairs {
		if p.pairs[i].free(now) {
			n++
		}
	}
	return n
}

func (s portState) free(now time.Time) bool {
	return !s.used && (s.freed.IsZero() || now.Sub(s.freed) >= quiet)
}

func (p *Ports) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for k := range p.pairs {
		i := (p.next + k) % len(p.pairs)
		if p.pairs[i].free(now) {
			p.pairs[i].used = true
			p.next = (i + 1) % len(p.pairs)
			return i, true
		}
	}
	return 0, false
}

func (p *Ports) release(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs[i] = portState{freed: time.Now()}
}

func (p *Ports) bind(i int) (*Sockets, error) {
	port := uint16(p.first + 2*i)
	rtp, err := ListenUDP(netip.AddrPortFrom(p.addr, port))
	if err != nil {
		return nil, err
	}
	rtcp, err := ListenUDP(netip.AddrPortFrom(p.addr, port+1))
	if err != nil {
		_ = rtp.Close()
		return nil, err
	}
	return &Sockets{RTP: rtp, RTCP: rtcp, ports: p, index: i}, nil
}

// Close closes both sockets and gives the ports back. It may be called again.
func (s *Sockets) Close() error {
	var err error
	s.once.Do(func() {
		err = errors.Join(s.RTP.Close(), s.RTCP.Close())
		s.ports.release(s.index)
	})
	return err
}
