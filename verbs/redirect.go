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
	left, next := min(t.Redirects, maxRedirects), contacts(err)
	seen := map[string]bool{t.URI: true}
	plain := number.IsDialable(t.URI)
	if len(next) > 0 && left > 0 {
		o.ForwardedBy = addressOf(t)
		t.Username, t.Password = "", "" // they belong to the first address
	}
	for len(next) > 0 && left > 0 && ctx.Err() == nil {
		t.URI, next = next[0], next[1:]
		if user := addressOf(interpreter.Target{URI: t.URI}).User; plain && number.IsDialable(user) {
			t.URI = user // what went through a trunk goes on through it
		}
		if seen[t.URI] {
			continue
		}
		seen[t.URI] = true
		left--
		a.child.Emit(interpreter.Event{Lane: interpreter.LaneSIP, Kind: interpreter.EvRetry,
			Text: err.Error() + "; redirected to " + t.URI})
		leg, err = a.r.c.Lines.Dial(ctx, t, o)
		var d *interpreter.DialError
		switch {
		case !errors.As(err, &d), declines(d.Code):
			return leg, err
		}
		next = append(contacts(err), next...)
	}
	return leg, err
}

// contacts are the addresses that a redirection names.
func contacts(err error) []string {
	var d *interpreter.DialError
	if !errors.As(err, &d) || d.Code < 300 || d.Code > 399 {
		return nil
	}
	return d.Contacts
}
