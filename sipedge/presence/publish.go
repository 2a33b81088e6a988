package presence

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pintle/interpreter"
)

const (
	maxDocument       = 16 << 10
	maxDepth          = 16
	maxElements       = 500
	maxNote           = 200
	publishedByEntity = 10
)

// Publication is a PUBLISH that was let in (RFC 3903), as plain data.
type Publication struct {
	Entity  string
	Event   Event
	Tag     string        // SIP-If-Match; empty: a new publication
	NewTag  string        // SIP-ETag that the answer will carry: unique and not to be guessed
	Expires time.Duration // 0 removes the publication
	Body    []byte        // empty: only refreshed or removed
}

// publication is what a phone says about itself, until it expires.
type publication struct {
	tag   string
	event Event
	timer *time.Timer
	lamp  interpreter.LampState // of a dialog document
	open  bool                  // of a presence document
	busy  bool
	note  string
}

// Publish takes the document of a phone about itself. It returns the expiry granted. ErrNoMatch, ErrDocument,
// ErrTooBrief and ErrFull refuse it; nothing is changed then.
func (b *Board) Publish(p Publication) (time.Duration, error) {
	expires, err := b.Grant(p.Expires)
	if err != nil {
		return 0, err
	}
	said := &publication{event: p.Event}
	if len(p.Body) > 0 && expires > 0 {
		if err := said.read(p.Event, p.Body); err != nil {
			return 0, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entityFor(p.Entity)
	defer b.tidy(e)
	at := slices.IndexFunc(e.published, func(x *publication) bool { return x.tag == p.Tag && x.event == p.Event })
	if err := b.admit(e, p, at, expires); err != nil {
		return 0, err
	}
	if at >= 0 {
		old := e.published[at]
		old.timer.Stop()
		e.published = slices.Delete(e.published, at, at+1)
		b.published--
		if len(p.Body) == 0 {
			*said = publication{event: old.event, lamp: old.lamp, open: old.open, busy: old.busy, note: old.note}
		}
	}
	if expires > 0 {
		said.tag = p.NewTag
		said.timer = time.AfterFunc(expires, func() { b.withdraw(p.Entity, said) })
		e.published = append(e.published, said)
		b.published++
	}
	b.changed(e, p.Event)
	return expires, nil
}

// admit refuses what may not be published; at is where e keeps what p renews, or negative. It is called with mu held.
func (b *Board) admit(e *entity, p Publication, at int, expires time.Duration) error {
	switch {
	case b.closed:
		return ErrClosed
	case p.Tag != "" && at < 0:
		return ErrNoMatch
	case p.Tag == "" && (len(p.Body) == 0 || expires == 0):
		return ErrDocument // there is nothing yet that could be refreshed or removed
	case p.Tag == "" && (len(e.published) >= publishedByEntity || b.published >= b.opt.Published):
		return ErrFull
	}
	return nil
}

// withdraw ends a publication that was not refreshed.
func (b *Board) withdraw(name string, p *publication) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entities[name]
	if e == nil {
		return
	}
	if at := slices.Index(e.published, p); at >= 0 {
		e.published = slices.Delete(e.published, at, at+1)
		b.published--
		b.changed(e, p.event)
		b.tidy(e)
	}
}

// read understands a document of a phone: the lamp of its dialogs, or whether it is open, on the phone, and its note.
func (p *publication) read(event Event, body []byte) error {
	root := map[Event]string{Dialog: "dialog-info", Presence: "presence"}[event]
	if root == "" || len(body) > maxDocument {
		return ErrDocument
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	for n := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && n > 0 && len(path) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %.100s", ErrDocument, err.Error())
		}
		switch t := t.(type) {
		case xml.Directive:
			return fmt.Errorf("%w: a document type is not allowed", ErrDocument)
		case xml.StartElement:
			if n++; n == 1 && t.Name.Local != root || misplaced(n, len(path)) {
				return fmt.Errorf("%w: %s is needed, of few elements", ErrDocument, root)
			}
			path = append(path, t.Name.Local)
			p.element(path)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			p.text(path, strings.TrimSpace(string(t)))
		}
	}
}

// misplaced reports that the n-th element, which has depth parents, stands beside the root, or is one too many or too
// deep.
func misplaced(n, depth int) bool {
	return n > 1 && depth == 0 || n > maxElements || depth >= maxDepth
}

func (p *publication) element(path []string) {
	if p.event == Presence && len(path) > 1 && path[len(path)-2] == "activities" {
		p.busy = p.busy || path[len(path)-1] == "on-the-phone"
	}
}

func (p *publication) text(path []string, text string) {
	if len(path) == 0 || text == "" {
		return
	}
	switch last := path[len(path)-1]; {
	case p.event == Dialog && last == "state" && len(path) == 3:
		if s := lampOf(text); rank(s) > rank(p.lamp) {
			p.lamp = s
		}
	case p.event == Presence && last == "basic":
		p.open = p.open || strings.EqualFold(text, "open")
	case p.event == Presence && last == "note" && p.note == "":
		p.note = strings.ToValidUTF8(text[:min(len(text), maxNote)], "")
	}
}

// lampOf takes the states of RFC 4235 §3.7.1 together as lamps show them.
func lampOf(state string) interpreter.LampState {
	switch strings.ToLower(state) {
	case "trying", "proceeding", "early":
		return interpreter.LampRinging
	case "confirmed":
		return interpreter.LampBusy
	}
	return interpreter.LampIdle
}
