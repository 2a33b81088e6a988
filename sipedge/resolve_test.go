package sipedge

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// RFC 2782: whatever the records, a lower priority comes first, nothing is lost, and weight decides how often a server
// is first among equals.
func TestServersInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Server {
			return Server{Host: rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "host"), Port: rapid.Uint16().Draw(t, "port"),
				Priority: rapid.Uint16Max(3).Draw(t, "priority"), Weight: rapid.Uint16().Draw(t, "weight")}
		}), 0, 12).Draw(t, "servers")
		out := inOrder(in)
		if !slices.IsSortedFunc(out, func(a, b Server) int { return int(a.Priority) - int(b.Priority) }) {
			t.Fatalf("%v", out)
		}
		for _, s := range in {
			if !slices.Contains(out, s) {
				t.Fatalf("%v is lost", s)
			}
		}
		if len(in) != len(out) {
			t.Fatalf("%d became %d", len(in), len(out))
		}
	})
	heavy := 0
	for range 1000 {
		if inOrder([]Server{{Host: "light", Weight: 9}, {Host: "heavy", Weight: 89}})[0].Host == "heavy" {
			heavy++
		}
	}
	if heavy < 820 || heavy > 970 {
		t.Errorf("weight 90 of 100 came first %d times in 1000", heavy)
	}
}

// Answers are kept for a minute, refusals briefly, and while the name servers are silent the old answer serves.
func TestResolvingRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{servers: map[string][]Server{"_sip._udp.x": {{Host: "a", Port: 1}}}}
		r := newResolving(z)
		ask := func(name string) ([]Server, error) { return r.servers(context.Background(), name) }
		for range 3 {
			if list, err := ask("_sip._udp.x"); err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			if _, err := ask("_sip._udp.y"); err == nil {
				t.Fatal("a name that is not there is found")
			}
		}
		if z.asked["_sip._udp.x"] != 1 || z.asked["_sip._udp.y"] != 1 {
			t.Errorf("asked %v", z.asked)
		}
		time.Sleep(failureLife)
		ask("_sip._udp.y")
		ask("_sip._udp.x")
		if z.asked["_sip._udp.x"] != 1 || z.asked["_sip._udp.y"] != 2 {
			t.Errorf("after %v asked %v", failureLife, z.asked)
		}
		z.silent = true
		time.Sleep(answerLife)
		if list, err := ask("_sip._udp.x"); err != nil || len(list) != 1 {
			t.Errorf("silent name servers: %v %v", list, err)
		}
		time.Sleep(staleLife)
		if _, err := ask("_sip._udp.x"); err == nil {
			t.Error("an answer serves for ever")
		}
		for i := range 3 * maxLookUps {
			ask("_sip._udp." + itoa(i))
		}
		if n := len(r.old); n > maxLookUps {
			t.Errorf("%d answers are kept", n)
		}
	})
}
