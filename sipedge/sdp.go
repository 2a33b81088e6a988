package sipedge

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

const (
	maxSDP       = 16 << 10
	maxSDPMedia  = 8
	maxSDPTypes  = 64
	minMediaPort = 1024
)

// errSDP is the base of every error about a session description; what wraps it names the fault for the Warning header.
var errSDP = errors.New("session description")

func sdpError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errSDP}, args...)...)
}

// direction is the way sound goes, seen from the party whose description it stands in.
type direction uint8

const (
	sendRecv direction = iota
	sendOnly
	recvOnly
	inactive
)

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

func (d direction) String() string { return directionNames[d] }

// mirror is what the other party has when this one has d.
func (d direction) mirror() direction {
	switch d {
	case sendOnly:
		return recvOnly
	case recvOnly:
		return sendOnly
	case sendRecv, inactive:
	}
	return d
}

// payload is one entry of an m-line.
type payload struct {
	number   uint8
	name     string // encoding name in upper case: PCMU, TELEPHONE-EVENT
	clock    int
	channels int
}

// mediaLine is one m-line cut down to what the engine uses. Lines that it cannot use keep their words, for the refusal
// in the answer.
type mediaLine struct {
	kind     string
	proto    string
	formats  []string
	port     int
	addr     netip.Addr // zero value: 0.0.0.0, the old way to hold
	badAddr  error      // why the address is refused, if it is
	payloads []payload
	dir      direction
	ptime    int
	rtcpMux  bool

	protection protection
}

// description is the other party's session description.
type description struct{ media []mediaLine }

// staticTypes are the payload numbers that need no rtpmap (RFC 3551 §6).
var staticTypes = map[uint8]payload{
	0: {0, "PCMU", 8000, 1}, 3: {3, "GSM", 8000, 1}, 8: {8, "PCMA", 8000, 1}, 9: {9, "G722", 8000, 1},
	13: {13, "CN", 8000, 1}, 18: {18, "G729", 8000, 1},
}

// parseSDP reads a session description. Lines that the engine has no use for are left out before, and the rest is put
// into the order of RFC 4566: phones in the field mix it up, forget s= and put blanks into o=.
func parseSDP(body []byte) (*description, error) {
	if len(body) > maxSDP {
		return nil, sdpError("larger than %d octets", maxSDP)
	}
	clean, names, err := healSDP(body)
	if err != nil {
		return nil, err
	}
	var s sdp.SessionDescription
	if err := s.Unmarshal(clean); err != nil {
		return nil, sdpError("%s", shorten(err.Error()))
	}
	if len(s.MediaDescriptions) == 0 || len(s.MediaDescriptions) != len(names) {
		return nil, sdpError("no media line")
	}
	d := &description{}
	for i, m := range s.MediaDescriptions {
		line, err := readMedia(&s, m, names[i])
		if err != nil {
			return nil, err
		}
		d.media = append(d.media, line)
	}
	return d, nil
}

// sdpBlock is the session part of a description, or one medium with what belongs to it.
type sdpBlock struct {
	conn  string
	attrs []string
}

// mediaName is an m-line as the peer wrote it: any medium, any transport.
type mediaName struct {
	kind, port, proto string
	formats           []string
}

// healSDP keeps c=, m= and a=, bounds them, and shows every medium to the parser as audio over RTP: it knows few
// others.
func healSDP(body []byte) ([]byte, []mediaName, error) {
	blocks := []sdpBlock{{}}
	var names []mediaName
	first := true
	for raw := range bytes.Lines(body) {
		line := strings.TrimRight(string(raw), "\r\n\x00 ")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' || hasControl(line) || first && line != "v=0" {
			return nil, nil, sdpError("line %.20q", line)
		}
		first = false
		now := &blocks[len(blocks)-1]
		switch line[0] {
		case 'c':
			if now.conn == "" {
				now.conn = line
			}
		case 'a':
			now.attrs = append(now.attrs, line)
		case 'm':
			f := strings.Fields(line[2:])
			if len(f) < 4 || len(names) == maxSDPMedia {
				return nil, nil, sdpError("malformed or more than %d media lines", maxSDPMedia)
			}
			names = append(names, mediaName{f[0], f[1], f[2], f[3:]})
			blocks = append(blocks, sdpBlock{})
		}
	}
	return printBlocks(blocks, names), names, nil
}

func printBlocks(blocks []sdpBlock, names []mediaName) []byte {
	var out bytes.Buffer
	out.WriteString("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n")
	for i, b := range blocks {
		if i > 0 {
			n := names[i-1]
			out.WriteString("m=audio " + n.port + " RTP/AVP " + strings.Join(n.formats, " ") + crlf)
		}
		if b.conn != "" {
			out.WriteString(b.conn + crlf)
		}
		if i == 0 {
			out.WriteString("t=0 0\r\n")
		}
		for _, a := range b.attrs {
			out.WriteString(a + crlf)
		}
	}
	return out.Bytes()
}

