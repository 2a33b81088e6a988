package webhook

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	"pintle/interpreter"
)

const (
	errorBody = 4 << 10     // of a failing answer, kept
	errorTime = time.Second // to read it
)

// read takes the answer of the last hop.
func (x *exchange) read(a *answered, h *hop) (interpreter.Response, error) {
	defer a.done()
	resp := a.resp
	if a.cached {
		return x.stored(a.stored, h), nil
	}
	if resp.StatusCode == http.StatusNotModified && a.stored != nil {
		return x.stored(x.s.renew(a), h), nil
	}
	r := interpreter.Response{Status: resp.StatusCode, Header: resp.Header,
		ContentType: resp.Header.Get("Content-Type"), URL: h.base.String()}
	if resp.StatusCode/100 != 2 || resp.Header.Get("Ngrok-Error-Code") != "" {
		r.Body = x.readError(a)
		return r, statusFault(resp, h, r.Body)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return r, fail(interpreter.CodeProtocol, 0,
			fmt.Sprintf("%s used the content coding %s; use gzip once, or none", h.wire.Host, printable(coding, 40)), nil)
	}
	most := x.s.c.cfg.MaxBody
	if isAudio(r.ContentType) {
		most = audioMaxBody
	}
	if resp.ContentLength > most {
		return r, tooLarge(h.wire.Host, most)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return r, err
	}
	if int64(len(body)) > most {
		return r, tooLarge(h.wire.Host, most)
	}
	r.Body = body
	if h.method == http.MethodGet {
		x.s.keep(a, h, body)
	}
	return r, nil
}

// stored makes the answer from one that was kept.
func (x *exchange) stored(e *entry, h *hop) interpreter.Response {
	return interpreter.Response{Status: e.status, Header: e.header.Clone(), ContentType: e.header.Get("Content-Type"),
		Body: bytes.Clone(e.body), URL: h.base.String(), Cached: true}
}

// readError reads the beginning of a failing answer, but not for long: the fallback waits.
func (x *exchange) readError(a *answered) []byte {
	if a.resp.Body == nil {
		return nil
	}
	t := time.AfterFunc(errorTime, a.cancel)
	defer t.Stop()
	body, err := io.ReadAll(io.LimitReader(a.resp.Body, errorBody))
	if err != nil || len(body) < errorBody {
		return body
	}
	// What little is left is read too, so that the connection can be used again.
	io.CopyN(io.Discard, a.resp.Body, defaultMaxBody) //nolint:errcheck // any end will do
	return body
}

// statusFault tells what a failing answer said.
func statusFault(resp *http.Response, h *hop, body []byte) *interpreter.Fault {
	if f := tunnelFault(resp, body); f != nil {
		return f
	}
	msg := fmt.Sprintf("%s %s answered %s", h.method, show(h.wire), statusText(resp.StatusCode))
	if line := firstLine(body); line != "" {
		msg += fmt.Sprintf(" (%q)", line)
	}
	return &interpreter.Fault{Code: interpreter.CodeRetrieval, Msg: msg + "; " + statusAdvice(resp.StatusCode)}
}

func statusAdvice(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "put the right user and password into the URL"
	case status == http.StatusForbidden:
		return "check the application's signature check and its auth token"
	case status == http.StatusNotFound:
		return "correct the path of the URL, or add the route"
	case status == http.StatusMethodNotAllowed:
		return "set the other method, or let the application accept this one"
	case status/100 == 4:
		return "correct the request or the application"
	case status/100 == 5:
		return "look at the application's log"
	}
	return "let the application answer with 200"
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// firstLine is what an error page says first: its title if it is HTML, else its first line.
func firstLine(body []byte) string {
	if m := titleTag.FindSubmatch(body); m != nil {
		return printable(string(m[1]), 120)
	}
	for line := range strings.Lines(string(body)) {
		if line = printable(line, 120); line != "" {
			return line
		}
	}
	return ""
}

func tooLarge(host string, most int64) *interpreter.Fault {
	return &interpreter.Fault{Code: interpreter.CodeTooLarge, Msg: fmt.Sprintf("the answer of %s is larger than %d bytes;"+
		" make it smaller", host, most)}
}

func isAudio(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.HasPrefix(t, "audio/")
}
