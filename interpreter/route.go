package interpreter

import "strings"

// Start is how a call begins: what a number leads to.
type Start struct {
	Request        Request // first request; URL, Method, Dialect, Static, Inline count
	Fallback       Request // asked when a document cannot be had or parsed; empty URL: none
	Local          []byte  // static flow that runs when everything above has failed; nil: none
	LocalName      string  // its name in traces
	StatusCallback StatusCallback
	Public         bool // may be called by strangers
	// Account is the id of the customer's account whose callflow runs, and in which its ids are looked up; empty: the flow
	// belongs to no account. Capture and Captures are what the pattern of the dialled number captured.
	Account  string
	Capture  string
	Captures map[string]string
	// CallerName and CallerNumber are put before the name and the number of the caller, so that whoever is called sees
	// which of his numbers was dialled.
	CallerName   string
	CallerNumber string
}

// Scope is whose flow a call runs when it is handed on: the fields of the same names of [Start].
type Scope struct {
	Account  string
	Capture  string
	Captures map[string]string
}

// Scope is the scope that a call begins in.
func (s Start) Scope() *Scope {
	return &Scope{Account: s.Account, Capture: s.Capture, Captures: s.Captures}
}

// enterScope makes a call that is handed on go on in the scope of its new flow.
func (c *Call) enterScope(s *Scope) {
	if s != nil {
		c.Start.Account, c.Start.Capture, c.Start.Captures = s.Account, s.Capture, s.Captures
	}
}

// caller is who calls, as the flow sees him.
func (s Start) caller(from Address) Address {
	if s.CallerName != "" {
		from.Display = strings.TrimSpace(s.CallerName + from.Display)
	}
	from.User = s.CallerNumber + from.User
	return from
}

// Router finds out how a call begins. ErrNotFound refuses the call with 404.
type Router interface {
	Route(l LegInfo) (Start, error)
}

// RouterFunc makes a function a Router.
type RouterFunc func(l LegInfo) (Start, error)

// Route calls f.
func (f RouterFunc) Route(l LegInfo) (Start, error) { return f(l) }
