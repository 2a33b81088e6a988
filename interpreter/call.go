package interpreter

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Call is one customer-visible call, and what a verb holds. Its exported fields do not change while it lives.
type Call struct {
	ID        string // 32 hex digits; CallSid is SID("CA", ID)
	Parent    *Call  // call that ran Dial, or nil
	Direction Direction
	From, To  Address
	Account   Account
	Start     Start
	Whisper   bool // the document runs on a called leg before it is bridged

	Leg     Leg // nil on a child call that is not answered yet
	Lines   Lines
	Web     Fetcher
	Records Records
	Blobs   Blobs
	Log     *logrus.Entry

	m     *Manager
	begun time.Time
	trace trace

	telling sync.Mutex // one state at a time is told

	mu          sync.Mutex // guards what follows
	status      CallStatus
	answered    time.Time
	seq         int // of status callbacks
	callbacks   []StatusCallback
	state       map[reflect.Type]any
	vars        map[string]string
	recordings  []string
	transferred string // whom its party handed the conversation to
	parting     string // cause of the leg's end by that, instead of a plain one
	after       []func(context.Context)
	last        []Request
	fault       int
	documents   int
	fallbacks   int
	doc         *Document
	step        *Step
	running     bool                    // documents run, or are about to
	redirect    *Redirect               // waits for a document that it can replace
	cancelDoc   context.CancelCauseFunc // of the document that runs
	over        bool
	background  sync.WaitGroup
}

// State returns the call's value of type T, made zero the first time: where a dialect keeps what lives as long as the
// call. Only the call's own loop may use it.
func State[T any](c *Call) *T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == nil {
		c.state = map[reflect.Type]any{}
	}
	k := reflect.TypeFor[T]()
	if v, ok := c.state[k].(*T); ok {
		return v
	}
	v := new(T)
	c.state[k] = v
	return v
}

// Status is the call's state now.
func (c *Call) Status() CallStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Answered is when the call was answered, or zero.
func (c *Call) Answered() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// Document is the document that runs now, and its step; both may be nil.
func (c *Call) Document() (*Document, *Step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc, c.step
}

// SetVar sets a custom variable of the call (Kazoo: custom application variable); it goes into the CDR.
func (c *Call) SetVar(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vars == nil {
		c.vars = map[string]string{}
	}
	c.vars[name] = value
}

// Vars returns a copy of the custom variables.
func (c *Call) Vars() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[string]string, len(c.vars))
	for k, v := range c.vars {
		m[k] = v
	}
	return m
}

// Answer answers the leg, if it is not answered yet, and moves the call to in-progress.
func (c *Call) Answer(ctx context.Context) error {
	if c.Status().rank() >= StatusInProgress.rank() {
		return nil
	}
	if err := c.opened(ctx); err != nil {
		return err
	}
	c.forgetKeys()
	if err := c.Leg.Answer(ctx); err != nil {
		return err
	}
	c.SetStatus(ctx, StatusInProgress)
	return nil
}

// forgetKeys empties the queue of keys: what was pressed before the answer, and nobody listened to, does not count.
func (c *Call) forgetKeys() {
	for {
		select {
		case <-c.Leg.Digits():
		default:
			return
		}
	}
}

// Redirect replaces the call's document by what r answers, from any goroutine. It returns ErrCallOver when the leg
// has ended or no document runs on it any more, since nobody would hear the new one.
func (c *Call) Redirect(r Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || !c.running || (c.Leg != nil && c.Leg.Context().Err() != nil) {
		return ErrCallOver
	}
	if c.cancelDoc == nil {
		c.redirect = &Redirect{Request: r}
		return nil
	}
	c.cancelDoc(&Redirect{Request: r})
	return nil
}

// Hangup ends the call's leg.
func (c *Call) Hangup(ctx context.Context, why Hangup) error {
	if c.Leg == nil {
		return ErrCallOver
	}
	return c.Leg.Hangup(ctx, why)
}

// AfterHangup registers f to run when the leg is over, on a context that outlives it by at most 10 s and before the
// CDR is written: the place to finish what must not be lost.
func (c *Call) AfterHangup(f func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = append(c.after, f)
}

// LastRequest registers a request that is made after the CDR is written; its answer is ignored. Record and Dial tell
// their action URL so when the caller has left.
func (c *Call) LastRequest(r Request) {
	r.Result.Hungup = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = append(c.last, r)
}

// Background runs f under the leg's context; the call waits for it when it ends. For work that outlives its verb.
func (c *Call) Background(f func(ctx context.Context)) {
	c.background.Go(func() { c.safely(func() { f(c.Leg.Context()) }) })
}

// AddCallback subscribes to the call's states.
func (c *Call) AddCallback(s StatusCallback) {
	if s.URL == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callbacks = append(c.callbacks, s)
}

// Fault notes a numbered failure in the trace. A verb that goes on after it returns no error.
func (c *Call) Fault(err error) {
	e := Event{Lane: LaneFlow, Kind: EvFault, Text: err.Error(), Fault: CodeOf(err)}
	c.Emit(e)
}

// Encode gives the standard parameters of a request in a dialect, empty: that of the running document.
func (c *Call) Encode(dialect string, r Result) url.Values {
	d := c.dialect(dialect)
	if d == nil {
		return nil
	}
	return d.Encode(c, r)
}

// Callback queues a callback for delivery. The parameters are complete; with is written in the same batch.
func (c *Call) Callback(ctx context.Context, p Post, with ...Write) error {
	if p.ID == "" {
		p.ID = NewID()
	}
	p.Call, p.Account, p.Begun = c.ID, c.Account.ID, c.begun
	err := c.m.cfg.Outbox.Queue(ctx, []Post{p}, with...)
	if err != nil {
		return &Fault{Code: CodeInternal, Msg: "queue " + p.What, Err: err}
	}
	return nil
}

// AddRecording puts a recording into the CDR.
func (c *Call) AddRecording(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordings = append(c.recordings, id)
}

// RecordingURL is where a recording is fetched from, without extension.
func (c *Call) RecordingURL(id string) string {
	return c.m.cfg.PublicURL + "/2010-04-01/Accounts/" + SID("AC", c.Account.ID) + "/Recordings/" + SID("RE", id)
}

// dialect finds one by name; empty means that of the running document, then that of the call's start.
func (c *Call) dialect(name string) Dialect {
	if name == "" {
		if doc, _ := c.Document(); doc != nil {
			name = doc.Dialect
		}
	}
	if name == "" {
		name = c.Start.Request.Dialect
	}
	if d := c.m.cfg.Dialects.ByName(name); d != nil {
		return d
	}
	if len(c.m.cfg.Dialects) > 0 {
		return c.m.cfg.Dialects[0]
	}
	return nil
}

// hangupOf reads the cause of an ended context as a *Hangup.
func hangupOf(err error) (*Hangup, bool) {
	var h *Hangup
	ok := errors.As(err, &h)
	return h, ok
}
