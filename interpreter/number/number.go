package number

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const (
	maxDigits = 15 // of an E.164 number, country code included (ITU-T E.164 §6)
	minDigits = 7  // below that a number has no country code of its own
	maxStrips = 4
	maxInput  = 100 // octets that are looked at; longer input is no number
)

// Plan is how numbers are read: which country those belong to that bring no country code. The zero Plan reads numbers
// as North America does.
type Plan struct {
	Country string // ISO 3166 code of the home country, "IE"; empty: "US"
}

// Check reports an error when the country is not known.
func (p Plan) Check() error {
	if phonenumbers.GetCountryCodeForRegion(p.country()) == 0 {
		return fmt.Errorf("country %q: give an ISO 3166 code of two letters, such as IE", p.Country)
	}
	return nil
}

func (p Plan) country() string {
	if p.Country == "" {
		return "US"
	}
	return strings.ToUpper(p.Country)
}

// Code is the country code of the home country, "353".
func (p Plan) Code() string {
	return fmt.Sprint(phonenumbers.GetCountryCodeForRegion(p.country()))
}

// E164 brings a dialled number into the form +<country code><number>. It reports false for what is not a number that
// the whole world can call: extensions, short codes, emergency numbers, names. Numbers are brought into form even when
// the numbering plan of their country does not know them, for carriers know more numbers than tables do.
func (p Plan) E164(text string) (string, bool) {
	text, ok := plain(text)
	if !ok || p.Emergency(text) {
		return "", false
	}
	// The tables strip national prefixes even behind a country code: only a form that stays as it is is one.
	for range maxStrips {
		n, err := phonenumbers.Parse(text, p.country())
		if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
			break
		}
		e := phonenumbers.Format(n, phonenumbers.E164)
		if e == text {
			return e, wellFormed(e)
		}
		text = e
	}
	return p.byPrefix(text)
}

// byPrefix reads by the dialling prefixes alone what the tables of the world's numbering plans refuse.
func (p Plan) byPrefix(text string) (string, bool) {
	digits, ok := p.withCode(text)
	if e := "+" + digits; ok && wellFormed(e) {
		return e, true
	}
	return "", false
}

// withCode are the digits from the country code on. It reports false where no prefix tells that there is one.
func (p Plan) withCode(text string) (string, bool) {
	switch {
	case strings.HasPrefix(text, "+"):
		return text[1:], true
	case strings.HasPrefix(text, "00"):
		return text[2:], true
	case !phonenumbers.IsNANPACountry(p.country()):
		return "", false
	case strings.HasPrefix(text, "011"):
		return text[3:], true
	case len(text) == 10 && text[0] >= '2':
		return "1" + text, true
	case len(text) > minDigits && text[0] >= '2', len(text) == 11 && text[0] == '1':
		return text, true
	}
	return "", false
}

// wellFormed tells whether a number is +, a country code and so many digits as may follow.
func wellFormed(e string) bool {
	return len(e) > minDigits && len(e) <= maxDigits+1 && e[0] == '+' && e[1] != '0' && onlyDigits(e[1:])
}

// IsE164 tells whether a number is in the form +<country code><number>.
func IsE164(text string) bool { return wellFormed(text) }

// plain takes away what people write between digits. It reports false when something else remains.
func plain(text string) (string, bool) {
	if len(text) > maxInput {
		return "", false
	}
	text = strings.TrimSpace(text)
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		text = text[4:]
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9', c == '+' && b.Len() == 0:
			b.WriteByte(c)
		case strings.IndexByte(" -.()/", c) >= 0:
		default:
			return "", false
		}
	}
	s := b.String()
	return s, s != "" && s != "+"
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// IsDialable tells whether text is digits, perhaps behind a plus sign: what may be sent to a carrier at all.
func IsDialable(text string) bool {
	s, ok := plain(text)
	return ok && len(s) <= maxDigits+5 // prefixes of carriers come on top
}

// Country is the ISO 3166 code of the country an E.164 number belongs to, or empty.
func Country(e164 string) string {
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return ""
	}
	if r := phonenumbers.GetRegionCodeForNumber(n); r != "" && r != "001" {
		return r
	}
	if r := phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode())); r != "ZZ" && r != "001" {
		return r
	}
	return ""
}

// Emergency tells whether a dialled number calls for help: those of the home country, and 112 and 911 anywhere, since
// travellers dial what they know.
func (p Plan) Emergency(text string) bool {
	s, ok := plain(text)
	if !ok || len(s) > 6 {
		return false
	}
	return s == "112" || s == "911" || phonenumbers.IsEmergencyNumber(s, p.country())
}
