package main

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
	"pintle/interpreter/toll"
	"pintle/sipedge"
	"pintle/verbs"
)

// carriage is who carries calls, and by which rules, made of the configuration and the accounts at one moment.
type carriage struct {
	trunks   []sipedge.Trunk
	operator []verbs.Carrier            // trunks of the configuration, then resources of the operator
	named    []verbs.Carrier            // of the operator, for flows that name them: sip.gateway too, where it is alone
	own      map[string][]verbs.Carrier // by id of the account
	owner    map[string]string          // id of a trunk to that of its account
	rules    map[string]toll.Rules      // by id of the account
	general  toll.Rules                 // of the operator's own calls
	numbers  map[string][]string        // id of a trunk to the numbers that it may call; none: all
	failed   []error
}

// carriage works out who carries calls now.
func (c *config) carriage(book *account.Book) *carriage {
	k := &carriage{trunks: c.trunks(), operator: c.carriers(), own: map[string][]verbs.Carrier{},
		owner: map[string]string{}, rules: map[string]toll.Rules{}, numbers: map[string][]string{}}
	for _, t := range c.Trunks {
		if len(t.Accepts) > 0 {
			k.numbers[t.ID] = t.Accepts
		}
	}
	k.general = c.tollRules()
	if book != nil {
		k.accounts(c, book)
	}
	if k.named = k.operator; len(k.named) == 0 && c.SIP.Gateway != "" {
		k.named = []verbs.Carrier{c.lone()}
	}
	return k
}

// accounts adds what accounts, and the resources of the operator, say.
func (k *carriage) accounts(c *config, book *account.Book) {
	resources := book.Resources()
	k.general.Home = k.general.Home || len(resources) > 0
	for _, r := range resources {
		k.add(r, "", "")
	}
	if len(k.operator) == 0 && len(resources) > 0 && c.SIP.Gateway != "" {
		k.operator = append(k.operator, c.lone())
	}
	k.operator = append(k.operator, verbs.CarriersOf(resources)...)
	views := book.Accounts()
	for _, v := range views {
		id := v.Account().ID
		var own []*account.Resource
		for r := range account.All[*account.Resource](v) {
			k.add(r, id, v.Account().Realm)
			own = append(own, r)
		}
		if list := verbs.CarriersOf(own); v.Account().Enabled && len(list) > 0 {
			k.own[id] = list
		}
		rules := c.accountRules(v, len(views) == 1)
		rules.Home = k.general.Home || len(own) > 0
		k.rules[id] = rules
	}
}

func (k *carriage) add(r *account.Resource, owner, realm string) {
	list, failed := resourceTrunks(r, realm)
	k.trunks, k.failed = append(k.trunks, list...), append(k.failed, failed...)
	if owner == "" {
		return
	}
	for _, t := range list {
		k.owner[t.ID] = owner
	}
}

// carriersFor are the lists of carriers of an account's plain numbers: its own, then the operator's.
func (k *carriage) carriersFor(id string) [][]verbs.Carrier {
	return [][]verbs.Carrier{k.own[id], k.operator}
}

// chosen are the carriers that a flow names: an account's own, or, "", the operator's. Where there is one account, and
// it has none of its own, those of the configuration are its own.
func (k *carriage) chosen(id string) []verbs.Carrier {
	if list := k.own[id]; id != "" && (len(list) > 0 || len(k.rules) > 1) {
		return list
	}
	return k.named
}

func (e *engine) chosenCarriers(id string) []verbs.Carrier { return e.carriage.Load().chosen(id) }

// accountRules are the rules against fraud of one account: those of the configuration, with the classes that the
// account denies itself, and its own numbers as those that it may show. The only account has those of the configuration
// too.
func (c *config) accountRules(v *account.View, only bool) toll.Rules {
	r := c.tollRules()
	if country := v.Account().Country; country != "" {
		r.Plan.Country = country
	}
	r.Classes = slices.Clone(r.Classes)
	for class, x := range v.Account().CallRestriction {
		if x.Action == "deny" && class != number.ClassEmergency {
			r.Classes = append(r.Classes, class)
		}
	}
	own := v.Owned()
	if len(own) == 0 {
		return r // it has no numbers of its own: the operator's word counts
	}
	if ids := v.Account().CallerID; ids != nil { // what stands there is the operator's word too
		for _, id := range []*account.Identity{ids.External, ids.Emergency} {
			if id != nil && id.Number != "" {
				own = append(own, id.Number)
			}
		}
	}
	if only {
		own = append(own, r.CallerIDs...)
	} else {
		own = append(own, c.Limits.Toll.CallerIDs...)
	}
	r.CallerIDs = own
	return r
}

