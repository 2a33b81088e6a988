package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"pintle/interpreter"
)

// Conditions that callers branch on.
var (
	// ErrReadOnly is returned for replacing or deleting an object that stands in a file: REST answers 409.
	ErrReadOnly = errors.New("the object stands in a file; change it there")
	// ErrFull is returned when so many objects were made that no more are taken.
	ErrFull = errors.New("there are too many objects")
)

// Book holds all accounts. Reading never waits; changing waits for the store. Its methods may be called from any
// goroutine.
type Book struct {
	records interpreter.Records
	now     atomic.Pointer[snapshot]
	changed func() // may be nil

	mu      sync.Mutex // guards what follows, and is held while something changes
	files   loaded
	made    map[string]Object          // by record id: objects that were made while the engine ran
	changes map[string]json.RawMessage // by record id: merge patch (RFC 7396) over an object
	patched map[string]change          // by record id: what came out, to be made once
	dropped map[string]error           // by record id: why what was stored is left out
}

// change is an object before and after its patch.
type change struct {
	from  Object
	patch json.RawMessage
	to    Object
}

// snapshot is all accounts at one moment.
type snapshot struct {
	views     []*View
	byID      map[string]int // id, or readable name: place in views
	realms    map[string]int
	logins    map[login]entry
	addresses map[netip.Addr]entry
	numbers   map[string]entry // telephone number, digits with +
	resources []*Resource      // of the operator
}

type login struct{ realm, username string }

// entry is an object of an account by its places: in the snapshot, and on its shelf.
type entry struct {
	view   int
	kind   Kind // empty: the account alone
	object int
}

func (s *snapshot) at(e entry) (*View, Object) {
	v := s.views[e.view]
	if e.kind == "" {
		return v, nil
	}
	return v, v.shelves[e.kind].order[e.object]
}

// with is the snapshot with another version of an object of an account; see [View.with].
func (s *snapshot) with(o Object) *snapshot {
	to := *s
	at := s.byID[o.About().Account]
	to.views = slices.Clone(s.views)
	to.views[at] = s.views[at].with(o)
	return &to
}

// Open makes a book of files and of what the store remembers. The error is of type [Problems] when a file is bad; then
// there is no book. A nil store remembers nothing.
func Open(ctx context.Context, records interpreter.Records, files ...File) (*Book, error) {
	b := &Book{records: records, made: map[string]Object{}, changes: map[string]json.RawMessage{},
		patched: map[string]change{}, dropped: map[string]error{}}
	b.now.Store(&snapshot{})
	if err := b.remember(ctx); err != nil {
		return nil, fmt.Errorf("read accounts from the store: %w", err)
	}
	return b, b.Reload(files...)
}

// Reload replaces what files said by what they say now. When anything is wrong with them the book stays as it is, and
// the error is of type [Problems]: everything that is wrong.
func (b *Book) Reload(files ...File) error {
	l, found := load(files)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range l.accounts {
		found = append(found, b.prepare(a, l.objects[a.ID])...)
	}
	if len(found) > 0 {
		return found.asError()
	}
	s, found := b.build(l)
	if len(found) > 0 {
		return found.asError()
	}
	b.files = l
	b.publish(s)
	b.findOrphans(s)
	return nil
}

// Check says what is wrong with files, as [Problems], or nothing.
func Check(files ...File) error {
	b := &Book{}
	b.now.Store(&snapshot{})
	return b.Reload(files...)
}

// Accounts are the views of all accounts, in the order of the files.
func (b *Book) Accounts() []*View { return append([]*View(nil), b.now.Load().views...) }

// View finds an account by its id, its readable name or its realm; else interpreter.ErrNotFound. With one account "" is
// that one.
func (b *Book) View(account string) (*View, error) {
	s := b.now.Load()
	if account == "" && len(s.views) == 1 {
		return s.views[0], nil
	}
	at, ok := s.byID[account]
	if !ok {
		at, ok = s.realms[strings.ToLower(account)]
	}
	if ok {
		return s.views[at], nil
	}
	return nil, fmt.Errorf("account %s: %w", clip(account), interpreter.ErrNotFound)
}

