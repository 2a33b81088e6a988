package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"pintle/interpreter"
)

// Printer writes events as they happen. Its zero value with W set prints plain text of every kind of event a person
// wants to see. Observe is an interpreter.Observer and may be called from any goroutine.
type Printer struct {
	W      io.Writer
	JSON   bool // one JSON object a line, every event
	Color  bool // for a terminal
	Detail bool // the small events too: ends of verbs, tries, packets
	Calls  bool // name the call in each line, for more than one call at a time

	mu sync.Mutex
}

// Observe prints one event.
func (p *Printer) Observe(e interpreter.Event) {
	var line string
	switch {
	case p.JSON:
		b, err := json.Marshal(e)
		if err != nil {
			b = fmt.Appendf(nil, `{"kind":"fault","text":%q}`, err.Error())
		}
		line = escaped(b)
	case !p.Detail && small(e.Kind):
		return
	default:
		line = p.Line(e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.W, line) //nolint:errcheck // a terminal that is gone ends nobody's call
}

// small are the events that a person following a call does not miss.
func small(kind string) bool {
	switch kind {
	case interpreter.EvVerbEnd, interpreter.EvDocument, interpreter.EvCDR, interpreter.EvProgress:
		return true
	default:
		return false
	}
}

// Line is the text of one event: offset, lane, place in the document, what happened.
func (p *Printer) Line(e interpreter.Event) string {
	var b strings.Builder
	if p.Calls && len(e.Call) >= 6 {
		fmt.Fprintf(&b, "%s  ", p.paint(dim, e.Call[:6]))
	}
	fmt.Fprintf(&b, "%9s  %s  ", offset(e.Offset), p.paint(laneColor(e.Lane), fmt.Sprintf("%-6s", e.Lane)))
	text := printable(e.Text)
	switch {
	case e.Kind == interpreter.EvFault:
		text = p.paint(red, text)
	case e.Kind == interpreter.EvWarning, e.Kind == interpreter.EvFallback:
		text = p.paint(yellow, text)
	case e.Kind == interpreter.EvVerb && e.Pos.Line > 0:
		text = fmt.Sprintf("%-16s %s", text, p.paint(dim, "line "+fmt.Sprint(e.Pos.Line)))
	case e.Kind == interpreter.EvRequest:
		text += p.paint(dim, params(e))
	}
	b.WriteString(text)
	return strings.TrimRight(b.String(), " ")
}

// interesting are the parameters worth a place in a line; the rest is in the JSON.
var interesting = []string{"CallStatus", "Call-Status", "Digits", "DialCallStatus", "RecordingDuration", "ErrorCode",
	"SpeechResult", "Last-Module", "Last-Result"}

func params(e interpreter.Event) string {
	d, ok := e.Data.(interpreter.RequestData)
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, p := range d.Params {
		name, _, _ := strings.Cut(p[0], "[")
		for _, want := range interesting {
			if name == want {
				fmt.Fprintf(&b, " %s=%s", printable(p[0]), printable(p[1]))
			}
		}
	}
	return b.String()
}

// offset prints a time since the call began: 0.000s, 12.345s, 1m02.3s.
func offset(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.3fs", d.Seconds())
	}
	if d < time.Hour {
		return fmt.Sprintf("%dm%04.1fs", int(d.Minutes()), (d % time.Minute).Seconds())
	}
	return fmt.Sprintf("%dh%02dm%02ds", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// printable replaces what a stranger's text could do to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if harmful(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// harmful tells whether a rune commands a terminal, breaks a line, or turns the direction of what stands beside it.
func harmful(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029
}

// escaped writes harmful runes, which JSON may hold as they are, as \u escapes.
func escaped(b []byte) string {
	if bytes.IndexFunc(b, harmful) < 0 {
		return string(b)
	}
	var s strings.Builder
	for _, r := range string(b) {
		if harmful(r) {
			fmt.Fprintf(&s, `\u%04x`, r)
			continue
		}
		s.WriteRune(r)
	}
	return s.String()
}

const (
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	violet = "35"
	cyan   = "36"
)

func laneColor(l interpreter.Lane) string {
	switch l {
	case interpreter.LaneCaller:
		return green
	case interpreter.LaneVerb:
		return blue
	case interpreter.LaneHTTP:
		return cyan
	case interpreter.LaneSIP:
		return violet
	case interpreter.LaneMedia:
		return dim
	default:
		return yellow
	}
}

func (p *Printer) paint(color, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}
