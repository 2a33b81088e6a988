package sipedge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

const (
	defaultT1      = 500 * time.Millisecond
	defaultT2      = 4 * time.Second
	callerRate     = 10 // new calls a second of one unknown source, twice as many at once
	arrivalRate    = 100
	bindAttempts   = 20 // for a free port that UDP and TCP can share
	defaultAgent   = "pintle"
	instanceLength = 4
)

// Config of an Edge. Calls, Audio and Log are required.
type Config struct {
	Listen string // address for UDP and TCP, "127.0.0.1:5060"; port 0 takes a free one
	// host that peers are told, in Via, Contact and, if it is an address, SDP; empty: the address listened on
	Advertise  string
	Agent      string         // User-Agent and Server; empty: "pintle"
	Calls      Calls          // takes inbound calls
	Audio      OpenAudio      // opens the audio half of each leg
	WebRTC     OpenWebRTC     // opens that of a leg to a browser; nil: such calls are refused with 488
	Codecs     []string       // encoding names in upper case, best first; empty: PCMU, PCMA
	Peers      []netip.Prefix // sources that may call without a public number
	Trunks     []Trunk        // peers to the public network; the one named "default", or the first, takes plain numbers
	Resolver   Resolver       // nil: that of the machine
	Headers    []string       // names that documents may set besides X- and User-to-User
	Packets    int            // packets a second of one source prefix; 0: 1000
	NewCalls   int            // new calls a second of one unknown source; 0: 10
	TotalCalls int            // new calls a second in all; 0: 100
	T1, T2     time.Duration  // of our own retransmissions; 0: RFC 3261

	SessionExpires time.Duration // length of a session that we ask for (RFC 4028); 0: 30 min, below 0: we ask for none
	MinSE          time.Duration // shortest session that we accept; 0: 90 s
	LateOffer      bool          // INVITEs of ours carry no offer: the far end offers
	Reliable       bool          // send ringing reliably (RFC 3262) to all who can, not only to those who insist

	Security Security // TLS, WebSocket, SRTP

	// Accounts knows the devices that may register and call by digest; nil: none, REGISTER is refused.
	Accounts      Accounts
	Registrations Registrations
	Presence      Presence            // lamps and mailboxes that phones watch
	Others        Others              // further ways to ring a registered user, such as browser pages; may be nil
	Records       interpreter.Records // keeps bindings over a restart; nil: they are forgotten
	Log           *logrus.Entry
}

// Edge is the SIP side of one engine: it listens, answers and calls. Make it with Listen, end it with Close.
type Edge struct {
	cfg      Config
	log      *logrus.Entry
	agent    string
	instance string
	local    netip.AddrPort
	host     string
	port     int
	t1, t2   time.Duration
	allowed  map[string]bool
	names    *resolving
	trunks   atomic.Pointer[[]*trunk]
	peers    atomic.Pointer[[]netip.Prefix]
	trunkMu  sync.Mutex // held while trunks are set

	guard        *guard
	packets      *packetFilter
	streams      *streamListener
	doors        map[string]*door // TLS, WS, WSS
	proven       nameMemory
	notice       notice
	callers      *buckets
	arrivals     *buckets
	dialogs      *dialogStore
	phones       *phones // nil without accounts
	mwi          unsolicited
	transport    *sip.TransportLayer
	transactions *sip.TransactionLayer
	draining     atomic.Bool

	ctx    context.Context //nolint:containedctx // parent of every leg's context
	cancel context.CancelCauseFunc
	work   context.Context //nolint:containedctx // for what must go on after that: the last BYE
	stop   context.CancelFunc

	dialling context.Context //nolint:containedctx // ends first of all when the edge closes
	hangUp   context.CancelFunc
	dials    sync.WaitGroup // Dials that run; counted only while mu is held and the edge neither drains nor closes

	attemptsMu sync.Mutex
	attempts   map[string]*attempt // INVITEs of ours that are not answered yet, by dialogKey

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // handlers, dialogs and what they started

	serving sync.WaitGroup // the two loops that read the sockets
}

// libraryOnce guards sipgo's package variables: they are read by its goroutines and may be set once, before the first
// of them.
var libraryOnce sync.Once