func readMedia(s *sdp.SessionDescription, m *sdp.MediaDescription, name mediaName) (mediaLine, error) {
	l := mediaLine{kind: name.kind, proto: name.proto, formats: name.formats, port: m.MediaName.Port.Value}
	if len(l.formats) > maxSDPTypes {
		return l, sdpError("more than %d payload types", maxSDPTypes)
	}
	conn := m.ConnectionInformation
	if conn == nil {
		conn = s.ConnectionInformation
	}
	l.addr, l.badAddr = readAddress(conn)
	l.dir = readDirection(m.Attributes, readDirection(s.Attributes, sendRecv))
	maps := map[string]string{}
	for _, a := range m.Attributes {
		switch a.Key {
		case "rtpmap":
			number, name, _ := strings.Cut(strings.TrimSpace(a.Value), " ")
			maps[number] = strings.TrimSpace(name)
		case "ptime":
			// "20.0" is seen; anything else that is no number means no wish.
			whole, _, _ := strings.Cut(strings.TrimSpace(a.Value), ".")
			if n, ok := digits(whole, 1000); ok {
				l.ptime = int(n)
			}
		case "rtcp-mux":
			l.rtcpMux = true
		default:
			l.protection.read(a.Key, a.Value)
		}
	}
	for _, a := range s.Attributes {
		if a.Key == "setup" && l.protection.setup != "" {
			continue // the medium's own counts
		}
		l.protection.read(a.Key, a.Value)
	}
	l.payloads = readPayloads(l.formats, maps)
	return l, nil
}

// readPayloads are the payload types that can be understood, in the order of the formats; maps are their rtpmap lines.
func readPayloads(formats []string, maps map[string]string) []payload {
	var list []payload
	seen := map[uint8]bool{}
	for _, f := range formats {
		n, ok := digits(f, 127)
		if !ok || seen[uint8(n)] || n >= 64 && n <= 95 { // RFC 5761 §4: those would look like RTCP
			continue
		}
		seen[uint8(n)] = true
		if p, ok := readPayload(uint8(n), maps[f]); ok {
			list = append(list, p)
		}
	}
	return list
}

func readPayload(number uint8, mapping string) (payload, bool) {
	if mapping == "" {
		p, ok := staticTypes[number]
		return p, ok
	}
	parts := strings.Split(mapping, "/")
	p := payload{number: number, name: strings.ToUpper(parts[0]), channels: 1}
	if len(parts) < 2 {
		return p, false
	}
	clock, ok := digits(strings.TrimSpace(parts[1]), 1_000_000)
	if !ok || clock == 0 {
		return p, false
	}
	p.clock = int(clock)
	if len(parts) > 2 {
		if n, ok := digits(strings.TrimSpace(parts[2]), 8); ok && n > 0 {
			p.channels = int(n)
		}
	}
	return p, true
}

func readDirection(attrs []sdp.Attribute, inherited direction) direction {
	for _, a := range attrs {
		for d, name := range directionNames {
			if a.Key == name {
				return direction(d)
			}
		}
	}
	return inherited
}

// readAddress takes c= only as a literal unicast address: names are never looked up (R-RTP-10).
func readAddress(c *sdp.ConnectionInformation) (netip.Addr, error) {
	if c == nil || c.Address == nil {
		return netip.Addr{}, sdpError("no connection address")
	}
	text, _, _ := strings.Cut(strings.TrimSpace(c.Address.Address), "/")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, sdpError("connection address is not an IP address")
	}
	a = a.Unmap().WithZone("")
	switch {
	case a.IsUnspecified():
		return netip.Addr{}, nil
	case a.IsMulticast():
		return netip.Addr{}, sdpError("multicast address")
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return netip.Addr{}, sdpError("broadcast address")
	case a.Is4() && a.As4()[0] == 0:
		return netip.Addr{}, sdpError("unusable address")
	}
	return a, nil
}

// writeLine prints one m-line with its attributes.
func writeLine(b *strings.Builder, l mediaLine, rtcpMux bool) {
	nums := make([]string, len(l.payloads))
	for i, p := range l.payloads {
		nums[i] = strconv.Itoa(int(p.number))
	}
	fmt.Fprintf(b, "m=%s %d %s %s\r\n", l.kind, l.port, l.proto, strings.Join(nums, " "))
	for _, p := range l.payloads {
		name := p.name
		if name == telephoneEvent {
			name = "telephone-event"
		}
		if name == opusName {
			name = "opus"
		}
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d", p.number, name, p.clock)
		if p.channels > 1 {
			fmt.Fprintf(b, "/%d", p.channels)
		}
		b.WriteString(crlf)
		switch p.name {
		case telephoneEvent:
			fmt.Fprintf(b, "a=fmtp:%d 0-16\r\n", p.number)
		case opusName:
			fmt.Fprintf(b, "a=fmtp:%d useinbandfec=1\r\n", p.number)
		}
	}
	fmt.Fprintf(b, "a=ptime:%d\r\n", l.ptime)
	if rtcpMux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	l.protection.write(b)
	fmt.Fprintf(b, "a=%s\r\n", l.dir)
}
