package kazoo

import (
	"context"
	"encoding/json"
	"fmt"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// stored is the directory of a call: the objects of its account, after what the configuration lists.
type stored struct {
	first Directory // may be nil
	view  *account.View
}

var _ Directory = stored{}

// view is the account as it is now whose callflow runs, or that the calling telephone belongs to. Without one it is
// interpreter.ErrNotFound.
func (d *Dialect) view(c *interpreter.Call) (*account.View, error) {
	id := c.Start.Account
	if id == "" && c.Leg != nil {
		id = c.Leg.Info().Account
	}
	if d.opt.Book == nil || id == "" {
		return nil, fmt.Errorf("account of the call: %w", interpreter.ErrNotFound)
	}
	return d.opt.Book.View(id)
}

// directory is what a call may look into; nil: nothing.
func (d *Dialect) directory(c *interpreter.Call) Directory {
	v, err := d.view(c)
	if err != nil {
		return d.opt.Directory
	}
	return stored{d.opt.Directory, v}
}

// Endpoints are what the configuration lists: telephones of the account are found by their operation.
func (s stored) Endpoints(ctx context.Context, kind Kind, id string) ([]Endpoint, error) {
	if s.first == nil {
		return nil, interpreter.ErrNotFound
	}
	return s.first.Endpoints(ctx, kind, id)
}

// Object is a callflow or menu.
func (s stored) Object(ctx context.Context, kind Kind, id string) ([]byte, error) {
	if s.first != nil {
		if b, err := s.first.Object(ctx, kind, id); err == nil {
			return b, nil
		}
	}
	x, err := s.view.Object(account.Kind(kind), id)
	if err != nil {
		return nil, err
	}
	if c, ok := x.(*account.Callflow); ok {
		return c.Document(), nil
	}
	return json.Marshal(x)
}

// Hunt finds the callflow of a dialled number.
func (s stored) Hunt(ctx context.Context, number string) ([]byte, error) {
	if s.first != nil {
		if b, err := s.first.Hunt(ctx, number); err == nil {
			return b, nil
		}
	}
	m, err := s.view.Hunt(number, account.Exactly)
	if err != nil {
		return nil, err
	}
	return m.Callflow.Document(), nil
}

// Media is where a sound is fetched.
func (s stored) Media(ctx context.Context, id string) (string, error) {
	if s.first != nil {
		if u, err := s.first.Media(ctx, id); err == nil {
			return u, nil
		}
	}
	m, err := account.Get[*account.Media](s.view, id)
	if err != nil {
		return "", err
	}
	if m.URL == "" {
		return "", fmt.Errorf("media %s has no url to fetch it from: %w", id, interpreter.ErrNotFound)
	}
	return m.URL, nil
}
