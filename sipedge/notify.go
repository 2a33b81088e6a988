package sipedge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/sipedge/presence"
)

// sequenceGap is more than the NOTIFYs between two refreshes, which are when a subscription is stored: so the numbers
// of the next process are higher than all of this one.
const sequenceGap = 10_000

// watcher is the dialog of one subscription. It implements presence.Sender; the board sends one NOTIFY at a time.
type watcher struct {
	edge                        *Edge
	callID, localTag, remoteTag string
	local, remote               party

	mu        sync.Mutex // guards what follows
	target    sip.Uri
	routes    []sip.Uri
	flow      flow
	localSeq  uint32
	remoteSeq uint32
}

// watcherOf makes the dialog of a SUBSCRIBE (RFC 3261 §12.1.1).
func (e *Edge) watcherOf(req *sip.Request) *watcher {
	w := &watcher{edge: e, callID: req.CallID().Value(), localTag: toTag(req), flow: flowOf(req),
		local:  party{req.To().DisplayName, *req.To().Address.Clone()},
		remote: party{req.From().DisplayName, *req.From().Address.Clone()},
		target: *req.Contact().Address.Clone(), remoteSeq: req.CSeq().SeqNo}
	w.remoteTag, _ = req.From().Params.Get("tag")
	for _, h := range req.GetHeaders("record-route") {
		if r, ok := h.(*sip.RecordRouteHeader); ok && len(w.routes) < maxRoute {
			w.routes = append(w.routes, *r.Address.Clone())
		}
	}
	return w
}

func flowOf(req *sip.Request) flow { return flow{strings.ToUpper(req.Transport()), req.Source()} }

// refresh takes the number, the target and the flow of a SUBSCRIBE within the dialog. It reports false for a number
// that is not higher than the last one.
func (w *watcher) refresh(req *sip.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.CSeq().SeqNo <= w.remoteSeq {
		return false
	}
	w.remoteSeq, w.flow = req.CSeq().SeqNo, flowOf(req)
	if c := req.Contact(); c != nil {
		w.target = *c.Address.Clone()
	}
	return true
}

// Notify sends one NOTIFY and waits for its answer.
func (w *watcher) Notify(ctx context.Context, n presence.Notification) error {
	req, err := w.request(ctx, n)
	if err != nil {
		return err
	}
	res, err := w.edge.roundTrip(ctx, req)
	if err != nil {
		return err
	}
	if c := res.Contact(); res.IsSuccess() && c != nil {
		w.mu.Lock()
		w.target = *c.Address.Clone()
		w.mu.Unlock()
	}
	return notified(res)
}

// notified says what the answer to a NOTIFY means (RFC 6665 §4.2.2): a server that asks for time keeps its
// subscription, every other failure ends it.
func notified(res *sip.Response) error {
	if res.IsSuccess() {
		return nil
	}
	if h := res.GetHeader("retry-after"); h != nil && res.StatusCode != 481 {
		text := h.Value()
		if end := strings.IndexAny(text, " ;("); end >= 0 {
			text = text[:end]
		}
		if s, ok := digits(text, 3600); ok {
			return &presence.Later{After: time.Duration(s) * time.Second}
		}
	}
	return fmt.Errorf("NOTIFY: %d %s", res.StatusCode, shorten(res.Reason))
}

// request builds the next NOTIFY, addressed.
func (w *watcher) request(ctx context.Context, n presence.Notification) (*sip.Request, error) {
	w.mu.Lock()
	w.localSeq++
	d := &dialog{edge: w.edge, callID: w.callID, localTag: w.localTag, remoteTag: w.remoteTag, local: w.local,
		remote: w.remote, flow: w.flow, target: *w.target.Clone(), routes: w.routes}
	req := d.build(sip.NOTIFY, w.localSeq)
	w.mu.Unlock()
	event := string(n.Event)
	if n.EventID != "" {
		event += ";id=" + n.EventID
	}
	req.AppendHeader(sip.NewHeader("Event", event))
	req.AppendHeader(sip.NewHeader("Subscription-State", stateOf(n)))
	req.AppendHeader(sip.NewHeader("Allow-Events", presence.Allowed))
	setContent(req, n.ContentType, n.Body)
	f, err := d.nextHop(ctx, req)
	if err != nil {
		return nil, err
	}
	w.edge.address(req, f, 0)
	return req, nil
}

// stateOf is the value of Subscription-State.
func stateOf(n presence.Notification) string {
	if n.Final != "" {
		return "terminated;reason=" + n.Final
	}
	return "active;expires=" + itoa(int((n.Expires+time.Second/2)/time.Second))
}

func setContent(m sip.Message, kind, body string) {
	if body == "" {
		return
	}
	m.AppendHeader(sip.NewHeader("Content-Type", kind))
	m.SetBody([]byte(body))
}

// watcherState is a watcher as it is stored.
type watcherState struct {
	CallID    string   `json:"call_id"`
	LocalTag  string   `json:"local_tag"`
	RemoteTag string   `json:"remote_tag"`
	Local     string   `json:"local"`
	Remote    string   `json:"remote"`
	Target    string   `json:"target"`
	Routes    []string `json:"routes,omitempty"`
	Network   string   `json:"network"`
	Source    string   `json:"source"`
	LocalSeq  uint32   `json:"local_seq"`
	RemoteSeq uint32   `json:"remote_seq"`
}

// State is what revive makes a watcher of.
func (w *watcher) State() any {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := watcherState{CallID: w.callID, LocalTag: w.localTag, RemoteTag: w.remoteTag, Local: w.local.uri.String(),
		Remote: w.remote.uri.String(), Target: w.target.String(), Network: w.flow.network, Source: w.flow.remote,
		LocalSeq: w.localSeq, RemoteSeq: w.remoteSeq}
	for i := range w.routes {
		s.Routes = append(s.Routes, w.routes[i].String())
	}
	return s
}

// revive makes the watcher of a stored subscription. Its connection is gone: NOTIFY goes where its Contact says.
func (e *Edge) revive(raw json.RawMessage) (presence.Sender, error) {
	var s watcherState
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	w := &watcher{edge: e, callID: s.CallID, localTag: s.LocalTag, remoteTag: s.RemoteTag,
		flow: flow{s.Network, s.Source}, localSeq: s.LocalSeq + sequenceGap, remoteSeq: s.RemoteSeq}
	texts := append([]string{s.Local, s.Remote, s.Target}, s.Routes...)
	uris := make([]sip.Uri, len(texts))
	for i, text := range texts {
		if err := sip.ParseUri(text, &uris[i]); err != nil {
			return nil, err
		}
	}
	w.local.uri, w.remote.uri, w.target, w.routes = uris[0], uris[1], uris[2], uris[3:]
	return w, nil
}
