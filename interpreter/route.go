package interpreter

// Start is how a call begins: what a number leads to.
type Start struct {
	Request        Request // first request; URL, Method, Dialect, Static, Inline count
	Fallback       Request // asked when a document cannot be had or parsed; empty URL: none
	Local          []byte  // static flow that runs when everything above has failed; nil: none
	LocalName      string  // its name in traces
	StatusCallback StatusCallback
	Public         bool // may be called by strangers
}

// Router finds out how a call begins. ErrNotFound refuses the call with 404.
type Router interface {
	Route(l LegInfo) (Start, error)
}

// RouterFunc makes a function a Router.
type RouterFunc func(l LegInfo) (Start, error)

// Route calls f.
func (f RouterFunc) Route(l LegInfo) (Start, error) { return f(l) }
