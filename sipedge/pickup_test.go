package sipedge

import (
	"context"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
	"pintle/sipedge/presence"
)

// A telephone picks up a call that rings at another one of its account, by the early dialog or by the name that
// watchers are told; nobody else does, and no call that does not ring.
func TestInviteReplacesARingingCall(t *testing.T) {
	taken := make(chan string, 8)
	house := newHousehold("ann", "bob", "mallory")
	house.change("mallory", func(l *Login) { l.Account = "another" })
	b := phoneBench(t, house, func(c *Config) { c.Calls = taking{c.Calls.(*bench), taken} })
	bob := newHandset(t, b, "bob", "127.0.0.1")
	if m := bob.register(); m.code() != "200" {
		t.Fatalf("REGISTER: %s", m.start)
	}
	rings := make(chan struct{}, 8)
	id := interpreter.NewID()
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	done := b.dial(ctx, interpreter.Target{URI: "sip:bob@pbx.example", Timeout: time.Minute},
		interpreter.DialOptions{ID: id, From: interpreter.Address{User: "x", Host: "pbx.example"},
			Progress: func(p interpreter.Progress) {
				if p.Status == interpreter.StatusRinging {
					rings <- struct{}{}
				}
			}})
	inv := bob.expect("INVITE")
	bob.answer(inv, 180, "bobs-tag", bob.contact(), "")
	<-rings
	_, ours, _ := strings.Cut(inv.get("from"), "tag=")
	call, name := inv.get("call-id"), presence.PickupPrefix+id
	for _, c := range []struct{ what, user, replaces, want string }{
		{"early dialog", "ann", call + ";to-tag=" + ours + ";from-tag=bobs-tag", "480"},
		{"early dialog, only early", "ann", call + ";from-tag=" + ours + ";to-tag=bobs-tag;early-only", "480"},
		{"name", "ann", name + ";to-tag=" + id + ";from-tag=" + id, "480"},
		{"unknown tag", "ann", call + ";to-tag=" + ours + ";from-tag=other", "481"},
		{"name with another tag", "ann", name + ";to-tag=" + id + ";from-tag=x", "481"},
		{"name of no call", "ann", presence.PickupPrefix + "x;to-tag=x;from-tag=x", "481"},
		{"another account", "mallory", call + ";to-tag=" + ours + ";from-tag=bobs-tag", "403"},
		{"another account by name", "mallory", name + ";to-tag=" + id + ";from-tag=" + id, "403"},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := newHandset(t, b, c.user, "127.0.0.1")
			h.extra = "Replaces: " + c.replaces + "\r\n"
			m := h.ask("INVITE", "sip:bob@pbx.example", "")
			if m.code() != "401" && m.code() != "407" {
				t.Fatalf("without credentials: %s", m.start)
			}
			m = h.ask("INVITE", "sip:bob@pbx.example", h.answerTo(m, "INVITE", "sip:bob@pbx.example"))
			if m.code() != c.want || m.get("reason")+m.get("warning") == "" {
				t.Errorf("%s %v, want %s", m.start, m.head, c.want)
			}
			select {
			case got := <-taken:
				if c.want != "480" || got != id {
					t.Errorf("taken over: %s", got)
				}
			default:
				if c.want == "480" {
					t.Error("not taken over")
				}
			}
		})
	}
	stop(interpreter.ErrElsewhere)
	cancel := bob.expect("CANCEL")
	if !strings.Contains(cancel.get("reason"), "Call completed elsewhere") {
		t.Errorf("CANCEL with %q", cancel.get("reason"))
	}
	bob.answer(cancel, 200, "bobs-tag", "", "")
	bob.answer(inv, 487, "bobs-tag", "", "")
	b.wait(done)
	if b.edge.ringingLeg(replaced{callID: name, to: id, from: id}) != nil {
		t.Error("a call that is over can be picked up")
	}
}
