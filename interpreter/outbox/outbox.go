package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
)

// Config of an Outbox. Records and Web are required; zero limits take the default.
type Config struct {
	Records interpreter.Records
	Web     interpreter.Web
	// Account finds whom a callback is signed for by the id in its Post. Nil: an account of that id without a token.
	Account func(id string) interpreter.Account
	// Observer is told what becomes of each callback, from several goroutines. It must not block.
	Observer interpreter.Observer
	Log      *logrus.Entry

	Timeout time.Duration // of one attempt; 15 s
	PerHost int           // attempts at once at one host; 8
	Pending int           // callbacks waiting for one account; 10 000, more become dead letters
	Dead    int           // dead letters kept; 10 000, then the oldest go
}

// Outbox is the queue of callbacks. It stores at once and delivers from Start to Close.
type Outbox struct {
	cfg    Config
	ctx    context.Context //nolint:containedctx // of all attempts, ends with Close: this type is a lifetime
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	known   map[string]bool
	account map[string]int // callbacks waiting, by account
	lanes   map[string]*lane
	hosts   map[string]*host
	retries retries
	wake    *time.Timer
	busy    int // callbacks in lanes, or at a host
	idle    []chan struct{}
	dead    int
	started bool
	closed  bool
}

var _ interpreter.Outbox = (*Outbox)(nil)

// item is a callback and how far it got, as it is stored.
type item struct {
	interpreter.Post
	Queued   time.Time `json:"queued"`
	First    time.Time `json:"first,omitzero"` // first attempt
	Due      time.Time `json:"due,omitzero"`   // next attempt, if one has failed
	Attempts int       `json:"attempts,omitempty"`

	lane *lane
}

// New returns an outbox that stores but does not deliver yet.
func New(cfg Config) *Outbox {
	set := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&cfg.PerHost, 8)
	set(&cfg.Pending, 10_000)
	set(&cfg.Dead, 10_000)
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Account == nil {
		cfg.Account = func(id string) interpreter.Account { return interpreter.Account{ID: id} }
	}
	if cfg.Observer == nil {
		cfg.Observer = func(interpreter.Event) {}
	}
	if cfg.Log == nil {
		l := logrus.New()
		l.SetLevel(logrus.PanicLevel)
		cfg.Log = logrus.NewEntry(l)
	}
	b := &Outbox{cfg: cfg, known: map[string]bool{}, account: map[string]int{}, lanes: map[string]*lane{},
		hosts: map[string]*host{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Start takes up what earlier runs and earlier calls of Queue left undelivered, and delivers from now on. Ctx bounds
// the reading alone.
func (b *Outbox) Start(ctx context.Context) error {
	dead, err := b.count(ctx, KindDead)
	if err != nil {
		return fmt.Errorf("start outbox: %w", err)
	}
	b.mu.Lock()
	b.started = true
	b.dead = dead
	b.mu.Unlock()
	err = b.each(ctx, interpreter.KindOutbox, func(id string) error {
		it := &item{}
		unread := b.cfg.Records.Get(ctx, interpreter.KindOutbox, id, it)
		if errors.Is(unread, interpreter.ErrNotFound) {
			return nil
		}
		if unread != nil {
			return unread
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.known[it.ID] {
			return nil
		}
		b.take(it)
		b.place(it)
		return nil
	})
	if err != nil {
		return fmt.Errorf("start outbox: %w", err)
	}
	return nil
}

// Queue stores the posts and the other writes in one batch, all on disk when it returns, then delivers them. The ids
// that posts lack are made. When it fails nothing was stored, and nothing is delivered.
func (b *Outbox) Queue(ctx context.Context, posts []interpreter.Post, with ...interpreter.Write) error {
	writes := append(make([]interpreter.Write, 0, len(with)+len(posts)), with...)
	var items, refused []*item
	now := time.Now()
	b.mu.Lock()
	for _, p := range posts {
		if p.ID == "" {
			p.ID = interpreter.NewID()
		}
		if p.Method == "" {
			p.Method = http.MethodPost
		}
		it := &item{Post: p, Queued: now}
		if b.account[p.Account] >= b.cfg.Pending {
			refused = append(refused, it)
			continue
		}
		b.take(it)
		items = append(items, it)
		writes = append(writes, interpreter.Write{Kind: interpreter.KindOutbox, ID: p.ID, Value: it})
	}
	b.mu.Unlock()
	for _, it := range refused {
		d := it.letter(fmt.Errorf("%d callbacks of this account are waiting already", b.cfg.Pending))
		writes = append(writes, interpreter.Write{Kind: KindDead, ID: it.ID, Value: d})
	}
	if err := b.cfg.Records.Batch(ctx, writes); err != nil {
		b.mu.Lock()
		for _, it := range items {
			b.forget(it)
		}
		b.mu.Unlock()
		return fmt.Errorf("queue callbacks: %w", err)
	}
	for _, it := range items {
		b.tell(it, "callback "+it.What+" queued", 0)
	}
	for _, it := range refused {
		b.buried(it, "callback "+it.What+" given up: too many wait")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		if b.started {
			b.place(it)
		} else {
			b.forget(it) // Start reads it from the store
		}
	}
	return nil
}

// Drain waits until every first attempt, and every retry that is due, has been made, or ctx ends. Callbacks that wait
// for a later attempt are on disk and are not waited for.
func (b *Outbox) Drain(ctx context.Context) error {
	b.mu.Lock()
	if b.busy == 0 {
		b.mu.Unlock()
		return nil
	}
	done := make(chan struct{})
	b.idle = append(b.idle, done)
	b.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain callbacks: %w", context.Cause(ctx))
	case <-b.ctx.Done():
		return fmt.Errorf("drain callbacks: %w", interpreter.ErrShutdown)
	}
}

// Close breaks off the attempts under way, which do not count, and waits for them. What is undelivered stays stored.
func (b *Outbox) Close() error {
	b.mu.Lock()
	b.closed = true
	if b.wake != nil {
		b.wake.Stop()
	}
	for _, l := range b.lanes {
		l.timer.Stop()
	}
	b.mu.Unlock()
	b.cancel()
	b.wg.Wait()
	return nil
}

// Pending counts the callbacks that are not delivered and not given up.
func (b *Outbox) Pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.known)
}

// each calls f for every id of a kind, oldest first. It reads all ids before, so f may delete.
func (b *Outbox) each(ctx context.Context, kind string, f func(id string) error) error {
	var all []string
	for q := (interpreter.Query{Limit: 1000}); ; {
		ids, err := b.cfg.Records.List(ctx, kind, q)
		if err != nil {
			return err
		}
		all = append(all, ids...)
		if len(ids) < q.Limit {
			break
		}
		q.After = ids[len(ids)-1]
	}
	for _, id := range all {
		if err := f(id); err != nil {
			return err
		}
	}
	return nil
}

func (b *Outbox) count(ctx context.Context, kind string) (n int, err error) {
	err = b.each(ctx, kind, func(string) error { n++; return nil })
	return n, err
}

// tell notes in the trace what became of a callback.
func (b *Outbox) tell(it *item, text string, code int) {
	now := time.Now()
	b.cfg.Observer(interpreter.Event{Time: now, Offset: it.since(now), Call: it.Call, Lane: interpreter.LaneHTTP,
		Kind: interpreter.EvCallback, Text: text, URL: shown(it.URL), Fault: code})
}

// since is the time of an event of the callback in its call's trace.
func (it *item) since(t time.Time) time.Duration {
	if it.Begun.IsZero() {
		return 0
	}
	return t.Sub(it.Begun)
}
