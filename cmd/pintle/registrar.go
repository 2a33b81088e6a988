package main

import (
	"errors"
	"fmt"
	"time"

	"pintle/sipedge"
)

// registrarConfig are the settings of registered phones; zero values take the defaults.
type registrarConfig struct {
	Contacts  int           `yaml:"contacts"` // phones that one user may register
	Expires   time.Duration `yaml:"expires"`  // longest registration
	Minimum   time.Duration `yaml:"min_expires"`
	KeepAlive time.Duration `yaml:"keep_alive"` // between two questions to a phone behind NAT
	Rate      int           `yaml:"rate"`       // REGISTERs a second of one source network
	Fails     int           `yaml:"fails"`      // wrong passwords of one address in a minute, then it is silenced
	MD5Only   bool          `yaml:"md5_only"`   // do not offer SHA-256
}

func (c *config) checkRegistrar() error {
	r := c.SIP.Registrar
	switch {
	case r.Contacts < 0 || r.Contacts > 100:
		return fmt.Errorf("sip.registrar.contacts %d: give 1 to 100", r.Contacts)
	case r.Minimum < 0 || r.Minimum > time.Hour:
		return fmt.Errorf("sip.registrar.min_expires %v: give at most 1h", r.Minimum)
	case r.Expires < 0 || r.Expires > 0 && r.Expires < max(r.Minimum, time.Minute):
		return fmt.Errorf("sip.registrar.expires %v: give at least %v", r.Expires, max(r.Minimum, time.Minute))
	case r.KeepAlive < 0 || r.KeepAlive > 0 && r.KeepAlive < time.Second:
		return fmt.Errorf("sip.registrar.keep_alive %v: give 1s or more", r.KeepAlive)
	case r.Rate < 0 || r.Fails < 0:
		return errors.New("sip.registrar: rate and fails are positive numbers")
	}
	return nil
}

// apply sets what the edge is to know.
func (r registrarConfig) apply(c *sipedge.Config) {
	c.Registrations = sipedge.Registrations{Contacts: r.Contacts, Expires: r.Expires, Minimum: r.Minimum,
		KeepAlive: r.KeepAlive, Rate: r.Rate, Fails: r.Fails, MD5Only: r.MD5Only}
}
