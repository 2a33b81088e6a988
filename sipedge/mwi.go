package sipedge

import (
	"context"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/sipedge/presence"
	"pintle/sipedge/registrar"
)

const (
	mwiAtOnce  = 50          // phones that are told at the same time
	mwiPending = 100_000     // addresses of record that wait for their turn
	mwiPause   = time.Second // between two rounds, so that a box that changes often is told once
)

// unsolicited tells registered phones of their mailbox although they have not subscribed, as phones expect that were
// built before RFC 6665. What changes while a round runs is told by the next one, with the state of that moment.
type unsolicited struct {
	edge *Edge

	mu      sync.Mutex        // guards what follows
	pending map[string]string // address of record → its box
	running bool
}

// changed is told of each change of a mailbox.
func (u *unsolicited) changed(box string) {
	list := []string{box}
	if f := u.edge.cfg.Presence.Devices; f != nil {
		list = f(box)
	}
	aors := make(map[string]string, len(list))
	for _, a := range list {
		aors[a] = box
	}
	u.tell(aors)
}

// tell queues phones and starts the round if none runs.
func (u *unsolicited) tell(aors map[string]string) {
	if len(aors) == 0 || u.edge.phones == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for aor, box := range aors {
		if len(u.pending) < mwiPending {
			u.pending[aor] = box
		}
	}
	if !u.running {
		u.running = u.edge.spawn(u.run)
	}
}

// run tells round after round until nobody waits.
func (u *unsolicited) run() {
	for {
		u.mu.Lock()
		round := u.pending
		u.pending = map[string]string{}
		u.running = len(round) > 0 && u.edge.work.Err() == nil
		again := u.running
		u.mu.Unlock()
		if !again {
			return
		}
		u.round(round)
		select {
		case <-time.After(mwiPause):
		case <-u.edge.work.Done():
		}
	}
}

func (u *unsolicited) round(aors map[string]string) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, mwiAtOnce)
	for aor, box := range aors {
		body := presence.Summary(box, u.edge.cfg.Presence.Board.Waiting(box))
		for _, b := range u.edge.phones.table.Lookup(aor) {
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				u.notify(&b, body)
			})
		}
	}
	wg.Wait()
}

// notify sends one NOTIFY outside of any subscription. Nobody waits for it to succeed: a phone that does not want it
// says 481 or 489.
func (u *unsolicited) notify(b *registrar.Binding, body string) {
	e := u.edge
	ctx, cancel := context.WithTimeout(e.work, 64*e.t1)
	defer cancel()
	w, err := e.phones.wayTo(ctx, b, userOf(b.AOR))
	if err != nil {
		return
	}
	d := &dialog{edge: e, callID: token(16) + "@" + e.host, localTag: token(8), local: party{uri: w.to},
		remote: party{uri: w.to}, flow: w.hop, target: w.uri, routes: w.routes}
	req := d.build(sip.NOTIFY, 1)
	req.AppendHeader(sip.NewHeader("Event", string(presence.Messages)))
	req.AppendHeader(sip.NewHeader("Subscription-State", "terminated"))
	setContent(req, presence.ContentMessages, body)
	e.address(req, w.hop, 0)
	if res, err := e.roundTrip(ctx, req); err != nil || !res.IsSuccess() {
		e.log.WithField("aor", b.AOR).Debug("phone does not take news of its mailbox unasked")
	}
}

func userOf(aor string) string {
	for i := len(aor) - 1; i >= 0; i-- {
		if aor[i] == '@' {
			return aor[:i]
		}
	}
	return aor
}
