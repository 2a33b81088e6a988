package number

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Format is how a carrier wants numbers written.
type Format string

// The forms. The zero Format leaves a number as it is.
const (
	AsIs      Format = ""
	E164      Format = "e164"       // +15550100123
	NPAN      Format = "npan"       // 5550100123: ten digits of North America, others as they are
	OneNPAN   Format = "1npan"      // 15550100123
	StripPlus Format = "strip_plus" // 35315550123
	National  Format = "national"   // 015550123 within the home country, 00… else
)

// Formats are the forms that a configuration may name.
func Formats() []Format { return []Format{E164, NPAN, OneNPAN, StripPlus, National} }

// Write brings an E.164 number into a form. What is not an E.164 number stays as it is.
func (p Plan) Write(e164 string, f Format) string {
	if !wellFormed(e164) {
		return e164
	}
	switch f {
	case NPAN:
		if north(e164) {
			return e164[2:]
		}
	case OneNPAN:
		if north(e164) {
			return e164[1:]
		}
	case StripPlus:
		return e164[1:]
	case National:
		return p.national(e164)
	case AsIs, E164:
	}
	return e164
}

// north tells whether a number is one of North America: +1 and ten digits.
func north(e164 string) bool { return len(e164) == 12 && strings.HasPrefix(e164, "+1") }

// national writes a number as one dials it in the home country.
func (p Plan) national(e164 string) string {
	international := "00"
	if phonenumbers.IsNANPACountry(p.country()) {
		international = "011"
	}
	rest, home := strings.CutPrefix(e164, "+"+p.Code())
	if !home {
		return international + e164[1:]
	}
	n, err := phonenumbers.Parse(e164, p.country())
	if err != nil {
		return rest
	}
	significant := phonenumbers.GetNationalSignificantNumber(n)
	if phonenumbers.IsNANPACountry(p.country()) {
		return significant
	}
	return phonenumbers.GetNddPrefixForRegion(p.country(), true) + significant
}
