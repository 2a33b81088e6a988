package account

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"
)

// forms are the shapes that texts may be asked to have: is=NAME in a rule.
var forms = map[string]func(string) string{
	"country": matching(regexp.MustCompile(`^[A-Z]{2}$`),
		"an ISO 3166 code of two capital letters such as IE is expected"),
	"digits":   matching(regexp.MustCompile(`^[0-9]+$`), "digits alone are expected"),
	"realm":    matching(regexp.MustCompile(`^[\w.-]{4,253}$`), "a host name such as voice.example.com is expected"),
	"language": matching(regexp.MustCompile(`^[A-Za-z0-9_-]{2,35}$`), "a language such as en-us is expected"),
	"username": matching(regexp.MustCompile(`^[+@.\w-]+$`), "letters, digits and + @ . _ - are allowed"),
	"login": matching(regexp.MustCompile(`^[\w.!~*'+=-]+$`),
		"letters, digits and . ! ~ * ' + = _ - are allowed: it becomes part of a SIP address"),
	"header": matching(regexp.MustCompile(`^[\w-]+$`), "letters, digits, _ and - are allowed"),
	"line":   isLine, "regexp": isRegexp, "email": isEmail, "url": isURL, "sip": isSIP, "ip": isIP, "timezone": isZone,
}

func checkForm(name, s string) string {
	if f, ok := forms[name]; ok && s != "" {
		return f(s)
	}
	return ""
}

func matching(re *regexp.Regexp, why string) func(string) string {
	return func(s string) string {
		if re.MatchString(s) {
			return ""
		}
		return fmt.Sprintf("%q: %s", clip(s), why)
	}
}

// isLine refuses what would break out of a SIP header.
func isLine(s string) string {
	if strings.ContainsAny(s, "\r\n") {
		return "this must be one line"
	}
	return ""
}

// maxProgram is how many steps an expression may compile to: some memory, and the time that a number takes to pass it.
const maxProgram = 4096

func isRegexp(s string) string {
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err == nil {
		var p *syntax.Prog
		if p, err = syntax.Compile(parsed.Simplify()); err == nil && len(p.Inst) > maxProgram {
			return "this regular expression repeats too much; make it simpler"
		}
	}
	if err != nil {
		return fmt.Sprintf("this regular expression cannot be used (%v); look-ahead and back-references are not supported, "+
			"a star that is dialled is written \\*", err)
	}
	return ""
}

func isEmail(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return fmt.Sprintf("%q is no e-mail address", clip(s))
	}
	return ""
}

func isURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Sprintf("%q is no http or https URL", clip(s))
	}
	return ""
}

func isSIP(s string) string {
	_, rest, ok := strings.Cut(s, ":")
	scheme := strings.ToLower(s[:len(s)-len(rest)])
	if !ok || (scheme != "sip:" && scheme != "sips:") || rest == "" || strings.ContainsAny(s, " \t\r\n<>\"") {
		return fmt.Sprintf("%q is no SIP address; write sip:user@host", clip(s))
	}
	return ""
}

func isIP(s string) string {
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Sprintf("%q is no IP address", clip(s))
	}
	return ""
}

func isZone(s string) string {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return fmt.Sprintf("%q is no time zone; write one such as Europe/Dublin", clip(s))
	}
	return ""
}
