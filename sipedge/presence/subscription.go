package presence

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"pintle/interpreter"
)

// Request is a SUBSCRIBE that was let in, as plain data.
type Request struct {
	ID      string        `json:"id"`      // of the subscription: unique and not to be guessed
	Watcher string        `json:"watcher"` // who subscribes; the bound of Options.PerWatcher counts by it
	Entity  string        `json:"entity"`
	Event   Event         `json:"event"`
	EventID string        `json:"event_id,omitempty"` // id parameter of the Event header
	Expires time.Duration `json:"-"`
}

// Notification is one NOTIFY to be sent.
type Notification struct {
	Event       Event
	EventID     string
	Final       string        // why the subscription is over; empty: it is active
	Expires     time.Duration // what is left of the subscription
	ContentType string
	Body        string
}

// Sender carries notifications of one subscription to its watcher.
type Sender interface {
	// Notify sends one NOTIFY and waits for the answer. A *Later keeps the subscription, any other error ends it.
	// When ctx ends the Board is closing: it returns at once.
	Notify(ctx context.Context, n Notification) error
	// State is what a Sender for the same dialog is made of by the next process; it is stored as JSON.
	State() any
}

// Later is the error of a watcher who cannot take a notification now.
type Later struct{ After time.Duration }

// Error says for how long.
func (l *Later) Error() string { return fmt.Sprintf("watcher asks to come again in %v", l.After) }

// Reasons for the end of a subscription (RFC 6665 §4.1.3).
const (
	ReasonTimeout     = "timeout"
	ReasonDeactivated = "deactivated"
	ReasonRejected    = "rejected"
	ReasonNoResource  = "noresource"
)

const (
	partialFrom  = 8               // calls of an entity from which on changes alone are told
	sendsAtOnce  = 200             // notifications that wait for their answer, those that wait long not counted
	sendPatience = 2 * time.Second // after which a silent watcher makes room for others
	longestLater = 5 * time.Minute
)

// Subscription is one watcher of one entity. Its methods may be called from any goroutine.
type Subscription struct {
	b    *Board
	req  Request
	send Sender

	// guarded by Board.mu
	ent     *entity
	until   time.Time
	expiry  *time.Timer
	wake    *time.Timer
	next    time.Time // not before this
	started bool
	sending bool
	dirty   bool
	urgent  bool   // the watcher has asked: neither the interval nor sameness counts
	whole   bool   // what the watcher knows is uncertain
	ending  string // reason; the next notification is the last
	over    bool
	version int
	last    uint64                           // hash of the content that was notified last
	shown   map[string]interpreter.LampState // calls as the watcher knows them
}

// Subscribe begins a subscription. Nothing is sent before Start: the answer to the SUBSCRIBE goes first. An expiry of 0
// asks for the state once (RFC 6665 §4.4.3).
func (b *Board) Subscribe(ctx context.Context, r Request, s Sender) (*Subscription, error) {
	expires, err := b.Grant(r.Expires)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	sub, err := b.add(r, s, expires)
	if err == nil && expires == 0 {
		sub.ending = ReasonTimeout
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	sub.save(ctx)
	return sub, nil
}

// Grant is the expiry that a watcher gets who asks for one.
func (b *Board) Grant(asked time.Duration) (time.Duration, error) {
	switch {
	case asked == 0:
		return 0, nil
	case asked < b.opt.MinExpires:
		return 0, ErrTooBrief
	}
	return min(asked, b.opt.MaxExpires), nil
}

// MinExpires is the value of Min-Expires.
func (b *Board) MinExpires() time.Duration { return b.opt.MinExpires }

// add is called with mu held.
func (b *Board) add(r Request, s Sender, expires time.Duration) (*Subscription, error) {
	switch {
	case b.closed:
		return nil, ErrClosed
	case b.subs[r.ID] != nil, len(b.subs) >= b.opt.Total, b.watchers[r.Watcher] >= b.opt.PerWatcher:
		return nil, ErrFull
	}
	sub := &Subscription{b: b, req: r, send: s, until: time.Now().Add(expires), whole: true}
	sub.ent = b.entityFor(r.Entity)
	sub.ent.subs[sub] = struct{}{}
	b.subs[r.ID] = sub
	b.watchers[r.Watcher]++
	if expires > 0 {
		sub.expiry = time.AfterFunc(expires, func() { sub.End(ReasonTimeout) })
	}
	return sub, nil
}

// Subscription finds a live subscription.
func (b *Board) Subscription(id string) *Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.subs[id]
}

// Request is what the subscription was made from.
func (s *Subscription) Request() Request { return s.req }

// Sender is what the subscription was made with.
func (s *Subscription) Sender() Sender { return s.send }

// Left is what remains of the subscription.
func (s *Subscription) Left() time.Duration {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return max(0, time.Until(s.until))
}

// Start sends the first notification; later ones follow by themselves. After Refresh it sends one too.
func (s *Subscription) Start() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.started, s.dirty, s.urgent, s.whole = true, true, true, true
	s.kick()
}

