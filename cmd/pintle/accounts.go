package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // time zones of rules and mailboxes, on machines that have none

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/sipedge"
)

// elsewhere is a key of the configuration that another reader looks after.
type elsewhere struct{}

// UnmarshalYAML leaves the key alone.
func (*elsewhere) UnmarshalYAML([]byte) error { return nil }

// checkAccounts reads the files with accounts and says everything that is wrong with them.
func (c *config) checkAccounts() error {
	files, err := account.Read(c.file)
	if err != nil {
		return err
	}
	book, err := account.Open(context.Background(), nil, files...)
	if err != nil {
		return fmt.Errorf("accounts:\n%w", err)
	}
	if err := errors.Join(c.carriage(book).failed...); err != nil {
		return fmt.Errorf("resources:\n%w", err)
	}
	for _, f := range files {
		c.accounts = c.accounts || !f.Config || f.Defines()
	}
	return nil
}

// openBook reads the accounts, and what telephones and REST changed of them.
func (e *engine) openBook(ctx context.Context) error {
	files, err := account.Read(e.cfg.file)
	if err != nil {
		return err
	}
	e.accounts = files
	e.book, err = account.Open(ctx, e.store, files...)
	if err != nil {
		return exitf(exitUsage, "accounts:\n%w", err)
	}
	return nil
}

