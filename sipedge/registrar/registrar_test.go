package registrar

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pintle/interpreter"
	"pintle/interpreter/memstore"
)

func table() *Table { return NewTable(Options{Total: 100, KeepAlive: 25 * time.Second}) }

// update registers one contact of a user at a source.
func update(user string, seq uint32, expires time.Duration, contacts ...string) Update {
	u := Update{AOR: user + "@pbx", CallID: "call-" + user, CSeq: seq, Network: "UDP", Source: "192.0.2.1:5060", Max: 10}
	for _, c := range contacts {
		u.Contacts = append(u.Contacts, Contact{URI: c, Key: c, Q: 1000, Expires: expires})
	}
	return u
}

func TestExpiryAndRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := table()
		for i := range uint32(3) {
			if _, _, err := tb.Update(update("ann", i+1, time.Minute, "sip:a")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Second)
		}
		if n := len(tb.Lookup("ann@pbx")); n != 1 {
			t.Fatalf("%d bindings although refreshed", n)
		}
		time.Sleep(20 * time.Second)
		if n := len(tb.Lookup("ann@pbx")); n != 0 {
			t.Error("called after it expired")
		}
		if gone, _ := tb.Tick(); len(gone) != 1 || tb.Len() != 0 {
			t.Errorf("expired %v, left %d", gone, tb.Len())
		}
	})
}

// All or nothing: an update that fails in its second contact leaves the first alone.
func TestAllOrNothing(t *testing.T) {
	tb := table()
	if _, _, err := tb.Update(update("ann", 5, time.Minute, "sip:b")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tb.Update(update("ann", 5, time.Minute, "sip:a", "sip:b")); !errors.Is(err, ErrReplay) {
		t.Errorf("replay: %v", err)
	}
	u := update("ann", 6, time.Minute, "sip:c", "sip:d")
	u.Max = 2
	if _, _, err := tb.Update(u); !errors.Is(err, ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
	if l := tb.Lookup("ann@pbx"); len(l) != 1 || l[0].Contact != "sip:b" || l[0].CSeq != 5 {
		t.Errorf("stored: %+v", l)
	}
	small := NewTable(Options{Total: 1})
	_, _, err := small.Update(update("ann", 1, time.Minute, "sip:a", "sip:b"))
	if !errors.Is(err, ErrFull) || small.Len() != 0 {
		t.Errorf("full: %v, %d", err, small.Len())
	}
}

func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := table()
		u := update("ann", 1, time.Hour, "sip:a", "sip:b")
		u.Contacts[0].NAT = true
		if _, _, err := tb.Update(u); err != nil {
			t.Fatal(err)
		}
		asked := 0
		for began := time.Now(); time.Since(began) < 5*time.Minute; time.Sleep(time.Second) {
			_, ask := tb.Tick()
			for _, b := range ask {
				if b.Contact != "sip:a" {
					t.Errorf("%s is asked", b.Contact)
				}
				asked++
				if fell := tb.Alive(b, 0, false); fell != (asked == maxFails) {
					t.Errorf("question %d: silent %v", asked, fell)
				}
			}
		}
		if asked < 9 || asked > 15 { // 300 s at 20 to 30 s, and the tick
			t.Errorf("asked %d times in five minutes", asked)
		}
		if l := tb.Lookup("ann@pbx"); len(l) != 2 || l[0].Silent.IsZero() == l[1].Silent.IsZero() {
			t.Errorf("%+v", l)
		}
	})
}

// counting counts writes.
type counting struct {
	interpreter.Records
	mu   sync.Mutex
	puts int
	fail error
}

func (c *counting) Put(ctx context.Context, kind, id string, v any, ttl time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.puts++
	if c.fail != nil {
		return c.fail
	}
	return c.Records.Put(ctx, kind, id, v, ttl)
}

// New bindings are saved soon, refreshes are collected, a failure is tried again, and the end saves all.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Records: memstore.NewRecords()}
		tb := table()
		k := &Keeper{Table: tb, Records: store}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Run(ctx) }()
		for i := range uint32(50) {
			if _, _, err := tb.Update(update("ann", i+1, time.Minute, "sip:a")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		store.mu.Lock()
		if store.puts != 1 {
			t.Errorf("%d writes in 5 s of refreshes, want the first alone", store.puts)
		}
		store.fail = errors.New("disk full")
		store.mu.Unlock()
		time.Sleep(6 * time.Second)
		store.mu.Lock()
		store.fail = nil
		store.mu.Unlock()
		time.Sleep(later)
		after := table()
		if err := (&Keeper{Table: after, Records: store}).Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := after.Lookup("ann@pbx"); len(l) != 1 || l[0].CSeq != 50 {
			t.Errorf("after a failed write: %+v", l)
		}
		if _, _, err := tb.Update(Update{AOR: "ann@pbx", CallID: "other", All: true}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tb.Update(update("bob", 1, time.Minute, "sip:b")); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		last := table()
		if err := (&Keeper{Table: last, Records: store}).Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(last.Lookup("ann@pbx")) != 0 || len(last.Lookup("bob@pbx")) != 1 {
			t.Errorf("after the end: %+v", last.All())
		}
	})
}

// Connections are gone after a restart, and with them the phones that can only be reached over them.
func TestConnectionsAreNotRestored(t *testing.T) {
	tb := table()
	for i, row := range []struct {
		network string
		nat     bool
		reg     int
	}{{"TCP", true, 0}, {"TCP", false, 1}, {"TCP", false, 0}, {"UDP", true, 0}} {
		b := &Binding{AOR: fmt.Sprint(i), Network: row.network, NAT: row.nat, RegID: row.reg, Source: "192.0.2.1:5",
			Expires: time.Now().Add(time.Minute)}
		tb.restore(b.AOR, []*Binding{b, nil})
	}
	if len(tb.Lookup("0"))+len(tb.Lookup("1")) != 0 || len(tb.Lookup("2")) != 1 || len(tb.Lookup("3")) != 1 {
		t.Errorf("%+v", tb.All())
	}
}

func sum[K comparable](m map[K]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// Whatever comes in any order, the table counts right, holds its bounds and keeps its index of connections.
func TestTableHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := NewTable(Options{Total: 6, KeepAlive: time.Second})
		networks := rapid.SampledFrom([]string{"UDP", "TCP"})
		sources := rapid.SampledFrom([]string{"10.0.0.1:1", "10.0.0.2:2"})
		for seq := range uint32(rapid.IntRange(1, 40).Draw(t, "steps")) {
			user := rapid.SampledFrom([]string{"ann", "bob", "cat"}).Draw(t, "user")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				tb.Disconnect(sources.Draw(t, "closed"))
			case 1:
				tb.Forget(user + "@pbx")
			default:
				contacts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "contacts")
				u := update(user, seq, rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "expires"), contacts...)
				u.Max, u.Network, u.Source = 2, networks.Draw(t, "network"), sources.Draw(t, "source")
				u.CallID = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "call")
				_, _, _ = tb.Update(u)
			}
			all := tb.All()
			on := map[string]bool{}
			for _, b := range all {
				if b.Stream() {
					on[b.Source] = true
				}
			}
			if len(all) != tb.Len() || len(all) > 6 || sum(tb.hosts) != len(all) || len(on) != len(tb.flows) {
				t.Fatalf("%d bindings, counted %d, %d connections, indexed %d", len(all), tb.Len(), len(on), len(tb.flows))
			}
			for _, user := range []string{"ann", "bob", "cat"} {
				if n := len(tb.Lookup(user + "@pbx")); n > 2 {
					t.Fatalf("%s has %d bindings", user, n)
				}
			}
		}
	})
}
