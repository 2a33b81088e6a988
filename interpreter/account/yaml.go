package account

import (
	"bytes"
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
	errWide   = fmt.Errorf("more than %d keys stand under each other; split the file into several accounts", maxKeys)
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
	if wide := tooWide(src); wide > 0 {
		return node{}, wide, errWide
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

// tooWide finds the line from which on an object has more keys under each other than the parser reads in reasonable
// time: its work grows with their square. Zero: there is none.
func tooWide(src []byte) int {
	type level struct{ indent, keys int }
	var open []level
	line := 0
	for text := range bytes.Lines(src) {
		line++
		rest := bytes.TrimLeft(text, " ")
		if !bytes.Contains(rest, []byte{':'}) {
			continue
		}
		indent := len(text) - len(rest)
		for len(open) > 0 && open[len(open)-1].indent > indent {
			open = open[:len(open)-1]
		}
		if len(open) == 0 || open[len(open)-1].indent < indent {
			open = append(open, level{indent: indent})
		}
		top := &open[len(open)-1]
		if rest[0] == '-' {
			top.keys = 0 // every item of a list is an object of its own
		}
		if top.keys++; top.keys > maxKeys {
			return line
		}
	}
	return 0
}

type yamlReader struct {
	anchors map[string]ast.Node
	count   int
	size    int // octets of texts, those that aliases repeat included
	inside  int // aliases that are being read
	copied  int // values that came by aliases
	at      int // line of a fault
}

func (r *yamlReader) read(a ast.Node, depth int) (node, error) {
	if a == nil {
		return node{}, nil
	}
	r.at = lineOf(a)
	if r.inside > 0 {
		r.copied++
	}
	if r.count++; r.count > maxNodes || r.copied > maxCopied {
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
		return r.alias(n, a, depth)
	case *ast.TagNode:
		return r.read(a.Value, depth+1)
	case *ast.MappingNode:
		return r.mapping(n, a.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(n, []*ast.MappingValueNode{a}, depth)
	case *ast.SequenceNode:
		return r.sequence(n, a, depth)
	}
	n, err := r.scalar(n, a)
	if r.size += len(n.text); r.size > 2*maxFile {
		return node{}, errTooBig
	}
	return n, err
}

// alias repeats what an anchor before it marked.
func (r *yamlReader) alias(n node, a *ast.AliasNode, depth int) (node, error) {
	to, ok := r.anchors[a.Value.GetToken().Value]
	if !ok {
		return n, fmt.Errorf("there is no anchor &%s before this alias", a.Value.GetToken().Value)
	}
	r.inside++
	got, err := r.read(to, depth+1)
	r.inside--
	got.line = n.line
	return got, err
}

func (r *yamlReader) sequence(n node, a *ast.SequenceNode, depth int) (node, error) {
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
	m := members{}
	for _, v := range values {
		if v.Key == nil || v.Key.GetToken() == nil {
			return n, errors.New("a key is missing")
		}
		if v.Key.IsMergeKey() {
			got, err := r.read(v.Value, depth+1)
			if err != nil {
				return n, err
			}
			m.merge(got)
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
		m.set(member{name: keyOf(v.Key), line: line, node: got})
	}
	n.members = m.list
	if len(n.members) > 0 {
		n.line = n.members[0].line
	}
	return n, nil
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
