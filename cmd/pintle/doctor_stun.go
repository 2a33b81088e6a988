package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	stunCookie  = 0x2112A442
	stunHeader  = 20
	stunTries   = 3
	stunTry     = time.Second
	stunSuccess = 0x0101
	stunMapped  = 0x0020 // XOR-MAPPED-ADDRESS
)

// checkSTUN asks a server from which address our packets come (RFC 8489), and compares it with what peers are told.
func (d doctorCmd) checkSTUN(p *patient) func(context.Context) {
	return func(ctx context.Context) {
		if d.STUN == "" || p.cfg == nil {
			return
		}
		public, err := askSTUN(ctx, d.STUN)
		if err != nil {
			p.warn("stun", "Try another server, or see whether UDP may leave.", "%s does not answer: %v", d.STUN, err)
			return
		}
		if told, text := p.cfg.told(); told.IsValid() && told != public {
			p.warn("stun", "Give sip.advertise that address, if peers are on the internet.",
				"the internet sees %s, and peers are told %s", public, text)
			return
		}
		p.ok("stun", "the internet sees %s", public)
	}
}

// askSTUN gives the address from which a server sees us.
func askSTUN(ctx context.Context, server string) (netip.Addr, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing is kept in it
	request := make([]byte, stunHeader)
	binary.BigEndian.PutUint16(request, 1) // binding request
	binary.BigEndian.PutUint32(request[4:], stunCookie)
	rand.Read(request[8:])
	answer := make([]byte, 1500)
	for range stunTries {
		if _, err = conn.Write(request); err != nil {
			return netip.Addr{}, err
		}
		if err = conn.SetReadDeadline(time.Now().Add(stunTry)); err != nil {
			return netip.Addr{}, err
		}
		var n int
		if n, err = conn.Read(answer); err != nil {
			continue
		}
		if a, ok := mappedAddress(answer[:n], request[4:stunHeader]); ok {
			return a, nil
		}
		err = errors.New("the answer is not one of STUN")
	}
	return netip.Addr{}, err
}

// mappedAddress reads the address in a success response to the transaction id, cookie included.
func mappedAddress(b, id []byte) (netip.Addr, bool) {
	if len(b) < stunHeader || binary.BigEndian.Uint16(b) != stunSuccess || !bytes.Equal(b[4:stunHeader], id) {
		return netip.Addr{}, false
	}
	for b = b[stunHeader:]; len(b) >= 4; {
		kind, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b)-4 < size {
			return netip.Addr{}, false
		}
		value := b[4 : 4+size]
		if kind == stunMapped {
			return unmasked(value, id)
		}
		b = b[min(len(b), 4+(size+3)/4*4):]
	}
	return netip.Addr{}, false
}

// unmasked takes cookie and transaction id off an address (RFC 8489 §14.2).
func unmasked(value, id []byte) (netip.Addr, bool) {
	sizes := map[byte]int{1: 4, 2: 16}
	if len(value) < 4 || len(value) != 4+sizes[value[1]] {
		return netip.Addr{}, false
	}
	address := make([]byte, len(value)-4)
	for i := range address {
		address[i] = value[4+i] ^ id[i]
	}
	a, ok := netip.AddrFromSlice(address)
	return a.Unmap(), ok
}
