package interpreter

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
}

// Router finds out how a call begins. ErrNotFound refuses the call with 404.
type Router interface {
	Route(l LegInfo) (Start, error)
}

// RouterFunc makes a function a Router.
type RouterFunc func(l LegInfo) (Start, error)

// Route calls f.
func (f RouterFunc) Route(l LegInfo) (Start, error) { return f(l) }
