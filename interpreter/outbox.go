package interpreter

import (
	"context"
	"net/url"
	"time"
)

// Post is one callback to deliver: at most three attempts, at 0 s, 30 s and 5 min, none after a 4xx.
type Post struct {
	ID      string     `json:"id"`
	Call    string     `json:"call"` // first attempts of one call go in order
	Account string     `json:"account"`
	Begun   time.Time  `json:"begun,omitzero"` // of the call, for offsets in its trace
	What    string     `json:"what"`           // for the trace: "status completed", "recording completed"
	Method  string     `json:"method"`
	URL     string     `json:"url"`
	Params  url.Values `json:"params,omitempty"`
	JSON    []byte     `json:"json,omitempty"`
}

// Outbox delivers callbacks, durably.
type Outbox interface {
	// Queue stores the posts and the other writes in one batch, all on disk when it returns, then delivers them.
	Queue(ctx context.Context, posts []Post, with ...Write) error
}
