package sipedge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

const testT1 = 20 * time.Millisecond

// atLongest is how long a test waits for what comes at once, but for a busy machine.
const atLongest = 10 * time.Second

// fakeAudio is the audio half of a leg without sound: it notes what the dialog tells it.
type fakeAudio struct {
	local  netip.AddrPort
	refuse error

	mu       sync.Mutex
	sessions []Session
	keys     string
	joins    int
	closed   chan struct{}
	once     sync.Once
}

func (f *fakeAudio) Play(context.Context, interpreter.Prompt) error { return nil }
func (f *fakeAudio) Digits() <-chan interpreter.Digit               { return nil }
func (f *fakeAudio) Record(context.Context, io.WriteSeeker, interpreter.RecordOptions) (interpreter.Recorded, error) {
	return interpreter.Recorded{}, nil
}
func (f *fakeAudio) Local() netip.AddrPort { return f.local }
func (f *fakeAudio) Update(s Session) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	f.sessions = append(f.sessions, s)
	return nil
}
func (f *fakeAudio) Key(digit byte, _ time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys += string(digit)
}
func (f *fakeAudio) Join(ctx context.Context, _ Audio, _ interpreter.BridgeOptions) error {
	f.mu.Lock()
	f.joins++
	f.mu.Unlock()
	<-ctx.Done()
	return nil
}
func (f *fakeAudio) Close() { f.once.Do(func() { close(f.closed) }) }

func (f *fakeAudio) last() Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sessions) == 0 {
		return Session{}
	}
	return f.sessions[len(f.sessions)-1]
}

func (f *fakeAudio) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sessions)
}

func (f *fakeAudio) pressed() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys
}

// bench is an edge on a free port with everything it leans on.
type bench struct {
	t    *testing.T
	edge *Edge
	legs chan interpreter.Leg

	mu     sync.Mutex
	public bool
	fail   error // what Route gives
	panics bool  // what Route does
	noPort bool  // audio cannot be opened
	audio  []*fakeAudio
	peers  []*peer
}

// end closes the edge while the phones still answer, so that no BYE is waited for.
func (b *bench) end() {
	var wg sync.WaitGroup
	for _, p := range b.peers {
		wg.Go(p.dieOut)
	}
	if err := b.edge.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		b.t.Errorf("Close: %v", err)
	}
	for _, p := range b.peers {
		p.conn.Close()
	}
	wg.Wait()
	for i, a := range b.audio {
		select {
		case <-a.closed:
		default:
			b.t.Errorf("audio %d was not closed", i)
		}
	}
}

func (b *bench) Route(interpreter.LegInfo) (interpreter.Start, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.panics {
		panic("a fault in the router")
	}
	return interpreter.Start{Public: b.public}, b.fail
}

func (b *bench) set(public bool, fail error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.public, b.fail = public, fail
}

func (b *bench) Start(l interpreter.Leg, _ interpreter.Start) error {
	b.legs <- l
	return nil
}

func (b *bench) open(AudioOptions) (Audio, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.noPort {
		return nil, errors.New("no free port")
	}
	port := uint16(20000 + 2*len(b.audio))
	a := &fakeAudio{local: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), closed: make(chan struct{})}
	b.audio = append(b.audio, a)
	return a, nil
}

// newBench listens on a free loopback port; change may adjust the configuration.
func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, legs: make(chan interpreter.Leg, 200), public: true}
	log := logrus.New()
	log.SetOutput(io.Discard)
	cfg := Config{Listen: "127.0.0.1:0", Calls: b, Audio: b.open, T1: testT1, T2: 8 * testT1, NewCalls: 1000,
		TotalCalls: 1000, Log: logrus.NewEntry(log)}
	if change != nil {
		change(&cfg)
	}
	e, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.edge = e
	t.Cleanup(b.end)
	return b
}

func (b *bench) leg() interpreter.Leg {
	b.t.Helper()
	select {
	case l := <-b.legs:
		return l
	case <-time.After(atLongest):
		b.t.Fatal("no call was started")
		return nil
	}
}

// sound is that of the first call.
func (b *bench) sound() *fakeAudio {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.audio[0]
}

// message is a SIP message as an independent, simple reader sees it: names in lower case, values as they stand.
type message struct {
	start string
	head  map[string][]string
	body  string
}

func readMessage(text string) message {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m := message{start: lines[0], head: map[string][]string{}, body: body}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		name = strings.ToLower(name)
		m.head[name] = append(m.head[name], strings.TrimSpace(value))
	}
	return m
}

