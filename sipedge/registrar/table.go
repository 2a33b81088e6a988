package registrar

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const maxFails = 3 // questions without a sign of life until a phone counts as silent

// Options of a Table.
type Options struct {
	Total     int           // bindings in all
	KeepAlive time.Duration // between two questions to a phone behind NAT, give or take a fifth
}

// Table holds all bindings. Its methods may be called from any goroutine.
type Table struct {
	opts Options

	mu    sync.RWMutex
	aors  map[string][]*Binding
	flows map[string]map[string]bool // connection → addresses of record that have a binding on it
	hosts map[netip.Addr]int         // address that REGISTERs came from → bindings
	count int
	dirty map[string]bool // address of record → true when it must be saved soon: more changed than the time
}

// NewTable makes an empty table.
func NewTable(o Options) *Table {
	return &Table{opts: o, aors: make(map[string][]*Binding), flows: make(map[string]map[string]bool),
		hosts: make(map[netip.Addr]int),
		dirty: make(map[string]bool)}
}

// Update does what a REGISTER asks for, all of it or nothing, and gives the bindings that the address of record has
// then (RFC 3261 §10.3).
func (t *Table) Update(u Update) (now []Binding, changes []Change, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Now()
	old := t.aors[u.AOR]
	list := slices.DeleteFunc(slices.Clone(old), func(b *Binding) bool { return !b.Expires.After(at) })
	if u.All {
		for _, b := range list {
			if b.CallID == u.CallID && u.CSeq <= b.CSeq {
				return nil, nil, ErrReplay
			}
			changes = append(changes, Change{Removed, *b})
		}
		list = nil
	}
	for i := range u.Contacts {
		if list, changes, err = u.apply(list, changes, &u.Contacts[i], at); err != nil {
			return nil, nil, err
		}
	}
	grown := len(list) - len(old)
	if len(list) > u.Max && grown > 0 {
		return nil, nil, ErrTooMany
	}
	if grown > 0 && t.count+grown > t.opts.Total {
		return nil, nil, ErrFull
	}
	for _, c := range changes {
		t.dirty[u.AOR] = t.dirty[u.AOR] || c.Kind != Renewed
	}
	for _, b := range list {
		if b.Renewed.Equal(at) {
			b.probe = t.nextProbe(at)
		}
	}
	t.replace(u.AOR, list)
	return values(list), changes, nil
}

// apply puts one contact into a list that is not yet in force. Bindings of old are never written to.
func (u *Update) apply(list []*Binding, changes []Change, c *Contact, at time.Time) ([]*Binding, []Change, error) {
	i := slices.IndexFunc(list, func(b *Binding) bool { return u.same(b, c) })
	if i >= 0 && list[i].CallID == u.CallID && u.CSeq <= list[i].CSeq {
		return nil, nil, ErrReplay
	}
	if c.Expires <= 0 {
		if i >= 0 {
			changes = append(changes, Change{Removed, *list[i]})
			list = slices.Delete(list, i, i+1)
		}
		return list, changes, nil
	}
	b := &Binding{AOR: u.AOR, Key: c.Key, Device: u.Device, Account: u.Account, Contact: c.URI, Params: c.Params, Q: c.Q,
		Instance: c.Instance, RegID: c.RegID, Path: u.Path, CallID: u.CallID, CSeq: u.CSeq, Network: u.Network,
		Source: u.Source, Agent: u.Agent, NAT: c.NAT, Since: at, Renewed: at, Expires: at.Add(c.Expires)}
	if i < 0 {
		return append(list, b), append(changes, Change{Added, *b}), nil
	}
	kind := Renewed
	if was := list[i]; was.Source != b.Source || was.Network != b.Network || was.Contact != b.Contact {
		kind = Added // another way to the phone: as good as new
	} else {
		b.Since = was.Since
	}
	list[i] = b
	return list, append(changes, Change{kind, *b}), nil
}

// same reports whether a contact means this binding: the same instance and flow (RFC 5626 §6), else the same URI from
// the same host or of the same series of REGISTERs. The same private address from another host is another phone, whose
// binding stays until it expires by itself.
func (u *Update) same(b *Binding, c *Contact) bool {
	if c.RegID > 0 && b.RegID > 0 {
		return b.Instance == c.Instance && b.RegID == c.RegID
	}
	if c.Instance != "" && b.Instance == c.Instance && b.RegID == c.RegID && u.here(b) {
		return true // the phone was started anew, with another port
	}
	return c.Key == b.Key && (b.CallID == u.CallID || u.here(b))
}

func (u *Update) here(b *Binding) bool { return hostOf(u.Source) == hostOf(b.Source) }

