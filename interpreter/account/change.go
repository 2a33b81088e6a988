package account

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"pintle/interpreter"
)

// Kinds of records.
const (
	kindMade   = "account-object" // madeRecord
	kindChange = "account-change" // changeRecord
)

// madeRecord is a stored object. The password of a device is stored as HA1 alone.
type madeRecord struct {
	Account string          `json:"account"`
	Kind    Kind            `json:"kind"`
	ID      string          `json:"id"`
	Key     string          `json:"key,omitempty"`
	Object  json.RawMessage `json:"object"`
	MD5     string          `json:"md5,omitempty"`
	SHA256  string          `json:"sha256,omitempty"`
	Realm   string          `json:"realm,omitempty"` // of the hashes
}

// changeRecord is what has been changed of an object.
type changeRecord struct {
	Patch json.RawMessage `json:"patch"`
}

// maxMade bounds objects that were made and changes that are remembered.
const maxMade = 100000

func recordID(o Object) string {
	b := o.About()
	return b.Account + "/" + string(o.Kind()) + "/" + b.ID
}

func sorted(keys []string) []string {
	slices.Sort(keys)
	return keys
}

// Put makes or replaces an object from its JSON, in an account. id may be empty, for a new one. It is stored when Put
// returns. The error is [Problems] for JSON that breaks a rule, [ErrReadOnly] for an object of a file,
// interpreter.ErrNotFound for an account that does not exist.
func (b *Book) Put(ctx context.Context, account string, k Kind, id string, body []byte) (Object, error) {
	n, err := readJSON(body)
	if err != nil {
		return nil, Problems{{Object: string(k), Msg: err.Error()}}
	}
	c, ok := collectionOf(k)
	if !ok {
		return nil, fmt.Errorf("kind %s: %w", clip(string(k)), interpreter.ErrNotFound)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	v, err := b.View(account)
	if err != nil {
		return nil, err
	}
	o, err := b.make(v, c, id, n)
	if err != nil {
		return nil, err
	}
	rid := recordID(o)
	if _, replaced := b.made[rid]; !replaced && len(b.made) >= maxMade {
		return nil, ErrFull
	}
	old, had := b.made[rid]
	b.made[rid] = o
	err = b.commit(func() error { return b.store(ctx, o) })
	if err != nil && had {
		b.made[rid] = old
	} else if err != nil {
		delete(b.made, rid)
	}
	return o, err
}

// make reads an object that is to be put.
func (b *Book) make(v *View, c collection, id string, n node) (Object, error) {
	o := c.make()
	d := &decoder{object: string(c.kind), rest: true}
	d.into(o, n, place{})
	base := o.About()
	base.ID = id
	if id == "" {
		base.ID = interpreter.NewID()
	}
	if old, ok := v.find(c.kind, id); ok {
		if old.About().Origin.ReadOnly() {
			return nil, fmt.Errorf("%s: %w", describe(old), ErrReadOnly)
		}
		base.ID, base.Key = old.About().ID, old.About().Key
		base.Account = v.account.ID
		keepSecret(o, old)
	} else {
		name(o, v.account.ID)
	}
	o.check(d)
	if r, ok := o.(*Resource); ok && r.secret() {
		d.fail(place{field: "gateways.password"}, "the password of a carrier belongs into the file")
	}
	if m, ok := o.(*Media); ok && m.Blob != v.blob(base.ID) {
		d.fail(place{field: "blob"}, "this is set by the engine when a sound is recorded or uploaded")
	}
	d.found = append(d.found, resolve(o, v.find)...)
	d.found = append(d.found, secure(o, v.account)...)
	if err := d.found.asError(); err != nil {
		return nil, err
	}
	return o, nil
}

// blob is the recording of a media as it is now: an account may not name that of another one.
func (v *View) blob(id string) string {
	o, _ := v.find(KindMedia, id)
	if m, ok := o.(*Media); ok {
		return m.Blob
	}
	return ""
}

// keepSecret keeps the password of a device that is replaced without one, as long as its user name stays.
func keepSecret(o, old Object) {
	d, ok := o.(*Device)
	was, ok2 := old.(*Device)
	if ok && ok2 && d.SIP.Password == "" && d.SIP.Username == was.SIP.Username {
		d.SIP.HA1, d.SIP.HA1Realm = was.SIP.HA1, was.SIP.HA1Realm
	}
}

func (b *Book) store(ctx context.Context, o Object) error {
	if b.records == nil {
		return nil
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	base := o.About()
	r := madeRecord{Account: base.Account, Kind: o.Kind(), ID: base.ID, Key: base.Key, Object: body}
	if d, ok := o.(*Device); ok {
		r.MD5, r.SHA256, r.Realm = d.SIP.HA1.MD5, d.SIP.HA1.SHA256, d.SIP.HA1Realm
	}
	return b.records.Batch(ctx, []interpreter.Write{{Kind: kindMade, ID: recordID(o), Value: r}})
}

// Delete removes an object that was made by Put. The error is as for Put; another object that names it is no reason to
// keep it.
func (b *Book) Delete(ctx context.Context, account string, k Kind, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, err := b.View(account)
	if err != nil {
		return err
	}
	o, ok := v.find(k, id)
	switch {
	case !ok:
		return fmt.Errorf("%s %s: %w", k, clip(id), interpreter.ErrNotFound)
	case o.About().Origin.ReadOnly():
		return fmt.Errorf("%s: %w", describe(o), ErrReadOnly)
	}
	rid := recordID(o)
	old, patch := b.made[rid], b.changes[rid]
	delete(b.made, rid)
	delete(b.changes, rid)
	err = b.commit(func() error {
		if b.records == nil {
			return nil
		}
		return b.records.Batch(ctx, []interpreter.Write{{Kind: kindMade, ID: rid}, {Kind: kindChange, ID: rid}})
	})
	if err != nil {
		b.made[rid] = old
		if patch != nil {
			b.changes[rid] = patch
		}
	}
	return err
}

// Change writes some fields of an object, one of a file too: patch is a JSON merge patch (RFC 7396). It is for what
// telephones and modules change: forwards, do-not-disturb, log-ins, greetings. It is stored when Change returns, and
// stays over a reload of the file. Fields that only the file may have (names, logins, ids) are refused with Problems.
func (b *Book) Change(ctx context.Context, account string, k Kind, id string, patch any) (Object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, o, err := b.locate(account, k, id)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	all, err := b.apply(ctx, v, edit{o, raw})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// commit makes a new snapshot, stores the change, and shows the snapshot to readers, in this order: what is refused is
// not stored, and what is not stored is not seen. b.mu is held.
func (b *Book) commit(store func() error) error {
	s, found := b.build(b.files)
	if len(found) > 0 {
		return found.asError()
	}
	if err := store(); err != nil {
		return fmt.Errorf("store the change: %w", err)
	}
	b.publish(s)
	return nil
}

// remember reads what was made and changed before.
func (b *Book) remember(ctx context.Context) error {
	if b.records == nil {
		return nil
	}
	err := b.each(ctx, kindMade, func(id string) error {
		var r madeRecord
		if err := b.records.Get(ctx, kindMade, id, &r); err != nil {
			return err
		}
		o, err := r.object()
		if err != nil {
			b.drop(id, err)
			return nil
		}
		b.made[id] = o
		return nil
	})
	if err != nil {
		return err
	}
	return b.each(ctx, kindChange, func(id string) error {
		var r changeRecord
		if err := b.records.Get(ctx, kindChange, id, &r); err != nil {
			return err
		}
		b.changes[id] = r.Patch
		return nil
	})
}

func (b *Book) each(ctx context.Context, kind string, f func(id string) error) error {
	for after := ""; ; {
		ids, err := b.records.List(ctx, kind, interpreter.Query{After: after})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := f(id); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

// object reads a stored object back; one that an older version wrote in another form is an error.
func (r madeRecord) object() (Object, error) {
	c, ok := collectionOf(r.Kind)
	if !ok {
		return nil, fmt.Errorf("there is no kind %s", clip(string(r.Kind)))
	}
	n, err := readJSON(r.Object)
	if err != nil {
		return nil, err
	}
	o := c.make()
	d := &decoder{}
	d.into(o, n, place{})
	o.check(d)
	*o.About() = Base{ID: r.ID, Key: r.Key, Account: r.Account}
	if v, ok := o.(*Device); ok {
		v.SIP.HA1, v.SIP.HA1Realm = HA1{r.MD5, r.SHA256}, r.Realm
	}
	return o, d.found.asError()
}
