package kazoo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pintle/verbs"
)

// data reads the fields of one node. A value of the wrong type that Kazoo would convert, such as "20" for 20, is
// converted; an optional field beyond that takes its default with a warning; a required one makes the node unusable.
type data struct {
	r        *reader
	n        node
	read     []string
	answers  bool
	waits    bool
	unusable bool
}

// find returns a field that is present and not null, and notes that it was asked for.
func (d *data) find(name string) (value, bool) {
	d.read = append(d.read, name)
	return d.n.data.get(name)
}

// has tells whether the node has that child, an empty one not counting.
func (d *data) has(child string) bool {
	for _, m := range d.n.children {
		if m.name == child {
			return m.kind == object && len(m.members) > 0
		}
	}
	return false
}

func (d *data) path(name string) string { return d.n.path + "/data/" + pointer(name) }

// warn notes that a field is ignored or takes its default.
func (d *data) warn(name string, v value, format string, args ...any) {
	d.r.warn(v.at, d.n.module, d.path(name), fmt.Sprintf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// fail makes the node unusable because of a required field.
func (d *data) fail(name string, v value, why string) {
	if v.at == 0 {
		v.at = d.n.data.at
	}
	d.unusable = true
	d.r.warn(v.at, d.n.module, d.path(name), fmt.Sprintf("%s: %s; the node is skipped to \"_\"", name, why))
}

// strangers warns of fields that the module does not know.
func (d *data) strangers(s spec) {
	known := []string{"skip_module"}
	for _, f := range s.fields {
		known = append(known, f.name)
	}
	for _, m := range d.n.data.members {
		if !slices.Contains(known, m.name) {
			d.r.warn(m.from, d.n.module, d.path(m.name), fmt.Sprintf("%q is no field of %s and is ignored%s",
				m.name, d.n.module, verbs.DidYouMean(m.name, known)))
		}
	}
}

// words reads a text; numbers and booleans are taken as they are written.
func (d *data) words(name, def string) string {
	v, ok := d.find(name)
	switch {
	case !ok:
		return def
	case v.kind == object || v.kind == list:
		d.warn(name, v, "a text is expected, this is %s; %q is used", v.kind, def)
		return def
	}
	return v.text
}

// required reads a text that must be there and not empty.
func (d *data) required(name string) string {
	v, ok := d.find(name)
	switch {
	case !ok:
		d.fail(name, v, "this field is required")
	case v.kind == object || v.kind == list:
		d.fail(name, v, "a text is required, this is "+v.kind.String())
	case strings.TrimSpace(v.text) == "":
		d.fail(name, v, "this field is required and must not be empty")
	default:
		return v.text
	}
	return ""
}

// choice reads one of a few words, in any case of letters. An empty default is no word: nothing is chosen then.
func (d *data) choice(name, def string, words ...string) string {
	v, ok := d.find(name)
	if !ok {
		return def
	}
	w := strings.ToLower(v.text)
	if v.kind != text || !slices.Contains(words, w) {
		instead := "nothing is chosen"
		if def != "" {
			instead = strconv.Quote(def) + " is used"
		}
		d.warn(name, v, "%s is none of %s; %s%s", v, strings.Join(words, ", "), instead, verbs.DidYouMean(w, words))
		return def
	}
	return w
}

// bounds are the least and the greatest number that a field may have, and its default.
type bounds struct{ def, least, most int64 }

// integer reads a whole number.
func (d *data) integer(name string, b bounds) int64 {
	v, ok := d.find(name)
	if !ok {
		return b.def
	}
	n, ok := v.integer()
	switch {
	case !ok:
		d.warn(name, v, "%s is no whole number; %d is used", v, b.def)
	case n < b.least || n > b.most:
		d.warn(name, v, "%s is not between %d and %d; %d is used", v, b.least, b.most, b.def)
	default:
		return n
	}
	return b.def
}

// duration reads a whole number of a unit.
func (d *data) duration(name string, unit time.Duration, b bounds) time.Duration {
	return time.Duration(d.integer(name, b)) * unit
}

// flag reads a boolean; the texts "true" and "false" count.
func (d *data) flag(name string, def bool) bool {
	v, ok := d.find(name)
	if !ok {
		return def
	}
	b, ok := v.boolean()
	if !ok {
		d.warn(name, v, "%s is neither true nor false; %t is used", v, def)
		return def
	}
	return b
}

// keys reads a list of keys, or one text of keys. ok is false when the field is absent or not usable. Entries that are
// no keys are left out.
func (d *data) keys(name string) (keys string, ok bool) {
	v, ok := d.find(name)
	if !ok {
		return "", false
	}
	items := v.members
	if v.kind == text || v.kind == number {
		items = []member{{value: v}}
	} else if v.kind != list {
		d.warn(name, v, "a list of keys is expected, this is %s", v.kind)
		return "", false
	}
	for _, i := range items {
		if i.kind == text && i.text == "" {
			continue // Kazoo's way of writing "no key"
		}
		if i.text == "" || strings.Trim(i.text, allKeys) != "" {
			d.warn(name, i.value, "%s is no key; it is ignored", i.value)
			continue
		}
		keys += i.text
	}
	return keys, true
}

// allKeys are those that stop a prompt unless a node says otherwise.
const allKeys = "1234567890*#"

// pairs reads an object of plain values as names and texts, in order.
func (d *data) pairs(name string) [][2]string {
	v, ok := d.find(name)
	if !ok {
		return nil
	}
	if v.kind != object {
		d.warn(name, v, "an object is expected, this is %s; it is ignored", v.kind)
		return nil
	}
	var all [][2]string
	for _, m := range v.members {
		if m.kind == object || m.kind == list || m.kind == null || m.name == "" {
			d.r.warn(m.at, d.n.module, d.path(name)+"/"+pointer(m.name), fmt.Sprintf(
				"%s: the value of %q must be a text, a number or a boolean; it is ignored", name, m.name))
			continue
		}
		all = append(all, [2]string{m.name, m.text})
	}
	return all
}

// String shows a value in a warning.
func (v value) String() string {
	switch v.kind {
	case text:
		return strconv.Quote(clip(v.text))
	case number, boolean:
		return clip(v.text)
	default:
		return v.kind.String()
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// integer converts a number or a text of digits. Fractions and numbers beyond 2^53 are refused, so nothing wraps.
func (v value) integer() (int64, bool) {
	if v.kind != number && v.kind != text {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return n, n > -1<<53 && n < 1<<53
	}
	if v.kind == text {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

func (v value) boolean() (is, ok bool) {
	if v.kind != boolean && v.kind != text {
		return false, false
	}
	return v.text == "true", v.text == "true" || v.text == "false"
}
