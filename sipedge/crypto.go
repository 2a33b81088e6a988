package sipedge

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"pintle/media/rtpio"
)

// SRTP says whether the sound of calls is encrypted.
type SRTP uint8

// The policies.
const (
	SRTPDefault  SRTP = iota // as the edge says; for the edge: optional
	SRTPOptional             // taken when offered, offered as a choice where the signalling is encrypted
	SRTPOff                  // offers of SRTP alone are refused, and none is made
	SRTPRequired             // plain sound is refused with 488
)

// ParseSRTP reads a policy as the configuration writes it: off, optional, required. Empty is the default.
func ParseSRTP(s string) (SRTP, error) {
	switch s {
	case "":
		return SRTPDefault, nil
	case "optional":
		return SRTPOptional, nil
	case "off":
		return SRTPOff, nil
	case "required":
		return SRTPRequired, nil
	}
	return 0, fmt.Errorf("SRTP policy %q: give off, optional or required", shorten(s))
}

// Security holds what a Config says about encryption.
type Security struct {
	TLSListen string // IP:port for SIP over TLS; empty: none. Calls to sips: and transport=tls are possible in any case
	WSListen  string // IP:port for SIP over WebSocket (RFC 7118) in the clear; empty: none
	WSSListen string // the same over TLS
	// Certificates has what we show, in GetCertificate or Certificates; required with TLSListen and WSSListen.
	Certificates *tls.Config
	// ClientTLS says how a peer with this name is to be trusted and what is shown to it. nil, as a function or as a
	// result: the authorities of the system, and nothing.
	ClientTLS     func(name string) *tls.Config
	WebSocketPath string   // path of the handshake; empty: any
	Origins       []string // pages that may connect, as https://phone.example.com; "*": all; empty: those of our own host

	SRTP        SRTP // whether sound is encrypted
	SDESInClear bool // SRTP keys may travel over UDP, TCP and WS: whoever reads the signalling can decrypt the sound
}

const (
	maxCrypto = 16 // crypto lines that are read of one medium

	protoPlain    = "RTP/AVP"
	protoPlainFB  = "RTP/AVPF"
	protoSecure   = "RTP/SAVP"
	protoSecureFB = "RTP/SAVPF"
	protoDTLS     = "UDP/TLS/RTP/SAVP"
	protoDTLSFB   = "UDP/TLS/RTP/SAVPF"

	setupActive   = "active"
	setupPassive  = "passive"
	setupActpass  = "actpass"
	setupHoldconn = "holdconn"
)

// sdesOffered are the suites in our offers, best first; more are taken.
var sdesOffered = []rtpio.Suite{rtpio.AESCM128SHA80, rtpio.AESCM128SHA32}

// cryptoLine is one a=crypto that could be used (RFC 4568 §9.1).
type cryptoLine struct {
	tag   string
	suite rtpio.Suite
	key   string // master key and salt
}

// protection is what a media line says about SRTP.
type protection struct {
	crypto      []cryptoLine
	fingerprint string // "sha-256 AB:CD…", RFC 8122
	setup       string // RFC 4145
}

// readCrypto reads a crypto line. Lines that need what we have not (MKI, several keys, session parameters) are passed
// over: another line may do.
func readCrypto(value string) (cryptoLine, bool) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return cryptoLine{}, false
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(strings.ToUpper(p), "WSH=") { // a hint about the window
			return cryptoLine{}, false
		}
	}
	c := cryptoLine{tag: f[0], suite: rtpio.Suite(strings.ToUpper(f[1]))}
	if _, ok := digits(c.tag, 999999999); !ok {
		return c, false
	}
	method, key, _ := strings.Cut(f[2], ":")
	if !strings.EqualFold(method, "inline") || strings.Contains(key, ";") {
		return c, false
	}
	key, rest, _ := strings.Cut(key, "|")
	if strings.Contains(rest, ":") { // an MKI; a lifetime alone means nothing to us
		return c, false
	}
	octets, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		octets, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(key, "="))
	}
	c.key = string(octets)
	return c, err == nil && len(octets) > 0 && len(octets) == c.suite.KeyLength()
}

// read takes the attributes of one medium, and those of the session where the medium is silent.
func (p *protection) read(key, value string) {
	value = strings.TrimSpace(value)
	switch strings.ToLower(key) {
	case "crypto":
		if c, ok := readCrypto(value); ok && len(p.crypto) < maxCrypto {
			p.crypto = append(p.crypto, c)
		}
	case "fingerprint":
		// The first that we can check: peers list several hashes.
		if f, ok := rtpio.ParseFingerprint(value); ok && p.fingerprint == "" {
			p.fingerprint = f
		}
	case "setup":
		p.setup = strings.ToLower(value)
	}
}

