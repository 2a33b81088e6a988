package rtpio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// maxPacket is the longest datagram that is read; longer ones are cut and then refused.
const maxPacket = 1500

// expedited is the DSCP of voice (EF, RFC 3246) as a TOS byte.
const expedited = 0xb8

// Packet is one datagram of a batch.
type Packet struct {
	Buf  []byte         // memory of the caller
	N    int            // bytes used, set by ReadBatch
	Addr netip.AddrPort // where it came from or goes to
}

// PacketIO moves datagrams.
type PacketIO interface {
	// ReadBatch waits for at least one datagram, fills as many packets as are
	// there and returns their number. After Close it fails with net.ErrClosed.
	ReadBatch(ps []Packet) (int, error)
	// WriteBatch sends the first N bytes of each packet without waiting. It
	// returns how many were sent; a datagram that the network refuses is lost
	// like any other.
	WriteBatch(ps []Packet) (int, error)
	// LocalAddr is the address the peer is told.
	LocalAddr() netip.AddrPort
	// Close ends a waiting ReadBatch.
	Close() error
}

// UDP is a PacketIO over one UDP socket.
type UDP struct {
	conn  *net.UDPConn
	local netip.AddrPort
}

var _ PacketIO = (*UDP)(nil)

// ListenUDP opens a socket at local, whose packets are marked as voice.
func ListenUDP(local netip.AddrPort) (*UDP, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, fmt.Errorf("open RTP socket: %w", err)
	}
	if local.Addr().Unmap().Is4() {
		// Some systems do not let a program mark its packets; sound goes without.
		_ = ipv4.NewConn(conn).SetTOS(expedited)
	}
	addr, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open RTP socket: %w", err)
	}
	return &UDP{conn: conn, local: plain(addr)}, nil
}

// ReadBatch waits for one datagram.
func (u *UDP) ReadBatch(ps []Packet) (int, error) {
	if len(ps) == 0 {
		return 0, nil
	}
	n, addr, err := u.conn.ReadFromUDPAddrPort(ps[0].Buf)
	if err != nil {
		return 0, err
	}
	ps[0].N, ps[0].Addr = n, plain(addr)
	return 1, nil
}

// WriteBatch sends the packets one by one.
func (u *UDP) WriteBatch(ps []Packet) (int, error) {
	for i := range ps {
		if _, err := u.conn.WriteToUDPAddrPort(ps[i].Buf[:ps[i].N], ps[i].Addr); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

// LocalAddr returns the socket's address.
func (u *UDP) LocalAddr() netip.AddrPort { return u.local }

// Close closes the socket. It may be called again.
func (u *UDP) Close() error {
	if err := u.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close RTP socket: %w", err)
	}
	return nil
}

// plain writes an IPv4 address inside IPv6 as IPv4, so that addresses compare.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
