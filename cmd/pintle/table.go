package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
)

// screen is where a command prints: plain text, in colour on a terminal.
type screen struct {
	io.Writer
	color bool
	now   time.Time
}

// stdout is the screen of a command.
func stdout() screen {
	color := isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""
	return screen{Writer: os.Stdout, color: color, now: time.Now()}
}

// mood is how good a word is.
type mood int

// Moods and their colours.
const (
	plainMood mood = iota
	goodMood
	warnMood
	badMood
	faintMood
)

var moodColors = map[mood]string{goodMood: "32", warnMood: "33", badMood: "31", faintMood: "2"}

// paint gives a text its colour.
func (s screen) paint(m mood, text string) string {
	c, ok := moodColors[m]
	if !s.color || !ok || text == "" {
		return text
	}
	return "\x1b[" + c + "m" + text + "\x1b[0m"
}

// field is one field of a table.
type field struct {
	text string
	mood mood
}

func words(texts ...string) []field {
	row := make([]field, len(texts))
	for i, t := range texts {
		row[i] = field{text: t}
	}
	return row
}

// table prints rows under a head, in columns that are as wide as their widest field.
func (s screen) table(head []string, rows [][]field) {
	all := append([][]field{words(head...)}, rows...)
	width := make([]int, len(head))
	for _, row := range all {
		for i := range row {
			row[i].text = printable(row[i].text)
			width[i] = max(width[i], utf8.RuneCountInString(row[i].text))
		}
	}
	for n, row := range all {
		var b strings.Builder
		for i, c := range row {
			if n == 0 {
				c.mood = faintMood
			}
			b.WriteString(s.paint(c.mood, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		fmt.Fprintln(s, strings.TrimRight(b.String(), " ")) //nolint:errcheck // a terminal that is gone reads nothing
	}
}

// line prints one line.
func (s screen) line(format string, a ...any) {
	fmt.Fprintf(s, format+"\n", a...) //nolint:errcheck // a terminal that is gone reads nothing
}

// json prints v for programs.
func (s screen) json(v any) error {
	enc := json.NewEncoder(s)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// maxField is how many characters a field of a table has at most.
const maxField = 60

// printable is what a stranger wrote, without what would steer a terminal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if r := []rune(text); len(r) > maxField {
		return string(r[:maxField-1]) + "…"
	}
	return text
}

// span is a length of time in its two greatest units.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 0:
		return "0 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// since is how long ago a time was, until how far it is away; "-" for none.
func (s screen) since(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return span(s.now.Sub(*t))
}

func (s screen) until(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return span(t.Sub(s.now))
}

// millis is a round trip in seconds as people read it.
func millis(seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", seconds*1000)
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
