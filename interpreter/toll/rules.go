package toll

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

// Codes of refusals.
const (
	CodeDestination = 13227 // the number may not be called
	CodeCallerID    = 13214 // the caller id may not be shown
	CodeLimit       = 90030 // too many calls
)

// Rules say what an account may call. The zero Rules allow every number but those of the dangerous kinds, with the
// default limits.
type Rules struct {
	Plan  number.Plan
	Home  bool     // without Allow: the home country alone; else every country
	Allow []string // prefixes, "+353"; one without a plus sign is of what was dialled: "118"; "*" allows every country
	Deny  []string // prefixes that are refused although allowed

	Kinds   []number.Kind // dangerous kinds that may be called all the same; see Dangerous
	Classes []string      // classes of numbers that are refused, as number.Plan names them

	Calls         int           // at once; 0: 100, below 0: no limit
	PerMinute     int           // new ones a minute; 0: 120, below 0: no limit
	PrefixPerMin  int           // new ones a minute to one destination, see destination; 0: 30, below 0: no limit
	TimePerDay    time.Duration // of all conversations of a day (UTC); 0: no limit
	CallerPolicy  CallerPolicy  // empty: owned-or-passthrough
	CallerIDs     []string      // numbers, or prefixes ending in *, that the account may show; empty: any
	CallerDefault string        // shown in place of one that may not be; empty: the call is refused
}

// CallerPolicy says which caller ids may be shown.
type CallerPolicy string

// The policies.
const (
	CallerAny         CallerPolicy = "any"
	CallerOwned       CallerPolicy = "owned"
	CallerPassthrough CallerPolicy = "owned-or-passthrough" // also the number of the caller who is being connected
)

// Limits by default.
const (
	defaultCalls     = 100
	defaultPerMinute = 120
	defaultPrefix    = 30
)

// Dangerous are the kinds of numbers that fraud lives on; they are refused unless Rules.Kinds names them.
func Dangerous() []number.Kind {
	return []number.Kind{number.Premium, number.Satellite, number.Personal}
}

// Check reports what is wrong with rules.
func (r Rules) Check() error {
	if err := r.Plan.Check(); err != nil {
		return err
	}
	for _, p := range slices.Concat(r.Allow, r.Deny) {
		if p != "*" && strings.Trim(strings.TrimPrefix(p, "+"), "0123456789") != "" || p == "" || p == "+" {
			return fmt.Errorf("prefix %q: give digits, with + and the country code such as \"+353\", or \"*\"", p)
		}
	}
	for _, k := range r.Kinds {
		if !slices.Contains(Dangerous(), k) {
			return fmt.Errorf("kind %q: give premium, satellite or personal", k)
		}
	}
	switch r.CallerPolicy {
	case "", CallerAny, CallerOwned, CallerPassthrough:
		return nil
	}
	return fmt.Errorf("caller id policy %q: give any, owned or owned-or-passthrough", r.CallerPolicy)
}

// destination tells why a number may not be called, or nothing. dialled is what was dialled; the second result is the
// prefix that its calls are counted under.
func (r Rules) destination(dialled string) (refused, prefix string) {
	e, ok := r.Plan.E164(dialled)
	if !ok {
		return r.short(dialled), "short"
	}
	prefix = r.counted(e)
	if p, denied := longestOf(r.Deny, e); denied && p != "*" {
		return fmt.Sprintf("numbers that begin with %s are denied (setting deny)", p), prefix
	}
	if class := r.Plan.Class(e); slices.Contains(r.Classes, class) {
		return fmt.Sprintf("numbers of the class %s are denied (setting classes)", class), prefix
	}
	_, listed := longestOf(r.Allow, e)
	exact := listed && !slices.Contains(r.Allow, "*")
	kind := number.KindOf(e)
	wanted := slices.Contains(r.Kinds, kind)
	if slices.Contains(Dangerous(), kind) && !wanted && !exact {
		return fmt.Sprintf("%s numbers are denied (setting kinds, or their prefix in allow)", kind), prefix
	}
	if listed || wanted && len(r.Allow) == 0 {
		return "", prefix
	}
	return r.unlisted(e), prefix
}

// counted is the prefix that the calls of a number are counted under: finer at home than abroad.
func (r Rules) counted(e string) string {
	if strings.HasPrefix(e, "+"+r.Plan.Code()) {
		return e[:min(len(e), len(r.Plan.Code())+4)]
	}
	return e[:min(len(e), 6)]
}

// unlisted judges a number that no prefix of the allow list matches.
func (r Rules) unlisted(e string) string {
	switch {
	case len(r.Allow) > 0:
		return "no prefix of the setting allow matches the number"
	case r.Home && !r.inHome(e):
		return "only numbers of the home country may be called (setting allow lists the prefixes of others)"
	}
	return ""
}

// inHome tells whether a number belongs to the home country, in countries that share a code too.
func (r Rules) inHome(e string) bool {
	country := r.Plan.Country
	if country == "" {
		country = "US"
	}
	if !strings.HasPrefix(e, "+"+r.Plan.Code()) {
		return false
	}
	c := number.Country(e)
	return c == "" || strings.EqualFold(c, country)
}

// short judges what has no E.164 form: extensions behind a gateway, services. Behind an allow list, or at home alone,
// they must be listed.
func (r Rules) short(dialled string) string {
	if _, denied := longestOf(r.Deny, dialled); denied {
		return "the number is denied (setting deny)"
	}
	if _, ok := longestOf(r.Allow, dialled); ok || !r.Home && len(r.Allow) == 0 {
		return ""
	}
	return "short numbers must be listed (setting allow, without a plus sign)"
}

// longestOf finds the longest prefix in a list that text begins with. "*" is the shortest, for numbers with a country
// code.
func longestOf(list []string, text string) (prefix string, ok bool) {
	for _, p := range list {
		match := strings.HasPrefix(text, p) || p == "*" && strings.HasPrefix(text, "+")
		if match && (!ok || len(p) > len(prefix) || prefix == "*") {
			prefix, ok = p, true
		}
	}
	return prefix, ok
}

// caller tells whether a caller id may be shown, and what is shown in its place.
func (r Rules) caller(shown, calling interpreter.Address) (instead string, ok bool) {
	if r.CallerPolicy == CallerAny || len(r.CallerIDs) == 0 || r.owns(shown.User) {
		return "", true
	}
	if r.CallerPolicy != CallerOwned && shown.User != "" && shown.User == calling.User {
		return "", true
	}
	return r.CallerDefault, false
}

// owns tells whether a number is among CallerIDs, in whatever form both are written.
func (r Rules) owns(user string) bool {
	e, ok := r.Plan.E164(user)
	if !ok {
		e = user
	}
	return slices.ContainsFunc(r.CallerIDs, func(own string) bool {
		if p, wild := strings.CutSuffix(own, "*"); wild {
			return strings.HasPrefix(e, p)
		}
		if o, fine := r.Plan.E164(own); fine {
			own = o
		}
		return own == e
	})
}
