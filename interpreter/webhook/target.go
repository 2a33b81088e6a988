package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"pintle/interpreter"
)

// maxURL is how long a URL may be, in octets.
const maxURL = 4096

// target is a URL that may be asked, taken apart: u holds neither user information nor a fragment.
type target struct {
	u        *url.URL
	user     *url.Userinfo
	fragment string
}

// hostNames turns foreign letters into their ASCII form; underscores are common in the names of development machines
// and are let through.
var hostNames = idna.New(idna.MapForLookup(), idna.StrictDomainName(false))

// parseTarget judges a URL. Its faults (11100) never show user information.
func parseTarget(raw string) (target, error) {
	bare, fragment, _ := strings.Cut(raw, "#")
	switch {
	case raw == "":
		return target{}, unusable("the URL is empty; give an absolute http or https URL")
	case len(raw) > maxURL:
		return target{}, unusable(fmt.Sprintf("the URL has %d octets; shorten it to %d", len(raw), maxURL))
	case strings.ContainsFunc(raw, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return target{}, unusable("the URL contains a control character; remove it")
	}
	u, err := url.Parse(bare)
	if err != nil {
		// Only the innermost reason: the outer one repeats the URL with its password.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return target{}, unusable("the URL cannot be parsed (" + printable(err.Error(), 80) + "); correct its spelling")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" {
		return target{}, unusable(fmt.Sprintf("the URL's scheme is %q;"+
			" use an absolute http or https URL", printable(u.Scheme, 20)))
	}
	if err := checkHost(u); err != nil {
		return target{}, err
	}
	t := target{u: u, user: u.User, fragment: fragment}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return t, nil
}

func checkHost(u *url.URL) error {
	name := u.Hostname()
	if name == "" || u.Opaque != "" {
		return unusable("the URL has no host; give an absolute http or https URL")
	}
	if err := checkPort(u); err != nil {
		return err
	}
	if strings.HasPrefix(u.Host, "[") {
		return nil
	}
	if !isASCII(name) {
		ascii, err := hostNames.ToASCII(name)
		if err != nil {
			return unusable("the URL's host name is not a valid international name; correct its spelling")
		}
		u.Host = strings.Replace(u.Host, name, ascii, 1)
		name = ascii
	}
	for _, r := range name {
		if !ofHostName(r) {
			return unusable("the URL's host name contains " + strconv.QuoteRune(r) + "; correct its spelling")
		}
	}
	return nil
}

// checkPort refuses a port that no server can have, and takes away a colon without one.
func checkPort(u *url.URL) error {
	port := u.Port()
	if port == "" {
		u.Host = strings.TrimSuffix(u.Host, ":")
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return unusable("the URL's port " + printable(port, 12) + " is not a number from 1 to 65535")
	}
	return nil
}

func ofHostName(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
}

// withQuery returns a copy of u with more parameters behind those it has, which keep their order and spelling.
func withQuery(u *url.URL, more string) *url.URL {
	c := *u
	switch {
	case more == "":
	case c.RawQuery == "":
		c.RawQuery = more
	default:
		c.RawQuery += "&" + more
	}
	c.ForceQuery = c.ForceQuery && c.RawQuery == ""
	return &c
}

// origin is what credentials are bound to: those learnt for one origin go to no other.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// show prints a URL for traces and faults: without user information, query and fragment, which may hold secrets.
func show(u *url.URL) string {
	return printable((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(), 200)
}

// escapeQuery encodes the octets that may not stand in a request line and leaves all others as they were written.
func escapeQuery(q string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(q); i++ {
		if c := q[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(q[i])
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// printable makes foreign text fit into one line of at most n letters.
func printable(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func unusable(msg string) *interpreter.Fault {
	return &interpreter.Fault{Code: interpreter.CodeURL, Msg: msg}
}
