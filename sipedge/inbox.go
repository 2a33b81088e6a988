package sipedge

import (
	"sync"
	"time"
)

// orderWait is how long a later message waits for an earlier one that was seen on the wire but has not come out of the
// library yet. The library hands each message over in a goroutine of its own, so this is a matter of microseconds.
const orderWait = 200 * time.Millisecond

// inbox is the ordered work of one dialog: any goroutine posts, one takes. It has no bound of its own; what peers can
// put into it is bounded by the packet filter, and a dialog that is over takes nothing more.
type inbox struct {
	mu     sync.Mutex
	slots  []*slot
	wake   chan struct{} // capacity 1: a wake-up that is pending stands for all
	closed bool
	seen   uint32 // highest CSeq number that has a place
}

// slot is one piece of work. A reserved slot has its place already and gets its work later.
type slot struct {
	key   string
	work  func()
	until time.Time
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// post appends work. It reports false when nobody will do it any more.
func (b *inbox) post(work func()) bool {
	return b.add(&slot{work: work})
}

// reserve keeps the next place for the work that fill will bring under the same key. A number that is not higher than
// all before is a retransmission, which ends in the transaction layer, and takes no place.
func (b *inbox) reserve(seq uint32, key string, now time.Time) {
	b.mu.Lock()
	repeated := seq <= b.seen
	b.seen = max(b.seen, seq)
	b.mu.Unlock()
	if !repeated {
		b.add(&slot{key: key, until: now.Add(orderWait)})
	}
}

// fill brings the work of a reserved place, or appends it when there is none.
func (b *inbox) fill(key string, work func()) bool {
	b.mu.Lock()
	for _, s := range b.slots {
		if s.key == key && s.work == nil {
			s.work = work
			b.mu.Unlock()
			b.nudge()
			return true
		}
	}
	b.mu.Unlock()
	return b.post(work)
}

func (b *inbox) add(s *slot) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.slots = append(b.slots, s)
	b.mu.Unlock()
	b.nudge()
	return true
}

func (b *inbox) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// close ends take; work that still waits is dropped.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed, b.slots = true, nil
	b.mu.Unlock()
	b.nudge()
}

// take gives the next work in order, or nil when the inbox is closed.
func (b *inbox) take() func() {
	for {
		work, wait, open := b.head(time.Now())
		switch {
		case work != nil:
			return work
		case !open:
			return nil
		case wait > 0:
			t := time.NewTimer(wait)
			select {
			case <-b.wake:
			case <-t.C:
			}
			t.Stop()
		default:
			<-b.wake
		}
	}
}

// head takes the first slot if its work is there, and skips places whose time is over.
func (b *inbox) head(now time.Time) (work func(), wait time.Duration, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.slots) > 0 {
		s := b.slots[0]
		if s.work == nil && now.Before(s.until) {
			return nil, s.until.Sub(now), true
		}
		b.slots[0] = nil
		b.slots = b.slots[1:]
		if s.work != nil {
			return s.work, 0, true
		}
	}
	return nil, 0, !b.closed
}
