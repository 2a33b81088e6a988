package outbox

import (
	"container/heap"
	"net/url"
	"strings"
	"time"
)

// holdUp is how long a slow first attempt keeps the next callback of its call waiting.
const holdUp = 5 * time.Second

// lane is the order of the first attempts of one call.
type lane struct {
	key     string
	current *item
	queue   []*item
	timer   *time.Timer
}

// host bounds the attempts at one host. Those who wait are served in order.
type host struct {
	active int
	queue  []*item
}

// take counts an item in. The lock is held.
func (b *Outbox) take(it *item) {
	b.known[it.ID] = true
	b.account[it.Account]++
}

// forget counts an item out. The lock is held.
func (b *Outbox) forget(it *item) {
	delete(b.known, it.ID)
	if b.account[it.Account]--; b.account[it.Account] <= 0 {
		delete(b.account, it.Account)
	}
}

// place gives an item to where it waits. The lock is held.
func (b *Outbox) place(it *item) {
	if b.closed {
		return
	}
	if it.Attempts > 0 {
		heap.Push(&b.retries, it)
		b.arm()
		return
	}
	b.busy++
	key := it.Call
	if key == "" {
		key = it.ID
	}
	l := b.lanes[key]
	if l == nil {
		l = &lane{key: key}
		b.lanes[key] = l
		it.lane = l
		b.begin(it)
		return
	}
	it.lane = l
	l.queue = append(l.queue, it)
}

// begin makes an item the current one of its lane. The lock is held.
func (b *Outbox) begin(it *item) {
	l := it.lane
	l.current = it
	l.timer = time.AfterFunc(holdUp, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.pass(it)
	})
	b.submit(it)
}

// pass lets the next item of a lane begin, unless that has happened. The lock is held.
func (b *Outbox) pass(it *item) {
	l := it.lane
	if l == nil || l.current != it || b.closed {
		return
	}
	l.timer.Stop()
	l.current = nil
	if len(l.queue) == 0 {
		delete(b.lanes, l.key)
		return
	}
	next := l.queue[0]
	l.queue = l.queue[1:]
	b.begin(next)
}

// submit starts an attempt as soon as the host has room for it. The lock is held.
func (b *Outbox) submit(it *item) {
	name := hostOf(it.URL)
	h := b.hosts[name]
	if h == nil {
		h = &host{}
		b.hosts[name] = h
	}
	if h.active >= b.cfg.PerHost {
		h.queue = append(h.queue, it)
		return
	}
	h.active++
	b.wg.Go(func() { b.attempt(it) })
}

// leave gives an attempt's room at the host to the next, and its place in the lane as well. The lock is held.
func (b *Outbox) leave(it *item) {
	b.pass(it)
	name := hostOf(it.URL)
	h := b.hosts[name]
	switch {
	case len(h.queue) > 0 && !b.closed:
		next := h.queue[0]
		h.queue = h.queue[1:]
		b.wg.Go(func() { b.attempt(next) })
	case h.active == 1:
		delete(b.hosts, name)
	default:
		h.active--
	}
	if b.busy--; b.busy == 0 {
		for _, c := range b.idle {
			close(c)
		}
		b.idle = nil
	}
}

// arm sets the clock to the retry that is due first. The lock is held.
func (b *Outbox) arm() {
	if b.wake != nil {
		b.wake.Stop()
	}
	if len(b.retries) == 0 {
		return
	}
	b.wake = time.AfterFunc(time.Until(b.retries[0].Due), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.closed {
			return
		}
		for now := time.Now(); len(b.retries) > 0 && !b.retries[0].Due.After(now); {
			it := heap.Pop(&b.retries).(*item) //nolint:forcetypeassert // the heap holds nothing else
			b.busy++
			b.submit(it)
		}
		b.arm()
	})
}

// retries is a heap of items, the one due first on top.
type retries []*item

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].Due.Before(r[j].Due) }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push is called by package heap.
func (r *retries) Push(x any) { *r = append(*r, x.(*item)) } //nolint:forcetypeassert // as above

// Pop is called by package heap.
func (r *retries) Pop() any {
	last := len(*r) - 1
	it := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return it
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// shown is a URL for people: without the credentials that may stand in it, and without the part that is for us.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "unusable URL"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u.String()
}
