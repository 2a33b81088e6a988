package twiml

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"pintle/interpreter"
)

// maxURL is the longest URL that is asked for, in octets.
const maxURL = 4096

// link is where the next document comes from. The zero link is the document that runs now.
type link struct {
	URL    string // absolute
	Method string
	Wrong  string // why what was written cannot be asked for; empty: it can
}

// set resolves what was written; path names the attribute, empty for the text of the element.
func (l *link) set(e *element, path, written string) {
	abs, err := e.r.resolve(written)
	if err == nil {
		l.URL = abs
		return
	}
	l.Wrong = err.Error()
	e.warn(interpreter.CodeURL, path, "the URL of <%s> cannot be used: %v", e.s.name, err)
}

// given tells whether a URL was written.
func (l link) given() bool { return l.URL != "" || l.Wrong != "" }

// follow asks for the next document. It fails with a *interpreter.DocumentError if there is nowhere to ask.
func (l link) follow(c *interpreter.Call, res interpreter.Result) (interpreter.Outcome, error) {
	r, err := l.request(c, res)
	if err != nil {
		return interpreter.Continue(), err
	}
	return interpreter.Goto(r), nil
}

// request makes the request that follow asks for.
func (l link) request(c *interpreter.Call, res interpreter.Result) (interpreter.Request, error) {
	doc, step := c.Document()
	if step != nil {
		res.Verb = step.Name
	}
	r := interpreter.Request{URL: l.URL, Method: l.Method, Result: res}
	if c.Whisper {
		r.Purpose = interpreter.ForWhisper
	}
	wrong := l.Wrong
	if !l.given() {
		r.URL = doc.Asked
		if r.URL == "" {
			wrong = "the document has no URL of its own, so the verb needs an absolute one"
		}
	}
	if wrong == "" {
		return r, nil
	}
	return r, &interpreter.DocumentError{URL: doc.URL, Pos: step.Pos, Code: interpreter.CodeURL, Verb: step.Name,
		Msg: wrong}
}

// resolve makes a URL absolute. Its path and query stay as they were written.
func (r *reader) resolve(written string) (string, error) {
	written = strings.ReplaceAll(strings.TrimSpace(written), " ", "%20")
	if len(written) > maxURL {
		return "", fmt.Errorf("it is longer than %d octets", maxURL)
	}
	ref, err := url.Parse(written)
	if err != nil {
		return "", fmt.Errorf("%q: %w", clip(written), withoutURL(err))
	}
	base, err := url.Parse(r.base)
	if err != nil {
		base = &url.URL{}
	}
	abs := base.ResolveReference(ref)
	switch {
	case abs.Scheme == "file" && base.Scheme == "file":
		return abs.String(), nil
	case abs.Scheme == "":
		return "", fmt.Errorf("%q is relative and the document has no URL", clip(written))
	case abs.Scheme != "http" && abs.Scheme != "https":
		return "", fmt.Errorf("the scheme of %q is not http or https", clip(written))
	case abs.Hostname() == "":
		return "", fmt.Errorf("%q names no host", clip(written))
	}
	return abs.String(), nil
}

// withoutURL takes the URL off an error of net/url, which repeats it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
