package sipedge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/sipedge/auth"
	"pintle/sipedge/registrar"
)

const (
	defaultContacts  = 10
	maxAORContacts   = 100
	defaultExpires   = time.Hour
	defaultMinimum   = time.Minute
	registerRate     = 100
	userRegisterRate = 5
	rateBurst        = 4 // seconds worth of REGISTERs that may come at once: a site after a power cut
	defaultBindings  = 100_000
	defaultKeepAlive = 25 * time.Second
	defaultFails     = 10
	crowdFails       = 10 // times as many from an address that others have logged in from
	phonesTick       = time.Second
	loadTime         = time.Minute
	kindSecret       = "sip-secret"
)

// phones is the part of the edge that knows registered devices.
type phones struct {
	edge     *Edge
	accounts Accounts
	set      Registrations
	table    *registrar.Table
	keeper   *registrar.Keeper // nil: nothing is kept
	auth     *auth.Server
	bans     *auth.Bans
	crowds   *auth.Bans // counts addresses that phones have registered from: more is forgiven them
	sources  *buckets
	users    *buckets
	log      *logrus.Entry
	refusals sampler
	old      oldPhones
	asking   chan struct{} // a place for each question to a phone that waits for its answer
}

// openPhones makes what knows the devices and reads the bindings of the last run. Nothing is done without accounts.
func (e *Edge) openPhones() error {
	if e.cfg.Accounts == nil {
		return nil
	}
	p := &phones{edge: e, accounts: e.cfg.Accounts, set: e.cfg.Registrations, log: e.log.WithField("c", "registrar"),
		asking: make(chan struct{}, maxAsking)}
	p.settle()
	p.table = registrar.NewTable(registrar.Options{Total: p.set.Total, KeepAlive: p.set.KeepAlive})
	p.bans, p.crowds = auth.NewBans(p.set.Fails), auth.NewBans(crowdFails*p.set.Fails)
	p.sources = newBuckets(float64(p.set.Rate), rateBurst*float64(p.set.Rate))
	p.users = newBuckets(float64(p.set.UserRate), rateBurst*float64(p.set.UserRate))
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	secret, err := p.secret(ctx)
	if err != nil {
		return err
	}
	p.auth = auth.NewServer(secret)
	if e.cfg.Records != nil {
		p.keeper = &registrar.Keeper{Table: p.table, Records: e.cfg.Records,
			Failed: func(err error) { p.log.WithError(err).Error("bindings not saved; tried again") }}
		if err := p.keeper.Load(ctx); err != nil {
			return err
		}
	}
	e.phones = p
	e.guard.bans, e.guard.closed = p.bans, p.disconnected
	return nil
}

func (p *phones) settle() {
	s := &p.set
	num := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	span := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	num(&s.Contacts, defaultContacts)
	num(&s.Rate, registerRate)
	num(&s.UserRate, userRegisterRate)
	num(&s.Total, defaultBindings)
	num(&s.Fails, defaultFails)
	span(&s.Expires, defaultExpires)
	span(&s.Minimum, defaultMinimum)
	span(&s.KeepAlive, defaultKeepAlive)
	s.Contacts = min(s.Contacts, maxAORContacts)
	s.Minimum = min(s.Minimum, defaultExpires) // RFC 3261 §10.3: no more than an hour may be asked for
}

// secret is that of the nonces: the same after a restart, so that no phone takes a new challenge for a wrong password.
func (p *phones) secret(ctx context.Context) (secret [auth.SecretSize]byte, err error) {
	rand.Read(secret[:])
	records := p.edge.cfg.Records
	if records == nil {
		return secret, nil
	}
	var text string
	err = records.Get(ctx, kindSecret, "nonce", &text)
	if err == nil {
		if b, bad := hex.DecodeString(text); bad == nil && len(b) == len(secret) {
			copy(secret[:], b)
			return secret, nil
		}
	} else if !errors.Is(err, interpreter.ErrNotFound) {
		return secret, fmt.Errorf("read the secret of the nonces: %w", err)
	}
	if err = records.Put(ctx, kindSecret, "nonce", hex.EncodeToString(secret[:]), 0); err != nil {
		return secret, fmt.Errorf("keep the secret of the nonces: %w", err)
	}
	return secret, nil
}

// runPhones starts what goes on beside requests, until the edge closes.
func (e *Edge) runPhones() {
	p := e.phones
	if p == nil {
		return
	}
	e.spawn(func() { p.auth.Sweep(e.work) })
	if p.keeper != nil {
		e.spawn(func() { p.keeper.Run(e.work) })
	}
	e.spawn(p.run)
}

// run removes what expired and asks phones behind NAT for signs of life.
func (p *phones) run() {
	tick := time.NewTicker(phonesTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			expired, ask := p.table.Tick()
			for _, b := range expired {
				p.tell(Expired, b, "")
			}
			for _, b := range ask {
				p.ask(b)
			}
			p.bans.Sweep()
			p.crowds.Sweep()
		case <-p.edge.work.Done():
			return
		}
	}
}

