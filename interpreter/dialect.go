package interpreter

import "net/url"

// Dialect is a language in which customers answer.
type Dialect interface {
	// Name is the word for it in configuration, traces and `pintle verbs`: twiml, kazoo.
	Name() string
	// Accepts tells whether the answer is in this language, judged by content first and content type second.
	Accepts(r Response) bool
	// Parse makes the document, or returns a *DocumentError. It sets all but Asked, Method and Fetched.
	Parse(r Response) (*Document, error)
	// Encode gives the parameters of a request of this dialect.
	Encode(c *Call, r Result) url.Values
	// Method is the method of a first request that names none.
	Method() string
	// Verbs describes what is registered, by name.
	Verbs() []Info
}

// JSONEncoder is a Dialect that can send its parameters with their native types as one JSON object.
type JSONEncoder interface {
	EncodeJSON(c *Call, r Result) ([]byte, error)
}

// Dialects are the languages an engine understands, asked in order.
type Dialects []Dialect

// ByName returns the dialect of that name, or nil.
func (d Dialects) ByName(name string) Dialect {
	for _, l := range d {
		if l.Name() == name {
			return l
		}
	}
	return nil
}

// Choose returns the dialect of an answer: the preferred one if it accepts it, else the first that does, else nil.
func (d Dialects) Choose(preferred string, r Response) Dialect {
	if p := d.ByName(preferred); p != nil && p.Accepts(r) {
		return p
	}
	for _, l := range d {
		if l.Accepts(r) {
			return l
		}
	}
	return nil
}
