package sipedge

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestIdleTLS prints what registered phones on TLS connections cost in memory: resident octets of this process for
// each connection, ours alone, for the peers are another process. About 34 KiB on amd64, 10 of them the library's read
// buffer of 32 KiB, whose size is one for all transports: messages in datagrams and WebSockets may be as large.
func TestIdleTLS(t *testing.T) {
	const connections = 2000
	if address := os.Getenv("PINTLE_IDLE_PEER"); address != "" {
		idlePeers(t, address, connections)
		return
	}
	if os.Getenv("PINTLE_BENCH") == "" {
		t.Skip("a measurement: PINTLE_BENCH=1 go test ./sipedge -run TestIdleTLS -v")
	}
	e := secureBench(t, newAuthority(t), func(c *Config) { c.Log = quietLog(); c.Packets = 1e6 })
	before := resident(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestIdleTLS$")
	cmd.Env = append(os.Environ(), "PINTLE_IDLE_PEER="+e.edge.AddrOf("TLS"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := e.edge.doors["TLS"].streams
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		s.mu.Lock()
		n := len(s.conns)
		s.mu.Unlock()
		if n == connections || time.Now().After(end) {
			break
		}
	}
	runtime.GC()
	debug.FreeOSMemory()
	t.Logf("%d connections, %d octets each", connections, (resident(t)-before)/connections)
	in.Close()
	_ = cmd.Wait()
}

// idlePeers opens connections, has an answer on each, and waits until its input ends.
func idlePeers(t *testing.T, address string, n int) {
	t.Helper()
	for i := range n {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i/60))} // one address may have 64
		trusting := &tls.Config{InsecureSkipVerify: true}         //nolint:gosec // a peer of a test
		c, err := tls.DialWithDialer(&net.Dialer{LocalAddr: from}, "tcp", address, trusting)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, streamRequest("OPTIONS", "TLS", fmt.Sprintf("p%d.invalid", i), "", 1, ""))
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// resident is the memory that the process holds, in octets.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("only Linux tells")
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
