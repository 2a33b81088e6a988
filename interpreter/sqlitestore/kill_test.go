package sqlitestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/interpreter"
)

// childDir is the environment variable that makes the test program the child of the kill trials.
const childDir = "PINTLE_KILL_CHILD"

// child writes as calls do and says so on its standard output, until it is killed.
func child(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	say := func(what, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, id)
	}
	for range 4 {
		wg.Go(func() {
			for {
				id := interpreter.NewID()
				if err := s.Put(ctx, interpreter.KindCall, id, interpreter.CallRecord{ID: id}, 0); err != nil {
					say("failed", err.Error())
					return
				}
				say("open", id)
				w := []interpreter.Write{
					{Kind: interpreter.KindCall, ID: id},
					{Kind: interpreter.KindCDR, ID: id, Value: interpreter.CDR{Reason: strings.Repeat("x", rand.IntN(3000))}},
					{Kind: interpreter.KindOutbox, ID: id, Value: interpreter.Post{ID: id}},
				}
				if err := s.Batch(ctx, w); err != nil {
					say("failed", err.Error())
					return
				}
				say("done", id)
			}
		})
	}
	wg.Wait()
}

// TestKillLosesNothingAnnounced ends child processes at random moments: what they said to have written is there, and
// nothing is there by half.
func TestKillLosesNothingAnnounced(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	dir := t.TempDir()
	said := announced{opened: map[string]bool{}, done: map[string]bool{}}
	for i := range 20 {
		killOne(t, dir, i, said)
		if t.Failed() {
			t.Fatalf("trial %d", i)
		}
	}
	if len(said.done) < 20 {
		t.Errorf("only %d calls in all trials: the test tests little", len(said.done))
	}
	s := open(t, dir)
	half := 0
	for id := range said.opened {
		var post interpreter.Post
		call := s.Get(t.Context(), interpreter.KindCall, id, &interpreter.CallRecord{})
		cdr := s.Get(t.Context(), interpreter.KindCDR, id, &interpreter.CDR{})
		out := s.Get(t.Context(), interpreter.KindOutbox, id, &post)
		switch {
		case errors.Is(call, interpreter.ErrNotFound) && cdr == nil && out == nil && post.ID == id:
		case !said.done[id] && call == nil && errors.Is(cdr, interpreter.ErrNotFound) &&
			errors.Is(out, interpreter.ErrNotFound):
			half++
		default:
			t.Fatalf("call %s, announced as done: %v; open record: %v, CDR: %v, callback: %v", id, said.done[id], call, cdr, out)
		}
	}
	t.Logf("%d calls announced as done, %d of %d still open", len(said.done), half, len(said.opened))
}

// announced are the calls that children said to have written, by how far they were.
type announced struct{ opened, done map[string]bool }

// killOne runs a child for a moment after its first word; every fourth is killed before, perhaps while it opens the
// store.
func killOne(t *testing.T, dir string, trial int, said announced) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$") //nolint:gosec,noctx // the test program itself, killed below
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill := func() { _ = cmd.Process.Kill() }
	wait := 10 * time.Second
	if trial%4 == 0 {
		wait = time.Duration(rand.IntN(100)) * time.Millisecond
	}
	timer := time.AfterFunc(wait, kill)
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			timer.Reset(time.Duration(rand.IntN(50_000)) * time.Microsecond)
		}
		what, id, ok := strings.Cut(lines.Text(), " ")
		switch {
		case !ok || len(id) != 32 && what != "failed": // the last line may be cut
		case what == "open":
			said.opened[id] = true
		case what == "done":
			said.done[id] = true
		default:
			t.Errorf("child: %s", lines.Text())
		}
	}
	_ = cmd.Wait() // says "killed"
}
