package interpreter

import (
	"fmt"
	"time"
)

// Document is what a customer's URL answered, parsed and ready to run.
type Document struct {
	URL        string    // where it finally came from, after HTTP redirects; relative URLs in it start there
	Asked      string    // the URL that was asked for, without the standard parameters; a missing action means this one
	Method     string    // the method it was asked with
	Dialect    string    // name of the dialect
	Root       *Step     // first step; nil: an empty document
	Warnings   []Warning // what was skipped or defaulted
	Source     []byte    // the bytes, for the trace and the caret line
	Static     bool      // may serve later calls when the webhook is down
	Fetched    time.Time //
	EndAnswers bool      // an unanswered leg is answered before the end of the document hangs it up
}

// Step is a verb in its place. TwiML follows Next; Kazoo follows Children, "_" being the default.
type Step struct {
	Name     string // as the customer wrote it
	Pos      Pos
	Verb     Verb
	Answers  bool // the loop answers the leg before the verb runs
	Waits    bool // the verb plays or waits: it ends a run of documents that do nothing
	Next     *Step
	Children map[string]*Step
}

// Child returns the child key, else "_", else nil.
func (s *Step) Child(key string) *Step {
	if c, ok := s.Children[key]; ok {
		return c
	}
	return s.Children["_"]
}

// Pos is a place in a document, both counted from 1; columns count runes. The zero Pos is unknown.
type Pos struct {
	Line int `json:"line,omitempty"`
	Col  int `json:"col,omitempty"`
}

// String prints line:column.
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// DocumentError is a fault of a document that the customer can mend and that ends it: it never runs, not even in part.
type DocumentError struct {
	URL  string
	Pos  Pos
	Code int    // docs/errors.md
	Verb string // element or module, may be empty
	Msg  string
}

// Error is "url:line:col: code: sentence".
func (e *DocumentError) Error() string {
	return fmt.Sprintf("%s:%s: %d: %s", e.URL, e.Pos, e.Code, e.Msg)
}

// Warning is a fault of a document that was skipped or defaulted; the document runs.
type Warning struct {
	Pos  Pos    `json:"pos"`
	Code int    `json:"code"`
	Verb string `json:"verb,omitempty"`
	Path string `json:"path,omitempty"` // attribute, or path of a JSON field
	Msg  string `json:"msg"`
}

// String is "line:col: code: sentence".
func (w Warning) String() string { return fmt.Sprintf("%s: %d: %s", w.Pos, w.Code, w.Msg) }
