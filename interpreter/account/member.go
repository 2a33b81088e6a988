package account

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Member is one entry of a ring group's list.
type Member struct {
	Kind         Kind // device, user or group
	ID           string
	Delay        time.Duration
	Timeout      time.Duration // 0: 20 s
	Weight       int           // 0: 20; else 1 to 100
	DisableUntil int64         // Gregorian seconds; 0: never disabled
}

// Defaults of a member.
const (
	MemberTimeout = 20 * time.Second
	MemberWeight  = 20
)

// Members finds the lines of a ring group: members that are logged out at now are dropped, users become their
// telephones, groups their members, and what is the same telephone with the same times rings once. A zero now drops
// nobody.
func (v *View) Members(list []Member, f Finding, now time.Time) Found {
	f.Indirect = true
	e := expansion{v: v, f: f, inside: map[string]bool{}}
	for _, m := range list {
		if !now.IsZero() && m.DisableUntil > Gregorian(now) {
			e.out.LeftOut = append(e.out.LeftOut, LeftOut{m.ID, "", WhyUntil})
			continue
		}
		e.member(m)
	}
	e.out.Endpoints = distinct(e.out.Endpoints, func(x Endpoint) any {
		return struct {
			id             string
			forward        bool
			delay, timeout time.Duration
		}{x.ID, x.Forward != nil, x.Delay, x.Timeout}
	})
	return e.out
}

// Page finds the telephones of a page: like Members, but each telephone once, whatever its times, nobody being logged
// out, and no forwards.
func (v *View) Page(list []Member, f Finding) Found {
	f.Phones = true
	got := v.Members(list, f, time.Time{})
	got.Endpoints = distinct(got.Endpoints, func(x Endpoint) any { return x.ID })
	return got
}

func distinct(list []Endpoint, key func(Endpoint) any) []Endpoint {
	seen := map[any]bool{}
	return slices.DeleteFunc(list, func(x Endpoint) bool {
		k := key(x)
		twice := seen[k]
		seen[k] = true
		return twice
	})
}

type expansion struct {
	v      *View
	f      Finding
	inside map[string]bool // groups that are being expanded
	out    Found
}

// maxExpanded bounds what one list can grow to by groups of groups.
const maxExpanded = 1000

func (e *expansion) member(m Member) {
	if len(e.out.Endpoints) >= maxExpanded {
		return
	}
	if m.Timeout <= 0 {
		m.Timeout = MemberTimeout
	}
	if m.Weight == 0 {
		m.Weight = MemberWeight
	}
	m.Weight = min(max(m.Weight, 1), 100)
	if m.Kind == KindGroup {
		e.group(m)
		return
	}
	f := e.f
	f.Delay, f.Timeout, f.Weight = m.Delay, m.Timeout, m.Weight
	got, err := e.v.Endpoints(m.Kind, m.ID, f)
	if err != nil {
		e.out.LeftOut = append(e.out.LeftOut, LeftOut{m.ID, "", WhyUnknown})
		return
	}
	e.out.Endpoints = append(e.out.Endpoints, got.Endpoints...)
	e.out.LeftOut = append(e.out.LeftOut, got.LeftOut...)
}

// group expands the members of a group, those of a smaller weight first, and keeps the stored order among equals.
func (e *expansion) group(m Member) {
	g, err := Get[*Group](e.v, m.ID)
	if err != nil {
		e.out.LeftOut = append(e.out.LeftOut, LeftOut{m.ID, "", WhyUnknown})
		return
	}
	if e.inside[g.ID] {
		e.out.LeftOut = append(e.out.LeftOut, LeftOut{g.ID, g.Name, WhyLoop})
		return
	}
	e.inside[g.ID] = true
	defer delete(e.inside, g.ID)
	list := make([]Member, 0, len(g.Endpoints))
	for _, one := range g.Endpoints {
		inner := m
		inner.Kind, inner.ID = one.Type, one.ID
		if one.Weight != nil {
			inner.Weight = *one.Weight
		}
		list = append(list, inner)
	}
	slices.SortStableFunc(list, func(a, b Member) int { return cmp.Compare(a.Weight, b.Weight) })
	for _, one := range list {
		e.member(one)
	}
}

// Strategy is the order in which lines ring.
type Strategy string

// The strategies.
const (
	Simultaneous   Strategy = "simultaneous"    // all at once, each after its delay
	Single         Strategy = "single"          // one after the other, in the order of the list
	WeightedRandom Strategy = "weighted_random" // one after the other, the heavier probably earlier
)

// Arrange orders lines for ringing. draw gives a random number in [0, n); it is used by WeightedRandom alone.
func Arrange(list []Endpoint, s Strategy, draw func(n int) int) []Endpoint {
	list = slices.Clone(list)
	switch s {
	case Simultaneous:
		slices.SortStableFunc(list, func(a, b Endpoint) int { return cmp.Compare(a.Delay, b.Delay) })
	case Single: // as they stand
	case WeightedRandom:
		for i := range list {
			rest := list[i:]
			total := 0
			for _, e := range rest {
				total += max(e.Weight, 1)
			}
			at, left := 0, draw(total)
			for left >= max(rest[at].Weight, 1) {
				left -= max(rest[at].Weight, 1)
				at++
			}
			picked := rest[at]
			copy(rest[1:at+1], rest[:at])
			rest[0] = picked
		}
	}
	return list
}

// hostOf writes an address as the host of a URI: IPv6 in brackets.
func hostOf(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() && !a.Is4In6() {
		return "[" + ip + "]"
	}
	return ip
}
