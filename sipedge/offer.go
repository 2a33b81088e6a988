package sipedge

import (
	"errors"
	"strings"

	"pintle/interpreter"
)

// proposal is what we want to change in a running call by an offer of ours. Nil and zero values leave things as they
// are.
type proposal struct {
	codecs []payload // nil: the one agreed, nothing else
	hold   bool      // we hear nothing: the far end is on hold
}

// proposer is a negotiation that can make further offers. The one of a media engine that negotiates by itself is none.
type proposer interface {
	negotiation
	// propose makes an offer, which accept, withdraw or an offer of the peer ends.
	propose(p proposal) []byte
	// repeat is our description in force, as an offer that changes nothing.
	repeat() []byte
	// withdraw forgets an offer that was refused; what was agreed before holds.
	withdraw()
	holding() bool
	// named gives the payloads of encoding names that we speak.
	named(codecs []string) ([]payload, error)
}

var _ proposer = (*negotiator)(nil)

// firstDynamic is where payload numbers without fixed meaning begin (RFC 3551 §6).
const firstDynamic = 96

// events is what we announce for keys at the clock of most codecs.
var events = payload{101, telephoneEvent, 8000, 1}

// draft is our side of an offer under way.
type draft struct {
	line mediaLine
	mux  bool
	hold bool
}

// line is the m-line of an offer. A payload number keeps the meaning it has had in this call (RFC 3264 §8.3.2).
func (n *negotiator) line(codecs []payload, hold bool) mediaLine {
	l := mediaLine{kind: "audio", proto: "RTP/AVP", port: int(n.local.Port()), ptime: defaultPtime, dir: sendRecv}
	if n.current.Ptime > 0 {
		l.ptime = int(n.current.Ptime.Milliseconds())
	}
	if n.ours.proto != "" {
		l.proto = n.ours.proto
	}
	if hold {
		l.dir = sendOnly
	}
	for _, p := range codecs {
		l.payloads = append(l.payloads, n.numbered(p, l.payloads))
	}
	return l
}

// numbered gives a payload the number that it has already, or one that nothing else has had.
func (n *negotiator) numbered(p payload, beside []payload) payload {
	taken := map[uint8]bool{}
	for _, have := range n.ours.payloads {
		if have.name == p.name && have.clock == p.clock && have.channels == p.channels {
			return have
		}
		taken[have.number] = true
	}
	for _, have := range beside {
		taken[have.number] = true
	}
	for next := uint8(firstDynamic); taken[p.number] && next < 128; next++ {
		p.number = next
	}
	return p
}

func (n *negotiator) propose(p proposal) []byte {
	codecs := p.codecs
	if codecs == nil {
		codecs = n.ours.payloads
	}
	l := n.line(codecs, p.hold)
	_ = n.guarding.offer(&l) // cannot fail: the transport is agreed
	n.begin(draft{line: l, mux: n.mux, hold: p.hold})
	return n.print(n.draft.line, n.draft.mux)
}

func (n *negotiator) repeat() []byte {
	l := n.ours
	if l.protection.fingerprint != "" {
		l.protection.setup = setupActpass // RFC 5763 §5: every offer leaves the choice, whoever began the handshake
	}
	n.begin(draft{line: l, mux: n.mux, hold: n.held})
	return n.print(l, n.mux)
}

// proposed is our line that the peer's next answer belongs to.
func (n *negotiator) proposed() mediaLine {
	if n.draft != nil {
		return n.draft.line
	}
	return n.ours
}

// begin takes the draft of an offer.
func (n *negotiator) begin(d draft) { n.draft = &d }

func (n *negotiator) withdraw() { n.draft = nil }

func (n *negotiator) holding() bool { return n.held }

// settled puts the draft into force.
func (n *negotiator) settled() {
	if n.draft != nil {
		n.ours, n.mux, n.held = n.draft.line, n.draft.mux, n.draft.hold
	}
}

// offeredBy finds the number that our description gives to what the peer has chosen.
func (l mediaLine) offeredBy(name string, clock int) (int, bool) {
	for _, p := range l.payloads {
		if p.name == name && p.clock == clock {
			return int(p.number), true
		}
	}
	return noPayload, false
}

// narrow is a direction of ours when we hear nothing.
func (d direction) narrow(hold bool) direction {
	switch {
	case !hold:
		return d
	case d == sendRecv:
		return sendOnly
	case d == recvOnly:
		return inactive
	}
	return d
}

var errCodec = errors.New("codec is not known or not allowed here")

func (n *negotiator) named(codecs []string) ([]payload, error) {
	var list []payload
	for _, name := range codecs {
		p, ok := offered[strings.ToUpper(name)]
		if !ok {
			return nil, errCodec
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, interpreter.ErrUnsupported
	}
	return append(list, events), nil
}
