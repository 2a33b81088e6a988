package account

import (
	"reflect"
	"slices"
	"strings"
)

// loaded is what files say.
type loaded struct {
	accounts []*Account
	objects  map[string][]Object // by id of the account; "" is what belongs to the operator
}

// loader reads files and goes on after every mistake.
type loader struct {
	loaded
	found Problems
	types map[reflect.Type][]field
	known map[string]*Account // by id
}

// load reads every file, and says everything that is wrong with them.
func load(files []File) (loaded, Problems) {
	l := &loader{loaded: loaded{objects: map[string][]Object{}},
		types: map[reflect.Type][]field{}, known: map[string]*Account{}}
	for _, f := range files {
		n, line, err := readYAML(f.Body)
		if err != nil {
			l.found = append(l.found, Problem{File: f.Name, Line: line, Msg: err.Error()})
			continue
		}
		if !f.Config {
			l.accountsOf(f.Name, n)
			continue
		}
		if a, ok := n.get("accounts"); ok {
			l.accountsOf(f.Name, a)
		}
		if r, ok := n.get("resources"); ok {
			c, _ := collectionOf(KindResource)
			l.collection(f.Name, "", c, member{"resources", r.line, r})
		}
	}
	return l.loaded, l.found
}

// accountsOf reads one account, several as a list, or several as an object of ids.
func (l *loader) accountsOf(file string, n node) {
	switch n.shape {
	case null, text:
	case list:
		for _, m := range n.members {
			if m.shape == object {
				l.account(file, "", m.node)
			} else if m.shape != text { // a text names a file
				l.found = append(l.found, Problem{File: file, Line: m.line, Object: "accounts", Msg: errNoAccount.Error()})
			}
		}
	case object:
		if single(n) {
			l.account(file, "", n)
			return
		}
		for _, m := range n.members {
			l.account(file, m.name, m.node)
		}
	default:
		l.found = append(l.found, Problem{File: file, Line: n.line, Object: "accounts", Msg: errNoAccount.Error()})
	}
}

// single tells an account from an object of accounts: it has a field of an account, or something that is no object.
func single(n node) bool {
	known := accountFields()
	for _, m := range n.members {
		if m.shape != object || slices.Contains(known, m.name) {
			return true
		}
	}
	return false
}

func accountFields() []string {
	known := fieldNames(new(Account))
	for _, c := range collections {
		known = append(known, c.key)
	}
	return known
}

func (l *loader) account(file, key string, n node) {
	own := node{shape: n.shape, line: n.line}
	var rest []member
	for _, m := range n.members {
		if isCollection(m.name) {
			rest = append(rest, m)
		} else {
			own.members = append(own.members, m)
		}
	}
	a := &Account{}
	d := &decoder{file: file, object: "account", known: accountFields(), types: l.types}
	d.into(a, own, place{"", n.line})
	if key != "" {
		d.object = "account " + clip(key)
		if a.ID == "" {
			a.ID = key
		}
	}
	a.Origin = Origin{file, n.line}
	if a.ID == "" {
		a.ID = a.natural()
	}
	name(a, "")
	l.found = append(l.found, d.found...)
	if old, taken := l.known[a.ID]; taken {
		l.found = append(l.found, Problem{file, n.line, "account " + clip(a.natural()), "id",
			"another account has the same id, realm or name; it stands in " + old.Origin.String()})
		return
	}
	l.known[a.ID] = a
	l.accounts = append(l.accounts, a)
	for _, m := range rest {
		for _, c := range collections {
			if c.key == m.name {
				l.collection(file, a.ID, c, m)
			}
		}
	}
}

func isCollection(key string) bool {
	return slices.ContainsFunc(collections, func(c collection) bool { return c.key == key })
}

// name makes the id of an object that has a readable one.
func name(o Object, account string) {
	b := o.About()
	b.Account = account
	if o.Kind() == KindAccount {
		b.Account = ""
	}
	if !hexID.MatchString(b.ID) {
		b.Key, b.ID = b.ID, Bare(b.Account, o.Kind(), b.ID)
	}
}

// collection reads the objects of one kind: an object of ids, or a list.
func (l *loader) collection(file, account string, c collection, m member) {
	if m.shape == null {
		return
	}
	if m.shape != object && m.shape != list {
		l.found = append(l.found, Problem{file, m.line, c.key, "", "an object of ids, or a list, is expected here"})
		return
	}
	seen := map[string]int{}
	for _, one := range m.members {
		o := l.read(file, c, one)
		name(o, account)
		b := o.About()
		if line, twice := seen[b.ID]; twice {
			l.found = append(l.found, Problem{file, one.line, c.key + "." + clip(show(o)), "",
				"the object of line " + itoa(line) + " has the same id or name; give this one an id"})
			continue
		}
		seen[b.ID] = one.line
		l.objects[account] = append(l.objects[account], o)
	}
}

// read makes one object of a collection. Its id is its field id, the key it stands under, or what tells it apart.
func (l *loader) read(file string, c collection, m member) Object {
	o := c.make()
	d := &decoder{file: file, object: c.key + "." + clip(m.name), types: l.types}
	if m.name == "" {
		d.object = c.key
		if n, ok := m.get("name"); ok && n.shape == text {
			d.object += "." + clip(n.text)
		}
	}
	n := m.node
	if c.kind == KindNumber {
		n = plainNumber(m)
	}
	b := o.About()
	b.Origin = Origin{file, m.line}
	d.into(o, n, place{"", m.line})
	if b.ID == "" {
		b.ID = m.name
	}
	if b.ID == "" {
		b.ID = o.natural()
	}
	if why := parseRule("len=1..256 is=line").checkText(b.ID); why != "" {
		d.fail(place{"id", m.line}, "%s", why)
	}
	o.check(d)
	l.found = append(l.found, d.found...)
	return o
}

// plainNumber lets a telephone number stand alone in a list, or be the key.
func plainNumber(m member) node {
	n := m.node
	if m.shape == text || m.shape == number {
		return node{shape: object, line: m.line, members: []member{{"number", m.line, m.node}}}
	}
	if _, ok := n.get("number"); !ok && m.name != "" && (n.shape == object || n.shape == null) {
		n.shape, n.line = object, m.line
		n.members = append(slices.Clone(n.members), member{"number", m.line, node{shape: text, text: m.name, line: m.line}})
	}
	return n
}

// show is how a problem names an object.
func show(o Object) string {
	b := o.About()
	switch {
	case b.Key != "":
		return b.Key
	case o.Label() != "":
		return strings.TrimSpace(o.Label())
	}
	return b.ID
}
