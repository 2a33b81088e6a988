package verbs

import (
	"context"
	"errors"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

// maxRedirects is how many redirections of one call are followed at most.
const maxRedirects = 5

// follow calls one address, and where that is redirected (3xx) and the target allows it, the addresses it names, best
// first. Every one of them goes through the same lines, and so through the same rules, as the first.
func (a *attempt) follow(ctx context.Context, t interpreter.Target, o interpreter.DialOptions) (
	interpreter.Leg, error,
) {
	leg, err := a.r.c.Lines.Dial(ctx, t, o)
	left, next := min(t.Redirects, maxRedirects), a.contacts(t, err)
	seen := map[string]bool{t.URI: true}
	if len(next) > 0 && left > 0 {
		o.ForwardedBy = addressOf(t)
		if a.to.Redirected != nil && a.to.phone != "" {
			o.Device = a.to.phone // what it redirects to is its call
		}
	}
	for len(next) > 0 && left > 0 && ctx.Err() == nil {
		to := next[0]
		next = next[1:]
		if seen[to.URI] {
			continue
		}
		seen[to.URI] = true
		left--
		a.child.Emit(interpreter.Event{Lane: interpreter.LaneSIP, Kind: interpreter.EvRetry,
			Text: err.Error() + "; redirected to " + to.URI})
		leg, err = a.r.c.Lines.Dial(ctx, to, o)
		var d *interpreter.DialError
		switch {
		case !errors.As(err, &d), declines(d.Code):
			return leg, err
		}
		next = append(a.contacts(t, err), next...)
	}
	return leg, err
}

// contacts are the targets that a redirection of t leads to.
func (a *attempt) contacts(t interpreter.Target, err error) []interpreter.Target {
	var d *interpreter.DialError
	if !errors.As(err, &d) || d.Code < 300 || d.Code > 399 {
		return nil
	}
	plain := number.IsDialable(t.URI)
	t.Username, t.Password, t.User = "", "", "" // they belong to the first address
	var list []interpreter.Target
	for _, uri := range d.Contacts {
		if a.to.Redirected != nil {
			list = append(list, a.to.Redirected(uri)...)
			continue
		}
		if user := addressOf(interpreter.Target{URI: uri}).User; plain && number.IsDialable(user) {
			uri = user // what went through a trunk goes on through it
		}
		next := t
		next.URI = uri
		list = append(list, next)
	}
	return list
}
