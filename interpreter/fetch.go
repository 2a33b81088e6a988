package interpreter

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Purpose is what a request is for; it decides limits and what the trace calls it.
type Purpose string

// The purposes.
const (
	ForDocument Purpose = "document"
	ForFallback Purpose = "fallback"
	ForWhisper  Purpose = "whisper"
	ForCallback Purpose = "callback"
)

// Request asks for the next document. The loop adds the standard parameters of its dialect and fetches it.
type Request struct {
	URL     string        // absolute; may carry a connection override fragment (#rc=2&rp=5xx)
	Method  string        // GET or POST; empty: the dialect's default
	Dialect string        // whose parameter names are sent; empty: the dialect of the document that asks
	JSON    bool          // POST the parameters as one JSON object instead of a form
	Header  http.Header   // further headers
	Timeout time.Duration // whole exchange; 0: 15 s
	Result  Result        // facts of the verb that asks
	Purpose Purpose       // empty: ForDocument
	Inline  []byte        // the document itself; URL is then only its base and may be empty
	Else    string        // child of the asking step that runs when the request fails; empty: the fallback chain
	Static  bool          // the answer may serve later calls when the webhook is down
	Scope   *Scope        // in which the call goes on; nil: as before

	local bool // asked for by the operator or by the operator's own file: may be a file
}

// Result is what a verb found out, in the words of the domain; each dialect has its own names for it.
type Result struct {
	Verb      string        // step that reports it
	Branch    string        // child key that was chosen, if any
	Digits    *string       // keys collected; nil: not a collection, "" an empty one
	FinishKey string        // key that ended the collection
	Recording *Recording    //
	Dial      *DialResult   //
	Fault     *FaultResult  // set for a fallback request
	Hungup    bool          // the caller has left; the answer will be ignored
	Extra     [][2]string   // parameters with the dialect's own names, in order
	Took      time.Duration //
}

// Recording is a stored recording.
type Recording struct {
	ID       string
	URL      string
	Duration time.Duration // as it ran
	Length   time.Duration // of the file, after trimming
	Key      string        // finish key, "hangup", or empty
	Channels int
	Source   string // RecordVerb, DialVerb …
	Status   string // in-progress, completed, absent, failed
	Started  time.Time
}

// DialResult is how a Dial ended.
type DialResult struct {
	Status   CallStatus
	ID       string // leg that answered, or the last one tried
	CallID   string // its SIP Call-ID
	Code     int    // final SIP code
	Cause    string // USER_BUSY …
	Answered bool
	Bridged  bool
	Duration time.Duration
	Headers  []Header // X- headers of the final reply
}

// FaultResult tells a fallback URL what failed.
type FaultResult struct {
	Code int
	URL  string
}

// Fetch is one HTTP exchange as the Fetcher sees it: everything is decided, nothing of the call is needed.
type Fetch struct {
	Method  string
	URL     string
	Params  url.Values // query of a GET, form of a POST
	JSON    []byte     // body of a POST instead of the form
	Header  http.Header
	Timeout time.Duration // whole exchange with retries and redirects; 0: 15 s
	Purpose Purpose
	Token   string      // idempotency token, the same on every try; empty: made
	Emit    func(Event) // told of tries and redirects; may be nil
}

// Response is a good answer: status 2xx with the whole body, decoded from its transfer and content coding.
type Response struct {
	Status      int
	Header      http.Header
	ContentType string
	Body        []byte
	URL         string // final URL, after redirects, without the parameters that were added
	Asked       string // URL asked first, without the parameters that were added
	Method      string // method of the first request
	Tries       int
	Cached      bool
	Took        time.Duration
}

// Fetcher makes HTTP exchanges for one call; it keeps the call's cookies and credentials.
type Fetcher interface {
	// Fetch returns a good answer or a *Fault: 11xxx, 90002. It returns context.Cause(ctx) when ctx ends.
	Fetch(ctx context.Context, f Fetch) (Response, error)
}

// Web makes a Fetcher for each call.
type Web interface {
	Session(a Account) Fetcher
}

// Account is whom requests are made for and signed by.
type Account struct {
	ID    string // 32 hex digits
	Token string // signs requests; never logged
}
