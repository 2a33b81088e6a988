package interpreter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// chain finds a document for one request: the webhook itself, then, each with its reason in the trace, the fallback
// URL, the last good document if it is static, the operator's local flow, and at last a spoken apology.
type chain struct {
	c    *Call
	req  Request
	next int // hop that is tried when the present document fails

	begun time.Time // of the request
}

// patience is how long a caller hears nothing before he is given a sign that the call lives.
const patience = 5 * time.Second

// stillHere is that sign: two soft notes.
const stillHere = "440/120,0/80,440/120"

// hops of the chain after the request itself.
const (
	hopFallback = iota
	hopLastGood
	hopLocal
	hopApology
	hopNone
)

// obtain gets the document of a request, or returns the failure that ends the call.
func (h *chain) obtain(ctx context.Context) (*Document, error) {
	h.begun = time.Now()
	doc, err := h.c.attempt(ctx, h.req)
	if err == nil {
		return doc, nil
	}
	return h.rescue(ctx, err)
}

// rescue tries the hops that are left, after the request or a hop failed with err.
func (h *chain) rescue(ctx context.Context, err error) (*Document, error) {
	first := err
	for {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		var told *skipped
		if !errors.As(err, &told) {
			h.c.Fault(err)
		}
		hop := h.next
		h.next++
		var doc *Document
		switch hop {
		case hopFallback:
			doc, err = h.fallback(ctx, err)
		case hopLastGood:
			doc, err = h.lastGood(ctx, err)
		case hopLocal:
			doc, err = h.local(err)
		case hopApology:
			h.c.noteFault(CodeOf(first))
			h.apology(ctx)
			return nil, first
		default:
			return nil, first
		}
		if doc != nil {
			return doc, nil
		}
	}
}

// fallback asks the call's fallback URL, once for a request, with the code and the URL of what failed.
func (h *chain) fallback(ctx context.Context, failed error) (*Document, error) {
	r := h.c.Start.Fallback
	if r.URL == "" || h.req.Purpose == ForFallback || h.req.Purpose == ForWhisper {
		return nil, h.skip(failed)
	}
	r.Purpose = ForFallback
	r.local = true
	r.Result = h.req.Result
	r.Result.Fault = &FaultResult{Code: CodeOf(failed), URL: shownURL(h.req.URL)}
	h.c.hop("fallback URL "+shownURL(r.URL), CodeOf(failed))
	h.reassure(ctx)
	return h.c.attempt(ctx, r)
}

// reassure plays a sign to an answered caller who has heard nothing for long, before another request takes its time:
// together they would be silent for half a minute. Who is not answered hears ringing.
func (h *chain) reassure(ctx context.Context) {
	if h.c.Status() != StatusInProgress || time.Since(h.begun) < patience {
		return
	}
	sign := PromptData{Kind: "tone", What: stillHere}
	h.c.Emit(Event{Lane: LaneCaller, Kind: EvPlay, Text: "tone: the call goes on", Data: sign})
	if err := h.c.Leg.Play(ctx, Prompt{Tone: stillHere}); err != nil && context.Cause(ctx) == nil {
		h.c.Fault(err)
	}
	h.c.Emit(Event{Lane: LaneCaller, Kind: EvPlayEnd, Text: "prompt over", Data: sign})
}

// lastGood runs the last good answer of the same URL, if it was marked static: it may come from another caller's call.
func (h *chain) lastGood(ctx context.Context, failed error) (*Document, error) {
	resp, err := h.c.m.static.get(ctx, h.c.m.cfg.Records, h.req)
	if err != nil {
		return nil, h.skip(failed)
	}
	h.c.hop("last good static document of "+shownURL(h.req.URL), CodeOf(failed))
	return h.c.parse(resp, h.req, "last-good")
}

// local runs the operator's static flow.
func (h *chain) local(failed error) (*Document, error) {
	if h.c.Start.Local == nil || h.req.Purpose == ForWhisper {
		return nil, h.skip(failed)
	}
	h.c.hop("local flow "+h.c.Start.LocalName, CodeOf(failed))
	resp := Response{Status: 200, Body: h.c.Start.Local, URL: "file:///" + strings.TrimLeft(h.c.Start.LocalName, "/")}
	return h.c.parse(resp, Request{URL: resp.URL}, "local")
}

// skip keeps the failure that is being rescued when a hop is not configured; the trace shows nothing of it.
func (h *chain) skip(failed error) error { return &skipped{failed} }

// skipped wraps a failure that the trace has shown already.
type skipped struct{ error }

func (s *skipped) Unwrap() error { return s.error }

// apology speaks the last word on a leg that is answered, answering it if need be.
func (h *chain) apology(ctx context.Context) {
	p := h.c.m.cfg.Apology
	if h.req.Purpose == ForWhisper || (p.Text == nil && p.Audio == nil && p.URL == "" && p.Tone == "") {
		return
	}
	h.c.hop("spoken apology", 0)
	if err := h.c.Answer(ctx); err != nil {
		return
	}
	said := PromptData{Kind: "say", What: p.words()}
	h.c.Emit(Event{Lane: LaneCaller, Kind: EvPlay, Text: fmt.Sprintf("say %q", said.What), Data: said})
	begun := time.Now()
	if err := h.c.Leg.Play(ctx, p); err != nil && context.Cause(ctx) == nil {
		h.c.Fault(err)
	}
	said.Took = time.Since(begun)
	h.c.Emit(Event{Lane: LaneCaller, Kind: EvPlayEnd,
		Text: "prompt over after " + said.Took.Round(time.Millisecond).String(), Data: said})
}

// words is what a prompt says, or plays.
func (p Prompt) words() string {
	s := p.URL + p.Tone
	for _, t := range p.Text {
		s += t.Text
	}
	return s
}

// hop notes a hop of the chain.
func (c *Call) hop(text string, code int) {
	c.mu.Lock()
	c.fallbacks++
	c.mu.Unlock()
	if code != 0 {
		text += fmt.Sprintf(" (because of %d)", code)
	}
	c.Emit(Event{Lane: LaneFlow, Kind: EvFallback, Text: "fallback: " + text, Fault: code})
}

// noteFault keeps the failure that nothing could rescue for the CDR, also where the caller leaves during the apology.
func (c *Call) noteFault(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == 0 {
		c.fault = code
	}
}

// shownURL is a URL as others may see it: without the fragment, which is for us alone, and without a password.
func shownURL(raw string) string {
	s, _, _ := strings.Cut(raw, "#")
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + host + path
}

// fatal tells whether an error that a verb returned makes its document a failed one, to be rescued.
func fatal(err error) bool {
	var d *DocumentError
	return errors.As(err, &d)
}