func hostOf(source string) netip.Addr {
	ap, err := netip.ParseAddrPort(source)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// replace puts a list in force. It runs under the lock.
func (t *Table) replace(aor string, list []*Binding) {
	for _, b := range t.aors[aor] {
		t.unlink(b)
	}
	t.count += len(list) - len(t.aors[aor])
	if len(list) == 0 {
		delete(t.aors, aor)
		return
	}
	t.aors[aor] = list
	for _, b := range list {
		t.hosts[hostOf(b.Source)]++
		if b.Stream() {
			key := b.Source
			if t.flows[key] == nil {
				t.flows[key] = make(map[string]bool, 1)
			}
			t.flows[key][aor] = true
		}
	}
}

func (t *Table) unlink(b *Binding) {
	host := hostOf(b.Source)
	if t.hosts[host]--; t.hosts[host] <= 0 {
		delete(t.hosts, host)
	}
	if !b.Stream() {
		return
	}
	key := b.Source
	if delete(t.flows[key], b.AOR); len(t.flows[key]) == 0 {
		delete(t.flows, key)
	}
}

// Lookup gives the bindings that can be called, highest q first, the latest first among equals.
func (t *Table) Lookup(aor string) []Binding {
	t.mu.RLock()
	list := values(t.aors[aor])
	t.mu.RUnlock()
	at := time.Now()
	list = slices.DeleteFunc(list, func(b Binding) bool { return !b.Expires.After(at) })
	slices.SortStableFunc(list, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(b.Q, a.Q), b.Renewed.Compare(a.Renewed))
	})
	return list
}

func values(list []*Binding) []Binding {
	out := make([]Binding, len(list))
	for i, b := range list {
		out[i] = *b
	}
	return out
}

// Hosts reports whether a phone has registered from an address.
func (t *Table) Hosts(addr netip.Addr) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.hosts[addr.Unmap()] > 0
}

// OnFlow reports whether a binding lives on a connection.
func (t *Table) OnFlow(source string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.flows[source]) > 0
}

// Disconnect removes the bindings of a connection that is closed.
func (t *Table) Disconnect(source string) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var gone []Binding
	for aor := range t.flows[source] {
		gone = append(gone, t.removeIf(aor, func(b *Binding) bool { return b.Stream() && b.Source == source })...)
	}
	return gone
}

// Forget removes every binding of an address of record.
func (t *Table) Forget(aor string) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.removeIf(aor, func(*Binding) bool { return true })
}

func (t *Table) removeIf(aor string, which func(*Binding) bool) []Binding {
	var gone []Binding
	var left []*Binding
	for _, b := range t.aors[aor] {
		if which(b) {
			gone = append(gone, *b)
		} else {
			left = append(left, b)
		}
	}
	if gone != nil {
		t.dirty[aor] = true
		t.replace(aor, left)
	}
	return gone
}

// Tick removes what has expired and gives the bindings behind NAT whose phone is to be asked for a sign of life now.
func (t *Table) Tick() (expired, ask []Binding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Now()
	for aor, list := range t.aors {
		over := false
		for i, b := range list {
			switch {
			case !b.Expires.After(at):
				over = true
			case b.NAT && !b.Stream() && at.After(b.probe):
				c := *b
				c.probe = t.nextProbe(at)
				list[i] = &c
				ask = append(ask, c)
			}
		}
		if over {
			expired = append(expired, t.removeIf(aor, func(b *Binding) bool { return !b.Expires.After(at) })...)
		}
	}
	return expired, ask
}

func (t *Table) nextProbe(at time.Time) time.Time {
	fifth := int64(t.opts.KeepAlive / 5)
	if fifth <= 0 {
		return at.Add(time.Hour)
	}
	return at.Add(t.opts.KeepAlive + time.Duration(rand.Int64N(2*fifth+1)-fifth))
}

// Alive notes what came of a question to the phone of b: the time its answer took, or none. It reports whether the
// phone has just fallen silent.
func (t *Table) Alive(b Binding, rtt time.Duration, answered bool) (silent bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.aors[b.AOR]
	for i, is := range list {
		if is.Contact != b.Contact || is.Source != b.Source {
			continue
		}
		c := *is
		if answered {
			c.RTT, c.fails, c.Silent = rtt, 0, time.Time{}
		} else if c.fails++; c.fails == maxFails {
			c.Silent, silent = time.Now(), true
		}
		list[i] = &c
	}
	return silent
}

// All gives every binding, in no order.
func (t *Table) All() []Binding {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]Binding, 0, t.count)
	for _, l := range t.aors {
		list = append(list, values(l)...)
	}
	return list
}

// Len counts the bindings.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}
