package main

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"

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

// told counts and logs the changes. What every telephone does every few minutes, and what a stranger can provoke, is
// no line of the log by default.
func (b *bindingCounts) told(log *logrus.Entry) func(sipedge.RegistrationEvent) {
	all := b.all()
	return func(e sipedge.RegistrationEvent) {
		if n := all[e.Change]; n != nil {
			n.Add(1)
		}
		level := logrus.DebugLevel
		switch e.Change {
		case sipedge.Registered, sipedge.Unregistered, sipedge.Expired, sipedge.Disconnected, sipedge.Silent:
			level = logrus.InfoLevel
		case sipedge.Banned:
			level = logrus.WarnLevel
		case sipedge.Refreshed, sipedge.Rejected:
		}
		if !log.Logger.IsLevelEnabled(level) {
			return
		}
		fields := logrus.Fields{"source": e.Binding.Source}
		for name, value := range map[string]string{"aor": e.Binding.AOR, "device": e.Binding.Device, "why": e.Reason,
			"transport": e.Binding.Transport, "agent": e.Binding.UserAgent} {
			if value != "" {
				fields[name] = value
			}
		}
		log.WithFields(fields).Log(level, "telephone "+string(e.Change))
	}
}
