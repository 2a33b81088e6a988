package interpreter

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sort"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Limits that guard a call against its documents, and the engine against its calls. Zero fields take the default.
type Limits struct {
	Calls           int           // at once; 1000
	Documents       int           // a call; 1000
	DocumentsInRow  int           // without media or waiting; 50
	DocumentsPerSec int           // a call is slowed to this; 20
	Enters          int           // flows entered by Enter in one call; 50
	CallLength      time.Duration // 4 h
	AfterHangup     time.Duration // for what must happen after the caller left; 10 s
	DocumentTime    time.Duration // whole exchange for a document; 15 s
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&l.Calls, 1000)
	set(&l.Documents, 1000)
	set(&l.DocumentsInRow, 50)
	set(&l.DocumentsPerSec, 20)
	set(&l.Enters, MaxEnters)
	if l.CallLength <= 0 {
		l.CallLength = 4 * time.Hour
	}
	if l.AfterHangup <= 0 {
		l.AfterHangup = 10 * time.Second
	}
	if l.DocumentTime <= 0 {
		l.DocumentTime = 15 * time.Second
	}
	return l
}

// MaxEnters is how often one call may enter another flow.
const MaxEnters = 50

// Config is what a Manager works with. All fields but Lines, Lamps, States, Observers, Apology, Transfers and Log are
// required.
type Config struct {
	Dialects  Dialects
	Web       Web
	Lines     Lines
	Records   Records
	Blobs     Blobs
	Outbox    Outbox
	Account   Account
	PublicURL string          // starts every URL we hand out; no slash at the end
	Apology   Prompt          // spoken when nothing else can be run; zero: the call is refused or hung up without a word
	Observers []Observer      // told of every event of every call
	Lamps     Lamps           // lamps that verbs set
	States    func(CallState) // told of every state of every call, in order for each; must not block
	Limits    Limits
	Transfers Transfers                         // who may transfer calls; nil: nobody
	ReadFile  func(name string) ([]byte, error) // reads file: URLs of the operator; nil: refused
	Log       *logrus.Entry
}

// Manager owns the live calls: it starts them, finds them by id, redirects and ends them.
type Manager struct {
	cfg    Config
	static staticDocuments

	mu       sync.Mutex // guards what follows
	calls    map[string]*Call
	legs     map[string]string // SIP Call-ID to call id
	seats    map[string]*seat  // places in conversations, by call id
	most     int               // calls at once
	draining bool
	wg       sync.WaitGroup
}

// NewManager returns a Manager without calls.
func NewManager(cfg Config) *Manager {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Log == nil {
		l := logrus.New()
		l.SetLevel(logrus.PanicLevel)
		cfg.Log = logrus.NewEntry(l)
	}
	return &Manager{cfg: cfg, most: cfg.Limits.Calls, calls: map[string]*Call{}, legs: map[string]string{}}
}

// Start runs a call on an inbound leg, or on an outbound one that was answered, and returns at once. ErrOverload
// means that the leg was not taken; the edge refuses it with 503.
func (m *Manager) Start(leg Leg, s Start) (*Call, error) { return m.start(leg, s, nil) }

// start runs a call; one that replaces another runs no documents.
func (m *Manager) start(leg Leg, s Start, replaces *seat) (*Call, error) {
	info := leg.Info()
	c := m.newCall(info.ID, nil)
	c.Direction, c.From, c.To, c.Start, c.Leg = info.Direction, s.caller(info.From), info.To, s, leg
	if !info.Started.IsZero() && info.Started.Before(c.begun) {
		c.begun = info.Started // the trace begins with the INVITE
	}
	c.running = true
	c.AddCallback(s.StatusCallback)
	if err := m.add(c, info.CallID); err != nil {
		return nil, err
	}
	if t, ok := leg.(Tracer); ok {
		t.Trace(c.Emit)
	}
	go func() {
		defer m.wg.Done()
		c.live(replaces)
		m.remove(c, info.CallID)
	}()
	return c, nil
}

func (m *Manager) newCall(id string, parent *Call) *Call {
	c := &Call{
		ID: id, Parent: parent, Account: m.cfg.Account, m: m, begun: time.Now(),
		Lines: m.cfg.Lines, Web: m.cfg.Web.Session(m.cfg.Account), Records: m.cfg.Records, Blobs: m.cfg.Blobs,
	}
	c.Log = m.cfg.Log.WithField("call", id)
	return c
}