// Refresh lengthens the subscription; 0 ends it with the next notification. Start must follow. It reports false when
// the subscription is over.
func (s *Subscription) Refresh(ctx context.Context, expires time.Duration) bool {
	s.b.mu.Lock()
	if s.over || s.ending != "" {
		s.b.mu.Unlock()
		return false
	}
	s.until = time.Now().Add(expires)
	if expires == 0 {
		s.ending = ReasonTimeout
		s.expiry.Stop()
	} else {
		s.expiry.Reset(expires)
	}
	s.b.mu.Unlock()
	s.save(ctx)
	return true
}

// End sends a last notification with a reason.
func (s *Subscription) End(reason string) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.ending == "" {
		s.ending = reason
	}
	s.started, s.urgent = true, true
	s.kick()
}

// changed is called with mu held.
func (s *Subscription) changed() {
	s.dirty = true
	s.kick()
}

// kick sends what there is to send, now or when the interval is over; one at a time. It is called with mu held.
func (s *Subscription) kick() {
	if s.over || s.sending || !s.started || !s.dirty && s.ending == "" || s.b.closed {
		return
	}
	if wait := time.Until(s.next); wait > 0 && !s.urgent {
		if s.wake == nil {
			s.wake = time.AfterFunc(wait, func() {
				s.b.mu.Lock()
				defer s.b.mu.Unlock()
				s.wake = nil
				s.kick()
			})
		}
		return
	}
	s.sending = true
	s.b.wg.Add(1)
	go func() {
		defer s.b.wg.Done()
		s.notify()
	}()
}

// notify sends one notification, unless there is nothing new to tell.
func (s *Subscription) notify() {
	v := s.b.view(s.req.Entity)
	release := s.b.turn()
	s.b.mu.Lock()
	n, commit, same := s.compose(v)
	if same && !s.urgent && s.ending == "" {
		s.sending, s.dirty = false, false
		s.b.mu.Unlock()
		release()
		return
	}
	s.dirty, s.urgent = false, false
	s.b.mu.Unlock()

	err := s.send.Notify(s.b.ctx, n)
	release()
	s.sent(n, commit, err)
}

// sent books the outcome of a notification.
func (s *Subscription) sent(n Notification, commit func(), err error) {
	s.b.mu.Lock()
	s.sending = false
	s.next = time.Now().Add(s.b.opt.Interval)
	var later *Later
	switch {
	case s.b.ctx.Err() != nil:
		s.b.mu.Unlock()
		return
	case errors.As(err, &later) && n.Final == "":
		s.next = time.Now().Add(max(s.b.opt.Interval, min(later.After, longestLater)))
		s.dirty, s.whole = true, true
		s.kick()
		s.b.mu.Unlock()
		return
	case err == nil && n.Final == "":
		commit()
		s.kick()
		s.b.mu.Unlock()
		return
	}
	s.drop()
	s.b.mu.Unlock()
	if err != nil {
		s.b.log.WithError(err).WithField("entity", s.req.Entity).Debug("subscription ends")
	}
	s.forget()
}

// drop takes the subscription out of the book. It is called with mu held.
func (s *Subscription) drop() {
	if s.over {
		return
	}
	s.over = true
	s.stopTimers()
	delete(s.ent.subs, s)
	delete(s.b.subs, s.req.ID)
	if s.b.watchers[s.req.Watcher]--; s.b.watchers[s.req.Watcher] <= 0 {
		delete(s.b.watchers, s.req.Watcher)
	}
	s.b.tidy(s.ent)
}

func (s *Subscription) stopTimers() {
	if s.expiry != nil {
		s.expiry.Stop()
	}
	if s.wake != nil {
		s.wake.Stop()
	}
}

// view is what the functions of Options say, asked for before mu is taken.
type view struct{ hide, reachable bool }

func (b *Board) view(name string) view {
	v := view{reachable: true}
	if b.opt.Hide != nil {
		v.hide = b.opt.Hide(name)
	}
	if b.opt.Reachable != nil {
		v.reachable = b.opt.Reachable(name)
	}
	return v
}

// turn waits until few enough notifications are under way. The function returned ends this one's turn.
func (b *Board) turn() (release func()) {
	select {
	case b.turns <- struct{}{}:
	case <-b.ctx.Done():
		return func() {}
	}
	done := func() { <-b.turns }
	t := time.AfterFunc(sendPatience, done)
	return func() {
		if t.Stop() {
			done()
		}
	}
}

// compose makes the next notification. same reports that it says what the last one said; commit books that the watcher
// has got it. It is called with mu held.
func (s *Subscription) compose(v view) (n Notification, commit func(), same bool) {
	n = Notification{Event: s.req.Event, EventID: s.req.EventID, Final: s.ending,
		Expires: max(0, time.Until(s.until))}
	e := s.ent
	shown, content := s.shown, ""
	switch s.req.Event {
	case Dialog:
		d := e.dialogInfo(v)
		whole := s.whole || len(d.dialogs) <= partialFrom || s.ending != ""
		n.ContentType = ContentDialog
		n.Body, content = d.text(s.version, whole, s.shown), d.text(0, true, nil)
		shown = d.states()
	case Presence:
		n.ContentType, n.Body = ContentPresence, e.pidf(v)
	default:
		n.ContentType, n.Body = ContentMessages, e.summary()
	}
	if content == "" {
		content = n.Body
	}
	h := fnv.New64a()
	h.Write([]byte(content))
	sum := h.Sum64()
	s.version++
	return n, func() { s.shown, s.last, s.whole = shown, sum, false }, sum == s.last && !s.whole
}
