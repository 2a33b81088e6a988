package browser

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"pintle/interpreter"
)

// report is what a browser and the checks of ICE tell of the sound we send. It stays when the connection has ended.
type report struct {
	mu   sync.Mutex
	trip time.Duration // there and back, of the last check of consent that was answered
	loss float64       // part of our packets that did not arrive, as the browser said last
	seen bool
}

// drain reads the reports of the browser, which the interceptors of the library need too, until the connection ends.
func (p *peer) drain(s *webrtc.RTPSender) {
	for {
		list, _, err := s.ReadRTCP()
		if err != nil {
			return
		}
		for _, r := range list {
			switch r := r.(type) {
			case *rtcp.ReceiverReport:
				p.measured(r.Reports)
			case *rtcp.SenderReport:
				p.measured(r.Reports)
			}
		}
	}
}

func (p *peer) measured(list []rtcp.ReceptionReport) {
	trip := p.roundTrip()
	p.report.mu.Lock()
	defer p.report.mu.Unlock()
	if trip > 0 {
		p.report.trip = trip
	}
	for _, r := range list {
		p.Harden(float64(r.FractionLost) / 256)
		p.report.loss, p.report.seen = float64(r.FractionLost)/256, true
	}
}

// roundTrip is that of the last answered check on the way that is in use; 0 when there is none.
func (p *peer) roundTrip() time.Duration {
	for _, s := range p.pc.GetSenders() {
		if t := s.Transport(); t != nil {
			if pair, ok := t.ICETransport().GetSelectedCandidatePairStats(); ok {
				return time.Duration(pair.CurrentRoundTripTime * float64(time.Second))
			}
		}
	}
	return 0
}

// Quality is what the half measured, and what the browser said of what it got.
func (p *peer) Quality() interpreter.Quality {
	q := p.Half.Quality()
	select {
	case <-p.connected:
		q.Encryption = "DTLS-SRTP"
	default:
	}
	p.report.mu.Lock()
	defer p.report.mu.Unlock()
	if p.report.trip > 0 {
		q.RoundTrip = p.report.trip
	}
	if p.report.seen {
		q.FarLoss = p.report.loss
	}
	return q
}
