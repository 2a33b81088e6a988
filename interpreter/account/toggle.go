package account

import (
	"context"
	"encoding/json"
	"fmt"

	"pintle/interpreter"
)

// SetCallForward changes the forward of a user or device; an object that has none begins with Kazoo's defaults. It is
// stored when SetCallForward returns; the errors are those of [Book.Change].
func (b *Book) SetCallForward(ctx context.Context, account string, k Kind, id string, edit func(*CallForward)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, o, err := b.locate(account, k, id)
	if err != nil {
		return err
	}
	c := CallForward{Substitute: true, RequireKeypress: true, KeepCallerID: true, IgnoreEarlyMedia: true}
	switch o := o.(type) {
	case *User:
		if o.CallForward != nil {
			c = *o.CallForward
		}
	case *Device:
		if o.CallForward != nil {
			c = *o.CallForward
		}
	default:
		return fmt.Errorf("%s has no call forward: %w", describe(o), interpreter.ErrUnsupported)
	}
	edit(&c)
	return b.set(ctx, v, o, map[string]any{"call_forward": c})
}

// SetDoNotDisturb switches do-not-disturb of a user or device. See [Book.Change].
func (b *Book) SetDoNotDisturb(ctx context.Context, account string, k Kind, id string, on bool) error {
	_, err := b.Change(ctx, account, k, id, map[string]any{"do_not_disturb": map[string]bool{"enabled": on}})
	return err
}

// SetTemporalRule forces a rule on or off; nil lets the date decide again. See [Book.Change].
func (b *Book) SetTemporalRule(ctx context.Context, account, id string, enabled *bool) error {
	_, err := b.Change(ctx, account, KindTemporalRule, id, map[string]any{"enabled": enabled})
	return err
}

// Elsewhere says what becomes of a user's other log-ins.
type Elsewhere int

// The choices.
const (
	ElsewhereOut  Elsewhere = iota // he is logged out of every other telephone
	ElsewhereKept                  // keep_logged_in_elsewhere
)

// HotdeskLogin logs a user in to a device: until he logs out it acts for him. It is done together with logging him out
// elsewhere, or not at all; see [Book.Change].
func (b *Book) HotdeskLogin(ctx context.Context, account, user, device string, e Elsewhere) error {
	return b.hotdesk(ctx, account, user, func(v *View, u *User) ([]Object, map[string]any, error) {
		to, ok := v.find(KindDevice, device)
		if !ok {
			return nil, nil, fmt.Errorf("%s %s: %w", KindDevice, clip(device), interpreter.ErrNotFound)
		}
		var out []Object
		if e == ElsewhereOut {
			for _, d := range v.guests[u.ID] {
				if d != to {
					out = append(out, d)
				}
			}
		}
		return append(out, to), map[string]any{to.About().ID: HotdeskLogin{}}, nil
	})
}

// HotdeskLogout logs a user out of a device; without a device, of all.
func (b *Book) HotdeskLogout(ctx context.Context, account, user, device string) error {
	return b.hotdesk(ctx, account, user, func(v *View, u *User) ([]Object, map[string]any, error) {
		var out []Object
		for _, d := range v.guests[u.ID] {
			if device == "" || device == d.ID || device == d.Key {
				out = append(out, d)
			}
		}
		return out, nil, nil
	})
}

// hotdesk changes the guests of devices, all at once: which gives the devices, and those of them where the user
// is afterwards.
func (b *Book) hotdesk(ctx context.Context, account, user string,
	which func(*View, *User) ([]Object, map[string]any, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, o, err := b.locate(account, KindUser, user)
	if err != nil {
		return err
	}
	u, ok := o.(*User)
	if !ok {
		return fmt.Errorf("user %s: %w", clip(user), interpreter.ErrNotFound)
	}
	devices, in, err := which(v, u)
	if err != nil {
		return err
	}
	edits := make([]edit, 0, len(devices))
	for _, d := range devices {
		users := map[string]any{u.ID: in[d.About().ID]}
		patch, bad := json.Marshal(map[string]any{"hotdesk": map[string]any{"users": users}})
		if bad != nil {
			return bad
		}
		edits = append(edits, edit{d, patch})
	}
	_, err = b.apply(ctx, v, edits...)
	return err
}

// DisableMember takes a member out of the ring groups of a callflow until a moment in Gregorian seconds; 0 lets him
// ring again. member is the id as the flow has it.
func (b *Book) DisableMember(ctx context.Context, account, callflow, member string, until int64) error {
	var v any
	if until != 0 {
		v = until
	}
	_, err := b.Change(ctx, account, KindCallflow, callflow, map[string]any{"disabled_members": map[string]any{member: v}})
	return err
}

// locate finds an object. b.mu is held.
func (b *Book) locate(account string, k Kind, id string) (*View, Object, error) {
	v, err := b.View(account)
	if err != nil {
		return nil, nil, err
	}
	o, ok := v.find(k, id)
	if !ok {
		return nil, nil, fmt.Errorf("%s %s: %w", k, clip(id), interpreter.ErrNotFound)
	}
	return v, o, nil
}
