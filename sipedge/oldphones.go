package sipedge

import (
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	oldPhoneSlots  = 8192 // fixed: no sender can make it grow
	oldPhoneMemory = 24 * time.Hour
	answerTime     = 2 * time.Second // for a phone to answer its challenge; later it has not understood it
)

// oldPhones remembers who does not cope with two challenges: RFC 8760 §2.6 tells phones to skip the algorithm that they
// do not know, but many older ones stop at the first. Who asks again without ever having answered is challenged with
// MD5 alone from then on. Two phones may share a slot; then one of them is asked for the weaker hash.
type oldPhones struct {
	mu   sync.Mutex
	slot [oldPhoneSlots]struct {
		key     uint32
		asked   time.Time // with both, and no answer since
		stopped time.Time // when it asked again without an answer
	}
}

// stumbling are the beginnings of the User-Agent of phones that stop at a challenge with SHA-256 (seen with baresip
// 1.0.0, November 2026).
var stumbling = []string{"baresip v0.", "baresip v1."}

// one reports that this phone is to be challenged with MD5 alone, and notes that it is challenged.
func (o *oldPhones) one(req *sip.Request) bool {
	if h := req.GetHeader("user-agent"); h != nil {
		for _, s := range stumbling {
			if strings.HasPrefix(h.Value(), s) {
				return true
			}
		}
	}
	key, now := oldPhoneKey(req), time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &o.slot[key%oldPhoneSlots]
	if s.key != key {
		s.key, s.asked, s.stopped = key, time.Time{}, time.Time{}
	}
	if !s.asked.IsZero() && now.Sub(s.asked) > answerTime {
		s.stopped = now
	}
	if !s.stopped.IsZero() && now.Sub(s.stopped) < oldPhoneMemory {
		s.asked = time.Time{}
		return true
	}
	if s.asked.IsZero() {
		s.asked = now
	}
	return false
}

// answered notes that a phone has answered a challenge.
func (o *oldPhones) answered(req *sip.Request) {
	key := oldPhoneKey(req)
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := &o.slot[key%oldPhoneSlots]; s.key == key {
		s.asked = time.Time{}
	}
}

func oldPhoneKey(req *sip.Request) uint32 {
	return textHash(sourceOf(req).String() + " " + req.From().Address.User)
}
