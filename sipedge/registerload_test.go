package sipedge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/interpreter/sqlitestore"
)

const loadUsers, loadRate, loadCalls = 10_000, 100, 200

// TestRegisterLoad registers ten thousand phones with digest at a hundred a second with an edge in a process of its
// own, whose bindings are kept in SQLite, calls two hundred of them, and prints what that costs. `make bench-register`
// runs it; it takes two minutes.
func TestRegisterLoad(t *testing.T) {
	if os.Getenv("PINTLE_REGISTER_EDGE") != "" {
		loadedEdge(t)
		return
	}
	if os.Getenv("PINTLE_BENCH") == "" {
		t.Skip("run by `make bench-register`")
	}
	e := startLoadedEdge(t)
	t.Logf("%s of logins: %d KiB resident", strconv.Itoa(loadUsers), e.rss(t))
	before, cpu := e.rss(t), e.cpu(t)
	f := newFleet(t, e.addr)
	began := time.Now()
	tick := time.NewTicker(time.Second / loadRate)
	defer tick.Stop()
	for i := range loadUsers {
		<-tick.C
		f.register(i)
	}
	slowly(t, "the last registration", func() bool { return f.good() == loadUsers })
	took := time.Since(began)
	used, grown := e.cpu(t)-cpu, e.rss(t)-before
	t.Logf("%d registrations in %.1f s, %d refused; CPU %.2f s, %.0f µs for each; memory +%d KiB, %.2f KiB for each",
		f.good(), took.Seconds(), f.bad(), used.Seconds(), float64(used.Microseconds())/loadUsers, grown,
		float64(grown)/loadUsers)
	t.Logf("edge says: %s", e.ask(t, "count"))
	var times []time.Duration
	cpu = e.cpu(t)
	for i := range loadCalls {
		answer := e.ask(t, fmt.Sprintf("dial u%d", i*loadUsers/loadCalls))
		d, err := time.ParseDuration(answer)
		if err != nil {
			t.Errorf("call %d: %s", i, answer)
			continue
		}
		times = append(times, d)
	}
	if len(times) == 0 {
		t.Fatal("no call was answered")
	}
	slices.Sort(times)
	t.Logf("%d calls to registered phones answered: median %v, p99 %v; CPU %.1f ms for each", len(times),
		times[len(times)/2].Round(time.Microsecond), times[len(times)*99/100].Round(time.Microsecond),
		float64((e.cpu(t)-cpu).Microseconds())/1000/loadCalls)
	began = time.Now()
	e.ask(t, "restart")
	t.Logf("restarted with %s in %v", e.ask(t, "count"), time.Since(began).Round(time.Millisecond))
	if answer := e.ask(t, "dial u77"); !strings.HasSuffix(answer, "s") {
		t.Errorf("after the restart: %s", answer)
	} else {
		t.Logf("first call after the restart answered in %s", answer)
	}
}

// loaded is the process with the edge.
type loaded struct {
	addr string
	pid  int
	in   io.Writer
	out  *bufio.Scanner
}

func startLoadedEdge(t *testing.T) *loaded {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=TestRegisterLoad$", "-test.v")
	cmd.Env = append(os.Environ(), "PINTLE_REGISTER_EDGE="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &loaded{pid: cmd.Process.Pid, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	e.addr = e.ask(t, "address")
	return e
}

// ask gives a command and returns its answer.
func (e *loaded) ask(t *testing.T, command string) string {
	t.Helper()
	if _, err := fmt.Fprintln(e.in, command); err != nil {
		t.Fatal(err)
	}
	for e.out.Scan() {
		if answer, ok := strings.CutPrefix(e.out.Text(), "> "); ok {
			return answer
		}
	}
	t.Fatalf("the edge ended at %q", command)
	return ""
}

// rss is the process's memory in KiB.
func (e *loaded) rss(t *testing.T) int {
	t.Helper()
	e.ask(t, "collect")
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.pid))
	if err != nil {
		t.Skip("no /proc on this machine")
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cpu is the processor time it has used.
func (e *loaded) cpu(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.pid))
	if err != nil {
		t.Skip("no /proc on this machine")
	}
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+2:])
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// loadedEdge is the other process: it answers commands until its input ends.
func loadedEdge(t *testing.T) {
	store, err := sqlitestore.Open(context.Background(), sqlitestore.Config{Dir: os.Getenv("PINTLE_REGISTER_EDGE"),
		Log: quietLog()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	users := make([]string, loadUsers)
	for i := range users {
		users[i] = fmt.Sprintf("u%d", i)
	}
	house := newHousehold(users...)
	open := func() *bench {
		return newBench(t, func(c *Config) {
			c.Accounts, c.Records, c.T1 = house, store, 0
			c.Registrations.Rate = 10 * loadRate
		})
	}
	b := open()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch command, user, _ := strings.Cut(in.Text(), " "); command {
		case "address":
			fmt.Println(">", b.edge.Addr())
		case "collect":
			debug.FreeOSMemory()
			fmt.Println("> ok")
		case "count":
			fmt.Printf("> %d bindings, %d nonces remembered\n", len(b.edge.Bindings()), b.edge.phones.auth.Nonces())
		case "restart":
			if err := b.edge.Close(); err != nil {
				t.Error(err)
			}
			b = open()
			fmt.Println("> ok")
		case "dial":
			began := time.Now()
			r := <-dialAsync(b, "sip:"+user+"@pbx.example")
			took := time.Since(began)
			if r.err != nil {
				fmt.Println(">", r.err)
				continue
			}
			_ = r.leg.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow})
			fmt.Println(">", took)
		}
	}
}

