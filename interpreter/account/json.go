package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readJSON makes the tree of a JSON text, in the order of its members; of two with one name the last counts.
func readJSON(src []byte) (node, error) {
	if len(src) > maxFile {
		return node{}, errTooBig
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	r := jsonReader{d: d, src: src}
	n, err := r.value(0)
	if errors.Is(err, io.EOF) {
		err = errors.New("the JSON ends too early")
	}
	if err != nil {
		return node{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return node{}, errors.New("something stands after the end of the JSON value")
	}
	return n, nil
}

type jsonReader struct {
	d    *json.Decoder
	src  []byte
	seen int // octets whose lines are counted
	line int // less one
}

func (r *jsonReader) at() int {
	if off := int(r.d.InputOffset()); off > r.seen {
		r.line += bytes.Count(r.src[r.seen:off], []byte("\n"))
		r.seen = off
	}
	return r.line + 1
}

func (r *jsonReader) value(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errDeep
	}
	t, err := r.d.Token()
	if err != nil {
		return node{}, fmt.Errorf("line %d: %w", r.at(), err)
	}
	n := node{line: r.at()}
	switch t := t.(type) {
	case nil:
	case bool:
		n.shape, n.text = boolean, strconv.FormatBool(t)
	case json.Number:
		n.shape, n.text = number, t.String()
	case string:
		n.shape, n.text = text, t
	case json.Delim:
		n.shape = list
		if t == '{' {
			n.shape = object
		}
		return r.members(n, depth)
	}
	return n, nil
}

func (r *jsonReader) members(n node, depth int) (node, error) {
	all := members{}
	for r.d.More() {
		m := member{}
		if n.shape == object {
			t, err := r.d.Token()
			if err != nil {
				return n, fmt.Errorf("line %d: %w", r.at(), err)
			}
			m.name = fmt.Sprint(t)
		}
		m.line = r.at()
		v, err := r.value(depth + 1)
		if err != nil {
			return n, err
		}
		m.node = v
		if n.shape == object {
			all.set(m)
		} else {
			all.list = append(all.list, m)
		}
	}
	n.members = all.list
	_, err := r.d.Token() // the closing bracket
	return n, err
}

// json writes the tree.
func (n node) json() json.RawMessage {
	var b bytes.Buffer
	n.write(&b)
	return b.Bytes()
}

func (n node) write(b *bytes.Buffer) {
	switch n.shape {
	case null:
		b.WriteString("null")
	case boolean:
		b.WriteString(n.text)
	case number:
		b.WriteString(jsonNumber(n.text))
	case text:
		b.Write(quote(n.text))
	case list:
		b.WriteByte('[')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			m.write(b)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quote(m.name))
			b.WriteByte(':')
			m.write(b)
		}
		b.WriteByte('}')
	}
}

// quote writes a JSON text without the escapes that are meant for HTML.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return []byte(`""`)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// jsonNumber writes a YAML number the way JSON does. One that JSON cannot write as it stands (0100, 0x1f, +5) stays the
// text it is: in these objects such a thing is a number that somebody dials.
func jsonNumber(s string) string {
	if json.Valid([]byte(s)) {
		return s
	}
	if plain := strings.ReplaceAll(s, "_", ""); plain != "" && json.Valid([]byte(plain)) {
		return plain
	}
	return string(quote(s))
}
