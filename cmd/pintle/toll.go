package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
	"pintle/interpreter/toll"
	"pintle/sipedge"
	"pintle/verbs"
)

// tollConfig says what calls to the public network may cost.
type tollConfig struct {
	Country   string        `yaml:"country"`           // home country, ISO 3166: how numbers without + are read
	Allow     []string      `yaml:"allow"`             // prefixes; empty: the home country alone; "*": all countries
	Deny      []string      `yaml:"deny"`              // prefixes refused although allowed
	Kinds     []string      `yaml:"kinds"`             // premium, satellite, personal: allowed all the same
	Classes   []string      `yaml:"classes"`           // classes of numbers that are refused
	Calls     int           `yaml:"calls"`             // at once
	PerMinute int           `yaml:"per_minute"`        // new ones
	Prefix    int           `yaml:"prefix_per_minute"` // new ones to one destination
	PerDay    time.Duration `yaml:"time_per_day"`      // of all conversations
	CallerIDs []string      `yaml:"caller_ids"`        // numbers that may be shown, besides those of numbers and trunks
	Policy    string        `yaml:"caller_policy"`     // any, owned, owned-or-passthrough
	Instead   string        `yaml:"caller_default"`    // shown in place of one that may not be
}

// plan is how numbers are read.
func (c *config) plan() number.Plan { return number.Plan{Country: c.Limits.Toll.Country} }

// tollRules are the rules of the one account of this configuration. With trunks, or once a home country is given, only
// that country may be called unless allow says more; a lone sip.gateway is another switch with rules of its own.
func (c *config) tollRules() toll.Rules {
	t := c.Limits.Toll
	r := toll.Rules{Plan: c.plan(), Home: len(c.Trunks) > 0 || t.Country != "", Allow: t.Allow, Deny: t.Deny,
		Kinds: toll.Kinds(t.Kinds), Classes: t.Classes, Calls: t.Calls, PerMinute: t.PerMinute, PrefixPerMin: t.Prefix,
		TimePerDay: t.PerDay, CallerPolicy: toll.CallerPolicy(t.Policy), CallerIDs: t.CallerIDs, CallerDefault: t.Instead}
	if len(c.Trunks) == 0 && len(t.CallerIDs) == 0 {
		return r
	}
	own := append([]string(nil), t.CallerIDs...)
	for _, n := range c.Number {
		if _, ok := r.Plan.E164(n.Number); ok {
			own = append(own, n.Number)
		}
	}
	for _, trunk := range c.Trunks {
		if trunk.CallerID != "" {
			own = append(own, trunk.CallerID)
		}
	}
	r.CallerIDs = own
	return r
}

func (c *config) checkToll() error {
	if len(c.Trunks) > 0 && c.Limits.Toll.Country == "" {
		return errors.New("limits.toll.country: with trunks, give the home country such as IE; numbers abroad are refused " +
			"unless limits.toll.allow lists their prefixes")
	}
	if err := c.tollRules().Check(); err != nil {
		return fmt.Errorf("limits.toll: %w", err)
	}
	return nil
}

// carriers are the trunks as those who choose among them see them, in order of the file. A lone sip.gateway needs no
// choice: every number goes there as it was dialled.
func (c *config) carriers() []verbs.Carrier {
	if len(c.Trunks) == 0 {
		return nil
	}
	var list []verbs.Carrier
	if c.SIP.Gateway != "" {
		list = append(list, c.lone())
	}
	for _, t := range c.Trunks {
		g := verbs.Gateway{Trunk: t.ID, Prefix: t.Prefix, Suffix: t.Suffix, Format: number.Format(t.Format),
			Sign: t.Progress}
		list = append(list, verbs.Carrier{ID: t.ID, Gateways: []verbs.Gateway{g}, Rules: compiled(t.Numbers),
			Callers: compiled(t.Callers), Weight: t.Weight, Emergency: t.Emergency, Authoritative: t.Authoritative})
	}
	return list
}

// lone is sip.gateway as a carrier: every number as it was dialled.
func (c *config) lone() verbs.Carrier {
	return verbs.Carrier{ID: sipedge.DefaultTrunk, Gateways: []verbs.Gateway{{Trunk: sipedge.DefaultTrunk, Sign: -1}}}
}

// compiled makes patterns that checkTrunks has found good.
func compiled(list []string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, p := range list {
		if re, err := regexp.Compile(p); err == nil {
			out = append(out, re)
		}
	}
	return out
}

// outgoing puts the choice of a carrier, and before it the guard against toll fraud, in front of lines.
func (e *engine) outgoing(next interpreter.Lines) interpreter.Lines {
	e.toll.Lines = linesOfNow{Lines: next, now: func() interpreter.Lines {
		return verbs.Hunting{Lines: next, Plans: func(id string) number.Plan { return e.rulesFor(id).Plan },
			Carriers: func(id string) [][]verbs.Carrier { return e.carriage.Load().carriersFor(id) }}
	}}
	e.toll.Rules = e.rulesFor
	e.toll.Public = func(ctx context.Context, uri string) bool { return e.edge.LeadsToTrunk(ctx, uri) }
	e.toll.Log = e.log
	return linesOfNow{Lines: &e.toll, now: func() interpreter.Lines {
		return &presenting{Lines: &e.toll, book: e.book, plans: func(id string) number.Plan { return e.rulesFor(id).Plan },
			public: e.toll.Public}
	}}
}

// trunksDown counts the trunks that carry no calls: not registered, or without a living address.
func (e *engine) trunksDown() float64 {
	down := 0
	for _, t := range e.edge.Trunks() {
		dead := len(t.Hops) > 0
		for _, h := range t.Hops {
			dead = dead && h.Quarantined
		}
		if dead || t.Registers && !t.Registered {
			down++
		}
	}
	return float64(down)
}
