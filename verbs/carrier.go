package verbs

import (
	"cmp"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// Carrier is a peer, or a group of them, that takes calls to the public network: what is needed to choose one for a
// number. Only ID and Gateways are required.
type Carrier struct {
	ID       string
	Gateways []Gateway
	Random   bool // the gateways are tried in random order, else as they stand

	Rules   []*regexp.Regexp        // of the number; the first that matches counts; empty: every number, unless Classes
	Classes map[string]CarrierClass // by class of the number, instead of Rules
	Callers []*regexp.Regexp        // of the caller's number; empty: every caller

	Flags        []string // what it can do
	RequireFlags bool     // it takes only calls that demand flags
	IgnoreFlags  bool     // it takes calls whatever they demand

	Weight        int  // low first; 0: 50
	Emergency     bool // it is the first for emergency numbers, and is shown the caller id for emergencies
	Authoritative bool // its 404 and 484 are the last word on a number
	Number        []Formatter
	Caller        []Formatter // of the caller id
}

// CarrierClass is how a carrier takes one class of numbers.
type CarrierClass struct {
	Off            bool
	Pattern        *regexp.Regexp // of the number; nil: all of the class, as they are
	Prefix, Suffix string
	Weight         int // 0: the carrier's
	Emergency      bool
}

// Gateway is one way into a carrier.
type Gateway struct {
	Trunk          string // id of the trunk that calls go through
	Prefix, Suffix string // around the number sent
	Format         number.Format
	User           string               // sent instead of the number; empty: the number
	Sign           time.Duration        // in which it should ring; 0: 8 s, below 0: no limit
	Headers        []interpreter.Header // of every INVITE
	Off            bool                 //
	CallerID       account.Attribute    // which caller id it is shown; empty: the one of the call
}

// Formatter rewrites a number on its way to a carrier.
type Formatter struct {
	Pattern        *regexp.Regexp // its first capture, or the whole match, is what remains; nil: everything
	Strip          bool           // nothing remains
	Value          string         // what is put in its place; empty: what remains
	Prefix, Suffix string
}

// CarrierRequest is a call that looks for a carrier.
type CarrierRequest struct {
	Number string   // in E.164 form, or as it was dialled where it has none
	Class  string   // of the number
	Caller string   // number of the caller
	Flags  []string // that the carrier must have
}

// Route is one gateway that a call may go through.
type Route struct {
	Carrier   *Carrier
	Gateway   Gateway
	Number    string // as the gateway wants it
	Emergency bool   // show the caller id for emergencies
	Help      bool   // the call is to an emergency number
	dialled   string
	weight    int
}

// defaultSign is how long a gateway may take to ring before the next is tried.
const defaultSign = 8 * time.Second

const defaultWeight = 50

// Routes lists the ways that a call may take, best first. Carriers of one weight stay in their order. Where one of them
// knows the class of the number, those that know it are the only ones asked. Emergency numbers go to carriers for
// emergencies first, and to every carrier, if need be, when none takes them.
func Routes(carriers []Carrier, plan number.Plan, q CarrierRequest) []Route {
	routes := routesOf(carriers, plan, q)
	if !plan.Emergency(q.Number) {
		return routes
	}
	return forHelp(routes, carriers, plan, q)
}

func routesOf(carriers []Carrier, plan number.Plan, q CarrierRequest) []Route {
	classed := slices.ContainsFunc(carriers, func(c Carrier) bool {
		class, ok := c.Classes[q.Class]
		return ok && !class.Off
	})
	var routes []Route
	for i := range carriers {
		c := &carriers[i]
		if !c.serves(q) {
			continue
		}
		r, ok := c.match(q, classed)
		if !ok {
			continue
		}
		for _, g := range c.ways() {
			way := r
			way.Gateway = g
			way.Number = g.number(plan, c.format(r.Number))
			routes = append(routes, way)
		}
	}
	slices.SortStableFunc(routes, func(a, b Route) int { return cmp.Compare(a.weight, b.weight) })
	return routes
}

// serves tells whether the carrier takes calls of this caller that demand these flags.
func (c *Carrier) serves(q CarrierRequest) bool {
	if len(c.Callers) > 0 && !slices.ContainsFunc(c.Callers, func(re *regexp.Regexp) bool {
		return re.MatchString(q.Caller)
	}) {
		return false
	}
	switch {
	case c.IgnoreFlags:
		return true
	case len(q.Flags) == 0:
		return !c.RequireFlags
	}
	return !slices.ContainsFunc(q.Flags, func(f string) bool { return !slices.Contains(c.Flags, f) })
}

// match tells whether the carrier takes the number, and what of it is sent.
func (c *Carrier) match(q CarrierRequest, classed bool) (Route, bool) {
	r := Route{Carrier: c, Emergency: c.Emergency, dialled: q.Number, weight: cmp.Or(c.Weight, defaultWeight)}
	if classed {
		class, ok := c.Classes[q.Class]
		if !ok || class.Off {
			return r, false
		}
		sent, ok := q.Number, true
		if class.Pattern != nil {
			sent, ok = longest(class.Pattern, q.Number)
		}
		r.Number = class.Prefix + sent + class.Suffix
		r.Emergency = r.Emergency || class.Emergency
		r.weight = cmp.Or(class.Weight, r.weight)
		return r, ok
	}
	if len(c.Rules) == 0 {
		r.Number = q.Number
		return r, len(c.Classes) == 0
	}
	for _, re := range c.Rules {
		if sent, ok := longest(re, q.Number); ok {
			r.Number = sent
			return r, true
		}
	}
	return r, false
}

// longest is the longest capture of a pattern, or the whole match of one that captures nothing.
func longest(re *regexp.Regexp, s string) (string, bool) {
	m := re.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	best := ""
	for _, capture := range m[1:] {
		if len(capture) > len(best) {
			best = capture
		}
	}
	return cmp.Or(best, m[0]), true
}

// ways are the gateways that may be used, in the order of this call.
func (c *Carrier) ways() []Gateway {
	list := slices.DeleteFunc(slices.Clone(c.Gateways), func(g Gateway) bool { return g.Off })
	if c.Random {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// format applies the carrier's formatters.
func (c *Carrier) format(n string) string { return rewrite(c.Number, n) }

// caller applies them to the number that is shown.
func (c *Carrier) caller(n string) string { return rewrite(c.Caller, n) }

func rewrite(list []Formatter, n string) string {
	for _, f := range list {
		rest, ok := n, true
		if f.Pattern != nil {
			if rest, ok = longest(f.Pattern, n); !ok {
				continue
			}
		}
		switch {
		case f.Strip:
			rest = ""
		case f.Value != "":
			rest = f.Value
		}
		if n = f.Prefix + rest + f.Suffix; f.Pattern != nil {
			return n // the first that matches
		}
	}
	return n
}

// number writes a number as the gateway wants it.
func (g Gateway) number(plan number.Plan, n string) string {
	if g.User != "" {
		return g.User
	}
	return g.Prefix + plan.Write(n, g.Format) + g.Suffix
}

// Target is the target that goes this way: base with trunk, number and headers. The name stays what was dialled.
func (r Route) Target(base interpreter.Target) interpreter.Target {
	t := base
	if t.Name == "" {
		t.Name = base.URI
	}
	t.Trunk, t.URI, t.Number, t.Emergency = r.Gateway.Trunk, r.Number, r.dialled, t.Emergency || r.Help
	if from := r.Carrier.caller(t.From.User); t.From.User != "" {
		t.From.User = from
	}
	switch {
	case r.Gateway.Sign > 0:
		t.Sign = r.Gateway.Sign
	case r.Gateway.Sign == 0:
		t.Sign = defaultSign
	}
	t.Headers = append(slices.Clone(r.Gateway.Headers), base.Headers...)
	return t
}

// Hunts tells whether a failure on this way lets the next one try: not when the called party has spoken (486, 600,
// 603), nor when a carrier that is authoritative says that there is no such number, nor when our own rules refuse it.
func (r Route) Hunts(e *interpreter.DialError) bool {
	switch e.Code {
	case 403:
		return e.Fault == 0 // our own rules refuse it on every way
	case 486, 600, 603:
		return e.Unreached
	case 404, 484:
		return !r.Carrier.Authoritative || e.Unreached
	}
	return true
}

// Number normalises what was dialled for carriers: E.164 where it has that form, else without what people write between
// digits.
func Number(plan number.Plan, dialled string) (n, class string) {
	class = plan.Class(dialled)
	if e, ok := plan.E164(dialled); ok {
		return e, class
	}
	text := strings.TrimSpace(dialled)
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		text = text[4:]
	}
	return text, class
}
