package sipedge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/interpreter"
)

// orders is how many random orders are tried; each takes a few milliseconds. PINTLE_ORDERS asks for more.
func orders(t *testing.T) uint64 {
	s := os.Getenv("PINTLE_ORDERS")
	if s == "" {
		return 250
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// reflexes is a phone that does what every phone must (ACK, answer BYE) while its owner does whatever comes to mind.
type reflexes struct {
	*peer
	mu     sync.Mutex
	branch string // of the first INVITE
	known  string // To tag of a dialog
	moods  *rand.Rand
}

// number gives the next CSeq number.
func (r *reflexes) number() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	return r.seq
}

func (r *reflexes) run() {
	buf := make([]byte, 65536)
	for {
		n, _, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := readMessage(string(buf[:n]))
		seq := 0
		fmt.Sscanf(m.get("cseq"), "%d", &seq)
		invite := strings.HasSuffix(m.get("cseq"), "INVITE")
		switch {
		case m.method() == "BYE", m.method() == "CANCEL":
			r.answer(m, 200, "", "", "")
		case m.method() == "INVITE", m.method() == "UPDATE":
			r.mood(m)
		case invite && strings.HasPrefix(m.code(), "18"):
			r.mu.Lock()
			r.known = m.tag()
			r.mu.Unlock()
			if rseq := m.get("rseq"); rseq != "" && r.moods.IntN(4) > 0 {
				r.sendHead("PRACK", r.number(), m.tag(), "RAck: "+rseq+" "+m.get("cseq")+"\r\n")
			}
		case invite && m.code() == "200":
			r.mu.Lock()
			r.known = m.tag()
			r.mu.Unlock()
			r.send(r.tagged("ACK", "z9hG4bK"+token(6), seq, m.tag(), ""))
		case invite && m.code() >= "300":
			_, branch, _ := strings.Cut(m.get("via"), "branch=")
			branch, _, _ = strings.Cut(branch, ";")
			r.send(r.tagged("ACK", branch, seq, m.tag(), ""))
		}
	}
}

// mood answers a change that the edge wants as phones do, well or not.
func (r *reflexes) mood(m message) {
	switch r.moods.IntN(8) {
	case 0, 1:
		r.answer(m, 491, "", "", "")
	case 2:
		r.answer(m, 488, "", "", "")
	case 3:
		r.answer(m, 481, "", "", "")
	case 4:
		r.answer(m, 180, "", "", "") // and nothing more
	case 5:
		r.answer(m, 200, "", r.contact()+sdpHead, "v=0\r\nnonsense")
	default:
		body, head := sdpOf(30004, ""), r.contact()+sdpHead
		if m.body == "" {
			body, head = "", r.contact()
		}
		r.answer(m, 200, "", head, body)
	}
}

func (r *reflexes) sendHead(method string, seq int, tag, head string) {
	text := r.tagged(method, "z9hG4bK"+token(6), seq, tag, "")
	r.send(strings.Replace(text, "Content-Length", head+"Content-Length", 1))
}

func (r *reflexes) tagged(method, branch string, seq int, tag, body string) string {
	head := ""
	if body != "" {
		head = sdpHead
	}
	text := r.text(method, branch, seq, head, body)
	if tag != "" {
		text = strings.Replace(text, fmt.Sprintf("To: <sip:100@%s>", r.edge),
			fmt.Sprintf("To: <sip:100@%s>;tag=%s", r.edge, tag), 1)
	}
	return text
}

// act does one thing at a bad moment.
func (r *reflexes) act(what int, l interpreter.Leg) {
	r.mu.Lock()
	tag := r.known
	r.mu.Unlock()
	if what >= 2 && what <= 5 || what >= 14 {
		if tag == "" {
			return // without a To tag it would be another call
		}
	}
	ctx := context.Background()
	seq := 0
	if r.conn != nil {
		seq = r.number()
	}
	fresh := "z9hG4bK" + token(6)
	switch what {
	case 0:
		r.send(r.tagged("CANCEL", r.branch, 1, "", ""))
	case 1:
		r.send(r.tagged("INVITE", r.branch, 1, "", sdpOf(30000, "")))
	case 2:
		r.send(r.tagged("BYE", fresh, seq, tag, ""))
	case 3:
		r.send(r.tagged("INVITE", fresh, seq, tag, sdpOf(30000, "a=sendonly\r\n")))
	case 4:
		r.send(r.tagged("UPDATE", fresh, seq, tag, sdpOf(30002, "")))
	case 5:
		r.send(r.tagged("ACK", fresh, 1, tag, ""))
	case 6, 7:
		_ = l.Answer(ctx) // may be too late
	case 8:
		_ = l.Early(ctx)
	case 9:
		_ = l.Ring(ctx)
	case 10:
		_ = l.Hangup(ctx, interpreter.Hangup{By: interpreter.ByFlow, Code: 486})
	case 11:
		_ = holder(l).Hold(short(ctx)) // refused, too early or too late
	case 12:
		_ = holder(l).Resume(short(ctx))
	case 13:
		_ = holder(l).Renegotiate(short(ctx), []string{"PCMU"})
	case 14:
		r.sendHead("UPDATE", seq, tag, "Supported: timer\r\nSession-Expires: 90\r\n")
	case 15:
		r.sendHead("PRACK", seq, tag, "RAck: 1 1 INVITE\r\n")
	case 16:
		r.send(r.tagged("INVITE", fresh, seq, tag, "")) // a late offer whose answer never comes
	}
}

func holder(l interpreter.Leg) interpreter.Holder { return l.(interpreter.Holder) }

// short is a moment in which a phone that does not answer is not waited for.
func short(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// R-SIP-12: whatever the order of events, one call is one leg, every leg ends with a cause, and nothing stays behind.
func TestRandomOrders(t *testing.T) {
	b := newBench(t, func(c *Config) { c.NewCalls, c.TotalCalls = 10_000, 10_000 })
	for seed := range orders(t) {
		rng := rand.New(rand.NewPCG(seed, 1))
		p := newPeer(t, b)
		r := &reflexes{peer: p, branch: "z9hG4bK" + token(6), moods: rand.New(rand.NewPCG(seed, 2))}
		var wg sync.WaitGroup
		wg.Go(r.run)
		p.seq = 1
		invite := r.tagged("INVITE", r.branch, 1, "", sdpOf(30000, ""))
		if reliable := rng.IntN(2) == 0; reliable {
			invite = strings.Replace(invite, "Content-Length", "Require: 100rel\r\nAllow: INVITE, UPDATE\r\nContent-Length", 1)
		}
		p.send(invite)
		l := b.leg()
		var script []int
		for range 1 + rng.IntN(7) {
			what := rng.IntN(17)
			script = append(script, what)
			if what >= 6 && what <= 13 && rng.IntN(2) == 0 {
				wg.Go(func() { (&reflexes{peer: &peer{}, branch: r.branch}).act(what, l) })
				continue
			}
			r.act(what, l)
			if rng.IntN(3) == 0 {
				waitFor(t, "an answer", func() bool { return rng.IntN(4) == 0 }) // a moment for what is under way
			}
		}
		if err := l.Hangup(context.Background(), hangupNow); err != nil {
			t.Errorf("seed %d %v: Hangup: %v", seed, script, err)
		}
		var h *interpreter.Hangup
		if !errors.As(context.Cause(l.Context()), &h) {
			t.Fatalf("seed %d %v: cause %v", seed, script, context.Cause(l.Context()))
		}
		ended := time.Now()
		for b.edge.Legs() > 0 && time.Since(ended) < 3*time.Second {
			time.Sleep(time.Millisecond)
		}
		if n := b.edge.Legs(); n > 0 {
			t.Fatalf("seed %d %v: %d dialogs stay", seed, script, n)
		}
		select {
		case <-b.legs:
			t.Fatalf("seed %d %v: a second leg", seed, script)
		default:
		}
		p.conn.Close()
		wg.Wait()
	}
	b.peers = nil
}