// Listen opens the sockets and serves until Close. UDP and TCP share one port, which is also the source of everything
// we send by UDP.
func Listen(cfg Config) (*Edge, error) {
	e := &Edge{cfg: cfg, log: cfg.Log, agent: cfg.Agent, instance: token(instanceLength), t1: cfg.T1, t2: cfg.T2,
		guard: newGuard(), names: newResolving(cfg.Resolver), dialogs: newDialogStore(),
		attempts: make(map[string]*attempt), allowed: make(map[string]bool)}
	if err := e.settle(); err != nil {
		return nil, err
	}
	if err := e.openPhones(); err != nil {
		return nil, err
	}
	udp, tcp, err := bind(e.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	doors, err := openDoors(e.cfg.Security)
	if err != nil {
		udp.Close()
		tcp.Close()
		return nil, err
	}
	e.local = addrPortOf(udp.LocalAddr())
	e.host, e.port = e.cfg.Advertise, int(e.local.Port())
	if e.host == "" {
		e.host = e.local.Addr().String()
	}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	e.work, e.stop = context.WithCancel(context.Background())
	e.dialling, e.hangUp = context.WithCancel(context.Background())

	e.packets = newPacketFilter(udp, e.guard, float64(e.cfg.Packets), e.trusted)
	e.streams = newStreamListener(tcp, e.guard, streamLimits{}, e.busy)
	e.layers()
	e.serveDoors(doors)
	e.serving.Go(func() { _ = e.transport.ServeUDP(e.packets) })
	e.serving.Go(func() { _ = e.transport.ServeTCP(e.streams) })
	<-e.packets.serving
	if err := e.SetTrunks(cfg.Trunks); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.runPhones()
	e.openPresence()
	return e, nil
}

// settle fills in defaults and reads what is given as text.
func (e *Edge) settle() error {
	set := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	set(&e.cfg.Packets, defaultPackets)
	set(&e.cfg.NewCalls, callerRate)
	set(&e.cfg.TotalCalls, arrivalRate)
	if len(e.cfg.Codecs) == 0 {
		e.cfg.Codecs = []string{"PCMU", "PCMA"}
	}
	if e.agent == "" {
		e.agent = defaultAgent
	}
	if e.t1 == 0 {
		e.t1 = defaultT1
	}
	if e.t2 == 0 {
		e.t2 = defaultT2
	}
	if err := checkListen(e.cfg.Listen, e.cfg.Advertise); err != nil {
		return err
	}
	for _, h := range e.cfg.Headers {
		e.allowed[strings.ToLower(h)] = true
	}
	e.callers = newBuckets(float64(e.cfg.NewCalls), 2*float64(e.cfg.NewCalls))
	e.arrivals = newBuckets(float64(e.cfg.TotalCalls), 2*float64(e.cfg.TotalCalls))
	e.peers.Store(&e.cfg.Peers)
	return nil
}

// checkListen refuses what peers could not answer to.
func checkListen(listen, advertise string) error {
	ap, err := netip.ParseAddrPort(listen)
	switch {
	case err != nil:
		return fmt.Errorf("listen address %q: an IP address and a port are needed", shorten(listen))
	case ap.Addr().IsUnspecified() && advertise == "":
		return fmt.Errorf("listen address %s: all interfaces need the host that peers shall be told", listen)
	case advertise != "" && !validHostPort(bracketed(advertise)):
		return fmt.Errorf("advertised host %q: neither a name nor an address", shorten(advertise))
	}
	return nil
}

// bracketed writes an IPv6 address as a URI has it.
func bracketed(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

// layers builds sipgo's transports and transactions. Our hook is registered first: it must see a message before the
// transaction layer hands it to a goroutine.
func (e *Edge) layers() {
	log := slog.New(newLogBridge(e.log.WithField("c", "sip")))
	libraryOnce.Do(func() {
		// the library refuses at this number less 200; we fragment where a peer has no stream
		sip.UDPMTUSize = maxMessage + 200
		sip.SetDefaultLogger(log)
	})
	e.transport = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil, sip.WithTransportLayerLogger(log))
	e.transport.OnMessage(e.arrive)
	e.transactions = sip.NewTransactionLayer(e.transport, sip.WithTransactionLayerLogger(log),
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})) // R-SIP-11: no state, no log
	e.transactions.OnRequest(e.serve)
}

// bind opens UDP and TCP on the same port.
func bind(address string) (*net.UDPConn, net.Listener, error) {
	want, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, nil, err
	}
	family := "6"
	if want.IP.To4() != nil {
		family = "4" // or Go would open one socket for both, with another name
	}
	for try := 1; ; try++ {
		udp, err := net.ListenUDP("udp"+family, want)
		if err != nil {
			return nil, nil, err
		}
		// A burst of calls waits here; less is no fault.
		_ = udp.SetReadBuffer(1 << 20)
		tcp, err := net.Listen("tcp"+family, udp.LocalAddr().String()) //nolint:noctx // it waits for nobody
		if err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		if want.Port != 0 || try == bindAttempts {
			return nil, nil, err
		}
	}
}

// Addr is the address listened on.
func (e *Edge) Addr() netip.AddrPort { return e.local }

// Counters tells what was kept away from the dialogs.
func (e *Edge) Counters() Counters { return e.guard.count.snapshot() }

// Legs is the number of dialogs that live now.
func (e *Edge) Legs() int { return len(e.dialogs.all()) }

// spawn runs f in a goroutine that Close waits for. It reports false when the edge is closing.
func (e *Edge) spawn(f func()) bool {
	if !e.enter() {
		return false
	}
	go func() {
		defer e.wg.Done()
		defer e.survive("background work")
		f()
	}()
	return true
}

// enter counts the calling goroutine in, unless the edge is closing; wg.Done counts it out.
func (e *Edge) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Add(1)
	return true
}

// enterDial counts an attempt to call in.
func (e *Edge) enterDial() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.draining.Load() {
		return false
	}
	e.wg.Add(1)
	e.dials.Add(1)
	return true
}

// busy reports whether a dialog or a registered phone lives on the stream connection to remote.
func (e *Edge) busy(remote string) bool {
	return e.dialogs.busy(remote) || e.phones != nil && e.phones.table.OnFlow(remote)
}

// trusted reports a source that the operator named.
func (e *Edge) trusted(a netip.Addr) bool {
	for _, p := range *e.peers.Load() {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return e.trunkSource(a)
}

// known reports a request from a peer that may call numbers which are not public.
func (e *Edge) known(req *sip.Request) bool {
	return e.trusted(sourceOf(req)) || e.trunkOf(req) != nil
}
