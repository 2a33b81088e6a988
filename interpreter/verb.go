package interpreter

import "context"

// Verb is one instruction, decoded and ready. Run blocks until the verb is over. When ctx ends it stops at once,
// joins everything it started and returns context.Cause(ctx). An error that is neither the cause of ctx nor a *Fault
// ends the document as a fatal one; a *Fault is noted and the call goes on with the outcome beside it.
type Verb interface {
	Run(ctx context.Context, c *Call) (Outcome, error)
}

// VerbFunc makes a function a Verb.
type VerbFunc func(ctx context.Context, c *Call) (Outcome, error)

// Run calls f.
func (f VerbFunc) Run(ctx context.Context, c *Call) (Outcome, error) { return f(ctx, c) }

// Info describes a verb for the command line, the linter and the generated pages. Dialects make it from the same
// table that decodes the verb.
type Info struct {
	Dialect string     `json:"dialect"`
	Name    string     `json:"name"`
	Doc     string     `json:"doc"` // one line
	Inside  []string   `json:"inside,omitempty"`
	Attrs   []AttrInfo `json:"attributes,omitempty"`
}

// AttrInfo describes one attribute or data field.
type AttrInfo struct {
	Name    string `json:"name"`
	Default string `json:"default,omitempty"`
	Doc     string `json:"doc"`
}