func (m message) get(name string) string {
	if v := m.head[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (m message) code() string {
	if rest, ok := strings.CutPrefix(m.start, "SIP/2.0 "); ok {
		return rest[:3]
	}
	return ""
}

func (m message) method() string {
	word, _, _ := strings.Cut(m.start, " ")
	return word
}

func (m message) tag() string {
	_, tag, _ := strings.Cut(m.get("to"), "tag=")
	return tag
}

// peer is a phone made of a bare UDP socket.
type peer struct {
	t    *testing.T
	conn *net.UDPConn
	edge netip.AddrPort
	seq  int
	id   string
	tag  string // To tag once known
	from string
}

func newPeer(t *testing.T, b *bench) *peer {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, conn: c, edge: b.edge.Addr(), id: token(6), from: "caller" + token(3)}
	b.peers = append(b.peers, p)
	return p
}

// dieOut answers every request until the socket closes.
func (p *peer) dieOut() {
	buf := make([]byte, 65536)
	p.conn.SetReadDeadline(time.Time{})
	for {
		n, _, err := p.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if m := readMessage(string(buf[:n])); m.code() == "" && m.method() != "ACK" {
			p.answer(m, 200, "", "", "")
		}
	}
}

func (p *peer) addr() string { return p.conn.LocalAddr().String() }

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort([]byte(text), p.edge); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Error(err)
	}
}

// next gives the next message, or fails.
func (p *peer) next() message {
	p.t.Helper()
	m, ok := p.try(atLongest)
	if !ok {
		p.t.Fatal("no message from the edge")
	}
	return m
}

func (p *peer) try(wait time.Duration) (message, bool) {
	buf := make([]byte, 65536)
	p.conn.SetReadDeadline(time.Now().Add(wait))
	n, _, err := p.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return message{}, false
	}
	return readMessage(string(buf[:n])), true
}

// expect skips provisionals and repetitions until a message with this code or method comes.
func (p *peer) expect(want string) message {
	p.t.Helper()
	deadline := time.Now().Add(atLongest)
	seen := ""
	for time.Now().Before(deadline) {
		m, ok := p.try(time.Until(deadline))
		if !ok {
			break
		}
		if m.code() == want || m.method() == want {
			return m
		}
		seen += " " + m.start + " " + m.get("reason") + ";"
	}
	p.t.Fatalf("%s did not come, only:%s", want, seen)
	return message{}
}

// request sends a request with the next number; head are further header lines.
func (p *peer) request(method, head, body string) (branch string) {
	p.seq++
	return p.requestAs(method, p.seq, head, body)
}

func (p *peer) requestAs(method string, seq int, head, body string) (branch string) {
	branch = "z9hG4bK" + token(6)
	p.send(p.text(method, branch, seq, head, body))
	return branch
}

func (p *peer) text(method, branch string, seq int, head, body string) string {
	to := fmt.Sprintf("<sip:100@%s>", p.edge)
	if p.tag != "" {
		to += ";tag=" + p.tag
	}
	return fmt.Sprintf("%s sip:100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: \"Ann\" <sip:ann@127.0.0.1>;tag=%s\r\n"+
		"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:ann@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, p.edge, p.addr(), branch, p.from, to, p.id, seq, method, p.addr(), head, len(body), body)
}

const sdpHead = "Content-Type: application/sdp\r\n"

func sdpOf(port int, extra string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 8 0 101\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\n%s", port, extra)
}

// call sets up an answered call and gives its leg.
func (p *peer) call(b *bench) interpreter.Leg {
	p.t.Helper()
	p.request("INVITE", sdpHead, sdpOf(30000, ""))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	ok := p.expect("200")
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")
	return l
}

// answer sends a response to a request of the edge.
func (p *peer) answer(req message, code int, tag, head, body string) {
	to := req.get("to")
	if tag != "" && !strings.Contains(to, "tag=") {
		to += ";tag=" + tag
	}
	var vias string
	for _, v := range req.head["via"] {
		vias += "Via: " + v + "\r\n"
	}
	p.send(fmt.Sprintf("SIP/2.0 %d Whatever\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s",
		code, vias, req.get("from"), to, req.get("call-id"), req.get("cseq"), head, len(body), body))
}

func (p *peer) contact() string { return fmt.Sprintf("Contact: <sip:bob@%s>\r\n", p.addr()) }

// hangupOf waits for the end of a leg.
func hangupOf(t *testing.T, l interpreter.Leg) *interpreter.Hangup {
	t.Helper()
	select {
	case <-l.Context().Done():
	case <-time.After(3 * time.Second):
		t.Fatal("leg did not end")
	}
	var h *interpreter.Hangup
	if !errors.As(context.Cause(l.Context()), &h) {
		t.Fatalf("cause %v is no *Hangup", context.Cause(l.Context()))
	}
	return h
}

var hangupNow = interpreter.Hangup{By: interpreter.ByEngine, Code: 480}
