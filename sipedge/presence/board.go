package presence

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

// Event is an event package (RFC 6665 §7.2).
type Event string

// The event packages that a Board knows.
const (
	Dialog   Event = "dialog"          // RFC 4235
	Presence Event = "presence"        // RFC 3856
	Messages Event = "message-summary" // RFC 3842
)

// Allowed is the value of Allow-Events.
const Allowed = "dialog, message-summary, presence"

// Known reports whether e is an event package of ours.
func (e Event) Known() bool { return e == Dialog || e == Presence || e == Messages }

// Options of a Board; zero numbers take the default. All functions may be nil; they are called without locks of the
// Board, from many goroutines.
type Options struct {
	// Records keeps states and subscriptions over a restart; nil: nothing is kept.
	Records interpreter.Records
	// Entities says whose lamps a call lights, each with the side of the call that the entity is on.
	Entities func(interpreter.CallState) []Side
	// Reachable reports whether an entity is registered; nil: all are.
	Reachable func(entity string) bool
	// Hide reports whether watchers of an entity are not told whom it talks to.
	Hide func(entity string) bool
	// Waiting is told of each change of a mailbox, for phones that are notified without having subscribed.
	Waiting func(box string)
	// Canonical is the one name of an entity that flows may call by several, such as by an address of the engine.
	Canonical func(entity string) string

	Interval   time.Duration // shortest time between two notifications of a subscription; 0: 1 s
	MinExpires time.Duration // shorter subscriptions are refused; 0: 60 s
	MaxExpires time.Duration // longer ones are cut; 0: 1 h
	Total      int           // subscriptions in all; 0: 20 000
	PerWatcher int           // subscriptions of one watcher; 0: 300
	States     int           // lamps and mailboxes with a state of their own; 0: 50 000
	Published  int           // documents published in all; 0: 10 000
	Log        *logrus.Entry
}

const (
	defaultInterval   = time.Second
	defaultMinExpires = time.Minute
	defaultMaxExpires = time.Hour
	defaultTotal      = 20_000
	defaultPerWatcher = 300
	defaultStates     = 50_000
	defaultPublished  = 10_000
	pageSize          = 1000 // of records read at start
)

// Refusals.
var (
	// ErrFull is returned when a bound on subscriptions or published documents is reached.
	ErrFull = errors.New("no room for another subscription")
	// ErrTooBrief is returned for a subscription or publication that is shorter than Options.MinExpires.
	ErrTooBrief = errors.New("expiry is too brief")
	// ErrNoMatch is returned for an entity tag that is not known (any more).
	ErrNoMatch = errors.New("no publication has this entity tag")
	// ErrDocument is returned for a published document that cannot be read.
	ErrDocument = errors.New("document cannot be read")
	// ErrClosed is returned by a Board that is closed.
	ErrClosed = errors.New("board is closed")
)

// Side is an entity that takes part in a call.
type Side struct {
	Entity string
	Called bool // it is the called party; else it calls
}

// Board keeps the state of every entity and tells those who watch. Make it with New; Close ends it.
type Board struct {
	opt Options
	log *logrus.Entry

	ctx    context.Context //nolint:containedctx // of notifications under way
	cancel context.CancelFunc
	wg     sync.WaitGroup
	turns  chan struct{} // holds a token for each notification under way

	mu        sync.Mutex // guards what follows
	closed    bool
	entities  map[string]*entity
	calls     map[string]*call
	states    int                      // entities with a lamp or messages
	published int                      // publications that have not expired
	subs      map[string]*Subscription // by id
	watchers  map[string]int           // subscriptions of each watcher
}

// entity is something that can be watched. It exists while it has a state, a call, a publication or a watcher.
type entity struct {
	name      string
	lamp      interpreter.LampState // "" is idle
	messages  interpreter.Messages
	dialogs   map[string]*call // by call id
	published []*publication
	subs      map[*Subscription]struct{}
}

