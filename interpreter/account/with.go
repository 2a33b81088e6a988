package account

import (
	"maps"
	"slices"
)

// with is the view with another version of one of its objects, that has the same id, names and numbers. Indexes are
// shared; so the cost does not grow with what else the account holds, but for one list of pointers.
func (v *View) with(o Object) *View {
	to := *v
	s := *v.shelves[o.Kind()]
	s.order = slices.Clone(s.order)
	s.order[s.byID[o.About().ID]] = o
	to.shelves = maps.Clone(v.shelves)
	to.shelves[o.Kind()] = &s
	if o.Kind() == KindDevice {
		to.indexGuests()
	}
	return &to
}

// sameNames tells whether two versions of an object stand under the same names and numbers in every index.
func sameNames(a, b Object) bool {
	x, ok := a.(*User)
	y, ok2 := b.(*User)
	return !ok || !ok2 || x.hotdeskID() == y.hotdeskID()
}

func (u *User) hotdeskID() string {
	if u.Hotdesk == nil {
		return ""
	}
	return u.Hotdesk.ID
}
