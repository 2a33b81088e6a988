package account

// shape is what a node is.
type shape int

const (
	null shape = iota
	boolean
	number
	text
	list
	object
)

func (s shape) String() string {
	return [...]string{"nothing", "true or false", "a number", "a text", "a list", "an object"}[s]
}

// node is a value of a file before it has a type: YAML and JSON are read into the same tree, in the order of the file.
type node struct {
	shape   shape
	text    string // a scalar as it is written; of a text its value
	members []member
	line    int
}

type member struct {
	name string
	line int
	node
}

func (n node) get(name string) (node, bool) {
	for _, m := range n.members {
		if m.name == name {
			return m.node, true
		}
	}
	return node{}, false
}

// set puts a member in the place of one with its name, else at the end. For many at once there is [members].
func (n *node) set(m member) {
	for i := range n.members {
		if n.members[i].name == m.name {
			n.members[i] = m
			return
		}
	}
	n.members = append(n.members, m)
}

// members collects the members of an object, each name once, however many there are.
type members struct {
	list []member
	at   map[string]int // from fewMembers on: by name
}

// fewMembers are found faster one by one than by a map.
const fewMembers = 16

func (l *members) find(name string) int {
	if l.at != nil {
		if i, ok := l.at[name]; ok {
			return i
		}
		return -1
	}
	for i := range l.list {
		if l.list[i].name == name {
			return i
		}
	}
	return -1
}

// set puts a member in; one of the same name gives way.
func (l *members) set(m member) {
	if i := l.find(m.name); i >= 0 {
		l.list[i] = m
		return
	}
	l.list = append(l.list, m)
	switch {
	case l.at != nil:
		l.at[m.name] = len(l.list) - 1
	case len(l.list) > fewMembers:
		l.at = make(map[string]int, 2*len(l.list))
		for i := range l.list {
			l.at[l.list[i].name] = i
		}
	}
}

// merge takes the members of a merge key (<<) that are not there yet.
func (l *members) merge(from node) {
	for _, m := range from.members {
		switch {
		case from.shape == list:
			l.merge(m.node)
		case l.find(m.name) < 0:
			l.set(m)
		}
	}
}

// Bounds on a file, so that a few bytes with aliases do not become gigabytes.
const (
	maxDepth = 250     // a callflow may nest 200 nodes, some of them on two levels
	maxNodes = 2000000 //
	maxFile  = 16 << 20
	// maxCopied is how many values aliases may repeat in one file.
	maxCopied = 100000
	// maxKeys is how many keys of one object may stand under each other.
	maxKeys = 20000
)
