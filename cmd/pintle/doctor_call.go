package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/fixtures/phone"
	"pintle/interpreter"
	"pintle/interpreter/api"
)

const (
	callTime  = 20 * time.Second // for the whole test call
	toneTime  = 8 * time.Second  // for one tone to be heard
	thereTone = 1000.0           // Hz, from the caller
	backTone  = 1400.0           // Hz, back
	toneLook  = 5 * time.Millisecond
	lateSound = 150 * time.Millisecond // one way, beyond which talking becomes hard (ITU-T G.114)
)

// testCall is what one call through the engine measured.
type testCall struct {
	answered    time.Duration
	there, back time.Duration // from what one end said to what the other heard
	lost, sent  uint64
	codec       string
}

// checkCall calls through the engine with a phone of its own, which is called back: signalling, sound and the bridge
// are those of every call.
func (p *patient) checkCall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	through := "the running engine"
	give := p.engineNumber
	if p.status == nil {
		through = "an engine on a free port"
		e, end, err := p.spare(ctx)
		if err != nil {
			p.fail("call", "Mend what failed above first.", "no engine could be started for the test: %v", err)
			return
		}
		defer end()
		give = func(_ context.Context, back string) (api.SelfTest, error) { return e.selfTest(back) }
	}
	m, err := p.placeCall(ctx, give)
	if err != nil && p.status != nil && p.elsewhere() {
		_, text := p.cfg.told()
		p.warn("call", "Call from outside to be sure: many routers do not lead back what this machine sends to its own "+
			"public address.", "no call to %s came through from this machine: %v", text, err)
		return
	}
	p.judgeCall(through, m, err)
}

// elsewhere tells whether peers are told an address that is not this machine's, but a router's before it.
func (p *patient) elsewhere() bool {
	told, _ := p.cfg.told()
	return !told.IsUnspecified() && !slices.Contains(interfaces(), told)
}

// near is the address of this machine at which the engine and a phone beside it meet.
func (p *patient) near() (netip.Addr, error) {
	listen, err := netip.ParseAddrPort(p.cfg.SIP.Listen)
	if err != nil || !listen.Addr().IsUnspecified() {
		return listen.Addr(), err
	}
	// Where packets to the address that peers are told would leave from. Nothing is sent.
	if told, _ := p.cfg.told(); told.IsValid() {
		if from := localTo(netip.AddrPortFrom(told, 9)); from.IsValid() {
			return from, nil
		}
	}
	loopback, err := netip.ParseAddrPort(reachable(p.cfg.SIP.Listen))
	return loopback.Addr(), err
}

