package sipedge

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharedDir finds the corpora that are not part of the repository.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PINTLE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("NOT RUN: no shared corpora at %s; set PINTLE_SHARED", dir)
	}
	return dir
}

type tortureCase struct {
	File string `json:"file"`
	OK   []any  `json:"ok"`
}

func tortureCases(t *testing.T) (string, []tortureCase) {
	dir := filepath.Join(sharedDir(t), "corpus", "sip-torture")
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	var index struct {
		Messages []tortureCase `json:"messages"`
	}
	if err := json.Unmarshal(text, &index); err != nil || len(index.Messages) == 0 {
		t.Fatalf("index: %v, %d messages", err, len(index.Messages))
	}
	return dir, index.Messages
}

// allowed compares what came back with the index: code "" means nothing came.
func (c tortureCase) allowed(code string) bool {
	for _, ok := range c.OK {
		switch ok {
		case "drop", "response":
			if code == "" {
				return true
			}
		case "normal":
			if code != "" && code != "400" {
				return true
			}
		default:
			if n, is := ok.(float64); is && strconv.Itoa(int(n)) == code {
				return true
			}
		}
	}
	return false
}

// atSource makes the reply come back to the sender: the runner may rewrite the topmost sent-by and add rport, nothing
// else.
func atSource(text, addr string) string {
	if strings.ContainsRune(text, 0) || strings.Contains(text, "SIP  /") {
		return text // rewritten by hand below
	}
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		name, value, ok := strings.Cut(l, ":")
		if n := strings.ToLower(strings.TrimSpace(name)); !ok || n != "via" && n != "v" {
			continue
		}
		blank := strings.IndexByte(strings.TrimLeft(value, " "), ' ')
		if blank < 0 {
			break
		}
		rest := strings.TrimLeft(value, " ")
		_, params, has := strings.Cut(rest[blank+1:], ";")
		lines[i] = name + ": " + rest[:blank] + " " + addr + ";rport"
		if has {
			lines[i] += ";" + params
		} else {
			lines[i] += "\r\n"
		}
		break
	}
	return strings.Join(lines, "")
}

// R-SIP-1 over UDP: each message has an allowed outcome and the engine answers OPTIONS afterwards.
func TestTortureUDP(t *testing.T) {
	dir, cases := tortureCases(t)
	b := newBench(t, nil)
	probe := newPeer(t, b)
	for _, c := range cases {
		octets, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, b)
		text := string(octets)
		if c.File == "wsinv.dat" {
			text = strings.Replace(text, "192.0.2.2;branch=390skdjuw", p.addr()+";rport;branch=390skdjuw", 1)
		} else {
			text = atSource(text, p.addr())
		}
		p.send(text)
		probe.id = token(5)
		probe.request("OPTIONS", "", "")
		if m := probe.next(); m.code() != "200" {
			t.Errorf("%s: probe got %s", c.File, m.start)
		}
		code := finalCode(p, slices.Contains(c.OK, any("drop")) || slices.Contains(c.OK, any("response")))
		if !c.allowed(code) {
			t.Errorf("%s: got %q, allowed %v", c.File, code, c.OK)
		}
		select {
		case l := <-b.legs:
			l.Hangup(t.Context(), hangupNow)
		default:
		}
	}
}

// patientTime is how long a busy machine may take to answer.
const patientTime = 10 * time.Second

// finalCode waits for the final response, or a moment for silence where that is allowed.
func finalCode(p *peer, mayDrop bool) string {
	wait := patientTime
	if mayDrop {
		wait = 10 * time.Millisecond
	}
	for {
		m, ok := p.try(wait)
		switch {
		case !ok:
			return ""
		case m.code() == "180":
			return "180" // the call is up: understood
		case m.code() >= "200":
			return m.code()
		}
	}
}

// streamCode reads until a final response has come.
func streamCode(conn net.Conn, mayDrop bool) (code, got string) {
	wait := patientTime
	if mayDrop {
		wait = 10 * time.Millisecond
	}
	buf := make([]byte, 65536)
	for {
		conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buf)
		got += string(buf[:n])
		for part := range strings.SplitSeq(got, "\r\n\r\n") {
			if m := readMessage(part); m.code() > "100" {
				return m.code(), got
			}
		}
		if err != nil {
			return "", got
		}
	}
}

// The same over TCP, one message a connection.
func TestTortureTCP(t *testing.T) {
	dir, cases := tortureCases(t)
	b := newBench(t, nil)
	for _, c := range cases {
		octets, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", b.edge.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(octets)
		code, got := streamCode(conn, slices.Contains(c.OK, any("drop")) || slices.Contains(c.OK, any("response")))
		conn.Close()
		// Without Content-Length a stream has no message at all; the ping gets its pong.
		if noLength := !strings.Contains(strings.ToLower(string(octets)), "content-length") &&
			!strings.Contains(string(octets), "\nl:"); noLength {
			if code != "" && code != "400" {
				t.Errorf("%s without length: %q", c.File, code)
			}
			continue
		}
		if !c.allowed(code) {
			t.Errorf("%s: got %q, allowed %v\n%s", c.File, code, c.OK, got)
		}
	}
	probe := newPeer(t, b)
	probe.request("OPTIONS", "", "")
	probe.expect("200")
	for {
		select {
		case l := <-b.legs:
			l.Hangup(t.Context(), hangupNow)
			continue
		default:
		}
		break
	}
}