func (m *Manager) add(c *Call, callID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining || len(m.calls) >= m.most {
		return ErrOverload
	}
	m.calls[c.ID] = c
	if callID != "" {
		m.legs[callID] = c.ID
	}
	m.wg.Add(1)
	return nil
}

func (m *Manager) remove(c *Call, callID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, c.ID)
	if m.legs[callID] == c.ID {
		delete(m.legs, callID)
	}
}

// Call finds a live call by id, SID or SIP Call-ID.
func (m *Manager) Call(id string) (*Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.calls[BareID(id)]; ok {
		return c, nil
	}
	if c, ok := m.calls[m.legs[id]]; ok {
		return c, nil
	}
	return nil, ErrNotFound
}

// Calls returns the live calls, oldest first.
func (m *Manager) Calls() []*Call {
	m.mu.Lock()
	list := make([]*Call, 0, len(m.calls))
	for _, c := range m.calls {
		list = append(list, c)
	}
	m.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].begun.Before(list[j].begun) })
	return list
}

// Drain refuses new calls and returns when the last one has ended, or when ctx ends; then it hangs the rest up with
// ErrShutdown as the reason and waits for their after-hang-up work.
func (m *Manager) Drain(ctx context.Context) {
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	done := make(chan struct{})
	go func() { m.wg.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	for _, c := range m.Calls() {
		if c.Leg == nil {
			continue
		}
		why := Hangup{By: ByEngine, Code: 503, Reason: ErrShutdown.Error()}
		c.Leg.Hangup(context.WithoutCancel(ctx), why) //nolint:errcheck // the leg may be over already
	}
	<-done
}

// live is the life of one call, from its first document to its CDR. A panic in a verb ends this call alone.
func (c *Call) live(replaces *seat) {
	ctx := c.Leg.Context()
	c.safely(func() { c.SetStatus(ctx, c.firstStatus()) })
	limit, stop := context.WithTimeoutCause(ctx, c.m.cfg.Limits.CallLength, ErrTimeLimit)
	defer stop()
	why := c.first(limit, replaces)
	if ctx.Err() == nil && why != nil {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 32*time.Second)
		if err := c.Leg.Hangup(after, *why); err != nil {
			c.Log.WithError(err).Info("hang up")
		}
		cancel()
	}
	if why == nil {
		<-ctx.Done() // released: someone else has the leg; the record is written when it ends
	}
	c.finish(ctx)
}

// first runs what the call began for.
func (c *Call) first(ctx context.Context, replaces *seat) *Hangup {
	if replaces != nil {
		return c.takeOver(ctx, replaces)
	}
	r := c.Start.Request
	r.local = true
	return c.runSafely(ctx, r)
}

func (c *Call) firstStatus() CallStatus {
	if !c.Leg.Info().Answered.IsZero() {
		return StatusInProgress
	}
	return StatusRinging
}

// runSafely runs documents until the call is to be hung up and returns how; nil means that the leg was released.
func (c *Call) runSafely(ctx context.Context, r Request) (why *Hangup) {
	defer func() {
		if p := recover(); p != nil {
			c.setRunning(false)
			c.panicked(p)
			why = &Hangup{By: ByEngine, Code: 500, Reason: "internal failure", Fault: CodeInternal}
		}
	}()
	return c.run(ctx, r)
}

// safely runs what must not end the process, whatever it does.
func (c *Call) safely(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	f()
}

func (c *Call) panicked(p any) {
	c.Log.WithField("panic", p).Errorf("call panicked\n%s", debug.Stack())
	c.Fault(&Fault{Code: CodeInternal, Msg: fmt.Sprintf("internal failure: %v", p)})
}

// finish does what must happen after the leg is over: verbs' own work, the CDR with its callback, last requests.
func (c *Call) finish(ctx context.Context) {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.m.cfg.Limits.AfterHangup)
	defer cancel()
	c.background.Wait()
	c.mu.Lock()
	c.over = true
	work := c.after
	c.after = nil
	c.mu.Unlock()
	for _, f := range work {
		c.safely(func() { f(after) })
	}
	why, ok := hangupOf(context.Cause(ctx))
	if !ok {
		why = &Hangup{By: ByEngine, Code: 500, Reason: fmt.Sprint(context.Cause(ctx))}
	}
	c.close(after, why)
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	for _, r := range last {
		c.safely(func() { c.lastRequest(after, r) })
	}
}

func (c *Call) lastRequest(ctx context.Context, r Request) {
	if _, err := c.fetch(ctx, r); err != nil && !errors.Is(err, context.Canceled) {
		c.Fault(err)
	}
}
