package presence

import (
	"crypto/md5" //nolint:gosec // an id that subscribers of other engines know; nothing is protected by it
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"pintle/interpreter"
)

// Content types of the documents.
const (
	ContentDialog   = "application/dialog-info+xml"
	ContentPresence = "application/pidf+xml"
	ContentMessages = "application/simple-message-summary"
)

// PickupPrefix stands before the id of a call that rings, in the Call-ID by which watchers are told of it. They are not
// told of the dialog with the telephone that rings: a watcher that writes this name into Replaces picks the call up.
const PickupPrefix = "pickup-"

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Directions of a dialog, seen from the entity.
const (
	initiator = "initiator"
	recipient = "recipient"
)

// dialogInfo is the state of an entity in the words of RFC 4235.
type dialogInfo struct {
	entity  string
	dialogs []dialog
}

// dialog is one call or one state that is shown like a call.
type dialog struct {
	id        string
	direction string // or empty
	state     interpreter.LampState
	remote    *interpreter.Address
}

// dialogInfo lists what is under way at an entity, the most pressing first: many phones look at one dialog alone.
func (e *entity) dialogInfo(v view) dialogInfo {
	d := dialogInfo{entity: e.name}
	for _, c := range e.ordered() {
		side, _ := c.sideOf(e.name)
		x := dialog{id: c.id, state: c.state, direction: initiator}
		remote := c.to
		if side.Called {
			x.direction, remote = recipient, c.from
		}
		if !v.hide && remote.User != "" {
			x.remote = &remote
		}
		d.dialogs = append(d.dialogs, x)
	}
	state := e.lamp
	for _, p := range e.published {
		if p.event == Dialog && rank(p.lamp) > rank(state) {
			state = p.lamp
		}
	}
	if rank(state) > 0 {
		d.dialogs = append(d.dialogs, dialog{id: lampID(e.name), state: state})
	}
	slices.SortStableFunc(d.dialogs, func(a, b dialog) int { return pressing(b) - pressing(a) })
	return d
}

// lampID is the dialog id of a state that no call stands behind.
func lampID(name string) string {
	sum := md5.Sum([]byte(name)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func rank(s interpreter.LampState) int {
	switch s {
	case interpreter.LampRinging:
		return 2
	case interpreter.LampBusy:
		return 1
	default:
		return 0
	}
}

// pressing orders the dialogs of a document: one that rings here can be picked up, one that talks makes busy.
func pressing(d dialog) int {
	switch {
	case d.state == interpreter.LampRinging && d.direction != initiator:
		return 3
	case d.state == interpreter.LampBusy:
		return 2
	case d.state == interpreter.LampRinging:
		return 1
	default:
		return 0
	}
}

// states is what a watcher knows who has got this document.
func (d dialogInfo) states() map[string]interpreter.LampState {
	if len(d.dialogs) == 0 {
		return nil
	}
	m := make(map[string]interpreter.LampState, len(d.dialogs))
	for _, x := range d.dialogs {
		m[x.id] = x.state
	}
	return m
}

// text writes the document. A call that the watcher knows and that is over is told as terminated once, also in a full
// document: phones that wait for the word would show it for ever. An entity at rest has one terminated dialog, since
// some phones do not understand a document without any.
func (d dialogInfo) text(version int, whole bool, known map[string]interpreter.LampState) string {
	state := "partial"
	if whole {
		state = "full"
	}
	var b strings.Builder
	b.WriteString(xmlHead + `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="` +
		strconv.Itoa(version) + `" state="` + state + `" entity="` + escape(uriOf(d.entity)) + `">` + "\n")
	live := d.states()
	written := 0
	for _, x := range d.dialogs {
		if s, told := known[x.id]; whole || !told || s != x.state {
			x.write(&b)
			written++
		}
	}
	var over []string
	for id := range known {
		if _, ok := live[id]; !ok {
			over = append(over, id)
		}
	}
	slices.Sort(over)
	for _, id := range over {
		dialog{id: id, state: interpreter.LampIdle}.write(&b)
	}
	if written+len(over) == 0 && whole {
		dialog{id: lampID(d.entity), state: interpreter.LampIdle}.write(&b)
	}
	b.WriteString("</dialog-info>\n")
	return b.String()
}

func (d dialog) write(b *strings.Builder) {
	b.WriteString(`  <dialog id="` + escape(d.id) + `"`)
	if d.direction == recipient && d.state == interpreter.LampRinging {
		b.WriteString(` call-id="` + PickupPrefix + escape(d.id) + `" local-tag="` + escape(d.id) + `" remote-tag="` +
			escape(d.id) + `"`)
	}
	if d.direction != "" {
		b.WriteString(` direction="` + d.direction + `"`)
	}
	b.WriteString(">\n    <state>" + string(d.state) + "</state>\n")
	if d.remote != nil {
		uri := escape(uriOf(d.remote.User + "@" + d.remote.Host))
		b.WriteString(`    <remote><identity`)
		if d.remote.Display != "" {
			b.WriteString(` display="` + escape(d.remote.Display) + `"`)
		}
		b.WriteString(">" + uri + `</identity><target uri="` + uri + `"/></remote>` + "\n")
	}
	b.WriteString("  </dialog>\n")
}

// uriOf writes an entity as a SIP URI: what may not stand in a user part is percent-encoded (RFC 3261 §25.1).
func uriOf(name string) string {
	const hexDigits, plain = "0123456789ABCDEF", "-_.!~*'()&=+$,;?/"
	user := userOf(name)
	var b strings.Builder
	b.WriteString("sip:")
	for i := range len(user) {
		c := user[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	host := hostOf(name)
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if host == "" {
		return b.String() + "@invalid"
	}
	return b.String() + "@" + host
}

// escape makes text fit for XML: markup is escaped, what XML cannot hold is replaced.
func escape(s string) string {
	return xmlText.Replace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0xfffe || r == 0xffff {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�")))
}

var xmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
