package browser

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Limits of one page.
const (
	backlog   = 64 // messages that wait for a slow page: at most 1 MiB and a half, since ours are far below MaxMessage
	perSecond = 20 // messages of a page, and
	burst     = 60 // so many at once
	maxCalls  = 4  // of one page
	graceTime = 10 * time.Second
)

var errTooManyCalls = errors.New("this page has as many calls as it may")

// Socket is the WebSocket of a page. Read and Write are called by one goroutine each; Close from any, and it ends both.
type Socket interface {
	Read() ([]byte, error)
	Write(b []byte) error
	Close() error
}

// page is one open page of a client. It outlives its socket by graceTime, so that a break in the network is not the
// end of its calls.
type page struct {
	identity string
	resume   string

	mu    sync.Mutex // guards what follows
	out   chan []byte
	shut  func() // breaks off the socket; nil while there is none
	legs  map[string]*Leg
	rings map[string]*ring
	timer *time.Timer // runs while there is no socket
	gone  bool
}

// send queues a message. A page that does not read loses its socket, not its calls.
func (p *page) send(m message) {
	b, err := json.Marshal(m)
	if err != nil {
		return // strings alone are in it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return // what it missed is told when it resumes
	}
	select {
	case p.out <- b:
	default:
		p.shut()
	}
}

// hold keeps a leg under its name.
func (p *page) hold(name string, l *Leg) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || len(p.legs) >= maxCalls || p.legs[name] != nil {
		return false
	}
	p.legs[name] = l
	return true
}

func (p *page) drop(name string, l *Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.legs[name] == l {
		delete(p.legs, name)
	}
}

func (p *page) leg(name string) *Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.legs[name]
}

func (p *page) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for n := range p.legs {
		list = append(list, n)
	}
	return list
}

// attach gives the page a socket, in the place of one it may still have.
func (p *page) attach(shut func()) (chan []byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, false
	}
	if p.shut != nil {
		p.shut()
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.out, p.shut = make(chan []byte, backlog), shut
	return p.out, true
}

// detach lets the page wait for its return. after is called when it has waited long enough.
func (p *page) detach(out chan []byte, after func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != out {
		return // it has returned already
	}
	p.out, p.shut = nil, nil
	if !p.gone {
		p.timer = time.AfterFunc(graceTime, after)
	}
}

// leave ends the page: its calls are hung up and what rings it goes on without it.
func (p *page) leave(reason string) {
	p.mu.Lock()
	p.gone = true
	if p.timer != nil {
		p.timer.Stop()
	}
	legs, rings := p.legs, p.rings
	p.legs, p.rings = map[string]*Leg{}, map[string]*ring{}
	shut := p.shut
	p.mu.Unlock()
	for _, l := range legs {
		l.hungUp(reason)
	}
	for _, r := range rings {
		r.reply(p, message{Type: typeReject, Reason: "gone"})
	}
	if shut != nil {
		shut()
	}
}

// write moves queued messages to the socket until ctx ends.
func write(ctx context.Context, s Socket, out <-chan []byte) {
	defer s.Close() //nolint:errcheck // it may be closed already
	for {
		select {
		case b := <-out:
			if s.Write(b) != nil {
				return
			}
		case <-ctx.Done():
			for {
				select {
				case b := <-out: // the last words, such as why it is closed
					if s.Write(b) != nil {
						return
					}
				default:
					return
				}
			}
		}
	}
}

// pace bounds the messages of a page.
type pace struct {
	left float64
	last time.Time
}

func (r *pace) allow(now time.Time) bool {
	if r.last.IsZero() {
		r.left = burst
	} else {
		r.left = min(burst, r.left+now.Sub(r.last).Seconds()*perSecond)
	}
	r.last = now
	if r.left < 1 {
		return false
	}
	r.left--
	return true
}