// Realm finds the realm that a host belongs to: itself in lower case, when an account or a device has it. "" is the
// realm of the only account.
func (b *Book) Realm(host string) (realm string, ours bool) {
	s := b.now.Load()
	if host == "" {
		if len(s.views) != 1 || s.views[0].account.Realm == "" {
			return "", false
		}
		return strings.ToLower(s.views[0].account.Realm), true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, ours = s.realms[host]
	return host, ours
}

// Login finds the device of a SIP user name in a realm.
func (b *Book) Login(realm, username string) (*View, *Device, error) {
	s := b.now.Load()
	e, ok := s.logins[login{strings.ToLower(realm), username}]
	if !ok {
		return nil, nil, fmt.Errorf("login %s: %w", clip(username), interpreter.ErrNotFound)
	}
	return s.device(e)
}

// Address finds the device that is known by its IP address alone.
func (b *Book) Address(a netip.Addr) (*View, *Device, error) {
	s := b.now.Load()
	e, ok := s.addresses[a.Unmap().WithZone("")]
	if !ok {
		return nil, nil, fmt.Errorf("address %s: %w", a, interpreter.ErrNotFound)
	}
	return s.device(e)
}

func (s *snapshot) device(e entry) (*View, *Device, error) {
	v, o := s.at(e)
	d, ok := o.(*Device)
	if !ok {
		return nil, nil, interpreter.ErrNotFound
	}
	return v, d, nil
}

// Number finds the account of a telephone number of the public network, written with or without +. The object is nil
// when the account names the number in a callflow alone.
func (b *Book) Number(number string) (*View, *Number, error) {
	s := b.now.Load()
	e, ok := s.numbers[number]
	if !ok {
		e, ok = s.numbers["+"+strings.TrimPrefix(number, "+")]
	}
	if !ok {
		return nil, nil, fmt.Errorf("number %s: %w", clip(number), interpreter.ErrNotFound)
	}
	v, o := s.at(e)
	n, _ := o.(*Number) //nolint:errcheck // a number of a callflow alone has no object
	return v, n, nil
}

// Resources are the carriers of the operator, in the order of the files.
func (b *Book) Resources() []*Resource { return append([]*Resource(nil), b.now.Load().resources...) }

// build makes a snapshot of files and changes. b.mu is held.
func (b *Book) build(l loaded) (*snapshot, Problems) {
	s := &snapshot{byID: map[string]int{}, realms: map[string]int{}, logins: map[login]entry{},
		addresses: map[netip.Addr]entry{}, numbers: map[string]entry{}}
	var found Problems
	for _, a := range l.accounts {
		v, more := b.view(a, l.objects[a.ID])
		found = append(found, more...)
		found = append(found, s.add(v)...)
	}
	for _, o := range l.objects[""] {
		if r, ok := o.(*Resource); ok {
			s.resources = append(s.resources, r)
		}
	}
	return s, found
}

// prepare makes ids of the names in what was just read, and hashes of its passwords. b.mu is held.
func (b *Book) prepare(a *Account, objects []Object) Problems {
	v, found := newView(a, b.together(a, objects))
	for _, o := range append([]Object{a}, objects...) {
		found = append(found, resolve(o, v.find)...)
		found = append(found, secure(o, a)...)
	}
	return found
}

// together are the objects of an account's file, then those that were made. What stands in the file wins over what was
// made before it was written there.
func (b *Book) together(a *Account, objects []Object) []Object {
	all := append([]Object(nil), objects...)
	taken := map[string]bool{}
	for _, o := range objects {
		taken[recordID(o)] = true
	}
	for _, id := range sortedKeys(b.made) {
		if o := b.made[id]; o.About().Account == a.ID && !taken[id] {
			all = append(all, o)
		}
	}
	return all
}

// view makes the view of an account, with what was changed. b.mu is held.
func (b *Book) view(a *Account, objects []Object) (*View, Problems) {
	all := b.together(a, objects)
	for i, o := range all {
		all[i] = b.current(o)
	}
	return newView(a, all)
}

// current is an object with what was changed of it. A change that no longer fits the object is left out. b.mu is held.
func (b *Book) current(o Object) Object {
	id := recordID(o)
	patch, ok := b.changes[id]
	if !ok {
		return o
	}
	if c := b.patched[id]; c.from == o && bytes.Equal(c.patch, patch) {
		return c.to
	}
	to, err := patched(o, patch)
	if err != nil {
		b.drop(id, err)
		to = o
	}
	b.patched[id] = change{o, patch, to}
	return to
}

// add puts a view in and finds what two accounts claim.
func (s *snapshot) add(v *View) (found Problems) {
	a, at := v.account, len(s.views)
	s.views = append(s.views, v)
	s.byID[a.ID] = at
	if a.Key != "" {
		s.byID[a.Key] = at
	}
	if r := strings.ToLower(a.Realm); r != "" {
		if old, twice := s.realms[r]; twice && s.views[old].account.Realm != "" {
			found = append(found, clash(a, "realm", r, s.views[old].account))
		}
		s.realms[r] = at
	}
	place := 0
	for d := range All[*Device](v) {
		found = append(found, s.addDevice(d, entry{at, KindDevice, place})...)
		place++
	}
	place = 0
	for n := range All[*Number](v) {
		old, twice := s.numbers[n.Number]
		if twice && old.kind != "" {
			_, o := s.at(old)
			found = append(found, clash(n, "number", n.Number, o))
		} else {
			s.numbers[n.Number] = entry{at, KindNumber, place}
		}
		place++
	}
	for c := range All[*Callflow](v) {
		for _, n := range c.Numbers {
			if _, taken := s.numbers[n]; strings.HasPrefix(n, "+") && !taken {
				s.numbers[n] = entry{view: at}
			}
		}
	}
	return found
}

func (s *snapshot) addDevice(d *Device, e entry) (found Problems) {
	realm := s.views[e.view].Realm(d)
	if _, ok := s.realms[realm]; !ok && realm != "" {
		s.realms[realm] = e.view
	}
	if d.SIP.Username != "" && realm != "" {
		k := login{realm, d.SIP.Username}
		if old, twice := s.logins[k]; twice {
			_, o := s.at(old)
			found = append(found, clash(d, "sip.username", d.SIP.Username, o))
		}
		s.logins[k] = e
	}
	if d.SIP.Method != "ip" {
		return found
	}
	ip, err := netip.ParseAddr(d.SIP.IP)
	if err != nil {
		return found // its own rule has said so
	}
	ip = ip.Unmap().WithZone("")
	if old, twice := s.addresses[ip]; twice {
		_, o := s.at(old)
		found = append(found, clash(d, "sip.ip", d.SIP.IP, o))
	}
	s.addresses[ip] = e
	return found
}

// secure makes the HA1 of a device's password and forgets the password.
func secure(o Object, a *Account) Problems {
	d, ok := o.(*Device)
	if !ok || d.SIP.Password == "" {
		return nil
	}
	realm := d.SIP.Realm
	if realm == "" {
		realm = a.Realm
	}
	realm = strings.ToLower(realm)
	d.SIP.HA1, d.SIP.HA1Realm = hashPassword(d.SIP.Username, realm, d.SIP.Password), realm
	d.SIP.Password = ""
	if realm != "" {
		return nil
	}
	return Problems{{d.Origin.File, d.Origin.Line, describe(o), "sip.password",
		"phones log in to a realm: give the account one, such as voice.example.com"}}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range maps.Keys(m) {
		keys = append(keys, k)
	}
	return sorted(keys)
}
