package account

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

var (
	errTooBig = errors.New("the file has too many values, or an alias that repeats itself; split it")
	errDeep   = fmt.Errorf("values are nested deeper than %d levels", maxDepth)
)

// readYAML makes the tree of a file with at most one document. A fault carries its line where the parser knows it.
func readYAML(src []byte) (n node, line int, err error) {
	if len(src) > maxFile {
		return node{}, 1, fmt.Errorf("the file has %d bytes; at most %d are read", len(src), maxFile)
	}
	if tooDeep(src) {
		return node{}, 1, errDeep
	}
	f, err := parser.ParseBytes(src, 0)
	if err != nil {
		var at *yaml.SyntaxError
		if errors.As(err, &at) {
			line = 1
			if t := at.GetToken(); t != nil && t.Position != nil {
				line = t.Position.Line
			}
			return node{}, line, errors.New(at.Message)
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		return node{}, 1, errors.New(first)
	}
	r := yamlReader{anchors: map[string]ast.Node{}}
	var docs []*ast.DocumentNode
	for _, d := range f.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType && d.Body.Type() != ast.CommentGroupType {
			docs = append(docs, d)
		}
	}
	switch {
	case len(docs) == 0:
		return node{line: 1}, 0, nil
	case len(docs) > 1:
		return node{}, lineOf(docs[1].Body), errors.New("a file holds one document; split it at the line ---")
	}
	n, err = r.read(docs[0].Body, 0)
	return n, r.at, err
}

// tooDeep tells whether a file nests beyond reason, before the parser descends into it by recursion: by brackets that
// stay open, those inside texts included, or by indentation.
func tooDeep(src []byte) bool {
	open, indent, margin := 0, 0, true
	for _, c := range src {
		switch {
		case c == '\n':
			indent, margin = 0, true
		case margin && (c == ' ' || c == '-' || c == '?'):
			indent++
		default:
			margin = false
		}
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > 4*maxDepth || indent > 8*maxDepth {
			return true
		}
	}
	return false
}

type yamlReader struct {
	anchors map[string]ast.Node
	count   int
	at      int // line of a fault
}

func (r *yamlReader) read(a ast.Node, depth int) (node, error) {
	if a == nil {
		return node{}, nil
	}
	r.at = lineOf(a)
	if r.count++; r.count > maxNodes {
		return node{}, errTooBig
	}
	if depth > maxDepth {
		return node{}, errDeep
	}
	n := node{line: lineOf(a)}
	switch a := a.(type) {
	case *ast.AnchorNode:
		r.anchors[a.Name.GetToken().Value] = a.Value
		return r.read(a.Value, depth+1)
	case *ast.AliasNode:
		to, ok := r.anchors[a.Value.GetToken().Value]
		if !ok {
			return n, fmt.Errorf("there is no anchor &%s before this alias", a.Value.GetToken().Value)
		}
		got, err := r.read(to, depth+1)
		got.line = n.line
		return got, err
	case *ast.TagNode:
		return r.read(a.Value, depth+1)
	case *ast.MappingNode:
		return r.mapping(n, a.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(n, []*ast.MappingValueNode{a}, depth)
	case *ast.SequenceNode:
		n.shape = list
		for _, v := range a.Values {
			got, err := r.read(v, depth+1)
			if err != nil {
				return n, err
			}
			n.members = append(n.members, member{node: got, line: got.line})
		}
		return n, nil
	}
	return r.scalar(n, a)
}

func (r *yamlReader) scalar(n node, a ast.Node) (node, error) {
	switch a := a.(type) {
	case *ast.NullNode:
		return n, nil
	case *ast.BoolNode:
		n.shape, n.text = boolean, strconv.FormatBool(a.Value)
	case *ast.IntegerNode:
		n.shape, n.text = number, strings.TrimSpace(a.GetToken().Value)
	case *ast.FloatNode:
		n.shape, n.text = number, strings.TrimSpace(a.GetToken().Value)
	case *ast.InfinityNode, *ast.NanNode:
		n.shape, n.text = text, strings.TrimSpace(a.GetToken().Value)
	case *ast.StringNode:
		n.shape, n.text = text, a.Value
	case *ast.LiteralNode:
		n.shape = text
		if a.Value != nil {
			n.text = a.Value.Value
		}
	default:
		return n, fmt.Errorf("%s is not understood here", strings.ToLower(a.Type().String()))
	}
	return n, nil
}

func (r *yamlReader) mapping(n node, values []*ast.MappingValueNode, depth int) (node, error) {
	n.shape = object
	for _, v := range values {
		if v.Key == nil || v.Key.GetToken() == nil {
			return n, errors.New("a key is missing")
		}
		if v.Key.IsMergeKey() {
			got, err := r.read(v.Value, depth+1)
			if err != nil {
				return n, err
			}
			n.merge(got)
			continue
		}
		line := v.Key.GetToken().Position.Line
		got, err := r.read(v.Value, depth+1)
		if err != nil {
			return n, err
		}
		if got.line == 0 {
			got.line = line
		}
		n.set(member{name: keyOf(v.Key), line: line, node: got})
	}
	if len(n.members) > 0 {
		n.line = n.members[0].line
	}
	return n, nil
}

// merge takes the members of a merge key (<<) that are not there yet.
func (n *node) merge(from node) {
	if from.shape == list {
		for _, m := range from.members {
			n.merge(m.node)
		}
		return
	}
	for _, m := range from.members {
		if _, ok := n.get(m.name); !ok {
			n.members = append(n.members, m)
		}
	}
}

// set puts a member in; one of a merge key gives way.
func (n *node) set(m member) {
	for i := range n.members {
		if n.members[i].name == m.name {
			n.members[i] = m
			return
		}
	}
	n.members = append(n.members, m)
}

func keyOf(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	if s, ok := k.(*ast.MappingKeyNode); ok && s.Value != nil {
		return s.Value.GetToken().Value
	}
	return k.GetToken().Value
}

func lineOf(a ast.Node) int {
	var t *token.Token
	if a != nil {
		t = a.GetToken()
	}
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}
