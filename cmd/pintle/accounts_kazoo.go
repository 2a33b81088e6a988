package main

import (
	"context"
	"encoding/json"
	"fmt"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs/kazoo"
)

// objects is the directory of Kazoo documents over the accounts. What the configuration lists under kazoo comes first.
type objects struct {
	kazoo.Static
	book  *account.Book
	scope kazoo.Scope
}

var _ kazoo.Scoped = objects{}

// In is what a call may see: its own account.
func (o objects) In(s kazoo.Scope) kazoo.Directory {
	o.scope = s
	return o
}

// maxForwards is how many forwards a call may follow.
const maxForwards = 5

// Endpoints are the lines of a device or user.
func (o objects) Endpoints(ctx context.Context, kind kazoo.Kind, id string) ([]kazoo.Endpoint, error) {
	if l, err := o.Static.Endpoints(ctx, kind, id); err == nil {
		return l, nil
	}
	v, err := o.book.View(o.scope.Account)
	if err != nil {
		return nil, err
	}
	return o.lines(v, account.Kind(kind), id, maxForwards)
}

func (o objects) lines(v *account.View, k account.Kind, id string, forwards int) ([]kazoo.Endpoint, error) {
	found, err := v.Endpoints(k, id, account.Finding{Caller: account.Caller{Device: o.scope.Device}})
	if err != nil {
		return nil, err
	}
	var all []kazoo.Endpoint
	for _, e := range found.Endpoints {
		switch {
		case e.Failover:
		case e.Forward == nil:
			all = append(all, kazoo.Endpoint{URI: e.URI, Name: e.Name})
		default:
			all = append(all, o.forward(v, e, forwards)...)
		}
	}
	return all, nil
}

// forward leads to the telephones of an extension, or to a number of the public network.
func (o objects) forward(v *account.View, e account.Endpoint, left int) []kazoo.Endpoint {
	to, err := v.Extension(e.Forward.Number)
	if err != nil {
		return []kazoo.Endpoint{{URI: e.Forward.Number, Name: e.Name}}
	}
	if left == 0 {
		return nil
	}
	list, err := o.lines(v, to.Kind(), to.About().ID, left-1)
	if err != nil {
		return nil
	}
	return list
}

// Object is a callflow or menu.
func (o objects) Object(ctx context.Context, kind kazoo.Kind, id string) ([]byte, error) {
	if b, err := o.Static.Object(ctx, kind, id); err == nil {
		return b, nil
	}
	v, err := o.book.View(o.scope.Account)
	if err != nil {
		return nil, err
	}
	x, err := v.Object(account.Kind(kind), id)
	if err != nil {
		return nil, err
	}
	if c, ok := x.(*account.Callflow); ok {
		return c.Document(), nil
	}
	return json.Marshal(x)
}

// Hunt finds the callflow of a dialled number.
func (o objects) Hunt(ctx context.Context, number string) ([]byte, error) {
	if b, err := o.Static.Hunt(ctx, number); err == nil {
		return b, nil
	}
	v, err := o.book.View(o.scope.Account)
	if err != nil {
		return nil, err
	}
	m, err := v.Hunt(number, account.Exactly)
	if err != nil {
		return nil, err
	}
	return m.Callflow.Document(), nil
}

// Media is where a sound is fetched.
func (o objects) Media(ctx context.Context, id string) (string, error) {
	if u, err := o.Static.Media(ctx, id); err == nil {
		return u, nil
	}
	v, err := o.book.View(o.scope.Account)
	if err != nil {
		return "", err
	}
	m, err := account.Get[*account.Media](v, id)
	if err != nil {
		return "", err
	}
	if m.URL == "" {
		return "", fmt.Errorf("media %s has no url to fetch it from: %w", id, interpreter.ErrNotFound)
	}
	return m.URL, nil
}
