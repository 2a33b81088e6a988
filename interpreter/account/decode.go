package account

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"pintle/interpreter"
)

// decoder makes typed objects of nodes. It goes on after a mistake, so that one run finds all of them.
type decoder struct {
	file   string
	object string
	rest   bool     // made by REST: the defaults of Kazoo's API count where they differ from those at run time
	known  []string // what else may be meant by an unknown field of the object itself
	found  Problems

	types map[reflect.Type][]field // those seen so far; shared by the objects of one file
}

// custom is a type that reads itself.
type custom interface {
	decode(d *decoder, n node, at place)
}

// place is where in an object something stands.
type place struct {
	field string
	line  int
}

func (p place) member(name string, line int) place {
	if p.field != "" {
		name = p.field + "." + name
	}
	return place{name, line}
}

func (p place) item(i, line int) place { return place{fmt.Sprintf("%s[%d]", p.field, i), line} }

// maxFound is how many problems of one object are kept: a file may be all mistakes.
const maxFound = 100

func (d *decoder) fail(at place, format string, args ...any) {
	if len(d.found) >= maxFound {
		return
	}
	d.found = append(d.found, Problem{d.file, at.line, d.object, at.field, fmt.Sprintf(format, args...)})
}

// into reads an object into a struct and checks its rules.
func (d *decoder) into(v any, n node, at place) {
	d.fields(reflect.ValueOf(v).Elem(), n, at)
}

// fields reads the members of an object into the fields of a struct.
func (d *decoder) fields(v reflect.Value, n node, at place) {
	if n.shape != object && n.shape != null {
		d.fail(at, "an object is expected here, this is %s", n.shape)
		return
	}
	all := d.of(v.Type())
	for _, m := range n.members {
		if !slices.ContainsFunc(all, func(f field) bool { return f.name == m.name }) && !informative(m.name) {
			if len(d.found) >= maxFound {
				break
			}
			known := names(all)
			if at.field == "" {
				known = append(known, d.known...)
			}
			d.fail(at.member(m.name, m.line), "there is no such field here%s", interpreter.DidYouMean(m.name, known))
		}
	}
	for _, f := range all {
		m, ok := n.get(f.name)
		if !ok || m.shape == null {
			if f.rule.required {
				d.fail(at.member(f.name, n.line), "this is required")
			}
			d.fill(v.FieldByIndex(f.index), f.rule)
			continue
		}
		d.value(v.FieldByIndex(f.index), m, at.member(f.name, m.line), f.rule)
	}
}

// fill puts a default in. Structs get those of their fields.
func (d *decoder) fill(v reflect.Value, r rule) {
	def := r.def
	if d.rest && r.rest != "" {
		def = r.rest
	}
	if v.Kind() == reflect.Struct {
		for _, f := range d.of(v.Type()) {
			d.fill(v.FieldByIndex(f.index), f.rule)
		}
	}
	if def == "" {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(def)
	case reflect.Bool:
		v.SetBool(def == "true")
	case reflect.Int, reflect.Int64:
		if n, err := strconv.ParseInt(def, 10, 64); err == nil {
			v.SetInt(n)
		}
	default: // rules give no other kind of field a value
	}
}

// field is one field of a struct, with the rules that stand beside it.
type field struct {
	name  string
	index []int
	rule  rule
}

// of lists the fields of a type, and remembers them.
func (d *decoder) of(t reflect.Type) []field {
	all, ok := d.types[t]
	if !ok {
		all = fieldsOf(t)
		if d.types == nil {
			d.types = map[reflect.Type][]field{}
		}
		d.types[t] = all
	}
	return all
}

// fieldsOf lists the fields of a type, those of embedded structs included. A field's name in files is that of its key
// or json tag; one without a name is not read.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
			continue
		}
		name, ok := f.Tag.Lookup("key")
		if !ok {
			name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		}
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		all = append(all, field{name, []int{i}, parseRule(f.Tag.Get("rule"))})
	}
	return all
}

// fieldNames are those of an object.
func fieldNames(o Object) []string { return names(fieldsOf(reflect.TypeOf(o).Elem())) }

func names(all []field) []string {
	list := make([]string, len(all))
	for i, f := range all {
		list[i] = f.name
	}
	return list
}

// informative tells whether a member is one that exports of Kazoo carry and nobody reads: revision data, what user
// interfaces keep, and x- fields for remarks.
func informative(name string) bool {
	for _, p := range []string{"_", "pvt_", "ui_", "x-", "x_"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// value reads one value by the type of its field, then checks the rule.
func (d *decoder) value(v reflect.Value, n node, at place, r rule) {
	if c, ok := v.Addr().Interface().(custom); ok {
		c.decode(d, n, at)
		return
	}
	switch v.Interface().(type) {
	case json.RawMessage:
		if n.shape != object && n.shape != list {
			d.fail(at, "an object is expected here, this is %s", n.shape)
			return
		}
		v.SetBytes(n.json())
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(p.Elem(), n, at, r)
		v.Set(p)
	case reflect.String:
		d.words(v, n, at, r)
	case reflect.Bool:
		if n.shape != boolean {
			d.fail(at, "write true or false; this is %s", n.shape)
			return
		}
		v.SetBool(n.text == "true")
	case reflect.Int, reflect.Int64:
		d.integer(v, n, at, r)
	case reflect.Slice:
		d.items(v, n, at, r)
	case reflect.Map:
		d.pairs(v, n, at, r)
	case reflect.Struct:
		d.fields(v, n, at)
	default:
		d.fail(at, "%s cannot be read", v.Type())
	}
}

func (d *decoder) words(v reflect.Value, n node, at place, r rule) {
	switch n.shape {
	case text, number: // 100 and 0100 mean what is dialled
	default:
		d.fail(at, "a text is expected here, this is %s", n.shape)
		return
	}
	v.SetString(n.text)
	if why := r.checkText(n.text); why != "" {
		d.fail(at, "%s", why)
	}
}

func (d *decoder) integer(v reflect.Value, n node, at place, r rule) {
	i, err := strconv.ParseInt(n.text, 10, 64)
	if n.shape != number || err != nil {
		d.fail(at, "a whole number is expected here")
		return
	}
	v.SetInt(i)
	if why := r.checkNumber(i); why != "" {
		d.fail(at, "%s", why)
	}
}

func (d *decoder) items(v reflect.Value, n node, at place, r rule) {
	if n.shape != list {
		d.fail(at, "a list is expected here, this is %s", n.shape)
		return
	}
	if why := r.checkCount(len(n.members)); why != "" {
		d.fail(at, "%s", why)
	}
	seen, each := map[string]bool{}, r.item()
	s := reflect.MakeSlice(v.Type(), len(n.members), len(n.members))
	for i, m := range n.members {
		d.value(s.Index(i), m.node, at.item(i, m.line), each)
		if r.unique && m.shape != object && seen[m.text] {
			d.fail(at.item(i, m.line), "%q stands here twice", clip(m.text))
		}
		seen[m.text] = true
	}
	v.Set(s)
}

func (d *decoder) pairs(v reflect.Value, n node, at place, r rule) {
	if n.shape != object {
		d.fail(at, "an object is expected here, this is %s", n.shape)
		return
	}
	to, each := reflect.MakeMapWithSize(v.Type(), len(n.members)), r.item()
	for _, m := range n.members {
		if why := r.checkName(m.name); why != "" {
			d.fail(at.member(m.name, m.line), "%s", why)
		}
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(one, m.node, at.member(m.name, m.line), each)
		to.SetMapIndex(reflect.ValueOf(m.name).Convert(v.Type().Key()), one)
	}
	v.Set(to)
}
