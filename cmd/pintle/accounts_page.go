package main

import "strings"

// ofPage tells which device of an account a page stands for: the one whose address its identity is, user@realm. Whoever
// hands out the token decides that.
func (p phoneBook) ofPage(identity string) (device, account string) {
	user, realm, ok := strings.Cut(identity, "@")
	if !ok || p.book == nil {
		return "", ""
	}
	l, err := p.Login(realm, user)
	if err != nil {
		return "", ""
	}
	return l.Device, l.Account // one that is switched off reaches nothing
}
