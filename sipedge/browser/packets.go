package browser

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"pintle/media/codec"
	"pintle/media/rtpio"
)

// Payload types that we register; a browser that offers may choose others.
const (
	typeOpus       = 111
	typeEvents48   = 110
	typeEvents8    = 126
	eventsName     = "audio/telephone-event"
	rtpHeader      = 12
	eventOctets    = 4
	longestEvent   = 0xffff
	firstRTCP      = 192 // of the second octet, RFC 5761 §4
	lastRTCP       = 223
	clockOfKeypads = 8000
)

// errNoCodec means that the browser speaks none of our codecs.
var errNoCodec = errors.New("no codec in common: Opus, PCMU or PCMA is needed")

// agreed is what the descriptions of both sides came to.
type agreed struct {
	codec  codec.Info
	number uint8 // payload type of the codec
	events uint8 // telephone-event at the clock of the codec, or the only one there is; 0: none
	clock  int   // of events
	slow   uint8 // telephone-event at 8 kHz beside Opus; 0: none
}

// packets carries the packets of one stream over a peer connection. It is a rtpio.PacketIO and a webrtc.TrackLocal.
type packets struct {
	bound  chan struct{} // closed when the descriptions were agreed on and packets can be sent
	heard  chan struct{} // closed when the track of the browser is there
	closed chan struct{}
	bind   sync.Once
	hear   sync.Once
	shut   sync.Once

	track  atomic.Pointer[webrtc.TrackRemote]
	remote atomic.Pointer[netip.AddrPort] // that packets are said to come from; where they do is the affair of ICE
	agree  agreed                         // set before bound is closed
	err    error                          // likewise

	mu     sync.Mutex // guards what follows
	writer webrtc.TrackLocalWriter
	header rtp.Header
	ssrc   uint32
}

var (
	_ rtpio.PacketIO    = (*packets)(nil)
	_ webrtc.TrackLocal = (*packets)(nil)
)

// virtual is the address of a browser whose own is not known: inside of rtpio a peer needs one.
var virtual = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 9)

func newPackets() *packets {
	p := &packets{bound: make(chan struct{}), heard: make(chan struct{}), closed: make(chan struct{})}
	p.remote.Store(&virtual)
	return p
}

// Bind learns the payload types and where packets are written to.
func (p *packets) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	a, params, err := choose(c.CodecParameters())
	p.mu.Lock()
	p.writer, p.ssrc = c.WriteStream(), uint32(c.SSRC())
	p.mu.Unlock()
	p.bind.Do(func() {
		p.agree, p.err = a, err
		close(p.bound)
	})
	return params, err
}

// choose takes the codec that the browser likes best.
func choose(list []webrtc.RTPCodecParameters) (agreed, webrtc.RTPCodecParameters, error) {
	var a agreed
	var params webrtc.RTPCodecParameters
	for _, c := range list {
		name, found := "", false
		switch c.MimeType {
		case webrtc.MimeTypeOpus:
			name = "opus"
		case webrtc.MimeTypePCMU:
			name = "PCMU"
		case webrtc.MimeTypePCMA:
			name = "PCMA"
		}
		if a.codec, found = codec.ByName(name, int(c.ClockRate)); found {
			a.number, params = uint8(c.PayloadType), c
			break
		}
	}
	if a.codec.New == nil {
		return a, params, errNoCodec
	}
	for _, c := range list {
		if c.MimeType != eventsName {
			continue
		}
		switch int(c.ClockRate) {
		case a.codec.ClockRate:
			a.events, a.clock = uint8(c.PayloadType), a.codec.ClockRate
		case clockOfKeypads:
			a.slow = uint8(c.PayloadType)
		}
	}
	if a.events == 0 && a.slow != 0 {
		a.events, a.clock, a.slow = a.slow, clockOfKeypads, 0
	}
	return a, params, nil
}

// Unbind stops the sending.
func (p *packets) Unbind(webrtc.TrackLocalContext) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writer = nil
	return nil
}

// ID, RID, StreamID and Kind name the track in descriptions.
func (*packets) ID() string { return "audio" }

// RID is empty: there is one encoding.
func (*packets) RID() string { return "" }

// StreamID groups tracks; there is one.
func (*packets) StreamID() string { return "pintle" }

// Kind is audio.
func (*packets) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// hears gives the track that the browser sends.
func (p *packets) hears(t *webrtc.TrackRemote) {
	p.track.Store(t)
	p.hear.Do(func() { close(p.heard) })
}

// ReadBatch waits for a packet of the browser.
func (p *packets) ReadBatch(ps []rtpio.Packet) (int, error) {
	if len(ps) == 0 {
		return 0, nil
	}
	select {
	case <-p.heard:
	case <-p.closed:
		return 0, net.ErrClosed
	}
	n, _, err := p.track.Load().Read(ps[0].Buf)
	if err != nil {
		return 0, net.ErrClosed
	}
	p.level(ps[0].Buf[:n])
	ps[0].N, ps[0].Addr = n, *p.remote.Load()
	return 1, nil
}

// level shows a key that came with the 8 kHz clock as one at the clock of the codec. Chromium sends keys so although
// the sound is Opus; its timestamps are those of the sound.
func (p *packets) level(b []byte) {
	select {
	case <-p.bound:
	default:
		return
	}
	a := &p.agree
	if a.slow == 0 || len(b) < rtpHeader+eventOctets || b[1]&0x7f != a.slow {
		return
	}
	b[1] = b[1]&0x80 | a.events
	duration := b[len(b)-2:]
	if b[0]&0x20 != 0 {
		return // padding: the packet ends otherwise, and its length is not needed to know the key
	}
	scaled := int(binary.BigEndian.Uint16(duration)) * (a.clock / clockOfKeypads)
	binary.BigEndian.PutUint16(duration, uint16(min(scaled, longestEvent)))
}

// WriteBatch sends packets. Reports are the affair of the peer connection, which knows the keys they need.
func (p *packets) WriteBatch(ps []rtpio.Packet) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range ps {
		b := ps[i].Buf[:ps[i].N]
		if len(b) < rtpHeader || b[1] >= firstRTCP && b[1] <= lastRTCP {
			continue
		}
		if p.writer == nil {
			return i, net.ErrClosed
		}
		n, err := p.header.Unmarshal(b)
		if err != nil {
			return i, err
		}
		p.header.SSRC = p.ssrc
		if _, err := p.writer.WriteRTP(&p.header, b[n:]); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

// LocalAddr is not told to anybody: descriptions carry candidates.
func (p *packets) LocalAddr() netip.AddrPort { return virtual }

// Close ends a ReadBatch that waits for the track; one that reads from it ends with the peer connection.
func (p *packets) Close() error {
	p.shut.Do(func() { close(p.closed) })
	return nil
}
