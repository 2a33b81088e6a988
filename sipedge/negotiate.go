package sipedge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pintle/media/rtpio"
)

const (
	telephoneEvent = "TELEPHONE-EVENT"
	comfortNoise   = "CN"
	defaultPtime   = 20
	minPtime       = 10
	maxPtime       = 60
	noPayload      = -1
)

// Session is what an offer and an answer agreed upon, seen from our side. Payload numbers are -1 where nothing was
// agreed.
type Session struct {
	Codec        string         // encoding name in upper case: PCMU, PCMA
	Clock        int            // RTP clock of Codec
	SendType     int            // payload number that the peer wants
	RecvType     int            // payload number that we announced
	SendEvents   int            // telephone-event
	RecvEvents   int            //
	EventClock   int            //
	ComfortNoise int            //
	Remote       netip.AddrPort // not valid: the peer must be sent nothing
	RTCPMux      bool           //
	Ptime        time.Duration  // packet length the peer asks for
	Send, Recv   bool           // directions that are open
	Held         bool           // the peer put us on hold
	Signalling   netip.Addr     // where the peer's signalling comes from
	Keys         rtpio.Keys     // of SRTP by SDES (RFC 4568); the zero value: none
	DTLS         rtpio.DTLS     // far end of DTLS-SRTP (RFC 5763); the zero value: none
}

// negotiator holds our side of the offer/answer exchange of one dialog (RFC 3264). It belongs to the dialog's
// goroutine.
type negotiator struct {
	local      netip.AddrPort // address the peer shall send to
	codecs     []payload      // what we speak, best first
	signalling netip.Addr     // where the peer's signalling comes from
	identity   uint64         // session id of o=
	version    uint64
	last       string // our description as it was sent last, without o=
	refused    []mediaLine
	current    Session
	ours       mediaLine // our line in force
	mux        bool      // with RTCP on the port of RTP
	held       bool      // the far end is on hold by us
	draft      *draft    // our side of the last offer of ours
	guarding   guarding  // SRTP
}

// offered are the payload types we announce by ourselves.
var offered = map[string]payload{
	"PCMU": {0, "PCMU", 8000, 1}, "PCMA": {8, "PCMA", 8000, 1}, opusName: {111, opusName, 48000, 2},
}

func newNegotiator(local netip.AddrPort, codecs []string, signalling netip.Addr, identity uint64) *negotiator {
	n := &negotiator{local: local, signalling: signalling, identity: identity}
	for _, name := range codecs {
		if p, ok := offered[name]; ok {
			n.codecs = append(n.codecs, p)
		}
	}
	return n
}

// offer gives everything we speak: the first offer of a call, and the one for an INVITE or re-INVITE that brings none.
func (n *negotiator) offer() ([]byte, error) {
	if len(n.refused) == 0 {
		n.refused = []mediaLine{{}}
	}
	l := n.line(append(slices.Clone(n.codecs), events), n.held)
	if err := n.guarding.offer(&l); err != nil {
		return nil, err
	}
	n.begin(draft{line: l, mux: true, hold: n.held})
	return n.print(n.draft.line, true), nil
}

// agreed is what was agreed last.
func (n *negotiator) agreed() Session { return n.current }

// print writes our description. The version of o= moves on only when something else changed (RFC 4566 §5.2).
func (n *negotiator) print(l mediaLine, mux bool) []byte {
	family := "IP4"
	if n.local.Addr().Is6() {
		family = "IP6"
	}
	var b strings.Builder
	host := n.local.Addr().String()
	fmt.Fprintf(&b, "s=-\r\nc=IN %s %s\r\nt=0 0\r\n", family, host)
	wrote := false
	for _, r := range n.refused {
		if r.kind == "" && !wrote {
			wrote = true
			writeLine(&b, l, mux)
			continue
		}
		fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", r.kind, r.proto, strings.Join(r.formats, " "))
	}
	if b.String() != n.last {
		n.last = b.String()
		n.version++
	}
	return []byte(fmt.Sprintf("v=0\r\no=- %d %d IN %s %s\r\n%s", n.identity, n.version, family, host, n.last))
}

// answer reads the peer's offer and gives our answer with what is agreed by it. Nothing changes when there is an error,
// which wraps errSDP: the request is to be refused with 488.
func (n *negotiator) answer(offer []byte) ([]byte, Session, error) {
	d, err := parseSDP(offer)
	if err != nil {
		return nil, Session{}, err
	}
	chosen := -1
	var s Session
	var reply mediaLine
	why := sdpError("no audio line")
	for i, l := range d.media {
		if l.kind != "audio" || l.port == 0 {
			continue
		}
		if s, reply, err = n.match(l); err == nil {
			err = n.guarding.answer(&s, l, &reply, n.current)
		}
		if err == nil {
			chosen = i
			break
		}
		why = err
	}
	if chosen < 0 {
		return nil, Session{}, why
	}
	n.refused = n.refused[:0]
	for i, l := range d.media {
		if i == chosen {
			l = mediaLine{}
		}
		n.refused = append(n.refused, l)
	}
	reply.dir = d.media[chosen].dir.mirror().narrow(n.held)
	s.Recv = s.Recv && !n.held
	n.current, n.ours, n.mux, n.draft = s, reply, d.media[chosen].rtcpMux, nil
	n.guarding.proto = reply.proto
	return n.print(reply, n.mux), s, nil
}

