package account

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pintle/interpreter"
)

// View is one account as it stood at one moment. It never changes, and its methods answer from memory; what they return
// must not be changed.
type View struct {
	account *Account
	shelves map[Kind]*shelf
	numbers map[string]int       // exact: place of the callflow
	owned   map[string][]int     // by id of the owner: places of devices, in stored order
	guests  map[string][]*Device // by id of a user who is logged in to a phone
}

// shelf holds the objects of one kind. The maps hold places in order, so that they stay true when an object gives way
// to another version of itself (see [View.with]).
type shelf struct {
	order []Object
	byID  map[string]int // id, or readable name
	named map[string]int // label, in lower case; the first of several
}

// newView makes the indexes of an account and finds what contradicts itself.
func newView(a *Account, objects []Object) (*View, Problems) {
	v := &View{account: a, shelves: map[Kind]*shelf{}, numbers: map[string]int{}, owned: map[string][]int{}}
	var found Problems
	count := map[Kind]int{}
	for _, o := range objects {
		count[o.Kind()]++
	}
	for _, o := range objects {
		b := o.About()
		s := v.shelves[o.Kind()]
		if s == nil {
			n := count[o.Kind()]
			s = &shelf{order: make([]Object, 0, n), byID: make(map[string]int, 2*n), named: make(map[string]int, n)}
			v.shelves[o.Kind()] = s
		}
		if old, twice := s.byID[b.ID]; twice {
			found = append(found, clash(o, "id", b.Key, s.order[old]))
			continue
		}
		at := len(s.order)
		s.order = append(s.order, o)
		s.byID[b.ID] = at
		if b.Key != "" {
			s.byID[b.Key] = at
		}
		if l := strings.ToLower(o.Label()); l != "" {
			if _, taken := s.named[l]; !taken {
				s.named[l] = at
			}
		}
	}
	found = append(found, v.indexNumbers()...)
	at := 0
	for d := range All[*Device](v) {
		if d.OwnerID != "" {
			v.owned[d.OwnerID] = append(v.owned[d.OwnerID], at)
		}
		at++
	}
	v.indexGuests()
	return v, found
}

func (v *View) indexGuests() {
	v.guests = map[string][]*Device{}
	for d := range All[*Device](v) {
		for id := range d.guests() {
			v.guests[id] = append(v.guests[id], d)
		}
	}
}

// exactly finds the callflow that has a number among its numbers.
func (v *View) exactly(number string) (*Callflow, bool) {
	at, ok := v.numbers[number]
	if !ok {
		return nil, false
	}
	c, ok := v.shelves[KindCallflow].order[at].(*Callflow)
	return c, ok
}

// guests are the users who are logged in to a phone.
func (v *Device) guests() map[string]HotdeskLogin {
	if v.Hotdesk == nil {
		return nil
	}
	return v.Hotdesk.Users
}

func (v *View) indexNumbers() (found Problems) {
	at := 0
	for c := range All[*Callflow](v) {
		for _, n := range c.Numbers {
			if old, twice := v.exactly(n); twice {
				found = append(found, clash(c, "numbers", n, old))
				continue
			}
			v.numbers[n] = at
		}
		at++
	}
	boxes := map[string]*Mailbox{}
	for m := range All[*Mailbox](v) {
		if old, twice := boxes[m.Mailbox]; twice {
			found = append(found, clash(m, "mailbox", m.Mailbox, old))
			continue
		}
		boxes[m.Mailbox] = m
	}
	ids := map[string]*User{}
	for u := range All[*User](v) {
		if u.Hotdesk == nil || u.Hotdesk.ID == "" {
			continue
		}
		if old, twice := ids[u.Hotdesk.ID]; twice {
			found = append(found, clash(u, "hotdesk.id", u.Hotdesk.ID, old))
			continue
		}
		ids[u.Hotdesk.ID] = u
	}
	return found
}

// clash is the problem of two objects that claim the same thing.
func clash(o Object, field, what string, old Object) Problem {
	b := o.About()
	return Problem{b.Origin.File, b.Origin.Line, describe(o), field,
		fmt.Sprintf("%q is taken by %s (%s)", clip(what), describe(old), old.About().Origin)}
}

// Account is the account itself.
func (v *View) Account() *Account { return v.account }

// Object finds an object by its id, its readable name, or, last, by what people call it in any case of letters; else
// interpreter.ErrNotFound.
func (v *View) Object(k Kind, id string) (Object, error) {
	if o, ok := v.find(k, id); ok {
		return o, nil
	}
	if s := v.shelves[k]; s != nil && id != "" {
		if at, ok := s.named[strings.ToLower(id)]; ok {
			return s.order[at], nil
		}
	}
	return nil, fmt.Errorf("%s %s: %w", k, clip(id), interpreter.ErrNotFound)
}

func (v *View) find(k Kind, id string) (Object, bool) {
	s := v.shelves[k]
	if s == nil || id == "" {
		return nil, false
	}
	at, ok := s.byID[id]
	if !ok {
		return nil, false
	}
	return s.order[at], true
}

// Get finds an object of a type: account.Get[*account.User](view, id). See [View.Object].
func Get[T Object](v *View, id string) (T, error) {
	var t T
	o, err := v.Object(t.Kind(), id)
	if err != nil {
		return t, err
	}
	t, _ = o.(T) //nolint:errcheck // a shelf holds one type
	return t, nil
}

