package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/sipedge"
)

// sessionConfig are the settings of running SIP calls.
type sessionConfig struct {
	Expires   time.Duration `yaml:"expires"`    // a call is refreshed so often, or ends; below 0: we do not ask
	MinSE     time.Duration `yaml:"min_se"`     // shortest that a peer may ask for
	Reliable  bool          `yaml:"reliable"`   // ringing by RFC 3262 to all who can
	LateOffer bool          `yaml:"late_offer"` // calls of ours carry no offer
	HoldMusic string        `yaml:"hold_music"` // URL, or tone:NAME; empty: music of ours
}

// leastSession is the shortest session timer that there may be (RFC 4028 §5).
const leastSession = 90 * time.Second

func (c *config) checkSessions() error {
	s := c.SIP.Session
	least := max(s.MinSE, leastSession)
	switch {
	case s.MinSE != 0 && s.MinSE < leastSession:
		return fmt.Errorf("sip.session.min_se %v: give 90s or more", s.MinSE)
	case s.Expires > 0 && s.Expires < least:
		return fmt.Errorf("sip.session.expires %v: give %v or more, or -1s for none", s.Expires, least)
	case s.HoldMusic != "" && !isURL(s.HoldMusic) && !strings.HasPrefix(s.HoldMusic, "tone:"):
		return errors.New("sip.session.hold_music: give a URL, or tone: and a name such as tone:ringback")
	}
	return nil
}

// hold is what a party hears while the other one has put it on hold.
func (s sessionConfig) hold() interpreter.Prompt {
	if name, ok := strings.CutPrefix(s.HoldMusic, "tone:"); ok {
		return interpreter.Prompt{Tone: name}
	}
	return interpreter.Prompt{URL: s.HoldMusic}
}

func (s sessionConfig) apply(c *sipedge.Config) {
	c.SessionExpires, c.MinSE, c.Reliable, c.LateOffer = s.Expires, s.MinSE, s.Reliable, s.LateOffer
}
