package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/interpreter/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecords(t *testing.T) {
	storetest.Records(t, func(t *testing.T) interpreter.Records {
		s := memstore.NewRecords()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.Sweep(ctx, 10*time.Second) })
		t.Cleanup(func() { cancel(); wg.Wait() })
		return s
	})
}

func TestBlobs(t *testing.T) {
	storetest.Blobs(t, func(*testing.T) interpreter.Blobs { return memstore.NewBlobs() })
}

func TestMapIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memstore.NewMap[int](3)
		for i := range 3 {
			if err := m.Add(fmt.Sprint(i), i, 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Add("1", 9, time.Second); !errors.Is(err, memstore.ErrExists) {
			t.Errorf("add of a key that is there: %v", err)
		}
		if err := m.Add("3", 3, time.Second); !errors.Is(err, memstore.ErrFull) {
			t.Errorf("add to a full map: %v", err)
		}
		if err := m.Set("1", 11, 10*time.Second); err != nil { // replacing needs no room
			t.Errorf("set: %v", err)
		}
		if v, ok := m.Get("1"); !ok || v != 11 {
			t.Errorf("got %d, %v", v, ok)
		}
		time.Sleep(11 * time.Second)
		if _, ok := m.Get("1"); ok {
			t.Error("an expired entry is seen")
		}
		if err := m.Add("3", 3, 0); err != nil {
			t.Errorf("add after all expired: %v", err)
		}
		if n := m.Len(); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	})
}

func TestTakeGivesOnce(t *testing.T) {
	m := memstore.NewMap[string](10)
	if err := m.Add("nonce", "v", time.Minute); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	got := make(chan string, 20)
	for range 20 {
		wg.Go(func() {
			if v, ok := m.Take("nonce"); ok {
				got <- v
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("%d callers took it, want 1", len(got))
	}
}

func TestSweepFrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memstore.NewMap[int](10)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.Sweep(ctx, time.Second) })
		if err := m.Add("a", 1, 500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if n := m.Len(); n != 0 {
			t.Errorf("%d entries after the sweep, want 0", n)
		}
		cancel()
		wg.Wait()
	})
}
