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

// Bounds on a file, so that a few bytes with aliases do not become gigabytes.
const (
	maxDepth = 250     // a callflow may nest 200 nodes, some of them on two levels
	maxNodes = 2000000 //
	maxFile  = 16 << 20
)
