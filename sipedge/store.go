package sipedge

import (
	"hash/maphash"
	"sync"
)

const shardCount = 32

// dialogStore finds dialogs by Call-ID and local tag. It also remembers the INVITEs that began them, to tell a second
// path of the same request (RFC 3261 §8.2.2.2) from a new call.
type dialogStore struct {
	seed   maphash.Seed
	shards [shardCount]struct {
		mu      sync.RWMutex
		dialogs map[string]*dialog
		invites map[string]string // Call-ID, From tag and CSeq number of an INVITE → its branch
		flows   map[string]int    // stream connection → dialogs that live on it
	}
}

func newDialogStore() *dialogStore {
	s := &dialogStore{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].dialogs = make(map[string]*dialog)
		s.shards[i].invites = make(map[string]string)
		s.shards[i].flows = make(map[string]int)
	}
	return s
}

func dialogKey(callID, localTag string) string { return callID + "\x00" + localTag }

func (s *dialogStore) shard(key string) int {
	return int(maphash.String(s.seed, key) % shardCount)
}

func (s *dialogStore) get(callID, localTag string) *dialog {
	key := dialogKey(callID, localTag)
	sh := &s.shards[s.shard(key)]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.dialogs[key]
}

func (s *dialogStore) put(d *dialog) {
	key := dialogKey(d.callID, d.localTag)
	sh := &s.shards[s.shard(key)]
	sh.mu.Lock()
	sh.dialogs[key] = d
	sh.mu.Unlock()
	s.onFlow(d.flow, 1)
}

func (s *dialogStore) remove(d *dialog) {
	key := dialogKey(d.callID, d.localTag)
	sh := &s.shards[s.shard(key)]
	sh.mu.Lock()
	delete(sh.dialogs, key)
	sh.mu.Unlock()
	s.onFlow(d.flow, -1)
	if d.inviteKey != "" {
		s.forgetInvite(d.inviteKey)
	}
}

// onFlow counts the dialogs of a stream connection.
func (s *dialogStore) onFlow(f flow, n int) {
	if !f.stream() {
		return
	}
	sh := &s.shards[s.shard(f.remote)]
	sh.mu.Lock()
	if sh.flows[f.remote] += n; sh.flows[f.remote] <= 0 {
		delete(sh.flows, f.remote)
	}
	sh.mu.Unlock()
}

// busy reports whether a dialog lives on the stream connection to remote.
func (s *dialogStore) busy(remote string) bool {
	sh := &s.shards[s.shard(remote)]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.flows[remote] > 0
}

// claimInvite notes an INVITE. It reports false when the same one is here already by another path.
func (s *dialogStore) claimInvite(key, branch string) bool {
	sh := &s.shards[s.shard(key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if known, ok := sh.invites[key]; ok && known != branch {
		return false
	}
	sh.invites[key] = branch
	return true
}

func (s *dialogStore) forgetInvite(key string) {
	sh := &s.shards[s.shard(key)]
	sh.mu.Lock()
	delete(sh.invites, key)
	sh.mu.Unlock()
}

// all gives the dialogs of this moment.
func (s *dialogStore) all() []*dialog {
	var list []*dialog
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		for _, d := range sh.dialogs {
			list = append(list, d)
		}
		sh.mu.RUnlock()
	}
	return list
}
