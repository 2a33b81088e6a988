package main

import (
	"maps"
	"sync"
	"sync/atomic"

	"pintle/sipedge"
)

// bindingCounts count what happens to the registrations of telephones.
type bindingCounts struct {
	once sync.Once
	by   map[sipedge.RegistrationChange]*atomic.Uint64
}

// registrationHelp says what each change is, for the metrics. Only these are counted.
var registrationHelp = map[sipedge.RegistrationChange]string{
	sipedge.Registered:   "Contacts that telephones registered.",
	sipedge.Refreshed:    "Registrations that telephones refreshed.",
	sipedge.Unregistered: "Contacts that were taken back, by the telephone or by the operator.",
	sipedge.Expired:      "Contacts that were not refreshed in time.",
	sipedge.Disconnected: "Contacts whose connection was closed.",
	sipedge.Silent:       "Telephones behind NAT that no longer answered.",
	sipedge.Banned:       "Addresses that were silenced for guessing passwords.",
	sipedge.Rejected:     "Registrations that broke a rule.",
}

func (b *bindingCounts) all() map[sipedge.RegistrationChange]*atomic.Uint64 {
	b.once.Do(func() {
		b.by = make(map[sipedge.RegistrationChange]*atomic.Uint64, len(registrationHelp))
		for change := range maps.Keys(registrationHelp) {
			b.by[change] = new(atomic.Uint64)
		}
	})
	return b.by
}

// told counts a change. The log has it from the SIP side.
func (b *bindingCounts) told(e sipedge.RegistrationEvent) {
	if n := b.all()[e.Change]; n != nil {
		n.Add(1)
	}
}
