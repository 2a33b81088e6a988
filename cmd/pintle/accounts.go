package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // time zones of rules and mailboxes, on machines that have none

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
	if err := c.agrees(book); err != nil {
		return err
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
	e.tellDropped()
	return nil
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
