package sipedge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Frames of RFC 6455 §5.2.
const (
	frameContinues = 0
	frameText      = 1
	frameBinary    = 2
	frameClose     = 8
	framePing      = 9
	framePong      = 10

	frameFinal   = 0x80
	frameMasked  = 0x80
	frameControl = 125 // octets of a control frame

	closeNormal   = 1000
	closeProtocol = 1002
	closeTooBig   = 1009

	webSocketMessage = 32000 // octets of a message; what the library reads at once
	webSocketPing    = 30 * time.Second
)

// webSocketConn carries SIP in the frames of a WebSocket. It checks frames and messages before the library sees them.
type webSocketConn struct {
	*streamConn
	in      *bufio.Reader
	give    []byte    // for the library, partly read
	heard   time.Time // last octet of the peer
	message []byte    // fragments so far
	open    bool      // a fragmented message is under way

	writing sync.Mutex // guards what follows
	out     []byte     // of the library, not yet a whole frame
	shaken  bool       // the library's answer to its handshake is past
}

// frame is one frame of the peer, unmasked.
type frame struct {
	opcode  byte
	final   bool
	payload []byte
}

// next reads one frame and acts on it.
func (c *webSocketConn) next() error {
	f, err := c.readFrame()
	var fault frameFault
	if errors.As(err, &fault) {
		c.owner.guard.count.foreign.Add(1)
		_ = c.send(frameClose, binary.BigEndian.AppendUint16(nil, uint16(fault))) // it may be gone
		return net.ErrClosed
	}
	if err != nil {
		return err
	}
	switch f.opcode {
	case framePing:
		return c.send(framePong, f.payload)
	case framePong:
		return nil
	case frameClose:
		_ = c.send(frameClose, binary.BigEndian.AppendUint16(nil, closeNormal)) // it may be gone
		return net.ErrClosed
	}
	c.message = append(c.message, f.payload...)
	c.open = !f.final
	if c.open {
		return nil
	}
	message := c.message
	c.message = nil
	return c.deliver(message)
}

// deliver checks a whole message and gives it to the library.
func (c *webSocketConn) deliver(message []byte) error {
	if len(bytes.Trim(message, crlf)) == 0 {
		if bytes.Equal(message, []byte(headerFinish)) {
			return c.send(frameText, []byte(crlf)) // RFC 5626 §4.4.1, as RFC 7118 §6 has it
		}
		return nil
	}
	if !looksLikeSIP(message) {
		c.owner.guard.count.foreign.Add(1)
		return frameFaultClosed(c)
	}
	// A message ends with its frame: Content-Length may be absent, as in a datagram.
	clean, reply, _ := c.owner.guard.inspect(message, c.remote, false)
	if reply != nil {
		if err := c.send(frameText, reply); err != nil {
			return err
		}
	}
	if clean == nil {
		return nil
	}
	if len(clean) > webSocketMessage {
		c.owner.guard.count.malformed.Add(1)
		return nil
	}
	c.served = true
	// The library insists on a mask; one of zeros changes nothing.
	c.give = appendFrame(nil, frameText, frameMasked, clean)
	return nil
}

func frameFaultClosed(c *webSocketConn) error {
	_ = c.send(frameClose, binary.BigEndian.AppendUint16(nil, closeProtocol)) // it may be gone
	return net.ErrClosed
}

// frameFault is the close code for a peer that breaks the rules.
type frameFault uint16

func (frameFault) Error() string { return "malformed WebSocket frame" }

// readFrame reads one frame. Its length is believed within our limits only (R-SIP-4).
func (c *webSocketConn) readFrame() (frame, error) {
	var head [2]byte
	if err := c.await(); err != nil {
		return frame{}, err
	}
	if err := c.SetReadDeadline(time.Now().Add(c.owner.limits.message)); err != nil {
		return frame{}, err
	}
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return frame{}, closedQuietly(err)
	}
	f := frame{opcode: head[0] & 15, final: head[0]&frameFinal != 0}
	if err := c.checkFrame(f, head); err != nil {
		return f, err
	}
	size, err := c.readLength(head[1] & 0x7f)
	if err != nil {
		return f, err
	}
	if size > webSocketMessage || len(c.message)+int(size) > webSocketMessage {
		return f, frameFault(closeTooBig)
	}
	var mask [4]byte
	if _, err := io.ReadFull(c.in, mask[:]); err != nil {
		return f, closedQuietly(err)
	}
	f.payload = make([]byte, size)
	if _, err := io.ReadFull(c.in, f.payload); err != nil {
		return f, closedQuietly(err)
	}
	for i := range f.payload {
		f.payload[i] ^= mask[i&3]
	}
	c.heard = time.Now()
	return f, nil
}

// checkFrame refuses what no client may send: reserved bits, frames without mask, fragments out of order.
func (c *webSocketConn) checkFrame(f frame, head [2]byte) error {
	ok := head[0]&0x70 == 0 && head[1]&frameMasked != 0
	switch f.opcode {
	case frameText, frameBinary:
		ok = ok && !c.open
	case frameContinues:
		ok = ok && c.open
	case frameClose, framePing, framePong:
		ok = ok && f.final && head[1]&0x7f <= frameControl
	default:
		ok = false
	}
	if !ok {
		return frameFault(closeProtocol)
	}
	return nil
}

func (c *webSocketConn) readLength(short byte) (uint64, error) {
	var b [8]byte
	n := 0
	switch short {
	case 126:
		n = 2
	case 127:
		n = 8
	default:
		return uint64(short), nil
	}
	if _, err := io.ReadFull(c.in, b[8-n:]); err != nil {
		return 0, closedQuietly(err)
	}
	return binary.BigEndian.Uint64(b[:]), nil
}

// await waits for the first octet of a frame. A peer that is silent is pinged; one that does not even answer that is
// gone.
func (c *webSocketConn) await() error {
	for {
		pause := min(webSocketPing, c.owner.limits.idle/2)
		if err := c.SetReadDeadline(time.Now().Add(pause)); err != nil {
			return err
		}
		_, err := c.in.Peek(1)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return closedQuietly(err)
		}
		if time.Since(c.heard) >= c.owner.limits.idle {
			return net.ErrClosed
		}
		if err := c.send(framePing, nil); err != nil {
			return err
		}
	}
}

// closedQuietly makes the end of a connection one that the library does not log: who leaves, or is too slow, is no
// error of ours.
func closedQuietly(err error) error {
	if err == nil {
		return nil
	}
	return net.ErrClosed
}

// appendFrame writes a final frame; mask is frameMasked for one with a mask of zeros, or 0.
func appendFrame(b []byte, opcode, mask byte, payload []byte) []byte {
	b = append(b, frameFinal|opcode)
	switch n := len(payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if mask != 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, payload...)
}

// frameSize is the length of the unmasked frame that b begins with, or 0 while it cannot be told.
func frameSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch n := int(b[1] & 0x7f); {
	case n < 126:
		return 2 + n
	case n == 126 && len(b) >= 4:
		return 4 + int(binary.BigEndian.Uint16(b[2:]))
	case n == 127 && len(b) >= 10:
		return 10 + int(binary.BigEndian.Uint64(b[2:]))
	}
	return 0
}
