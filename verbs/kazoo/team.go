package kazoo

import (
	"errors"
	"slices"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// team tells who belongs together in an account, seen by one caller.
type team struct {
	view   *account.View
	caller string // id of the device that calls; empty: a call from outside
}

// teamOf is the team of a call; ErrNotFound when it belongs to no account.
func (d *Dialect) teamOf(c *interpreter.Call) (team, error) {
	v, err := d.view(c)
	if err != nil {
		return team{}, err
	}
	t := team{view: v}
	if l := c.Leg.Info(); l.Account == v.Account().ID {
		t.caller = l.Device
	}
	return t, nil
}

// phones are the telephones of a device, user or group, whether or not they would ring now.
func (t team) phones(of named) ([]interpreter.Phone, error) {
	devices, err := t.devices(account.Kind(of.kind), of.id, map[string]bool{})
	if err != nil {
		return nil, err
	}
	var all []interpreter.Phone
	for _, d := range devices {
		if aor := t.view.AOR(d); aor != "" {
			all = append(all, interpreter.Phone{Record: aor, Device: d.ID})
		}
	}
	return all, nil
}

// devices finds telephones; each group is looked into once, so that groups may contain each other.
func (t team) devices(k account.Kind, id string, seen map[string]bool) ([]*account.Device, error) {
	x, err := t.view.Object(k, id)
	if err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case *account.Device:
		return []*account.Device{x}, nil
	case *account.User:
		return t.view.DevicesOf(x.ID), nil
	case *account.Group:
		if seen[x.ID] {
			return nil, nil
		}
		seen[x.ID] = true
		var all []*account.Device
		for _, m := range x.Endpoints {
			list, err := t.devices(m.Type, m.ID, seen)
			if err != nil && !errors.Is(err, interpreter.ErrNotFound) {
				return nil, err
			}
			for _, d := range list {
				if !slices.Contains(all, d) {
					all = append(all, d)
				}
			}
		}
		return all, nil
	}
	return nil, interpreter.ErrNotFound
}

// has tells whether the telephone that calls is the device, belongs to the user, or is in the group, itself or by its
// user. Nobody is in what does not exist.
func (t team) has(of named) bool {
	if t.caller == "" {
		return false
	}
	devices, err := t.devices(account.Kind(of.kind), of.id, map[string]bool{})
	return err == nil && slices.ContainsFunc(devices, func(d *account.Device) bool { return d.ID == t.caller })
}

// sharesOwner tells whether the telephone that calls belongs to a user of that device.
func (t team) sharesOwner(device string) bool {
	x, err := t.view.Object(account.KindDevice, device)
	d, ok := x.(*account.Device)
	if err != nil || !ok {
		return false
	}
	return slices.ContainsFunc(t.view.Owners(d), func(u *account.User) bool { return t.has(named{KindUser, u.ID}) })
}
