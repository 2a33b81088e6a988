package browser

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"pintle/media"
	"pintle/media/rtpio"
	"pintle/sipedge/audio"
)

// Limits of browser media.
const (
	defaultSessions = 1000
	gatherTime      = 3 * time.Second  // for our candidates, which are addresses of this machine
	connectTime     = 10 * time.Second // for ICE and DTLS after the descriptions were exchanged
	disconnectTime  = 5 * time.Second  // without an answer to a check before a peer counts as away
	failTime        = 15 * time.Second // away, before it counts as gone
	checkTime       = 2 * time.Second  // between checks of consent (RFC 7675)
)

// ErrSessions means that as many browsers as permitted are connected.
var ErrSessions = errors.New("too many browser sessions")

// Config of an Engine.
type Config struct {
	Listen    netip.AddrPort // UDP, for all browsers; port 0: a free one
	Advertise netip.Addr     // address that browsers are told, behind a NAT; zero: that of Listen
	Pacers    *media.Pacers
	Sounds    *audio.Sounds
	Sessions  int // at once; 0: 1000
	Wait      rtpio.Timeouts
}

// Engine is the media side of all browsers. Its methods may be called from any goroutine.
type Engine struct {
	cfg   Config
	conn  *net.UDPConn
	mux   ice.UDPMux
	api   *webrtc.API
	slots chan struct{} // one token for each session
	wg    sync.WaitGroup
}

// Open takes the port.
func Open(cfg Config) (*Engine, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(cfg.Listen))
	if err != nil {
		return nil, fmt.Errorf("listen for browsers' media: %w", err)
	}
	if cfg.Sessions <= 0 {
		cfg.Sessions = defaultSessions
	}
	e := &Engine{cfg: cfg, conn: conn, mux: webrtc.NewICEUDPMux(nil, conn), slots: make(chan struct{}, cfg.Sessions)}
	if e.api, err = e.newAPI(); err != nil {
		e.Close() //nolint:errcheck // the failure above is the one to tell
		return nil, err
	}
	return e, nil
}

// Addr is where browsers send.
func (e *Engine) Addr() net.Addr { return e.conn.LocalAddr() }

// Sessions is the number of browsers that have media now.
func (e *Engine) Sessions() int { return len(e.slots) }

// Close gives the port back, when every session has been closed by its owner; it waits for them.
func (e *Engine) Close() error {
	e.wg.Wait()
	err := e.mux.Close()
	if closed := e.conn.Close(); err == nil && !errors.Is(closed, net.ErrClosed) {
		err = closed
	}
	return err
}

func (e *Engine) newAPI() (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	audioCodec := func(name string, clock uint32, channels uint16, fmtp string, number webrtc.PayloadType) error {
		return m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: name,
			ClockRate: clock, Channels: channels, SDPFmtpLine: fmtp}, PayloadType: number}, webrtc.RTPCodecTypeAudio)
	}
	if err := errors.Join(
		audioCodec(webrtc.MimeTypeOpus, 48000, 2, "minptime=10;useinbandfec=1", typeOpus),
		audioCodec(webrtc.MimeTypePCMU, 8000, 0, "", 0),
		audioCodec(webrtc.MimeTypePCMA, 8000, 0, "", 8),
		audioCodec(eventsName, 48000, 0, "0-15", typeEvents48),
		audioCodec(eventsName, 8000, 0, "0-15", typeEvents8),
	); err != nil {
		return nil, fmt.Errorf("codecs of browsers: %w", err)
	}
	reports := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reports); err != nil {
		return nil, fmt.Errorf("reports to browsers: %w", err)
	}
	s := webrtc.SettingEngine{}
	s.SetICEUDPMux(e.mux)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetICETimeouts(disconnectTime, failTime, checkTime)
	s.DisableActiveTCP(true)
	s.SetIncludeLoopbackCandidate(e.cfg.Listen.Addr().IsLoopback())
	if e.cfg.Advertise.IsValid() {
		if err := s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{External: []string{e.cfg.Advertise.String()},
			AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace}); err != nil {
			return nil, fmt.Errorf("address that browsers are told: %w", err)
		}
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reports),
		webrtc.WithSettingEngine(s)), nil
}
