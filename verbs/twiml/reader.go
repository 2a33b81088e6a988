package twiml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pintle/interpreter"
)

// Limits of one document; what exceeds them is refused with 12100 before it is built. The vendor's longest hints fill
// a whole document, so that attribute alone may be longer than maxValue.
const (
	maxBytes      = 1 << 20
	maxDepth      = 32
	maxElements   = 1000
	maxAttributes = 64
	maxValue      = 4096
	maxHints      = 500 * 101
)

// node is an element, or a run of text if it has no name.
type node struct {
	name  string // local name
	pos   interpreter.Pos
	attrs []xmlAttr
	kids  []*node
	text  string
}

type xmlAttr struct{ name, value string }

// words is the text directly inside the node, trimmed.
func (n *node) words() string {
	var b strings.Builder
	for _, k := range n.kids {
		b.WriteString(k.text)
	}
	return strings.TrimSpace(b.String())
}

// elements are the children that are elements.
func (n *node) elements() []*node {
	var list []*node
	for _, k := range n.kids {
		if k.name != "" {
			list = append(list, k)
		}
	}
	return list
}

// xmlReader builds the tree of one document.
type xmlReader struct {
	dec      *xml.Decoder
	src      []byte
	off      int // the offset asked for last, and its place
	at       interpreter.Pos
	open     []*node
	root     *node
	elements int
}

// readTree parses XML strictly. Its error is a *interpreter.DocumentError without URL.
func readTree(src []byte) (*node, error) {
	r := &xmlReader{src: src}
	if len(src) > maxBytes {
		return nil, &interpreter.DocumentError{Code: interpreter.CodeTooLarge,
			Msg: fmt.Sprintf("the document has %d octets, at most %d are read", len(src), maxBytes)}
	}
	if err := r.version(); err != nil {
		return nil, err
	}
	r.dec = xml.NewDecoder(bytes.NewReader(src))
	// The text is UTF-8 by now, whatever its declaration says.
	r.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		at := r.dec.InputOffset()
		tok, err := r.dec.RawToken()
		if errors.Is(err, io.EOF) {
			return r.end()
		}
		if err != nil {
			return nil, r.syntax(err)
		}
		if err := r.token(tok, at); err != nil {
			return nil, err
		}
	}
}

// version refuses a declaration of another version than 1.0, which the decoder would report without a number.
func (r *xmlReader) version() error {
	m := xmlVersion.FindSubmatch(xmlDeclaration.Find(r.src))
	if m == nil || string(m[1]) == "1.0" {
		return nil
	}
	return &interpreter.DocumentError{Pos: interpreter.Pos{Line: 1, Col: 1}, Code: interpreter.CodeXMLVersion,
		Msg: fmt.Sprintf("the document declares XML version %q; only 1.0 exists here", m[1])}
}

func (r *xmlReader) token(tok xml.Token, at int64) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return r.start(t, at)
	case xml.EndElement:
		return r.close(t, at)
	case xml.CharData:
		return r.chars(t, at)
	case xml.Directive:
		return r.fault(at, "a document type declaration is not allowed; delete <!%s…>", firstWord(t))
	}
	return nil
}

func (r *xmlReader) start(t xml.StartElement, at int64) error {
	r.elements++
	switch {
	case r.root != nil && len(r.open) == 0:
		return r.fault(at, "<%s> stands after the end of <%s>; a document has one root", t.Name.Local, r.root.name)
	case len(r.open) >= maxDepth:
		return r.fault(at, "<%s> is nested more than %d deep", t.Name.Local, maxDepth)
	case r.elements > maxElements:
		return r.fault(at, "the document has more than %d elements", maxElements)
	}
	n := &node{name: t.Name.Local, pos: r.pos(at)}
	if err := r.attributes(n, t.Attr, at); err != nil {
		return err
	}
	if r.root == nil {
		r.root = n
	} else {
		parent := r.open[len(r.open)-1]
		parent.kids = append(parent.kids, n)
	}
	r.open = append(r.open, n)
	return nil
}