// localTo is the address of this machine that packets to a peer leave from; invalid: there is no way to it.
func localTo(peer netip.AddrPort) netip.Addr {
	c, err := net.Dial("udp", peer.String()) //nolint:noctx // it waits for nobody
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close() //nolint:errcheck // nothing was written
	a, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

func (p *patient) judgeCall(through string, m testCall, err error) {
	share := 0.0
	if m.sent > 0 {
		share = float64(m.lost) / float64(m.sent)
	}
	text := fmt.Sprintf("through %s: answered in %d ms; sound %d ms there, %d ms back; %d of %d packets lost; %s", through,
		m.answered.Milliseconds(), m.there.Milliseconds(), m.back.Milliseconds(), m.lost, m.sent, m.codec)
	var refused *interpreter.DialError
	switch {
	case errors.As(err, &refused):
		p.fail("call", "Look into the engine's log for that moment.", "through %s: refused with %d %s", through, refused.Code,
			refused.Reason)
	case errors.Is(err, errNoSound):
		p.fail("call", "See whether a firewall drops UDP on rtp.ports, and whether the router leads sip.advertise back here.",
			"through %s: answered in %d ms, but %v", through, m.answered.Milliseconds(), err)
	case err != nil:
		p.fail("call", "Look into the engine's log for that moment.", "through %s: %v", through, err)
	case share > 0.01:
		p.warn("call", "Look for load on this machine: 'pintle_media_slot_lag_seconds' in /metrics.", "%s", text)
	case max(m.there, m.back) > lateSound:
		p.warn("call", "Look for load on this machine: 'pintle_media_slot_lag_seconds' in /metrics.", "%s", text)
	default:
		p.ok("call", "%s", text)
	}
}

// engineNumber asks the running engine for a number.
func (p *patient) engineNumber(ctx context.Context, back string) (api.SelfTest, error) {
	var t api.SelfTest
	a, err := p.engine.ask(ctx, http.MethodPost, "/v1/selftest", map[string]string{"call_back": back})
	if err != nil {
		return t, err
	}
	if a.status != http.StatusCreated {
		return t, a.refusal()
	}
	return t, json.Unmarshal(a.body, &t)
}

// spare starts an engine with the address, ports and codecs of the configuration, and nothing else of it.
func (p *patient) spare(ctx context.Context) (*engine, func(), error) {
	near, err := p.near()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "pintle-doctor-")
	if err != nil {
		return nil, nil, err
	}
	clean := func() { os.RemoveAll(dir) } //nolint:errcheck // the system empties its temporary folder, too
	cfg := &config{Data: dir, noBrowsers: true}
	cfg.SIP.Listen = netip.AddrPortFrom(near, 0).String()
	cfg.HTTP.Listen, cfg.RTP = "127.0.0.1:0", p.cfg.RTP
	cfg.RTP.BrowserPort = 0
	if !p.elsewhere() {
		cfg.SIP.Advertise = p.cfg.SIP.Advertise
	}
	if err = cfg.complete(); err != nil {
		clean()
		return nil, nil, err
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	e, err := openEngine(ctx, cfg, logrus.NewEntry(log))
	if err != nil {
		clean()
		return nil, nil, err
	}
	return e, func() { e.close(); clean() }, nil
}

// placeCall calls a number that leads back to the phone, and listens at both ends.
func (p *patient) placeCall(
	ctx context.Context, give func(ctx context.Context, back string) (api.SelfTest, error),
) (m testCall, err error) {
	called := make(chan *phone.Line, 1)
	near, err := p.near()
	if err != nil {
		return m, err
	}
	ph, err := phone.Open(phone.Config{Listen: netip.AddrPortFrom(near, 0).String(),
		Answer: func(ctx context.Context, l *phone.Line) {
			select {
			case called <- l:
				<-ctx.Done()
			default: // a second call is nobody's
			}
		}})
	if err != nil {
		return m, err
	}
	defer ph.Close()
	t, err := give(ctx, ph.Addr())
	if err != nil {
		return m, err
	}
	began := time.Now()
	caller, err := ph.Call(ctx, atHost(t.URI, near), "") // a name would be taken for one of ours, which has a password
	if err != nil {
		return m, err
	}
	defer caller.Hangup(ctx)
	var far *phone.Line
	select {
	case far = <-called:
	case <-caller.Context().Done():
		return m, fmt.Errorf("the engine did not call back: %w", context.Cause(caller.Context()))
	case <-ctx.Done():
		return m, errors.New("the engine did not call back in time")
	}
	m.answered = time.Since(began)
	if m.there, err = hear(ctx, caller, far, thereTone); err != nil {
		return m, fmt.Errorf("%w from the caller to the called", err)
	}
	if m.back, err = hear(ctx, far, caller, backTone); err != nil {
		return m, fmt.Errorf("%w from the called to the caller", err)
	}
	for _, l := range []*phone.Line{caller, far} {
		if q, ok := l.Leg.(interpreter.Measurer); ok {
			m.lost, m.sent, m.codec = m.lost+q.Quality().Lost, m.sent+q.Quality().Lost+q.Quality().Received, q.Quality().Codec
		}
	}
	return m, nil
}

// atHost is a SIP URI with another host and the same port.
func atHost(uri string, host netip.Addr) string {
	user, place, _ := strings.Cut(uri, "@")
	_, port, err := net.SplitHostPort(place)
	if err != nil {
		return uri
	}
	return user + "@" + net.JoinHostPort(host.String(), port)
}

var errNoSound = errors.New("no sound came through")

// hear plays a tone for a second at one end and measures when it arrives at the other, to about a frame.
func hear(ctx context.Context, from, to *phone.Line, freq float64) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, toneTime)
	defer cancel()
	played := make(chan error, 1)
	go func() { played <- from.Run(ctx, phone.Script{{Tone: fmt.Sprintf("%.0f/1000", freq)}}) }()
	var said, heard time.Time
	for heard.IsZero() && interpreter.Sleep(ctx, toneLook) == nil {
		if said.IsZero() && from.Said().Tone(freq) > 0 {
			said = time.Now()
		}
		if to.Heard().Tone(freq) > 0 {
			heard = time.Now()
		}
	}
	if heard.IsZero() {
		cancel()
		<-played //nolint:errcheck // it was cancelled
		return 0, errNoSound
	}
	if err := <-played; err != nil {
		return 0, err
	}
	if said.IsZero() || heard.Before(said) {
		return 0, nil
	}
	return heard.Sub(said), nil
}