var _ interpreter.Lamps = (*Board)(nil)

// New returns a Board without states. Load brings back those of an earlier process.
func New(o Options) *Board {
	setTime := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	setNumber := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	setTime(&o.Interval, defaultInterval)
	setTime(&o.MinExpires, defaultMinExpires)
	setTime(&o.MaxExpires, defaultMaxExpires)
	setNumber(&o.Total, defaultTotal)
	setNumber(&o.PerWatcher, defaultPerWatcher)
	setNumber(&o.States, defaultStates)
	setNumber(&o.Published, defaultPublished)
	if o.Log == nil {
		l := logrus.New()
		l.SetLevel(logrus.PanicLevel)
		o.Log = logrus.NewEntry(l)
	}
	b := &Board{opt: o, log: o.Log, entities: map[string]*entity{}, calls: map[string]*call{},
		subs: map[string]*Subscription{}, watchers: map[string]int{},
		turns: make(chan struct{}, sendsAtOnce)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Attach gives the functions of Options that were left nil, before the Board is used. Those that the Board has stay.
func (b *Board) Attach(o Options) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opt.Entities == nil {
		b.opt.Entities = o.Entities
	}
	if b.opt.Reachable == nil {
		b.opt.Reachable = o.Reachable
	}
	if b.opt.Waiting == nil {
		b.opt.Waiting = o.Waiting
	}
	if b.opt.Canonical == nil {
		b.opt.Canonical = o.Canonical
	}
}

// Close stops notifying and waits for what is under way. Stored subscriptions stay stored: the next process goes on
// with them.
func (b *Board) Close() {
	b.mu.Lock()
	b.closed = true
	for _, s := range b.subs {
		s.stopTimers()
	}
	for _, e := range b.entities {
		for _, p := range e.published {
			p.timer.Stop()
		}
	}
	b.mu.Unlock()
	b.cancel()
	b.wg.Wait()
}

// SetLamp shows a state until it is set again.
func (b *Board) SetLamp(ctx context.Context, name string, s interpreter.LampState) error {
	name = b.canonical(name)
	if s == interpreter.LampIdle {
		s = ""
	}
	undo, err := b.keep(name, func(e *entity) { e.lamp = s })
	if err != nil {
		return err
	}
	if err := b.store(ctx, interpreter.KindLamp, name, s, s == ""); err != nil {
		undo()
		return err
	}
	b.Touch(name)
	return nil
}

// SetMessages tells what waits in a mailbox. A box that is empty is forgotten.
func (b *Board) SetMessages(ctx context.Context, box string, m interpreter.Messages) error {
	box = b.canonical(box)
	undo, err := b.keep(box, func(e *entity) { e.messages = m })
	if err != nil {
		return err
	}
	if err := b.store(ctx, interpreter.KindMessages, box, m, m == interpreter.Messages{}); err != nil {
		undo()
		return err
	}
	b.Touch(box)
	if b.opt.Waiting != nil {
		b.opt.Waiting(box)
	}
	return nil
}

// Waiting is what waits in a mailbox.
func (b *Board) Waiting(box string) interpreter.Messages {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entities[box]; e != nil {
		return e.messages
	}
	return interpreter.Messages{}
}

func (b *Board) canonical(name string) string {
	if b.opt.Canonical == nil {
		return name
	}
	return b.opt.Canonical(name)
}

// keep changes an entity's own state within the bound. The function returned takes the change back.
func (b *Board) keep(name string, change func(*entity)) (undo func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entityFor(name)
	lamp, messages, had := e.lamp, e.messages, e.kept()
	change(e)
	if e.kept() && !had && b.states >= b.opt.States {
		e.lamp, e.messages = lamp, messages
		b.tidy(e)
		return nil, &interpreter.Fault{Code: interpreter.CodeOverload, Msg: "no room for the state of another lamp"}
	}
	b.count(had, e.kept())
	b.tidy(e)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		e := b.entityFor(name)
		had := e.kept()
		e.lamp, e.messages = lamp, messages
		b.count(had, e.kept())
		b.tidy(e)
	}, nil
}