// accept reads the peer's answer to our offer.
func (n *negotiator) accept(answer []byte) (Session, error) {
	d, err := parseSDP(answer)
	if err != nil {
		return Session{}, err
	}
	for i, l := range d.media {
		// Our offer has one usable line; where it stands is known from the lines refused before.
		if i >= len(n.refused) || n.refused[i].kind != "" {
			continue
		}
		if l.kind != "audio" || l.port == 0 {
			return Session{}, sdpError("audio was refused")
		}
		s, _, err := n.match(l)
		if err != nil {
			return Session{}, err
		}
		// What the peer sends carries the numbers that we offered.
		if n.draft != nil {
			if number, ok := n.draft.line.offeredBy(s.Codec, s.Clock); ok {
				s.RecvType = number
			}
			if s.SendEvents != noPayload {
				s.RecvEvents, _ = n.draft.line.offeredBy(telephoneEvent, s.EventClock)
			}
			s.Recv = s.Recv && !n.draft.hold
		}
		if err := n.guarding.accept(&s, l, n.proposed(), n.current); err != nil {
			return Session{}, err
		}
		n.guarding.proto = l.proto
		n.settled()
		n.current = s
		return s, nil
	}
	return Session{}, sdpError("answer lacks the audio line")
}

// match finds what we can do with one audio line of the peer, and the line that says so.
func (n *negotiator) match(l mediaLine) (Session, mediaLine, error) {
	s := Session{SendType: noPayload, RecvType: noPayload, SendEvents: noPayload, RecvEvents: noPayload,
		ComfortNoise: noPayload, RTCPMux: l.rtcpMux, Ptime: clampPtime(l.ptime), Signalling: n.signalling}
	ours := l.dir.mirror()
	s.Send, s.Recv = ours == sendRecv || ours == sendOnly, ours == sendRecv || ours == recvOnly
	if err := n.place(&s, l); err != nil {
		return s, l, err
	}
	reply := mediaLine{kind: "audio", proto: l.proto, port: int(n.local.Port()), ptime: int(s.Ptime.Milliseconds())}
	for _, p := range l.payloads {
		if s.SendType == noPayload && n.speaks(p) {
			s.Codec, s.Clock, s.SendType, s.RecvType = p.name, p.clock, int(p.number), int(p.number)
			reply.payloads = append(reply.payloads, p)
		}
	}
	if s.SendType == noPayload {
		return s, l, sdpError("no codec in common")
	}
	reply.payloads = append(reply.payloads, s.accompany(l.payloads)...)
	s.eventsOfOpus(l.payloads, &reply)
	return s, reply, nil
}

// accompany takes the first key events and the first comfort noise that run at the clock of the codec.
func (s *Session) accompany(offered []payload) []payload {
	var taken []payload
	for _, p := range offered {
		switch {
		case p.name == telephoneEvent && p.clock == s.Clock && s.SendEvents == noPayload:
			s.SendEvents, s.RecvEvents, s.EventClock = int(p.number), int(p.number), p.clock
			taken = append(taken, p)
		case p.name == comfortNoise && p.clock == s.Clock && s.ComfortNoise == noPayload:
			s.ComfortNoise = int(p.number)
			taken = append(taken, p)
		}
	}
	return taken
}

// place decides where sound may be sent to (R-RTP-10).
func (n *negotiator) place(s *Session, l mediaLine) error {
	if l.badAddr != nil {
		return l.badAddr
	}
	s.Held = l.dir == sendOnly || l.dir == inactive
	if !l.addr.IsValid() {
		s.Held, s.Send, s.Recv = true, false, false
		return nil
	}
	switch {
	case l.port < minMediaPort || l.port > 65535:
		return sdpError("port %d", l.port)
	case l.addr.Is4() != n.local.Addr().Is4():
		return sdpError("address family")
	case l.addr.IsLoopback() && n.signalling.IsValid() && !n.signalling.IsLoopback():
		return sdpError("loopback address from afar")
	}
	s.Remote = netip.AddrPortFrom(l.addr, uint16(l.port))
	if s.Remote == n.local {
		return sdpError("our own address")
	}
	return nil
}

func (n *negotiator) speaks(p payload) bool {
	for _, c := range n.codecs {
		if c.name == p.name && c.clock == p.clock && c.channels == p.channels {
			return true
		}
	}
	return false
}

func clampPtime(ms int) time.Duration {
	if ms == 0 {
		ms = defaultPtime
	}
	// Whole frames of 10 ms are what every codec here can give.
	ms = min(max(ms, minPtime), maxPtime) / 10 * 10
	return time.Duration(ms) * time.Millisecond
}
