package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/sipedge"
	"pintle/sipedge/audio"
	"pintle/sipedge/browser"
)

// lines makes legs of either kind: pages and phones of a client, everything else by SIP.
type lines struct {
	edge   *sipedge.Edge
	phones *browser.Phones // nil: no pages
	book   *account.Book   // nil: no accounts
}

var _ interpreter.Lines = (*lines)(nil)

// Dial calls to. A client is rung on every page that bears its name and on every SIP phone that is registered under it;
// the first that answers has the call.
func (l *lines) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	if !isClient(to.URI) {
		return l.bySIP(ctx, to, o)
	}
	name := strings.TrimPrefix(to.URI, "client:")
	var ways []way
	if l.phones != nil && l.phones.Online(name) > 0 {
		ways = append(ways, way{l.phones.Dial, to})
	}
	ctx = pagesRing(ctx)
	for _, record := range l.records(name) {
		phone := to
		phone.URI = "sip:" + record
		ways = append(ways, way{l.bySIP, phone})
	}
	switch len(ways) {
	case 0:
		return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 480, Cause: interpreter.CauseOf(480),
			Reason: "no page is connected and no phone registered as " + name, Fault: interpreter.CodeNotRegistered,
			Unreached: true}
	case 1:
		return ways[0].dial(ctx, ways[0].to, o)
	}
	return race(ctx, ways, o)
}

// bySIP calls a SIP address or a number. There a client that calls has his bare name: a colon cannot stand in From.
func (l *lines) bySIP(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	o.From.User = strings.TrimPrefix(o.From.User, "client:")
	return l.edge.Dial(ctx, to, o)
}

// records are the addresses of record of registered phones that bear a name.
func (l *lines) records(name string) []string {
	var list []string
	for _, b := range l.edge.Bindings() {
		user, _, _ := strings.Cut(b.AOR, "@")
		if user == name && (len(list) == 0 || list[len(list)-1] != b.AOR) {
			list = append(list, b.AOR)
		}
	}
	return list
}

// Bridge joins legs of any kind.
func (l *lines) Bridge(ctx context.Context, a, b interpreter.Leg, o interpreter.BridgeOptions) error {
	if o.Hold.URL == "" && o.Hold.Tone == "" {
		o.Hold = l.musicOnHold(a, b)
	}
	if _, ok := a.(*sipedge.Leg); ok {
		return l.edge.Bridge(ctx, a, b, o)
	}
	return audio.Bridge(ctx, a, b, o)
}

// way is one way to reach a client.
type way struct {
	dial func(context.Context, interpreter.Target, interpreter.DialOptions) (interpreter.Leg, error)
	to   interpreter.Target
}

// race tries all ways at once. One leg comes out of it at most; the others are hung up before it returns.
func race(ctx context.Context, ways []way, o interpreter.DialOptions) (interpreter.Leg, error) {
	trying, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		leg interpreter.Leg
		err error
	}
	results := make(chan result, len(ways))
	told := o.Progress
	if told == nil {
		told = func(interpreter.Progress) {}
	}
	var mu sync.Mutex
	seen := map[interpreter.CallStatus]bool{}
	o.Progress = func(p interpreter.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if !seen[p.Status] {
			seen[p.Status] = true
			told(p)
		}
	}
	o.EarlyTo = nil // nobody knows whose sound that would be
	for i, w := range ways {
		each := o
		if i > 0 {
			each.ID = ""
		}
		go func() {
			leg, err := w.dial(trying, w.to, each)
			results <- result{leg, err}
		}()
	}
	var won interpreter.Leg
	var failed error
	for range ways {
		r := <-results
		switch {
		case r.err != nil:
			failed = worse(failed, r.err)
		case won == nil:
			won = r.leg
			cancel(interpreter.ErrElsewhere)
		default:
			_ = r.leg.Hangup(context.WithoutCancel(ctx), interpreter.Hangup{By: interpreter.ByEngine, Code: 200,
				Reason: "answered elsewhere"})
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, failed
}

// worse keeps what tells most: a refusal says more than an absence.
func worse(a, b error) error {
	var d *interpreter.DialError
	if a == nil || errors.As(a, &d) && (d.Unreached || d.Code == 480) {
		return b
	}
	return a
}
