package rtpio

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"pintle/media"
	"pintle/media/codec"
)

// Direction says which ways media flows, seen from us (RFC 3264 §5.1).
type Direction uint8

// The directions; the zero value is the usual one.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the SDP attribute.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// Options are what a stream keeps for its life.
type Options struct {
	RTP  PacketIO      // required; closed by Close
	RTCP PacketIO      // nil: RTCP comes on RTP (rtcp-mux) or not at all; closed by Close
	Pace *media.Pacer  // ticks the stream; nil: the owner calls Tick every 20 ms
	Wait Timeouts      // zero values mean the defaults
	Name string        // CNAME of RTCP, which should say nothing about the host
	Rest time.Duration // between RTCP reports; 0 means 5 s

	Identity *Identity // shown in DTLS handshakes; nil: no DTLS-SRTP
}

// Timeouts end a call whose media does not come.
type Timeouts struct {
	First time.Duration // before the first packet; 0 means 30 s
	Gap   time.Duration // after a packet; 0 means 20 s
	Hold  time.Duration // while nothing is to be received; 0 means 30 min
}

func (t Timeouts) defaults() Timeouts {
	or := func(d, byDefault time.Duration) time.Duration {
		if d > 0 {
			return d
		}
		return byDefault
	}
	return Timeouts{First: or(t.First, 30*time.Second), Gap: or(t.Gap, 20*time.Second), Hold: or(t.Hold, 30*time.Minute)}
}

// Params are what an offer and its answer agreed on; a re-INVITE may change all of them.
type Params struct {
	Codec     codec.Info
	SendType  uint8         // payload type the peer expects
	RecvType  uint8         // payload type the peer uses
	EventSend uint8         // telephone-event the peer expects; 0: it takes none
	EventRecv uint8         // telephone-event the peer uses; 0: none
	EventRate int           // clock of events; 0 means that of the codec
	Ptime     time.Duration // of packets we send, 10 to 60 ms; 0 means 20
	Direction Direction
	Held      bool // the far end has put us on hold: whether packets come then is its affair

	Remote     netip.AddrPort // of the SDP; the zero value means nowhere to send yet
	RemoteRTCP netip.AddrPort // zero: the port after Remote, or Remote itself with MuxRTCP
	MuxRTCP    bool

	// Signalling is the address the signalling comes from: media from there
	// may be learned although the SDP names another address, as behind NAT.
	Signalling netip.Addr
	// AnySource lets media be learned from any address: for registered devices, or by a trunk's setting.
	AnySource bool
	// Inband listens for keypad tones in the audio.
	Inband bool

	// Keys protect the stream (SRTP); the zero value is plain RTP. Keys that stay the same over an Update keep their
	// state.
	Keys Keys
	// DTLS is the far end that such keys are agreed with by a handshake on the RTP port; Keys are not looked at then.
	// Until it is done nothing is sent, and what comes is dropped.
	DTLS DTLS
}

const (
	minPtime = 10 * time.Millisecond
	maxPtime = 60 * time.Millisecond
	noise    = 13 // static payload type of comfort noise, RFC 3389
)

// check completes p and refuses what cannot be done.
func (p *Params) check() error {
	if p.Codec.New == nil || p.Codec.ClockRate <= 0 || p.Codec.SampleRate <= 0 {
		return errors.New("stream parameters: no codec")
	}
	if p.Ptime == 0 {
		p.Ptime = media.FrameDuration
	}
	if p.Ptime < minPtime || p.Ptime > maxPtime || p.Ptime%minPtime != 0 {
		return fmt.Errorf("stream parameters: packets of %v", p.Ptime)
	}
	if p.EventRate == 0 {
		p.EventRate = p.Codec.ClockRate
	}
	if err := p.checkTypes(); err != nil {
		return err
	}
	if p.Remote.IsValid() {
		p.Remote = plain(p.Remote)
		if err := CheckRemote(p.Remote); err != nil {
			return fmt.Errorf("stream parameters: %w", err)
		}
	}
	p.Signalling = p.Signalling.Unmap()
	if err := p.Keys.check(); err != nil {
		return err
	}
	return p.checkRTCP()
}

func (p *Params) checkTypes() error {
	for _, t := range []uint8{p.SendType, p.RecvType, p.EventSend, p.EventRecv} {
		if t > 127 || (t >= 64 && t <= 95) { // RFC 5761 §4: these would look like RTCP
			return fmt.Errorf("stream parameters: payload type %d", t)
		}
	}
	return nil
}

func (p *Params) checkRTCP() error {
	if p.RemoteRTCP.IsValid() {
		p.RemoteRTCP = plain(p.RemoteRTCP)
		if err := CheckRemote(p.RemoteRTCP); err != nil {
			return fmt.Errorf("stream parameters: RTCP: %w", err)
		}
	}
	return nil
}

// rtcpAddr returns where reports go when media goes to remote.
func (p *Params) rtcpAddr(remote netip.AddrPort) netip.AddrPort {
	switch {
	case !remote.IsValid():
		return netip.AddrPort{}
	case p.MuxRTCP:
		return remote
	case p.RemoteRTCP.IsValid() && remote == p.Remote:
		return p.RemoteRTCP
	case remote.Port() == 65535:
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(remote.Addr(), remote.Port()+1)
}
