package auth

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	banWindow = time.Minute
	banTime   = 10 * time.Minute
	banMax    = 16384 // addresses remembered
)

// Bans counts wrong answers by address and silences an address that gives too many. Nobody's account is locked: the
// same user is let in from anywhere else.
type Bans struct {
	limit  int
	active atomic.Int64 // addresses banned: most packets need no lock

	mu   sync.Mutex
	list map[offender]*offence
	last time.Time // of the search for room: it is linear
}

type offence struct {
	since time.Time // of the window
	wrong int
	until time.Time // zero: not banned
}

// NewBans bans an address after so many wrong answers within a minute, for ten minutes.
func NewBans(limit int) *Bans {
	return &Bans{limit: max(1, limit), list: make(map[offender]*offence)}
}

// offender is who is counted and silenced: an address, or the /64 that one IPv6 host owns; or one user there.
type offender struct {
	addr netip.Addr
	user string
}

func hostOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// Wrong counts a wrong answer and reports whether it is the one that bans the address.
func (b *Bans) Wrong(addr netip.Addr) bool { return b.wrong(offender{addr: hostOf(addr)}) }

// WrongUser is Wrong for one user at an address that others use too.
func (b *Bans) WrongUser(addr netip.Addr, user string) bool {
	return b.wrong(offender{hostOf(addr), user})
}

func (b *Bans) wrong(a offender) bool {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.list[a]
	if o == nil {
		if len(b.list) >= banMax && !b.makeRoom(now) {
			return false
		}
		o = &offence{since: now}
		b.list[a] = o
	}
	if !o.until.IsZero() {
		return false
	}
	if now.Sub(o.since) >= banWindow {
		o.since, o.wrong = now, 0
	}
	if o.wrong++; o.wrong < b.limit {
		return false
	}
	o.until = now.Add(banTime)
	b.active.Add(1)
	return true
}

// Silence bans an address at once, as if it had given too many wrong answers. It reports whether that is new.
func (b *Bans) Silence(addr netip.Addr) bool {
	for range b.limit {
		if b.Wrong(addr) {
			return true
		}
	}
	return false
}

// Banned reports an address that is silenced now.
func (b *Bans) Banned(addr netip.Addr) bool { return b.banned(offender{addr: hostOf(addr)}) }

// BannedUser reports a user who is refused at an address.
func (b *Bans) BannedUser(addr netip.Addr, user string) bool {
	return b.banned(offender{hostOf(addr), user})
}

func (b *Bans) banned(a offender) bool {
	if b == nil || b.active.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.list[a]
	if o == nil || o.until.IsZero() {
		return false
	}
	if time.Now().Before(o.until) {
		return true
	}
	b.forget(a, o)
	return false
}

// Active is the number of addresses silenced.
func (b *Bans) Active() int { return int(b.active.Load()) }

// Sweep forgets what is over.
func (b *Bans) Sweep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(time.Now())
}

func (b *Bans) sweep(now time.Time) {
	for a, o := range b.list {
		if o.until.IsZero() && now.Sub(o.since) >= banWindow || !o.until.IsZero() && !now.Before(o.until) {
			b.forget(a, o)
		}
	}
}

func (b *Bans) forget(a offender, o *offence) {
	if !o.until.IsZero() {
		b.active.Add(-1)
	}
	delete(b.list, a)
}

// makeRoom gives up an address that has not guessed often enough yet, when nothing is over.
func (b *Bans) makeRoom(now time.Time) bool {
	if now.Sub(b.last) >= time.Second {
		b.last = now
		b.sweep(now)
	}
	if len(b.list) < banMax {
		return true
	}
	for a, o := range b.list {
		if o.until.IsZero() {
			b.forget(a, o)
			return true
		}
	}
	return false
}