func (b *Board) count(had, has bool) {
	switch {
	case has && !had:
		b.states++
	case had && !has:
		b.states--
	}
}

// store writes or deletes a record.
func (b *Board) store(ctx context.Context, kind, name string, v any, forget bool) error {
	if b.opt.Records == nil {
		return nil
	}
	var err error
	if forget {
		err = b.opt.Records.Delete(ctx, kind, name)
	} else {
		err = b.opt.Records.Put(ctx, kind, name, v, 0)
	}
	if err != nil && !errors.Is(err, interpreter.ErrNotFound) {
		return &interpreter.Fault{Code: interpreter.CodeInternal, Msg: "store " + kind + " " + name, Err: err}
	}
	return nil
}

// Touch tells the watchers of an entity that something about it may have changed: its calls, its messages, or whether
// it is registered.
func (b *Board) Touch(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entities[name]; e != nil {
		b.changed(e, "")
	}
}

// changed marks the subscriptions of an entity, of one event package or of all. It is called with mu held.
func (b *Board) changed(e *entity, event Event) {
	for s := range e.subs {
		if event == "" || s.req.Event == event {
			s.changed()
		}
	}
}

// entityFor finds or makes an entity. It is called with mu held; tidy must follow.
func (b *Board) entityFor(name string) *entity {
	e := b.entities[name]
	if e == nil {
		e = &entity{name: name, dialogs: map[string]*call{}, subs: map[*Subscription]struct{}{}}
		b.entities[name] = e
	}
	return e
}

// tidy forgets an entity about which there is nothing to know.
func (b *Board) tidy(e *entity) {
	if !e.kept() && len(e.dialogs) == 0 && len(e.published) == 0 && len(e.subs) == 0 {
		delete(b.entities, e.name)
	}
}

// kept reports a state that is stored.
func (e *entity) kept() bool { return e.lamp != "" || e.messages != interpreter.Messages{} }

// Load reads the states that an earlier process stored. Call it before anything else is told.
func (b *Board) Load(ctx context.Context) error {
	if b.opt.Records == nil {
		return nil
	}
	if err := b.each(ctx, interpreter.KindLamp, func(name string) error {
		var s interpreter.LampState
		if err := b.opt.Records.Get(ctx, interpreter.KindLamp, name, &s); err != nil {
			return err
		}
		_, err := b.keep(name, func(e *entity) { e.lamp = s })
		return err
	}); err != nil {
		return err
	}
	return b.each(ctx, interpreter.KindMessages, func(name string) error {
		var m interpreter.Messages
		if err := b.opt.Records.Get(ctx, interpreter.KindMessages, name, &m); err != nil {
			return err
		}
		_, err := b.keep(name, func(e *entity) { e.messages = m })
		return err
	})
}

// each calls f for every record of a kind; one that is gone meanwhile is passed over.
func (b *Board) each(ctx context.Context, kind string, f func(id string) error) error {
	for after := ""; ; {
		ids, err := b.opt.Records.List(ctx, kind, interpreter.Query{After: after, Limit: pageSize})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := f(id); err != nil && !errors.Is(err, interpreter.ErrNotFound) {
				return err
			}
		}
		if len(ids) < pageSize {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// Sizes are what a Board holds now.
type Sizes struct {
	Entities, Calls, States, Published, Subscriptions int
}

// Sizes counts, for metrics and tests of leaks.
func (b *Board) Sizes() Sizes {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Sizes{len(b.entities), len(b.calls), b.states, b.published, len(b.subs)}
}

// userOf and hostOf are the halves of an entity.
func userOf(name string) string { user, _, _ := strings.Cut(name, "@"); return user }
func hostOf(name string) string { _, host, _ := strings.Cut(name, "@"); return host }
