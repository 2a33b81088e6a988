package kazoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"pintle/interpreter"
)

// Kind is the type of a stored object.
type Kind string

// The kinds that modules look up.
const (
	KindDevice   Kind = "device"
	KindUser     Kind = "user"
	KindCallflow Kind = "callflow"
	KindMenu     Kind = "menu"
	KindMedia    Kind = "media"
)

// Directory looks up what the ids in a document mean. Every method returns interpreter.ErrNotFound for an id it does
// not know, and context.Cause(ctx) when ctx ends.
type Directory interface {
	// Endpoints are whom a device (one) or a user (all his devices) leads to.
	Endpoints(ctx context.Context, kind Kind, id string) ([]Endpoint, error)
	// Object is a stored callflow or menu in Kazoo's JSON.
	Object(ctx context.Context, kind Kind, id string) ([]byte, error)
	// Hunt finds the callflow of a dialled number or extension; one for numbers without a match does not count.
	Hunt(ctx context.Context, number string) ([]byte, error)
	// Media is the address of an audio file.
	Media(ctx context.Context, id string) (string, error)
}

// Endpoint is one telephone.
type Endpoint struct {
	URI      string `json:"uri"`                // sip:user@host
	Name     string `json:"name,omitempty"`     // for the trace; empty: the id
	Username string `json:"username,omitempty"` // digest credentials, may be empty
	Password string `json:"password,omitempty"`
}

// Static is a Directory held in memory, by id. It must not change while calls use it.
type Static struct {
	Devices   map[string]Endpoint        `json:"devices"`
	Users     map[string][]Endpoint      `json:"users"`
	Callflows map[string]json.RawMessage `json:"callflows"`
	Menus     map[string]json.RawMessage `json:"menus"`
	Numbers   map[string]string          `json:"numbers"` // number that is dialled to id of a callflow
	Audio     map[string]string          `json:"media"`   // id to address
}

var _ Directory = Static{}

// Endpoints looks into Devices and Users.
func (s Static) Endpoints(_ context.Context, kind Kind, id string) ([]Endpoint, error) {
	if e, ok := s.Devices[id]; ok && kind == KindDevice {
		return []Endpoint{e}, nil
	}
	if l, ok := s.Users[id]; ok && kind == KindUser {
		return l, nil
	}
	return nil, fmt.Errorf("%s %s: %w", kind, id, interpreter.ErrNotFound)
}

// Object looks into Callflows and Menus.
func (s Static) Object(_ context.Context, kind Kind, id string) ([]byte, error) {
	from := s.Callflows
	if kind == KindMenu {
		from = s.Menus
	}
	if b, ok := from[id]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("%s %s: %w", kind, id, interpreter.ErrNotFound)
}

// Hunt looks into Numbers.
func (s Static) Hunt(ctx context.Context, number string) ([]byte, error) {
	id, ok := s.Numbers[number]
	if !ok {
		return nil, fmt.Errorf("number %s: %w", number, interpreter.ErrNotFound)
	}
	return s.Object(ctx, KindCallflow, id)
}

// Media looks into Audio.
func (s Static) Media(_ context.Context, id string) (string, error) {
	if u, ok := s.Audio[id]; ok {
		return u, nil
	}
	return "", fmt.Errorf("media %s: %w", id, interpreter.ErrNotFound)
}

// object looks one up; what cannot be had is a fault that the call survives.
func (d *Dialect) object(ctx context.Context, c *interpreter.Call, kind Kind, id string) ([]byte, error) {
	dir := d.directory(c)
	if dir == nil || id == "" {
		return nil, missing(kind, id, nil)
	}
	b, err := dir.Object(ctx, kind, id)
	if err != nil {
		return nil, lookupFault(ctx, kind, id, err)
	}
	return b, nil
}

// endpoints are whom an id leads to: a SIP address leads to itself.
func (d *Dialect) endpoints(ctx context.Context, c *interpreter.Call, kind Kind, id string) ([]Endpoint, error) {
	if l := strings.ToLower(id); strings.HasPrefix(l, "sip:") || strings.HasPrefix(l, "sips:") {
		return []Endpoint{{URI: id}}, nil
	}
	dir := d.directory(c)
	if dir == nil || id == "" {
		return nil, missing(kind, id, nil)
	}
	l, err := dir.Endpoints(ctx, kind, id)
	if err != nil {
		return nil, lookupFault(ctx, kind, id, err)
	}
	return l, nil
}

// lookupFault keeps the cause of a context that ended, and makes a fault of any other failure.
func lookupFault(ctx context.Context, kind Kind, id string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return missing(kind, id, err)
}

func missing(kind Kind, id string, err error) error {
	f := &interpreter.Fault{Code: interpreter.CodeSchema, Err: err}
	switch {
	case id == "":
		f.Msg = fmt.Sprintf("no %s is named", kind)
	case err == nil || errors.Is(err, interpreter.ErrNotFound):
		f.Msg, f.Err = fmt.Sprintf("there is no %s %s", kind, clip(id)), nil
	default:
		f.Msg = fmt.Sprintf("look up %s %s", kind, clip(id))
	}
	return f
}
