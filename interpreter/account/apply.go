package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pintle/interpreter"
)

// edit is a merge patch for an object.
type edit struct {
	object Object
	patch  json.RawMessage
}

// edited is an object as it is afterwards, with all that was ever changed of it.
type edited struct {
	id    string // of its record
	to    Object
	patch json.RawMessage
}

// set is apply for callers that do not want the object. b.mu is held.
func (b *Book) set(ctx context.Context, v *View, o Object, patch any) error {
	raw, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = b.apply(ctx, v, edit{o, raw})
	return err
}

// apply changes objects of an account, all of them or none. b.mu is held.
func (b *Book) apply(ctx context.Context, v *View, edits ...edit) ([]Object, error) {
	all := make([]edited, 0, len(edits))
	writes := make([]interpreter.Write, 0, len(edits))
	made := make([]Object, 0, len(edits))
	fresh := 0
	for _, e := range edits {
		one, err := b.edit(v, e)
		if err != nil {
			return nil, err
		}
		if _, had := b.changes[one.id]; !had {
			fresh++
		}
		all, made = append(all, one), append(made, one.to)
		writes = append(writes, interpreter.Write{Kind: kindChange, ID: one.id, Value: changeRecord{one.patch}})
	}
	if len(b.changes)+fresh > maxMade {
		return nil, ErrFull
	}
	s, err := b.after(edits, all)
	if err != nil {
		return nil, err
	}
	if b.records != nil && len(writes) > 0 {
		if err := b.records.Batch(ctx, writes); err != nil {
			return nil, fmt.Errorf("store the change: %w", err)
		}
	}
	for _, one := range all {
		b.changes[one.id] = one.patch
	}
	b.publish(s)
	return made, nil
}

func (b *Book) edit(v *View, e edit) (edited, error) {
	if err := changeable(e.object.Kind(), e.patch); err != nil {
		return edited{}, err
	}
	to, err := patched(e.object, e.patch)
	if err != nil {
		return edited{}, err
	}
	if found := resolve(to, v.find); len(found) > 0 {
		return edited{}, found.asError()
	}
	one := edited{id: recordID(e.object), to: to, patch: e.patch}
	if old, had := b.changes[one.id]; had {
		one.patch = mergePatches(old, e.patch)
	}
	return one, nil
}

// after is the snapshot with objects as they are afterwards. One under another name means new indexes.
func (b *Book) after(edits []edit, all []edited) (*snapshot, error) {
	s := b.now.Load()
	for i, one := range all {
		if !sameNames(edits[i].object, one.to) {
			return b.afterAll(all)
		}
		s = s.with(one.to)
	}
	return s, nil
}

func (b *Book) afterAll(all []edited) (*snapshot, error) {
	type before struct {
		patch json.RawMessage
		had   bool
	}
	was := make([]before, len(all))
	for i, one := range all {
		was[i].patch, was[i].had = b.changes[one.id]
		b.changes[one.id] = one.patch
	}
	s, found := b.build(b.files)
	for i, one := range slices.Backward(all) {
		if delete(b.changes, one.id); was[i].had {
			b.changes[one.id] = was[i].patch
		}
	}
	return s, found.asError()
}

// maxDropped bounds what is remembered about changes that were left out.
const maxDropped = 1000

// drop notes that something stored does not fit any more. b.mu is held, or nobody else knows the book yet.
func (b *Book) drop(id string, why error) {
	if _, told := b.dropped[id]; !told && len(b.dropped) < maxDropped {
		b.dropped[id] = why
	}
}

var errGone = errors.New("there is no such object any more; the change counts again once it is back")

// findOrphans notes changes of objects that a snapshot does not have. b.mu is held.
func (b *Book) findOrphans(s *snapshot) {
	for id := range b.changes {
		parts := strings.SplitN(id, "/", 3) // see recordID
		at, ok := s.byID[parts[0]]
		if ok && len(parts) == 3 {
			_, ok = s.views[at].find(Kind(parts[1]), parts[2])
		}
		if !ok {
			b.drop(id, errGone)
		}
	}
}

// Dropped is what was stored while the engine ran and is left out now, since it does not fit the files or this version:
// the id of each record with the reason, once.
func (b *Book) Dropped() map[string]error {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := map[string]error{}
	for id, why := range b.dropped {
		if !errors.Is(why, errTold) {
			news[id], b.dropped[id] = why, errTold
		}
	}
	return news
}

var errTold = errors.New("told")
