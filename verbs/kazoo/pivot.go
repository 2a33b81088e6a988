package kazoo

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "pivot",
	doc:  "Asks a web server for the document that replaces this flow; the child \"_\" runs when that fails.",
	fields: []field{
		{name: "voice_url", kind: "string", required: true,
			doc: "address to ask, http or https; a relative one starts at this document"},
		{name: "method", kind: "string", def: "get", doc: "get or post; any other word is post"},
		{name: "req_format", kind: "string", def: "kazoo",
			doc: "names of the parameters: kazoo or twiml; the answer may be either"},
		{name: "req_body_format", kind: "string", def: "form", doc: "body of a POST: form or json"},
		{name: "req_timeout_ms", kind: "integer", def: "5000",
			doc: "limit of the whole exchange in milliseconds, at most 15000"},
		{name: "cdr_url", kind: "string", doc: "told once by POST when the caller's leg is over"},
		{name: "debug", kind: "boolean", def: "false",
			doc: "keep every exchange of the call for debugging; else those alone whose answer could not be read"},
		{name: "custom_request_headers", kind: "object", doc: "further headers of the request; names begin with X-"},
	},
	decode: func(d *data) interpreter.Verb {
		p := Pivot{
			Request: interpreter.Request{
				URL:     d.address("voice_url", d.required("voice_url")),
				Method:  http.MethodGet,
				Dialect: d.choice("req_format", "kazoo", "kazoo", "twiml"),
				JSON:    d.choice("req_body_format", "form", "form", "json") == "json",
				Timeout: d.duration("req_timeout_ms", time.Millisecond, bounds{5000, 1, 15000}),
				Header:  d.requestHeaders("custom_request_headers"),
			},
			Debug: d.flag("debug", false),
		}
		if m := d.words("method", "get"); !strings.EqualFold(m, "get") {
			p.Request.Method = http.MethodPost
		}
		if u := d.words("cdr_url", ""); u != "" {
			if v, _ := d.n.data.get("cdr_url"); !isHTTP(u) {
				d.warn("cdr_url", v, "%s is no http or https address; nobody is told", v)
			} else {
				p.Report = u
			}
		}
		if len(d.children()) > 0 && d.has(wildcard) {
			p.Request.Else = wildcard
		}
		return p
	},
})

// Pivot asks for the next document (Kazoo pivot).
type Pivot struct {
	Request interpreter.Request // complete but for the results
	Report  string              // cdr_url
	Debug   bool
}

// Run leaves the flow for what the request answers. The request carries every collection and the last result.
func (p Pivot) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	s := stateOf(c)
	r := p.Request
	r.Result = interpreter.Result{Verb: s.module, Branch: s.result, Dial: s.dial}
	if r.Dialect != "kazoo" {
		r.Result.Extra = s.collectionParams()
	}
	if p.Report != "" && !slices.Contains(s.reports, p.Report) {
		s.reports = append(s.reports, p.Report)
		c.AfterHangup(func(ctx context.Context) { report(ctx, c, p.Report) })
	}
	s.debug = s.debug || p.Debug
	s.keepExchanges(c)
	return interpreter.Goto(r), nil
}

// report tells cdr_url about the finished leg, through the durable queue.
func report(ctx context.Context, c *interpreter.Call, to string) {
	post := interpreter.Post{What: "cdr", Method: http.MethodPost, URL: to, Params: finalEvent(c, time.Now())}
	if err := c.Callback(ctx, post); err != nil {
		c.Fault(err)
	}
}

// address makes a reference absolute; one that is not http or https cannot be asked.
func (d *data) address(name, ref string) string {
	if d.unusable {
		return ""
	}
	v, _ := d.n.data.get(name)
	u, err := resolve(d.r.url, ref)
	if err != nil || !isHTTP(u) {
		d.fail(name, v, v.String()+" is no http or https address")
		return ""
	}
	return u
}

// resolve makes a reference absolute against the document it stands in.
func resolve(base, ref string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(ref))
	if err != nil {
		return "", err
	}
	if u.IsAbs() {
		return u.String(), nil
	}
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	return b.ResolveReference(u).String(), nil
}

// requestHeaders reads headers whose names begin with X-, which cannot break the request.
func (d *data) requestHeaders(name string) http.Header {
	h := http.Header{}
	for _, p := range d.pairs(name) {
		if !extensionHeader(p) {
			v, _ := d.find(name)
			d.warn(name, v, badHeader, strconv.Quote(clip(p[0])))
			continue
		}
		h.Set(p[0], p[1])
	}
	if len(h) == 0 {
		return nil
	}
	return h
}

// badHeader is the warning of a header that is not sent.
const badHeader = "header %s is left out: its name must be letters, digits and dashes after X-, its value one line"

// extensionHeader tells whether a header is an X- header that can be sent as it is.
func extensionHeader(p [2]string) bool {
	name, ok := strings.CutPrefix(strings.ToLower(p[0]), "x-")
	return ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		strings.IndexFunc(p[1], func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
