package main

import (
	"encoding/json"
	"fmt"
	"os"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs"
	"pintle/verbs/kazoo"
	"pintle/verbs/twiml"
)

// languages are the dialects, in the order in which an answer is offered to them.
func languages(
	c *config, book *account.Book, carriers func(account string) []verbs.Carrier,
) interpreter.Dialects {
	static, err := c.Kazoo.objects()
	if err != nil {
		static = kazoo.Static{} // complete has refused such a configuration
	}
	k := kazoo.Options{Directory: static, Book: book, Carriers: carriers, Country: c.plan().Country,
		Diversion: c.SIP.Diversion}
	return interpreter.Dialects{twiml.New(twiml.Options{}), kazoo.New(k)}
}

// objects reads what Kazoo documents may name by id.
func (k kazooConfig) objects() (kazoo.Static, error) {
	s := kazoo.Static{Devices: map[string]kazoo.Endpoint{}, Users: map[string][]kazoo.Endpoint{},
		Callflows: map[string]json.RawMessage{}, Menus: map[string]json.RawMessage{}, Numbers: k.Numbers, Audio: k.Media}
	for id, uri := range k.Devices {
		s.Devices[id] = kazoo.Endpoint{URI: uri, Name: id}
	}
	for id, uri := range k.Users {
		s.Users[id] = []kazoo.Endpoint{{URI: uri, Name: id}}
	}
	for _, group := range []struct {
		what  string
		files map[string]string
		into  map[string]json.RawMessage
	}{{"callflows", k.Callflows, s.Callflows}, {"menus", k.Menus, s.Menus}} {
		for id, name := range group.files {
			b, err := os.ReadFile(name)
			if err != nil {
				return s, fmt.Errorf("kazoo.%s.%s: %w", group.what, id, err)
			}
			if !json.Valid(b) {
				return s, fmt.Errorf("kazoo.%s.%s: %s is not JSON", group.what, id, name)
			}
			group.into[id] = b
		}
	}
	return s, nil
}
