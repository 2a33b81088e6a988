package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// agrees says what of the configuration and the accounts contradicts each other: an object that stands in both, of
// which one would hide the other, and a country that nobody knows.
func (c *config) agrees(book *account.Book) error {
	var found []error
	for _, v := range book.Accounts() {
		if err := (number.Plan{Country: v.Account().Country}).Check(); err != nil {
			found = append(found, fmt.Errorf("account %s: %w", v.Account().Name, err))
		}
		found = append(found, c.Kazoo.hides(v)...)
	}
	return errors.Join(found...)
}

// hides lists what would hide an object of an account.
func (k kazooConfig) hides(v *account.View) (found []error) {
	twice := func(key, id, what string) {
		found = append(found, fmt.Errorf("kazoo.%s.%s: %s of account %s has that name too, and would not be found; take one "+
			"of them out", key, id, what, v.Account().Name))
	}
	for _, s := range []struct {
		key  string
		kind account.Kind
		ids  map[string]string
	}{
		{"devices", account.KindDevice, k.Devices}, {"users", account.KindUser, k.Users},
		{"callflows", account.KindCallflow, k.Callflows}, {"menus", account.KindMenu, k.Menus},
		{"media", account.KindMedia, k.Media},
	} {
		for _, id := range slices.Sorted(maps.Keys(s.ids)) {
			if _, err := v.Object(s.kind, id); err == nil {
				twice(s.key, id, "a "+string(s.kind))
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(k.Numbers)) {
		if m, err := v.Hunt(n, account.Exactly); err == nil && m.Pattern == "" {
			twice("numbers", n, "a callflow")
		}
	}
	return found
}

// tellDropped logs what telephones changed and what fits the files no more.
func (e *engine) tellDropped() {
	for id, why := range e.book.Dropped() {
		e.log.WithError(why).WithField("object", id).Warn("a change that was stored is left out: it does not fit the " +
			"accounts any more; make it again")
	}
}