// All goes through the objects of a type in stored order: for u := range account.All[*account.User](view).
func All[T Object](v *View) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		var t T
		s := v.shelves[t.Kind()]
		if s == nil {
			return
		}
		for _, o := range s.order {
			if one, ok := o.(T); ok && !yield(one) {
				return
			}
		}
	}
}

// Objects are all objects of a kind, in stored order.
func (v *View) Objects(k Kind) []Object {
	if s := v.shelves[k]; s != nil {
		return slices.Clone(s.order)
	}
	return nil
}

// Mailbox finds a mailbox by its number.
func (v *View) Mailbox(number string) (*Mailbox, error) {
	for m := range All[*Mailbox](v) {
		if m.Mailbox == number {
			return m, nil
		}
	}
	return nil, fmt.Errorf("mailbox %s: %w", clip(number), interpreter.ErrNotFound)
}

// Conference finds the conference of a number, and whether the number is for members, for moderators, or for both; a
// number of two conferences counts as unknown.
func (v *View) Conference(number string) (*Conference, Role, error) {
	var found *Conference
	var role Role
	count := 0
	for c := range All[*Conference](v) {
		r := Role(0)
		if slices.Contains(c.Member.Numbers, number) {
			r |= RoleMember
		}
		if slices.Contains(c.Moderator.Numbers, number) {
			r |= RoleModerator
		}
		if slices.Contains(c.Numbers, number) {
			r = RoleMember | RoleModerator
		}
		if r != 0 {
			found, role = c, r
			count++
		}
	}
	if count != 1 {
		return nil, 0, fmt.Errorf("conference of %s: %w", clip(number), interpreter.ErrNotFound)
	}
	return found, role, nil
}

// Role is who may enter by a number.
type Role int

// The roles, to be combined.
const (
	RoleMember Role = 1 << iota
	RoleModerator
)

// DirectoryUsers are the users of a directory with the callflow to run for each, in the directory's order.
func (v *View) DirectoryUsers(d *Directory) []DirectoryUser {
	var all []DirectoryUser
	for u := range All[*User](v) {
		if flow, ok := u.Directories[d.ID]; ok {
			all = append(all, DirectoryUser{u, flow})
		}
	}
	slices.SortStableFunc(all, func(a, b DirectoryUser) int {
		x, y := []string{a.User.LastName, a.User.FirstName}, []string{b.User.LastName, b.User.FirstName}
		if d.SortBy == "first_name" {
			slices.Reverse(x)
			slices.Reverse(y)
		}
		return slices.CompareFunc(x, y, func(s, t string) int {
			return cmp.Compare(strings.ToLower(s), strings.ToLower(t))
		})
	})
	return all
}

// DirectoryUser is one entry of a directory.
type DirectoryUser struct {
	User     *User
	Callflow string // id
}

// HotdeskUser finds a user by what he types to log in.
func (v *View) HotdeskUser(id string) (*User, error) {
	for u := range All[*User](v) {
		if u.Hotdesk != nil && u.Hotdesk.ID == id && id != "" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("hot-desk id %s: %w", clip(id), interpreter.ErrNotFound)
}

// QueueAgents are the users who are agents of a queue.
func (v *View) QueueAgents(queue string) []*User {
	var all []*User
	q, ok := v.find(KindQueue, queue)
	if !ok {
		return nil
	}
	for u := range All[*User](v) {
		if slices.Contains(u.Queues, q.About().ID) {
			all = append(all, u)
		}
	}
	return all
}

// Owners are the users a device acts for, by id: those who are logged in to it, else its owner, else nobody.
func (v *View) Owners(d *Device) []*User {
	ids := slices.Sorted(maps.Keys(d.guests()))
	if len(ids) == 0 && d.OwnerID != "" {
		ids = []string{d.OwnerID}
	}
	var all []*User
	for _, id := range ids {
		if o, ok := v.find(KindUser, id); ok {
			if u, ok := o.(*User); ok {
				all = append(all, u)
			}
		}
	}
	return all
}

// DevicesOf are the telephones of a user: those he owns and nobody else is logged in to, and those he is logged in to.
func (v *View) DevicesOf(user string) []*Device {
	u, ok := v.find(KindUser, user)
	if !ok {
		return nil
	}
	id := u.About().ID
	var all []*Device
	for _, at := range v.owned[id] {
		d, ok := v.shelves[KindDevice].order[at].(*Device)
		if !ok {
			continue
		}
		if g := d.guests(); len(g) == 0 {
			all = append(all, d)
		} else if _, in := g[id]; in {
			all = append(all, d)
		}
	}
	for _, d := range v.guests[id] {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// Realm is the realm a device logs in to.
func (v *View) Realm(d *Device) string {
	if d.SIP.Realm != "" {
		return strings.ToLower(d.SIP.Realm)
	}
	return strings.ToLower(v.account.Realm)
}

// AOR is the address of record of a device, user@realm, or empty when it has none.
func (v *View) AOR(d *Device) string {
	realm := v.Realm(d)
	if d.SIP.Username == "" || realm == "" {
		return ""
	}
	return d.SIP.Username + "@" + realm
}