func quietLog() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// fleet is ten thousand phones on one socket.
type fleet struct {
	t    *testing.T
	conn *net.UDPConn
	to   *net.UDPAddr

	mu           sync.Mutex
	done, failed int
}

func newFleet(t *testing.T, addr string) *fleet {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, conn: c, to: to}
	over := make(chan struct{})
	go func() { defer close(over); f.listen() }()
	t.Cleanup(func() { c.Close(); <-over })
	return f
}

func (f *fleet) good() int { f.mu.Lock(); defer f.mu.Unlock(); return f.done }
func (f *fleet) bad() int  { f.mu.Lock(); defer f.mu.Unlock(); return f.failed }

func (f *fleet) register(i int) { f.say(i, 1, "") }

func (f *fleet) say(i, seq int, head string) {
	user := fmt.Sprintf("u%d", i)
	text := fmt.Sprintf("REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP %[1]s;branch=z9hG4bK%[2]s.%[3]d;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:%[2]s@pbx.example>;tag=%[2]s\r\nTo: <sip:%[2]s@pbx.example>\r\nCall-ID: %[2]s\r\n"+
		"CSeq: %[3]d REGISTER\r\nContact: <sip:%[2]s@%[1]s>\r\nUser-Agent: fleet\r\nExpires: 3600\r\n"+
		"%[4]sContent-Length: 0\r\n\r\n",
		f.conn.LocalAddr(), user, seq, head)
	if _, err := f.conn.WriteToUDP([]byte(text), f.to); err != nil {
		f.t.Error(err)
	}
}

// listen answers challenges and calls until the socket closes.
func (f *fleet) listen() {
	buf := make([]byte, 65536)
	for {
		n, from, err := f.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		m := readMessage(string(buf[:n]))
		switch {
		case m.code() == "401":
			f.answer(m)
		case m.code() == "200" && strings.HasSuffix(m.get("cseq"), "REGISTER"):
			f.mu.Lock()
			f.done++
			f.mu.Unlock()
		case m.code() != "":
			f.mu.Lock()
			f.failed++
			f.mu.Unlock()
		case m.method() == "INVITE" || m.method() == "BYE":
			body, head := "", ""
			if m.method() == "INVITE" {
				body, head = sdpOf(31000, ""), sdpHead+fmt.Sprintf("Contact: <sip:x@%s>\r\n", f.conn.LocalAddr())
			}
			to := m.get("to")
			if !strings.Contains(to, "tag=") {
				to += ";tag=there"
			}
			text := fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"+
				"%sContent-Length: %d\r\n\r\n%s",
				m.get("via"), m.get("from"), to, m.get("call-id"), m.get("cseq"), head, len(body), body)
			_, _ = f.conn.WriteToUDP([]byte(text), from)
		}
	}
}

func (f *fleet) answer(m message) {
	user := m.get("call-id")
	i, err := strconv.Atoi(strings.TrimPrefix(user, "u"))
	if err != nil || !strings.HasPrefix(m.get("cseq"), "1 ") {
		f.mu.Lock()
		f.failed++
		f.mu.Unlock()
		return
	}
	c, err := digest.ParseChallenge(m.get("www-authenticate"))
	if err != nil {
		f.t.Error(err)
		return
	}
	cred, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:pbx.example", Username: user,
		Password: "secret", Count: 1})
	if err != nil {
		f.t.Error(err)
		return
	}
	f.say(i, 2, "Authorization: "+cred.String()+"\r\n")
}