// write prints what our description says about SRTP.
func (p *protection) write(b *strings.Builder) {
	for _, c := range p.crypto {
		fmt.Fprintf(b, "a=crypto:%s %s inline:%s\r\n", c.tag, c.suite, base64.StdEncoding.EncodeToString([]byte(c.key)))
	}
	if p.fingerprint != "" {
		fmt.Fprintf(b, "a=fingerprint:%s\r\na=setup:%s\r\n", p.fingerprint, p.setup)
	}
}

// guarding is the SRTP side of a negotiator.
type guarding struct {
	policy      SRTP
	sdes        bool   // keys may stand in descriptions: the signalling is encrypted, or the operator insists
	fingerprint string // of our DTLS certificate; empty: no DTLS
	proto       string // agreed last
	own         map[rtpio.Suite]string
	peer        string      // key of the peer that ours was made for
	suite       rtpio.Suite // agreed last; empty: none
}

// Fingerprinter is an Audio that can do DTLS-SRTP.
type Fingerprinter interface {
	// Fingerprint is that of the certificate it shows, as a=fingerprint has it; empty: no DTLS.
	Fingerprint() string
}

// guardingFor says how the sound of a dialog may be protected.
func (e *Edge) guardingFor(d *dialog, a Audio) guarding {
	policy := d.srtp
	if policy == SRTPDefault {
		policy = e.cfg.Security.SRTP
	}
	g := guarding{policy: policy, sdes: encrypted(d.flow.network) || e.cfg.Security.SDESInClear}
	if f, ok := a.(Fingerprinter); ok {
		g.fingerprint = f.Fingerprint()
	}
	return g
}

// encrypted reports signalling that nobody on the way can read.
func encrypted(network string) bool {
	switch strings.ToUpper(network) {
	case "TLS", "WSS":
		return true
	}
	return false
}

// key is our master key for a suite; it stays for the call unless the peer takes a new one.
func (g *guarding) key(s rtpio.Suite) string {
	if k, ok := g.own[s]; ok {
		return k
	}
	b := make([]byte, s.KeyLength())
	rand.Read(b)
	if g.own == nil {
		g.own = make(map[rtpio.Suite]string)
	}
	g.own[s] = string(b)
	return g.own[s]
}

// offer completes our own offer. A re-offer keeps the transport that was agreed.
func (g *guarding) offer(l *mediaLine) error {
	l.proto = g.proto
	keys := g.peer != "" // over plain RTP
	if l.proto == "" {
		var err error
		if l.proto, err = g.firstProto(); err != nil {
			return err
		}
		keys = g.policy != SRTPOff && g.sdes
	}
	switch l.proto {
	case protoDTLS, protoDTLSFB:
		l.protection = protection{fingerprint: g.fingerprint, setup: setupActpass}
	case protoSecure, protoSecureFB:
		g.list(l)
	case protoPlain:
		if keys {
			g.list(l) // the peer may ignore it
		}
	}
	return nil
}

// firstProto is the transport of an offer while none is agreed.
func (g *guarding) firstProto() (string, error) {
	switch {
	case g.policy != SRTPRequired:
		return protoPlain, nil
	case g.sdes:
		return protoSecure, nil
	case g.fingerprint != "":
		return protoDTLS, nil
	}
	return "", sdpError("SRTP is required, but its keys may not travel over unencrypted signalling; use transport=tls")
}

// list offers keys. What is agreed stays among them: the far end may know nothing else.
func (g *guarding) list(l *mediaLine) {
	suites := sdesOffered
	if g.suite != "" && !slices.Contains(suites, g.suite) {
		suites = append([]rtpio.Suite{g.suite}, suites...)
	}
	for i, s := range suites {
		l.protection.crypto = append(l.protection.crypto, cryptoLine{itoa(i + 1), s, g.key(s)})
	}
}

