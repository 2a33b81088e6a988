package interpreter

import (
	"strings"
	"sync"
	"time"
)

// traceKept is how many events a live call keeps for views that join late; older ones have been observed and stored.
const traceKept = 2000

// trace is the ordered list of a call's events.
type trace struct {
	mu      sync.Mutex
	seq     int
	events  []Event
	private bool
}

// Emit adds an event to the call's trace and tells the observers. It fills in number, time, call and, where the event
// has none, the step that runs. Keys pressed while the call is private are shown as *.
func (c *Call) Emit(e Event) {
	doc, step := c.Document()
	if e.Step == "" && step != nil {
		e.Step, e.Pos = step.Name, step.Pos
	}
	if e.URL == "" && doc != nil {
		e.URL = doc.URL
	}
	e.Call = c.ID
	c.trace.mu.Lock()
	defer c.trace.mu.Unlock()
	if c.trace.private {
		hideKeys(&e)
	}
	c.trace.seq++
	e.Seq = c.trace.seq
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Offset = e.Time.Sub(c.begun)
	if len(c.trace.events) >= traceKept {
		c.trace.events = append(c.trace.events[:0], c.trace.events[traceKept/4:]...)
	}
	c.trace.events = append(c.trace.events, e)
	for _, o := range c.m.cfg.Observers {
		o(e)
	}
}

// hideKeys shows * in place of a key, wherever an event tells of one.
func hideKeys(e *Event) {
	switch d := e.Data.(type) {
	case DigitData:
		d.Key, e.Text = "*", "digit *"
		e.Data = d
	case PromptData:
		if d.Key != "" {
			e.Text = strings.Replace(e.Text, "digit "+d.Key, "digit *", 1)
			d.Key = "*"
			e.Data = d
		}
	}
	if e.Kind == EvVerbEnd && strings.HasPrefix(e.Text, "branch ") {
		e.Text = "branch *" // a child may be named like the keys
	}
}

// Private hides the keys pressed from now on from every trace, log and record, until it is called with false: for
// card numbers and PINs.
func (c *Call) Private(hide bool) {
	c.trace.mu.Lock()
	defer c.trace.mu.Unlock()
	c.trace.private = hide
}

// Events returns a copy of the call's trace after the event numbered after.
func (c *Call) Events(after int) []Event {
	c.trace.mu.Lock()
	defer c.trace.mu.Unlock()
	for i, e := range c.trace.events {
		if e.Seq > after {
			return append([]Event(nil), c.trace.events[i:]...)
		}
	}
	return nil
}
