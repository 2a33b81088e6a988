package browser

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

const (
	defaultPages   = 2000
	pagesOfAClient = 10
	helloTime      = 10 * time.Second
	scheme         = "client:"
)

// Calls is who takes the calls of pages: the engine's router and call manager behind it.
type Calls interface {
	// Route says how a call begins. interpreter.ErrNotFound refuses it with 404.
	Route(l interpreter.LegInfo) (interpreter.Start, error)
	// Start runs the call and returns at once. interpreter.ErrOverload refuses it with 503, any other error with 500.
	Start(leg interpreter.Leg, s interpreter.Start) error
}

// PhonesConfig of Phones. All fields but Pages are required.
type PhonesConfig struct {
	Media  *Engine
	Calls  Calls
	Tokens *Tokens
	Log    *logrus.Entry
	Pages  int // at once; 0: 2000
	// Device tells whose telephone a page is: the device and the account of an identity, empty for one that is none; nil:
	// no page is one.
	Device func(identity string) (device, account string)
}

// Phones knows the pages that are connected. Its methods may be called from any goroutine.
type Phones struct {
	cfg  PhonesConfig
	work context.Context //nolint:containedctx // of calls being started; ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	pages  map[string]map[*page]struct{}
	rings  map[string][]*ring // that clients hear now
	count  int
	closed bool
}

// NewPhones returns a hub without pages.
func NewPhones(cfg PhonesConfig) *Phones {
	if cfg.Pages <= 0 {
		cfg.Pages = defaultPages
	}
	f := &Phones{cfg: cfg, pages: map[string]map[*page]struct{}{}, rings: map[string][]*ring{}}
	f.work, f.stop = context.WithCancel(context.Background())
	return f
}

// Close lets all pages go, hangs up their calls, and waits for everything.
func (f *Phones) Close() error {
	f.mu.Lock()
	f.closed = true
	var all []*page
	for _, set := range f.pages {
		for p := range set {
			all = append(all, p)
		}
	}
	f.mu.Unlock()
	for _, p := range all {
		p.leave("the engine is stopping")
	}
	f.stop()
	f.wg.Wait()
	return nil
}

// Online is how many pages of a client are connected.
func (f *Phones) Online(identity string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pages[identity])
}

// enter adds a page, or tells why it cannot be.
func (f *Phones) enter(p *page) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return errors.New("the engine is stopping")
	case f.count >= f.cfg.Pages:
		return errors.New("too many pages are connected")
	case len(f.pages[p.identity]) >= pagesOfAClient:
		return fmt.Errorf("%d pages of this client are connected already", pagesOfAClient)
	}
	if f.pages[p.identity] == nil {
		f.pages[p.identity] = map[*page]struct{}{}
	}
	f.pages[p.identity][p] = struct{}{}
	f.count++
	for _, r := range f.rings[p.identity] {
		if p.alert(r) { // it has no socket yet: it is told when it is welcome
			r.joined(p)
		}
	}
	return nil
}

func (f *Phones) forget(p *page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.pages[p.identity][p]; !ok {
		return
	}
	delete(f.pages[p.identity], p)
	f.count--
	if len(f.pages[p.identity]) == 0 {
		delete(f.pages, p.identity)
	}
}

// returning finds the page that a secret belongs to.
func (f *Phones) returning(identity, resume string) *page {
	if resume == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.pages[identity] {
		if subtle.ConstantTimeCompare([]byte(p.resume), []byte(resume)) == 1 {
			return p
		}
	}
	return nil
}

// ring lets the pages of a client ring, and those that connect until rung. It reports whether there are any.
func (f *Phones) ring(identity string, r *ring) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.pages[identity] {
		if p.alert(r) {
			r.joined(p)
		}
	}
	if len(r.all()) == 0 {
		return false
	}
	f.rings[identity] = append(f.rings[identity], r)
	return true
}

// rung forgets a ring.
func (f *Phones) rung(identity string, r *ring) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.DeleteFunc(f.rings[identity], func(other *ring) bool { return other == r })
	if f.rings[identity] = list; len(list) == 0 {
		delete(f.rings, identity)
	}
}

// Count is the number of pages that are connected.
func (f *Phones) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Serve speaks with one page until its socket or ctx ends. source is the page's address, for the records.
func (f *Phones) Serve(ctx context.Context, s Socket, source netip.Addr) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { s.Close() })() //nolint:errcheck // it may be closed already
	late := time.AfterFunc(helloTime, cancel)
	p, out, err := f.welcome(s, cancel)
	late.Stop()
	if err != nil {
		refuse(s, err)
		return
	}
	var writing sync.WaitGroup
	lines, stop := context.WithCancel(context.WithoutCancel(ctx)) // the last words go out after ctx too
	writing.Go(func() { write(lines, s, out) })
	defer writing.Wait()
	defer stop()
	defer p.detach(out, func() {
		f.forget(p)
		p.leave("the page went away")
	})
	v := visit{phones: f, page: p, source: source}
	for {
		b, err := s.Read()
		if err != nil || ctx.Err() != nil {
			return
		}
		if !v.pace.allow(time.Now()) {
			p.send(message{Type: typeError, Code: 429, Reason: "too many messages"})
			return
		}
		m, err := parse(b)
		if err != nil {
			p.send(message{Type: typeError, Code: 400, Reason: err.Error()})
			return
		}
		if bye := v.take(m); bye {
			f.forget(p)
			p.leave("the page closed")
			return
		}
	}
}

// welcome reads the first message and finds or makes the page.
func (f *Phones) welcome(s Socket, shut func()) (*page, chan []byte, error) {
	b, err := s.Read()
	if err != nil {
		return nil, nil, err
	}
	m, err := parse(b)
	if err != nil {
		return nil, nil, err
	}
	if m.Type != typeHello {
		return nil, nil, fmt.Errorf("%w: the first message is hello", errMessage)
	}
	identity, err := f.cfg.Tokens.Check(m.Token)
	if err != nil {
		return nil, nil, err
	}
	if p := f.returning(identity, m.Resume); p != nil {
		if out, ok := p.attach(shut); ok {
			p.send(message{Type: typeWelcome, Identity: identity, Resume: p.resume, Calls: p.names()})
			p.remind()
			return p, out, nil
		}
	}
	p := &page{identity: identity, resume: secret(), legs: map[string]*Leg{}, rings: map[string]*ring{}}
	if err := f.enter(p); err != nil {
		return nil, nil, err
	}
	out, _ := p.attach(shut)
	p.send(message{Type: typeWelcome, Identity: identity, Resume: p.resume})
	p.remind()
	return p, out, nil
}

// refuse tells a page why it cannot stay.
func refuse(s Socket, err error) {
	code := 400
	switch {
	case errors.Is(err, ErrToken), errors.Is(err, ErrExpired):
		code = 401
	case !errors.Is(err, errMessage):
		code = 503
	}
	b := fmt.Appendf(nil, `{"type":"error","code":%d,"reason":%q}`, code, err.Error())
	s.Write(b) //nolint:errcheck // it is being closed
	s.Close()  //nolint:errcheck // likewise
}

func secret() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // never fails, see its documentation
	return hex.EncodeToString(b[:])
}
