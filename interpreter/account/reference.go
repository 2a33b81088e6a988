package account

import (
	"fmt"
	"strings"
)

// reference is a field that names another object of the account. Setting its id makes a readable name the id.
type reference struct {
	field string
	kind  Kind
	id    *string
}

// references are the fields of an object that name others; maps of ids are seen to by resolve.
func references(o Object) []reference {
	switch o := o.(type) {
	case *Account:
		if o.Preflow != nil {
			return append(sound(nil, "music_on_hold.media_id", hold(o.MusicOnHold)),
				reference{"preflow.always", KindCallflow, &o.Preflow.Always})
		}
		return sound(nil, "music_on_hold.media_id", hold(o.MusicOnHold))
	case *User:
		r := sound(nil, "music_on_hold.media_id", hold(o.MusicOnHold))
		r = sound(r, "pronounced_name.media_id", hold(o.PronouncedName))
		for i := range o.Queues {
			r = append(r, reference{"queues", KindQueue, &o.Queues[i]})
		}
		return r
	case *Device:
		return sound([]reference{{"owner_id", KindUser, &o.OwnerID}}, "music_on_hold.media_id", hold(o.MusicOnHold))
	case *Group:
		r := sound(nil, "music_on_hold.media_id", hold(o.MusicOnHold))
		return append(r, memberReferences(o.Endpoints)...)
	case *Menu:
		return sound(nil, "media.greeting", &o.Media.Greeting)
	case *Mailbox:
		r := sound([]reference{{"owner_id", KindUser, &o.OwnerID}}, "media.unavailable", &o.Media.Unavailable)
		return sound(sound(r, "media.temporary_unavailable", &o.Media.Temporary), "media.name", &o.Media.Name)
	case *Conference:
		return []reference{{"owner_id", KindUser, &o.OwnerID}}
	case *Faxbox:
		return []reference{{"owner_id", KindUser, &o.OwnerID}}
	case *TemporalRuleSet:
		var r []reference
		for i := range o.Rules {
			r = append(r, reference{"temporal_rules", KindTemporalRule, &o.Rules[i]})
		}
		return r
	}
	return nil
}

// memberReferences are the endpoints of a group that are objects of the account.
func memberReferences(members []GroupMember) []reference {
	var r []reference
	for i := range members {
		if m := &members[i]; m.Type == KindDevice || m.Type == KindUser || m.Type == KindGroup {
			r = append(r, reference{"endpoints", m.Type, &m.ID})
		}
	}
	return r
}

func hold(m *MusicOnHold) *string {
	if m == nil {
		return nil
	}
	return &m.MediaID
}

// sound adds a field that names a sound, when it is the id of a media: what has a slash is an address or a stream.
func sound(r []reference, field string, id *string) []reference {
	if id == nil || strings.ContainsAny(*id, "/:") || strings.HasPrefix(*id, "system_media") {
		return r
	}
	return append(r, reference{field, KindMedia, id})
}

// finder looks an id or a readable name up.
type finder func(k Kind, id string) (Object, bool)

// resolve makes ids of all readable names in an object, and says which lead nowhere.
func resolve(o Object, find finder) Problems {
	r := resolver{object: o, find: find}
	for _, to := range references(o) {
		if *to.id == "" {
			continue
		}
		if id, ok := r.id(to.field, to.kind, *to.id); ok {
			*to.id = id
		}
	}
	switch o := o.(type) {
	case *User:
		r.directories(o)
	case *Device:
		r.guests(o)
	case *Callflow:
		for _, to := range flowReferences(o.Flow) {
			r.id(to.field, to.kind, *to.id)
		}
	}
	return r.found
}

// resolver looks up what one object names, and collects what is not there.
type resolver struct {
	object Object
	find   finder
	found  Problems
}

// id is that of the object a field names; what leads nowhere is a problem.
func (r *resolver) id(field string, k Kind, name string) (id string, ok bool) {
	to, ok := r.find(k, name)
	if !ok {
		at := r.object.About().Origin
		r.found = append(r.found, Problem{at.File, at.Line, describe(r.object), field,
			fmt.Sprintf("there is no %s %q", k, clip(name))})
		return "", false
	}
	return to.About().ID, true
}

// directories are those that list a user, each with the callflow that reaches him from it.
func (r *resolver) directories(u *User) {
	m := map[string]string{}
	for dir, flow := range u.Directories {
		d, ok := r.id("directories", KindDirectory, dir)
		f, reached := r.id("directories."+clip(dir), KindCallflow, flow)
		if ok && reached {
			m[d] = f
		}
	}
	u.Directories = m
}

// guests are the users who are logged in to a telephone.
func (r *resolver) guests(d *Device) {
	if d.Hotdesk == nil {
		return
	}
	m := map[string]HotdeskLogin{}
	for name := range d.Hotdesk.Users {
		if id, ok := r.id("hotdesk.users", KindUser, name); ok {
			m[id] = HotdeskLogin{}
		}
	}
	d.Hotdesk = &HotdeskUsers{Users: m}
}

// describe names an object in a problem: users.alice.
func describe(o Object) string {
	if c, ok := collectionOf(o.Kind()); ok {
		return c.key + "." + clip(show(o))
	}
	return string(o.Kind()) + " " + clip(show(o))
}

// flowKinds are the modules whose data.id names an object. A conference without an object is a room by that name.
var flowKinds = map[string]Kind{
	"user": KindUser, "device": KindDevice, "group": KindGroup, "menu": KindMenu, "voicemail": KindMailbox,
	"callflow": KindCallflow, "directory": KindDirectory, "faxbox": KindFaxbox,
	"acdc_member": KindQueue, "acdc_queue": KindQueue, "acdc_wait_time": KindQueue,
}

// flowReferences are the objects that the nodes of a callflow name. They stay as they are written: look-ups take names
// as well as ids.
func flowReferences(f Flow) []reference {
	n, err := readJSON(f)
	if err != nil {
		return nil
	}
	var all []reference
	walkFlow(n, "flow", func(at, module string, data node) {
		if k, ok := flowKinds[module]; ok {
			if id, ok := data.get("id"); ok && id.shape == text && id.text != "" && !strings.Contains(id.text, ":") {
				all = append(all, reference{at + ".data.id", k, &id.text})
			}
		}
		if module != "ring_group" && module != "page_group" {
			return
		}
		list, _ := data.get("endpoints")
		for _, m := range list.members {
			id, _ := m.get("id")
			k := KindDevice
			if t, ok := m.get("endpoint_type"); ok {
				k = Kind(t.text)
			}
			if id.text != "" && (k == KindDevice || k == KindUser || k == KindGroup) {
				all = append(all, reference{at + ".data.endpoints", k, &id.text})
			}
		}
	})
	return all
}

// walkFlow visits the nodes of a callflow.
func walkFlow(n node, at string, visit func(at, module string, data node)) {
	module, _ := n.get("module")
	data, _ := n.get("data")
	visit(at, module.text, data)
	children, _ := n.get("children")
	for _, m := range children.members {
		if m.shape == object {
			walkFlow(m.node, at+".children."+m.name, visit)
		}
	}
}