// rulesFor are the rules of an account; an id that is none is the operator's own.
func (e *engine) rulesFor(id string) toll.Rules {
	k := e.carriage.Load()
	if r, ok := k.rules[id]; ok {
		return r
	}
	return k.general
}

func (e *engine) trunksAt(a netip.Addr) []string {
	if e.running.Load() == nil {
		return nil
	}
	return e.edge.TrunksAt(a)
}

// applyAccounts brings into effect what the accounts say now: carriers and their trunks, rules against fraud,
// telephones that may no longer be registered. It is called at the start, and after every change of the book or of the
// configuration. What is wrong with a carrier is logged, and the others work; an error leaves everything as it was.
func (e *engine) applyAccounts() error {
	e.applying.Lock()
	defer e.applying.Unlock()
	k := e.live.Load().cfg.carriage(e.book)
	for _, err := range k.failed {
		e.log.WithError(err).Warn("carrier left out")
	}
	if e.edge != nil {
		if err := e.edge.SetTrunks(k.trunks); err != nil {
			return err
		}
	}
	e.carriage.Store(k)
	e.dismiss()
	return nil
}

// dismiss ends the registrations of telephones that are gone or switched off.
func (e *engine) dismiss() {
	if e.edge == nil || e.book == nil {
		return
	}
	phones, last := phoneBook{e.book}, ""
	for _, b := range e.edge.Bindings() {
		if b.AOR == last {
			continue
		}
		last = b.AOR
		user, realm, _ := strings.Cut(b.AOR, "@")
		l, err := phones.Owner(user, realm)
		if err == nil && l.Enabled && l.Device == b.Device {
			continue
		}
		n := e.edge.Unregister(user, realm)
		e.log.WithField("aor", b.AOR).WithField("contacts", n).Info("telephone unregistered: it is gone or switched off")
	}
}

// trunkMay tells whether the trunk that brought a call may call a number. A carrier of an account leads to the numbers
// of that account alone. Where several trunks have one address it is enough that one of them may.
func (k *carriage) trunkMay(trunk string, others []string, accountID string, dialled ...string) bool {
	if k == nil || trunk == "" {
		return true
	}
	if !slices.Contains(others, trunk) {
		others = append(slices.Clone(others), trunk)
	}
	return slices.ContainsFunc(others, func(id string) bool {
		if owner, ok := k.owner[id]; ok && owner != accountID {
			return false
		}
		list, bound := k.numbers[id]
		return !bound || slices.ContainsFunc(list, func(n string) bool {
			return slices.ContainsFunc(dialled, func(d string) bool { return sameNumber(n, d) })
		})
	})
}

// sameNumber compares what was dialled with a number, or with a prefix that ends in *, with or without a plus sign.
func sameNumber(own, dialled string) bool {
	own, dialled = strings.TrimPrefix(own, "+"), strings.TrimPrefix(dialled, "+")
	if prefix, wild := strings.CutSuffix(own, "*"); wild {
		return strings.HasPrefix(dialled, prefix)
	}
	return own == dialled
}

// bound refuses a call whose trunk may not call the number.
func (r *router) bound(l interpreter.LegInfo, s interpreter.Start) error {
	if l.Trunk == "" || l.Device != "" || r.carriage == nil {
		return nil
	}
	var others []string
	if a, err := netip.ParseAddr(l.SourceIP); err == nil && r.trunksAt != nil {
		others = r.trunksAt(a)
	}
	if r.carriage().trunkMay(l.Trunk, others, s.Account, l.Request.User, l.To.User) {
		return nil
	}
	return errUnbound
}

// errUnbound refuses like a number that does not exist.
var errUnbound = errors.Join(interpreter.ErrNotFound, errors.New("the trunk may not call this number"))
