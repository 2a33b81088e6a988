package sipedge

import (
	"context"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// A target may name the user part of the Request-URI at a registered phone; it is escaped, and To stays the user.
func TestRequestUser(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	desk := newHandset(t, b, "ann", "127.0.0.1")
	if m := desk.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	for user, want := range map[string]string{
		"+15550100": "INVITE sip:+15550100@", "a@b>;x=y": "INVITE sip:a%40b%3E;x=y@", "": "INVITE sip:ann@",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := b.edge.Dial(context.Background(), interpreter.Target{URI: "sip:ann@pbx.example", User: user},
				interpreter.DialOptions{From: interpreter.Address{User: "100"}, Timeout: 5 * time.Second})
			done <- err
		}()
		inv := desk.expect("INVITE")
		if !strings.HasPrefix(inv.start, want+desk.addr()) || !strings.Contains(inv.get("to"), "sip:ann@pbx.example") {
			t.Errorf("user %q: %s, To %s; want %s%s", user, inv.start, inv.get("to"), want, desk.addr())
		}
		desk.answer(inv, 486, "x", "", "")
		if err := <-done; err == nil {
			t.Error("answered")
		}
	}
	_, err := b.edge.Dial(t.Context(), interpreter.Target{URI: "sip:ann@pbx.example", User: "a\r\nX-Evil: 1"},
		interpreter.DialOptions{Timeout: time.Second})
	if err == nil || !strings.Contains(err.Error(), "user") {
		t.Errorf("a line break passed: %v", err)
	}
}