// accountCall finds what an account runs for a call: of one of its devices, or to one of its numbers. ErrNotFound:
// nothing.
func (r *router) accountCall(l interpreter.LegInfo) (interpreter.Start, error) {
	if r.book == nil {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	if l.Device != "" {
		v, err := r.book.View(l.Account)
		if err != nil {
			return interpreter.Start{}, err
		}
		return r.fromDevice(v, l)
	}
	for _, dialled := range []string{l.Request.User, l.To.User} {
		v, n, err := r.book.Number(dialled)
		if err != nil {
			continue
		}
		m, err := inboundFlow(v, n, dialled)
		if err != nil || !v.Account().Enabled {
			continue
		}
		s, err := startFlow(v, m)
		s.Public = n != nil && n.Public
		return s, err
	}
	return interpreter.Start{}, interpreter.ErrNotFound
}

// inboundFlow finds the callflow of a number of the public network, in the ways in which it may be written.
func inboundFlow(v *account.View, n *account.Number, dialled string) (account.Match, error) {
	tries := []string{dialled, "+" + strings.TrimPrefix(dialled, "+"), strings.TrimPrefix(dialled, "+")}
	if n != nil {
		tries = append(tries, n.Number)
	}
	var m account.Match
	err := error(interpreter.ErrNotFound)
	for _, t := range tries {
		if m, err = v.Hunt(t, account.Exactly); err == nil {
			return m, nil
		}
	}
	return m, err
}

// fromDevice finds the callflow of what a device of the account dialled, extensions and feature codes included.
func (r *router) fromDevice(v *account.View, l interpreter.LegInfo) (interpreter.Start, error) {
	d, err := account.Get[*account.Device](v, l.Device)
	if err != nil {
		return interpreter.Start{}, err
	}
	merged := v.Merge(d)
	if !merged.Enabled {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	m, err := v.Hunt(l.Request.User, account.Exactly)
	if errors.Is(err, interpreter.ErrNotFound) {
		m, err = v.Hunt(merged.DialPlan.Dial(l.Request.User), account.OrNoMatch)
	}
	if err != nil {
		return interpreter.Start{}, err
	}
	class := m.Number
	if m.Capture != "" {
		class = m.Capture
	}
	if merged.Denies(r.live.Load().cfg.plan().Class(class)) {
		return interpreter.Start{Account: v.Account().ID, Request: interpreter.Request{Dialect: "kazoo",
			Inline: []byte(unauthorized)}}, nil
	}
	return startFlow(v, m)
}

// unauthorized is what a device hears that dials a class of numbers which is denied to it.
const unauthorized = `{"module":"play","data":{"id":"system_media/cf-unauthorized_call"},
"children":{"_":{"module":"hangup","data":{}}}}`

// startFlow runs a callflow, after the account's preflow if it has one.
func startFlow(v *account.View, m account.Match) (interpreter.Start, error) {
	flow := json.RawMessage(m.Callflow.Document())
	if p := v.Account().Preflow; p != nil && p.Always != "" && p.Always != m.Callflow.ID {
		var err error
		flow, err = json.Marshal(map[string]any{"module": "callflow", "data": map[string]string{"id": p.Always},
			"children": map[string]json.RawMessage{"_": flow}})
		if err != nil {
			return interpreter.Start{}, err
		}
	}
	return interpreter.Start{Account: v.Account().ID, Capture: m.Capture, Captures: m.Captures,
		Request: interpreter.Request{Dialect: "kazoo", Inline: flow}}, nil
}

// phoneBook gives the SIP edge the devices of the book.
type phoneBook struct{ book *account.Book }

var _ sipedge.Accounts = phoneBook{}

// Realm is the realm a host belongs to.
func (p phoneBook) Realm(host string) (realm string, ours bool) { return p.book.Realm(host) }

// Login finds the device with a user name in a realm.
func (p phoneBook) Login(realm, username string) (sipedge.Login, error) {
	return loginOf(p.book.Login(realm, username))
}

// Owner finds the device of an address of record, whose user part is its user name.
func (p phoneBook) Owner(user, realm string) (sipedge.Login, error) { return p.Login(realm, user) }

// Source finds the device that is known by its address alone.
func (p phoneBook) Source(a netip.Addr) (sipedge.Login, error) { return loginOf(p.book.Address(a)) }

// loginOf makes plain data of a device. One without a password, or whose password belongs to another realm, cannot log
// in; a device that is known by its address needs none.
func loginOf(v *account.View, d *account.Device, err error) (sipedge.Login, error) {
	if err != nil {
		return sipedge.Login{}, err
	}
	realm := v.Realm(d)
	l := sipedge.Login{Device: d.ID, Account: v.Account().ID, User: d.SIP.Username, Realm: realm,
		Username: d.SIP.Username, HA1: sipedge.HA1(d.SIP.HA1), Enabled: d.Enabled && v.Account().Enabled,
		MaxContacts: d.SIP.MaxContacts, Expires: time.Duration(d.SIP.Expires) * time.Second, MD5Only: d.SIP.MD5Only}
	if d.SIP.Method != "ip" && (d.SIP.HA1 == account.HA1{} || d.SIP.HA1Realm != realm) {
		l.Enabled = false
	}
	if u, err := account.Get[*account.User](v, d.OwnerID); err == nil && !u.Enabled {
		l.Enabled = false
	}
	return l, nil
}

// device finds the device of a login.
func (p phoneBook) device(l sipedge.Login) (*account.View, *account.Device, error) {
	v, err := p.book.View(l.Account)
	if err != nil {
		return nil, nil, err
	}
	d, err := account.Get[*account.Device](v, l.Device)
	return v, d, err
}

// Entities are the names by which a device is watched.
func (p phoneBook) Entities(l sipedge.Login) []string {
	v, d, err := p.device(l)
	if err != nil {
		return []string{l.User + "@" + l.Realm}
	}
	return v.Entities(d)
}

// Box is the mailbox whose lamp a device shows: that of its owner, as number@realm.
func (p phoneBook) Box(l sipedge.Login) string {
	v, d, err := p.device(l)
	if err != nil {
		return ""
	}
	for _, m := range v.MailboxesOf(d) {
		return m.Mailbox + "@" + l.Realm
	}
	return ""
}

// Devices are the addresses of record that are told of a mailbox, number@realm, without having asked.
func (p phoneBook) Devices(box string) []string {
	name, realm, _ := strings.Cut(box, "@")
	v, err := p.book.View(realm)
	if err != nil {
		return nil
	}
	m, err := v.Mailbox(name)
	if err != nil || m.OwnerID == "" {
		return nil
	}
	var all []string
	for _, d := range v.DevicesOf(m.OwnerID) {
		if a := v.AOR(d); a != "" && d.MWIUnsolicited {
			all = append(all, a)
		}
	}
	return all
}