// answer decides about one line of the peer's offer and completes ours. now is what is in force.
func (g *guarding) answer(s *Session, theirs mediaLine, ours *mediaLine, now Session) error {
	ours.proto, ours.protection = theirs.proto, protection{}
	switch theirs.proto {
	case protoDTLS, protoDTLSFB:
		return g.answerDTLS(s, theirs, ours, now)
	case protoSecure, protoSecureFB:
		if g.policy == SRTPOff {
			return sdpError("SRTP is switched off here; offer RTP/AVP")
		}
		if !g.sdes {
			return sdpError("SRTP keys over unencrypted signalling; use TLS, or DTLS-SRTP")
		}
		if !g.take(s, theirs, ours) {
			return sdpError("no SRTP suite in common")
		}
		return nil
	case protoPlain, protoPlainFB:
		if g.policy != SRTPOff && g.sdes && g.take(s, theirs, ours) {
			return nil
		}
		if g.policy == SRTPRequired {
			return sdpError("SRTP is required; offer RTP/SAVP over TLS, or UDP/TLS/RTP/SAVP")
		}
		return nil
	}
	return sdpError("transport %.20s", theirs.proto)
}

// take chooses the first crypto line of the peer's that can be used.
func (g *guarding) take(s *Session, theirs mediaLine, ours *mediaLine) bool {
	if len(theirs.protection.crypto) == 0 {
		return false
	}
	c := theirs.protection.crypto[0]
	if c.key != g.peer {
		if g.peer != "" {
			g.own = nil // the peer has changed its key, so do we
		}
		g.peer = c.key
	}
	g.suite = c.suite
	mine := g.key(c.suite)
	s.Keys = rtpio.Keys{Suite: c.suite, Send: mine, Receive: c.key}
	ours.protection.crypto = []cryptoLine{{c.tag, c.suite, mine}}
	return true
}

func (g *guarding) answerDTLS(s *Session, theirs mediaLine, ours *mediaLine, now Session) error {
	p := theirs.protection
	switch {
	case g.policy == SRTPOff:
		return sdpError("SRTP is switched off here; offer RTP/AVP")
	case g.fingerprint == "":
		return sdpError("DTLS-SRTP is not available here")
	case p.fingerprint == "":
		return sdpError("no fingerprint that can be checked")
	case p.setup == setupHoldconn:
		return sdpError("setup:holdconn")
	}
	// Active is asked of us (RFC 5763 §5), but a peer behind a NAT cannot hear us before it has spoken.
	away := s.Signalling.IsValid() && s.Remote.IsValid() && s.Remote.Addr() != s.Signalling
	s.DTLS = rtpio.DTLS{Fingerprint: p.fingerprint, Client: p.setup == setupPassive || p.setup != setupActive && !away}
	if now.DTLS.Fingerprint == p.fingerprint && p.setup == setupActpass {
		s.DTLS.Client = now.DTLS.Client // the association stays (RFC 5763 §5)
	}
	ours.protection = protection{fingerprint: g.fingerprint, setup: setupPassive}
	if s.DTLS.Client {
		ours.protection.setup = setupActive
	}
	return nil
}

// accept reads what the peer's answer says about our offer, ours.
func (g *guarding) accept(s *Session, theirs, ours mediaLine, now Session) error {
	p := theirs.protection
	switch theirs.proto {
	case protoDTLS, protoDTLSFB:
		return g.acceptDTLS(s, p, now)
	case protoSecure, protoSecureFB, protoPlain, protoPlainFB:
	default:
		return sdpError("transport %.20s", theirs.proto)
	}
	plain := theirs.proto == protoPlain || theirs.proto == protoPlainFB
	for _, c := range p.crypto {
		for _, o := range ours.protection.crypto {
			if o.tag == c.tag && o.suite == c.suite {
				s.Keys = rtpio.Keys{Suite: c.suite, Send: o.key, Receive: c.key}
				g.peer, g.suite = c.key, c.suite
				return nil
			}
		}
	}
	if plain && g.policy != SRTPRequired && now.Keys.Suite == "" {
		return nil
	}
	return sdpError("answer without SRTP keys")
}

func (g *guarding) acceptDTLS(s *Session, p protection, now Session) error {
	if g.fingerprint == "" || p.fingerprint == "" {
		return sdpError("answer without a fingerprint that can be checked")
	}
	s.DTLS = rtpio.DTLS{Fingerprint: p.fingerprint, Client: p.setup == setupPassive}
	if p.setup != setupActive && p.setup != setupPassive {
		return sdpError("answer with setup:%.10s", p.setup)
	}
	if now.DTLS.Fingerprint == p.fingerprint && (now.Remote == s.Remote || !s.Remote.IsValid()) {
		// The association stays (RFC 8842 §5.4). Phones that answer every offer with active mean no new handshake.
		s.DTLS.Client = now.DTLS.Client
	}
	return nil
}
