package sipedge

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	bucketCount    = 4096 // fixed: a flood of spoofed sources cannot make it grow
	defaultPackets = 1000 // packets a second from one source prefix
	packetBurst    = 2    // seconds worth of packets that may come at once
)

// buckets limits events by source prefix (/24, IPv6 /48) in a table of fixed size. Two prefixes may share a bucket;
// that is the price of a bound that no sender can move.
type buckets struct {
	rate, burst float64
	mu          sync.Mutex
	slot        [bucketCount]struct {
		tokens float64
		last   time.Time
	}
}

func newBuckets(rate, burst float64) *buckets {
	return &buckets{rate: rate, burst: burst}
}

// allow takes one token of the source's prefix.
func (b *buckets) allow(source netip.Addr, now time.Time) bool {
	return b.take(prefixHash(source), now)
}

// take takes one token of the bucket that a hash falls into.
func (b *buckets) take(hash uint32, now time.Time) bool {
	i := hash % bucketCount
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.slot[i]
	if s.last.IsZero() {
		s.tokens = b.burst
	} else {
		s.tokens = min(b.burst, s.tokens+now.Sub(s.last).Seconds()*b.rate)
	}
	s.last = now
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}

func prefixHash(a netip.Addr) uint32 {
	a = a.Unmap()
	octets := a.As16()
	n := 6
	if a.Is4() {
		n = 15
	}
	h := uint32(2166136261)
	for _, o := range octets[:n] {
		h = (h ^ uint32(o)) * 16777619
	}
	return h ^ h>>15
}

// packetFilter is the socket sipgo reads from. Only whole, checked and normalised messages get through.
type packetFilter struct {
	*net.UDPConn
	guard   *guard
	limit   *buckets
	trusted func(netip.Addr) bool
	buf     []byte
	serving chan struct{} // closed by the first read: the library knows the socket now and can send from it
	once    sync.Once
	muted   atomic.Bool
}

func newPacketFilter(c *net.UDPConn, g *guard, perSecond float64, trusted func(netip.Addr) bool) *packetFilter {
	return &packetFilter{UDPConn: c, guard: g, limit: newBuckets(perSecond, perSecond*packetBurst), trusted: trusted,
		buf: make([]byte, maxMessage+1), serving: make(chan struct{})}
}

// mute drops whatever comes from now on.
func (f *packetFilter) mute() { f.muted.Store(true) }

// ReadFrom gives the next message. It is called by one goroutine only.
func (f *packetFilter) ReadFrom(p []byte) (int, net.Addr, error) {
	f.once.Do(func() { close(f.serving) })
	for {
		n, from, err := f.ReadFromUDPAddrPort(f.buf)
		if err != nil {
			return 0, nil, err
		}
		data := f.buf[:n]
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if f.muted.Load() {
			continue
		}
		if f.guard.bans.Banned(from.Addr()) {
			f.guard.count.banned.Add(1)
			continue
		}
		if !f.trusted(from.Addr()) && !f.limit.allow(from.Addr(), time.Now()) {
			f.guard.count.limited.Add(1)
			continue
		}
		if n > maxMessage || !looksLikeSIP(data) {
			if len(bytes.Trim(data, crlf)) > 0 {
				f.guard.count.foreign.Add(1)
			}
			continue
		}
		clean, reply, _ := f.guard.inspect(data, from, false)
		if reply != nil {
			// Best effort: the peer repeats what got no answer.
			_, _ = f.WriteToUDPAddrPort(reply, from)
			continue
		}
		if clean == nil {
			continue
		}
		if len(clean) > len(p) {
			f.guard.count.malformed.Add(1)
			continue
		}
		return copy(p, clean), net.UDPAddrFromAddrPort(from), nil
	}
}

// looksLikeSIP is the cheap test in front of the parser: a start line of text that names SIP. STUN, RTP, DTLS, zeros
// and HTTP fail it.
func looksLikeSIP(data []byte) bool {
	data = bytes.TrimLeft(data, crlf)
	if len(data) == 0 || !isToken(string(data[:1])) {
		return false
	}
	line, _, ok := bytes.Cut(data, []byte(crlf))
	return ok && len(line) < maxLine && bytes.Contains(bytes.ToUpper(line), []byte("SIP/"))
}

func port16(p uint16) string { return strconv.Itoa(int(p)) }