// attributes keeps the attributes of a tag, except declarations of namespaces.
func (r *xmlReader) attributes(n *node, list []xml.Attr, at int64) error {
	if len(list) > maxAttributes {
		return r.fault(at, "<%s> has more than %d attributes", n.name, maxAttributes)
	}
	seen := map[xml.Name]bool{}
	for _, a := range list {
		name, most := a.Name.Local, maxValue
		if name == "hints" {
			most = maxHints
		}
		switch {
		case seen[a.Name]:
			return r.fault(at, "<%s> has the attribute %s twice", n.name, name)
		case len(a.Value) > most:
			return r.fault(at, "the attribute %s of <%s> is longer than %d octets", name, n.name, most)
		}
		seen[a.Name] = true
		switch a.Name.Space {
		case "xmlns", "xsi":
			continue
		case "xml":
			name = "xml:" + name
		}
		if name != "xmlns" {
			n.attrs = append(n.attrs, xmlAttr{name, strings.TrimSpace(a.Value)})
		}
	}
	return nil
}

func (r *xmlReader) close(t xml.EndElement, at int64) error {
	if len(r.open) == 0 {
		return r.fault(at, "</%s> closes nothing", t.Name.Local)
	}
	n := r.open[len(r.open)-1]
	if n.name != t.Name.Local {
		return r.fault(at, "</%s> does not close <%s> of line %d", t.Name.Local, n.name, n.pos.Line)
	}
	r.open = r.open[:len(r.open)-1]
	return nil
}

func (r *xmlReader) chars(t xml.CharData, at int64) error {
	if len(r.open) > 0 {
		n := r.open[len(r.open)-1]
		n.kids = append(n.kids, &node{text: string(t)})
		return nil
	}
	text := bytes.TrimLeft(t, " \t\r\n")
	if len(text) == 0 {
		return nil
	}
	at += int64(len(t) - len(text))
	if r.root == nil {
		return r.fault(at, "the document begins with text; it must begin with <Response>")
	}
	return r.fault(at, "text stands after the end of <%s>", r.root.name)
}

// end is the end of the input.
func (r *xmlReader) end() (*node, error) {
	at := int64(len(r.src))
	if len(r.open) > 0 {
		n := r.open[len(r.open)-1]
		return nil, r.fault(at, "the document ends, but <%s> of line %d is not closed", n.name, n.pos.Line)
	}
	if r.root == nil {
		return nil, r.fault(0, "the document is empty; answer at least <Response/>")
	}
	return r.root, nil
}

// syntax words an error of the decoder, with the place where it stopped reading.
func (r *xmlReader) syntax(err error) error {
	var s *xml.SyntaxError
	at := max(r.dec.InputOffset()-1, 0) // the decoder has read the character it could not use
	if !errors.As(err, &s) {
		return r.fault(at, "not well-formed: %s", strings.TrimPrefix(err.Error(), "xml: "))
	}
	if s.Msg == "unexpected EOF" {
		return r.fault(at, "the document ends in the middle of a tag or comment")
	}
	return r.fault(at, "not well-formed: %s", s.Msg)
}

func (r *xmlReader) fault(at int64, format string, args ...any) error {
	return &interpreter.DocumentError{Pos: r.pos(at), Code: interpreter.CodeParse, Msg: fmt.Sprintf(format, args...)}
}

// pos turns an offset into line and column, counting runes. Offsets are asked for in rising order, so it goes on from
// the last one.
func (r *xmlReader) pos(at int64) interpreter.Pos {
	off := min(int(at), len(r.src))
	if off < r.off || r.at.Line == 0 {
		r.off, r.at = 0, interpreter.Pos{Line: 1, Col: 1}
	}
	part := r.src[r.off:off]
	if nl := bytes.Count(part, []byte("\n")); nl > 0 {
		r.at.Line += nl
		r.at.Col = 1
		part = part[bytes.LastIndexByte(part, '\n')+1:]
	}
	r.at.Col += utf8.RuneCount(part)
	r.off = off
	return r.at
}

func firstWord(b []byte) string {
	f := bytes.Fields(b)
	if len(f) == 0 {
		return ""
	}
	if len(f[0]) > 20 {
		return string(f[0][:20])
	}
	return string(f[0])
}
