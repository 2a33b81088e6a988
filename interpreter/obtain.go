package interpreter

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// bodyShown is how much of a body the trace keeps.
const bodyShown = 16 << 10

// attempt makes one request and parses its answer.
func (c *Call) attempt(ctx context.Context, r Request) (*Document, error) {
	c.enterScope(r.Scope)
	source := "webhook"
	if r.Purpose == ForFallback {
		source = "fallback"
	}
	resp, err := c.fetch(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.Inline != nil {
		source = "inline"
	}
	return c.parse(resp, r, source)
}

// fetch makes one request with the standard parameters of its dialect.
func (c *Call) fetch(ctx context.Context, r Request) (Response, error) {
	if r.Inline != nil {
		return Response{Status: http.StatusOK, Body: r.Inline, URL: r.URL, Asked: r.URL}, nil
	}
	if strings.HasPrefix(r.URL, "file:") {
		return c.readFile(r)
	}
	f, err := c.exchange(r)
	if err != nil {
		return Response{}, err
	}
	c.Emit(Event{Lane: LaneHTTP, Kind: EvRequest, Text: f.Method + " " + shownURL(f.URL), Data: c.requestData(f)})
	begun := time.Now()
	resp, err := c.Web.Fetch(ctx, f)
	if resp.Took == 0 {
		resp.Took = time.Since(begun)
	}
	if resp.Status == 0 {
		return resp, err // nothing came
	}
	c.Emit(Event{Lane: LaneHTTP, Kind: EvResponse,
		Text: fmt.Sprintf("%d %s %d bytes in %v", resp.Status, mediaType(resp.ContentType), len(resp.Body),
			resp.Took.Round(time.Millisecond)),
		Data: ResponseData{Status: resp.Status, ContentType: resp.ContentType, Bytes: len(resp.Body), Took: resp.Took,
			Cached: resp.Cached, Body: shown(resp)}})
	return resp, err
}

// exchange decides everything of the HTTP exchange.
func (c *Call) exchange(r Request) (Fetch, error) {
	d := c.dialect(r.Dialect)
	if d == nil {
		return Fetch{}, &Fault{Code: CodeInternal, Msg: "no dialect to ask in"}
	}
	f := Fetch{Method: strings.ToUpper(r.Method), URL: r.URL, Header: r.Header, Purpose: r.Purpose, Emit: c.Emit}
	if f.Method == "" {
		f.Method = d.Method()
	}
	if f.Purpose == "" {
		f.Purpose = ForDocument
	}
	f.Timeout = r.Timeout
	if f.Timeout <= 0 || f.Timeout > c.m.cfg.Limits.DocumentTime {
		f.Timeout = c.m.cfg.Limits.DocumentTime
	}
	f.Params = d.Encode(c, r.Result)
	for _, p := range r.Result.Extra {
		f.Params.Set(p[0], p[1])
	}
	if r.JSON && f.Method == http.MethodPost {
		var err error
		if j, ok := d.(JSONEncoder); ok {
			f.JSON, err = j.EncodeJSON(c, r.Result)
		} else {
			f.JSON, err = formJSON(f.Params)
		}
		if err != nil {
			return f, &Fault{Code: CodeInternal, Msg: "encode the request", Err: err}
		}
	}
	return f, nil
}

// formJSON writes the parameters of a dialect that knows forms alone as one object of texts; Digits[pin] becomes a
// member of the object Digits.
func formJSON(v url.Values) ([]byte, error) {
	all := map[string]any{}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		name, member, nested := strings.Cut(strings.TrimSuffix(k, "]"), "[")
		if !nested {
			all[k] = v.Get(k)
			continue
		}
		o, ok := all[name].(map[string]any)
		if !ok {
			o = map[string]any{}
			all[name] = o
		}
		o[member] = v.Get(k)
	}
	return json.Marshal(all)
}