// disconnected is told of every stream that closes.
func (p *phones) disconnected(remote string) {
	if p.edge.work.Err() != nil {
		return // we close it ourselves: phones come back to us by their contact
	}
	for _, b := range p.table.Disconnect(remote) {
		p.tell(Disconnected, b, "")
	}
}

// tell writes the line of a change and passes it on.
func (p *phones) tell(change RegistrationChange, b registrar.Binding, reason string) {
	fields := logrus.Fields{"source": b.Source}
	for k, v := range map[string]string{"aor": b.AOR, "device": b.Device, "contact": b.Contact, "transport": b.Network,
		"agent": b.Agent, "reason": reason} {
		if v != "" {
			fields[k] = v
		}
	}
	level := logrus.InfoLevel
	switch change {
	case Refreshed:
		level = logrus.DebugLevel
	case Banned, Rejected, Silent:
		level = logrus.WarnLevel
	case Registered, Unregistered, Expired, Disconnected: // the ordinary life of a phone
	}
	p.log.WithFields(fields).Log(level, string(change))
	p.edge.phoneChanged(change, b.AOR)
	if p.set.Changed != nil {
		p.set.Changed(RegistrationEvent{Time: time.Now(), Change: change, Binding: publicBinding(&b), Reason: reason})
	}
}

// publicBinding is a binding as operators see it.
func publicBinding(b *registrar.Binding) Binding {
	out := Binding{AOR: b.AOR, Device: b.Device, Account: b.Account, Contact: b.Contact, Source: b.Source,
		Transport: b.Network, UserAgent: b.Agent, Instance: b.Instance, Path: b.Path, Q: float64(b.Q) / 1000,
		Since: b.Since, Refreshed: b.Renewed, Expires: b.Expires, NAT: b.NAT, RTT: b.RTT.Seconds()}
	if !b.Silent.IsZero() {
		since := b.Silent
		out.Silent = &since
	}
	return out
}

// Bindings gives every registered contact, by address of record.
func (e *Edge) Bindings() []Binding {
	if e.phones == nil {
		return nil
	}
	all := e.phones.table.All()
	list := make([]Binding, len(all))
	for i := range all {
		list[i] = publicBinding(&all[i])
	}
	slices.SortFunc(list, func(a, b Binding) int {
		return strings.Compare(a.AOR+"\x00"+a.Contact+a.Source, b.AOR+"\x00"+b.Contact+b.Source)
	})
	return list
}

// BindingCount is the number of registered contacts.
func (e *Edge) BindingCount() int {
	if e.phones == nil {
		return 0
	}
	return e.phones.table.Len()
}

// Registered reports whether a user of a realm has a contact that can be called.
func (e *Edge) Registered(user, realm string) bool {
	return e.phones != nil && len(e.phones.table.Lookup(recordOf(user, realm))) > 0
}

// Unregister removes every contact of an address of record and gives their number; the phones will register again.
func (e *Edge) Unregister(user, realm string) int {
	if e.phones == nil {
		return 0
	}
	gone := e.phones.table.Forget(recordOf(user, realm))
	for _, b := range gone {
		e.phones.tell(Unregistered, b, "by the operator")
	}
	return len(gone)
}

// BannedSources is the number of addresses that are silenced for guessing passwords.
func (e *Edge) BannedSources() int {
	if e.phones == nil {
		return 0
	}
	return e.phones.bans.Active()
}

// recordOf names an address of record.
func recordOf(user, realm string) string { return user + "@" + strings.ToLower(realm) }

// realmOf is the realm of a URI: that of its host, or the one of those who name our own address. exact asks that a port
// be absent or ours too.
func (p *phones) realmOf(u *sip.Uri, exact bool) (string, bool) {
	host := strings.ToLower(strings.Trim(u.Host, "[]"))
	if host == "" {
		return "", false
	}
	if realm, ok := p.accounts.Realm(host); ok {
		return realm, true
	}
	if !p.edge.ownHost(host) || exact && u.Port != 0 && !p.edge.ownPort(u.Port) {
		return "", false
	}
	return p.accounts.Realm("")
}

// ownHost reports a host that is this edge.
func (e *Edge) ownHost(host string) bool {
	if strings.EqualFold(host, e.host) || strings.EqualFold(host, e.cfg.Advertise) {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == e.local.Addr()
}

// ownPort reports a port that this edge listens on.
func (e *Edge) ownPort(port int) bool {
	if port == e.port {
		return true
	}
	for _, d := range e.doors {
		if d.port == port {
			return true
		}
	}
	return false
}

// sampler lets one line a second through and counts the rest.
type sampler struct {
	mu     sync.Mutex
	last   time.Time
	missed int
}

func (s *sampler) take() (missed int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.last) < time.Second {
		s.missed++
		return 0, false
	}
	missed, s.missed, s.last = s.missed, 0, now
	return missed, true
}
