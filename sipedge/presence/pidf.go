package presence

import (
	"fmt"
	"strings"

	"pintle/interpreter"
)

// pidf is the presence of an entity (RFC 3863): open while it is registered, or says so itself; on the phone while it
// talks or a lamp says busy (RFC 4480 §3.2). The note carries the same for phones that show text alone.
func (e *entity) pidf(v view) string {
	open, busy, note := v.reachable, rank(e.lamp) == 1, ""
	for _, c := range e.dialogs {
		busy = busy || c.state == interpreter.LampBusy
	}
	for _, p := range e.published {
		if p.event == Presence {
			open, note, busy = p.open, p.note, busy || p.busy
		}
	}
	if busy {
		note = "On the phone"
	}
	basic := "closed"
	if open {
		basic = "open"
	}
	uri := escape(uriOf(e.name))
	var b strings.Builder
	b.WriteString(xmlHead + `<presence xmlns="urn:ietf:params:xml:ns:pidf" ` +
		`xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="` +
		uri + `">` + "\n")
	fmt.Fprintf(&b, "  <tuple id=\"phone\">\n    <status><basic>%s</basic></status>\n    <contact>%s</contact>\n", basic,
		uri)
	if note != "" {
		fmt.Fprintf(&b, "    <note>%s</note>\n", escape(note))
	}
	b.WriteString("  </tuple>\n")
	if busy {
		b.WriteString("  <dm:person id=\"user\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>\n")
	}
	b.WriteString("</presence>\n")
	return b.String()
}

// summary is what waits in a mailbox (RFC 3842).
func (e *entity) summary() string { return Summary(e.name, e.messages) }

// Summary writes what waits in a mailbox (RFC 3842 §5.2).
func Summary(box string, m interpreter.Messages) string {
	waiting := "no"
	if m.New > 0 {
		waiting = "yes"
	}
	return fmt.Sprintf("Messages-Waiting: %s\r\nMessage-Account: %s\r\nVoice-Message: %d/%d (%d/%d)\r\n", waiting,
		uriOf(box), max(0, m.New), max(0, m.Saved), max(0, m.NewUrgent), max(0, m.SavedUrgent))
}