// readFile reads a document that the operator keeps as a file. A fetched document cannot ask for one.
func (c *Call) readFile(r Request) (Response, error) {
	if c.m.cfg.ReadFile == nil || !r.local {
		return Response{}, &Fault{Code: CodeURL, Msg: "a document may not ask for the local file " + r.URL +
			"; use http or https"}
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return Response{}, &Fault{Code: CodeURL, Msg: "file URL", Err: err}
	}
	body, err := c.m.cfg.ReadFile(u.Path)
	if err != nil {
		return Response{}, &Fault{Code: CodeRetrieval, Msg: "read the flow file " + u.Path, Err: err}
	}
	return Response{Status: http.StatusOK, Body: body, URL: r.URL, Asked: r.URL}, nil
}

// parse chooses the dialect of an answer and makes the document.
func (c *Call) parse(resp Response, r Request, source string) (*Document, error) {
	d := c.m.cfg.Dialects.Choose(r.Dialect, resp)
	if d == nil {
		return nil, &DocumentError{URL: resp.URL, Code: CodeContentType, Msg: fmt.Sprintf(
			"the answer is neither TwiML (root <Response>) nor Kazoo JSON (an object with \"module\"); its content type is %q",
			resp.ContentType)}
	}
	doc, err := d.Parse(resp)
	if err != nil {
		return nil, err
	}
	doc.Dialect, doc.Method, doc.Fetched, doc.Source = d.Name(), resp.Method, time.Now(), resp.Body
	doc.Asked = shownURL(resp.Asked)
	if doc.Asked == "" {
		doc.Asked = shownURL(r.URL)
	}
	doc.Static = r.Static || resp.Header.Get(StaticHeader) != ""
	if source == "webhook" && doc.Static {
		c.m.static.put(c.Leg.Context(), c.m.cfg.Records, r, resp)
	}
	c.Emit(Event{Lane: LaneFlow, Kind: EvDocument, URL: doc.URL,
		Text: fmt.Sprintf("%s document, %s", d.Name(), plural(countSteps(doc.Root), "step")),
		Data: DocumentData{Dialect: d.Name(), Steps: countSteps(doc.Root), Warnings: len(doc.Warnings), Source: source}})
	for _, w := range doc.Warnings {
		c.Emit(Event{Lane: LaneFlow, Kind: EvWarning, URL: doc.URL, Step: w.Verb, Pos: w.Pos, Fault: w.Code,
			Text: fmt.Sprintf("warning %d at %s: %s", w.Code, w.Pos, w.Msg), Data: w})
	}
	return doc, nil
}

// requestData shows a request in the trace; keys of a private call are hidden.
func (c *Call) requestData(f Fetch) RequestData {
	c.trace.mu.Lock()
	private := c.trace.private
	c.trace.mu.Unlock()
	d := RequestData{Method: f.Method, URL: shownURL(f.URL), Purpose: f.Purpose}
	for k, vs := range f.Params {
		for _, v := range vs {
			if private && (strings.HasPrefix(k, "Digits") || k == "Last-Result") {
				v = strings.Repeat("*", len(v))
			}
			d.Params = append(d.Params, [2]string{k, v})
		}
	}
	sort.Slice(d.Params, func(i, j int) bool { return d.Params[i][0] < d.Params[j][0] })
	return d
}

func shown(r Response) string {
	t := mediaType(r.ContentType)
	if strings.HasPrefix(t, "audio/") || strings.HasPrefix(t, "image/") {
		return ""
	}
	body, more := r.Body, ""
	if len(body) > bodyShown {
		body, more = body[:bodyShown], "…"
	}
	body = passwordInURL.ReplaceAll(body, []byte("${1}***@"))
	body = passwordInField.ReplaceAll(body, []byte("${1}***"))
	return strings.ToValidUTF8(string(body), "\uFFFD") + more
}

// Passwords as documents hold them: in URLs, whose slashes JSON may escape, and in attributes and members of that name.
var (
	passwordInURL   = regexp.MustCompile(`(:(?:\\?/){2}[^/?#\s"'<>@:\\]*:)[^/?#\s"'<>@]+@`)
	passwordInField = regexp.MustCompile(`(?i)(password["']?\s*[:=]\s*["'])(?:\\.|[^"'\\])*`)
)

func mediaType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t == "" {
		return "no content type"
	}
	return t
}

func countSteps(s *Step) int {
	n := 0
	for ; s != nil; s = s.Next {
		n++
		for _, c := range s.Children {
			n += countSteps(c)
		}
	}
	return n
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
