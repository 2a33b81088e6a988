package number

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Names of classes that the engine itself asks for. A table may have others.
const (
	ClassEmergency     = "emergency"
	ClassInternational = "international"
	ClassUnknown       = "unknown"
)

// Class is one row of a table of classes.
type Class struct {
	Name      string
	Pattern   *regexp.Regexp // of the E.164 number, or of what was dialled where that has no such form
	Emergency bool
}

// Classes is a table of classes: the first row that matches names the class.
type Classes []Class

// Of names the class of a number in E.164 form, or of what was dialled; ClassUnknown when no row matches.
func (t Classes) Of(number string) string {
	for _, c := range t {
		if c.Pattern.MatchString(number) {
			return c.Name
		}
	}
	return ClassUnknown
}

// NewClasses makes a table from names and patterns, in order.
func NewClasses(rows [][2]string) (Classes, error) {
	var t Classes
	for _, r := range rows {
		re, err := regexp.Compile(r[1])
		if err != nil {
			return nil, fmt.Errorf("class %s: pattern %q: %w", r[0], r[1], err)
		}
		t = append(t, Class{Name: r[0], Pattern: re, Emergency: r[0] == ClassEmergency})
	}
	return t, nil
}

// caribbean are the area codes of the countries and territories beyond the United States and Canada that share +1.
const caribbean = `242|246|264|268|284|340|345|441|473|649|658|664|670|671|684|721|758|767|784|787|809|829|849|868|` +
	`869|876|939`

// northAmerica is the table of +1; classes of other countries are "international".
var northAmerica = mustClasses([][2]string{
	{ClassEmergency, `^(911|922|933|833|811|711|999|112)$`},
	{"tollfree_us", `^\+1(8(00|22|33|44|55|66|77|88))\d{7}$`},
	{"toll_us", `^\+1900\d{7}$`},
	{"caribbean", `^\+1(` + caribbean + `)\d{7}$`},
	{"did_us", `^\+1[2-9]\d{9}$`},
	{ClassInternational, `^\+[2-9]\d{7,}$`},
})

// ireland is the table of +353. Premium rates are 15xx (ComReg's numbering conditions).
var ireland = mustClasses([][2]string{
	{ClassEmergency, `^(999|112|116000|116111|116123)$`},
	{"tollfree_ie", `^\+3531800\d{6}$`},
	{"shared_ie", `^\+353(1850|1890|818|700)\d{6}$`},
	{"toll_ie", `^\+35315[1-9]\d{6,7}$`},
	{"mobile_ie", `^\+3538[35-9]\d{7}$`},
	{"did_ie", `^\+353[1-9]\d{5,9}$`},
	{ClassInternational, `^\+[1-9]\d{6,}$`},
})

func mustClasses(rows [][2]string) Classes {
	var t Classes
	for _, r := range rows {
		t = append(t, Class{Name: r[0], Pattern: regexp.MustCompile(r[1]), Emergency: r[0] == ClassEmergency})
	}
	return t
}

// Classes is the table of the home country: those of North America and Ireland by hand, every other from what the
// numbering plan of the country says, see Kind.
func (p Plan) Classes() Classes {
	switch {
	case phonenumbers.IsNANPACountry(p.country()):
		return northAmerica
	case p.country() == "IE":
		return ireland
	}
	return nil
}

// Class names the class of what was dialled: by the country's table, else by the kind of number as class_country, such
// as "toll_de", "tollfree_de", "did_de"; abroad is "international".
func (p Plan) Class(dialled string) string {
	if p.Emergency(dialled) {
		return ClassEmergency
	}
	e, ok := p.E164(dialled)
	if !ok {
		if s, plainOK := plain(dialled); plainOK {
			e = s
		}
	}
	if t := p.Classes(); t != nil {
		return t.Of(e)
	}
	switch {
	case !ok:
		return ClassUnknown
	case Country(e) != p.country():
		return ClassInternational
	}
	suffix := "_" + strings.ToLower(p.country())
	switch KindOf(e) {
	case TollFree:
		return "tollfree" + suffix
	case Premium:
		return "toll" + suffix
	case SharedCost:
		return "shared" + suffix
	case Mobile:
		return "mobile" + suffix
	default:
		return "did" + suffix
	}
}

// Kind is what a call to a number costs in principle, whatever the country.
type Kind string

// The kinds, from the harmless to those that fraud lives on.
const (
	Ordinary   Kind = "ordinary"
	Mobile     Kind = "mobile"
	TollFree   Kind = "tollfree"
	SharedCost Kind = "shared"
	Personal   Kind = "personal"  // personal and universal numbers: forwarded at a price that nobody knows beforehand
	Premium    Kind = "premium"   // part of the price goes to the party that is called
	Satellite  Kind = "satellite" // satellite telephones and networks without a country
)

// satellites are the country codes of satellite and worldwide networks (ITU-T E.164, list of assigned codes).
var satellites = regexp.MustCompile(`^\+(870|878|881|882|883|888|979|991)`)

// premiums are ranges with the price of a premium rate that numbering tables do not mark: +1 900, +1 976, and the
// universal premium rate numbers +979.
var premiums = regexp.MustCompile(`^\+(1900|1[2-9]\d{2}976\d{4}$|979)`)

// KindOf tells the kind of an E.164 number.
func KindOf(e164 string) Kind {
	switch {
	case premiums.MatchString(e164):
		return Premium
	case satellites.MatchString(e164):
		return Satellite
	}
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return Ordinary
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.PREMIUM_RATE:
		return Premium
	case phonenumbers.TOLL_FREE:
		return TollFree
	case phonenumbers.SHARED_COST:
		return SharedCost
	case phonenumbers.PERSONAL_NUMBER, phonenumbers.UAN:
		return Personal
	case phonenumbers.MOBILE:
		return Mobile
	default:
		return Ordinary
	}
}
