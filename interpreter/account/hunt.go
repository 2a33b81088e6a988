package account

import (
	"fmt"
	"slices"
	"strings"

	"pintle/interpreter"
)

// Hunting says whether the callflow for numbers without a match may answer.
type Hunting int

// The ways to hunt.
const (
	// Exactly leaves no_match out: calls of carriers and strangers, and modules that want an extension.
	Exactly Hunting = iota
	// OrNoMatch lets no_match answer: calls that are authorised in the account.
	OrNoMatch
)

// Match is what a dialled number leads to.
type Match struct {
	Callflow *Callflow
	Number   string            // as it was dialled
	Pattern  string            // expression that matched; empty: the number itself, or no_match
	Capture  string            // longest of what its groups captured: Kazoo's capture group; empty without groups
	Captures map[string]string // its named groups
	NoMatch  bool              // the callflow is the one for numbers without a match

	length int // by which patterns compete: of the capture, or of the match when there are no groups
}

// Hunt finds the callflow of a number: the one that has it among its numbers; else the one with the pattern that
// captures most, the first of equals; else, if asked for and the number is one, the callflow of no_match.
func (v *View) Hunt(number string, h Hunting) (Match, error) {
	if c, ok := v.exactly(number); ok && number != NoMatch {
		return Match{Callflow: c, Number: number}, nil
	}
	best := Match{Number: number}
	if len(number) <= maxDialled {
		for c := range All[*Callflow](v) {
			c.match(number, &best)
		}
	}
	if best.Callflow != nil {
		return best, nil
	}
	if c, ok := v.exactly(NoMatch); ok && h == OrNoMatch && dialable(number) {
		return Match{Callflow: c, Number: number, NoMatch: true}, nil
	}
	return Match{}, fmt.Errorf("callflow of %s: %w", clip(number), interpreter.ErrNotFound)
}

// maxDialled is how long a number may be that patterns are tried on.
const maxDialled = 256

// match keeps the better of what was found before and what the patterns of c capture.
func (c *Callflow) match(number string, best *Match) {
	for i, re := range c.compiled {
		m := re.FindStringSubmatch(number)
		if m == nil {
			continue
		}
		capture := ""
		for _, g := range m[1:] {
			if len(g) > len(capture) {
				capture = g
			}
		}
		length := len(capture)
		if len(m) == 1 {
			length = len(m[0])
		}
		if best.Callflow != nil && length <= best.length {
			continue
		}
		best.Callflow, best.Pattern, best.Capture, best.length = c, c.Patterns[i], capture, length
		best.Captures = nil
		for g, name := range re.SubexpNames() {
			if name == "" || g == 0 {
				continue
			}
			if best.Captures == nil {
				best.Captures = map[string]string{}
			}
			best.Captures[name] = m[g]
		}
	}
}

func dialable(number string) bool {
	return number != "" && strings.Trim(number, "+0123456789") == ""
}

// Extension is the user or device that a number rings first, for lamps and transfers: the object of the first node of
// its callflow. Else interpreter.ErrNotFound.
func (v *View) Extension(number string) (Object, error) {
	c, ok := v.exactly(number)
	if !ok {
		return nil, fmt.Errorf("extension %s: %w", clip(number), interpreter.ErrNotFound)
	}
	if o, ok := v.Rings(c); ok {
		return o, nil
	}
	return nil, fmt.Errorf("extension %s rings no telephone: %w", clip(number), interpreter.ErrNotFound)
}

// Rings is the user or device that a callflow rings first: the object of its first node.
func (v *View) Rings(c *Callflow) (Object, bool) {
	if c.rings.kind == "" {
		return nil, false
	}
	o, err := v.Object(c.rings.kind, c.rings.id)
	return o, err == nil
}

// Extensions are the numbers that ring an object first: those of callflows that begin with it.
func (v *View) Extensions(o Object) []string {
	var all []string
	for c := range All[*Callflow](v) {
		if c.rings.kind != o.Kind() {
			continue
		}
		if to, err := v.Object(c.rings.kind, c.rings.id); err == nil && to == o {
			all = append(all, c.Numbers...)
		}
	}
	return all
}

// Entities are the names by which a device is watched, user@realm each: its own, its presence id and that of its owner,
// and the extensions that ring them.
func (v *View) Entities(d *Device) []string {
	realm := v.Realm(d)
	var all []string
	add := func(name string) {
		switch {
		case name == "" || realm == "":
			return
		case !strings.Contains(name, "@"):
			name += "@" + realm
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	add(v.AOR(d))
	add(d.PresenceID)
	extensions := v.Extensions(d)
	for _, u := range v.Owners(d) {
		add(u.PresenceID)
		extensions = append(extensions, v.Extensions(u)...)
	}
	for _, n := range extensions {
		add(n)
	}
	return all
}

// MailboxesOf are the mailboxes of whom a device acts for.
func (v *View) MailboxesOf(d *Device) []*Mailbox {
	var all []*Mailbox
	owners := v.Owners(d)
	for m := range All[*Mailbox](v) {
		if m.OwnerID != "" && slices.ContainsFunc(owners, func(u *User) bool { return u.ID == m.OwnerID }) {
			all = append(all, m)
		}
	}
	return all
}
