package sipedge

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"

	"pintle/interpreter"
)

// household is a set of accounts for tests: ann, bob and so on in one realm, each with the password "secret".
type household struct {
	realm string

	mu     sync.Mutex
	logins map[string]Login
}

func newHousehold(users ...string) *household {
	h := &household{realm: "pbx.example", logins: map[string]Login{}}
	for _, u := range users {
		h.logins[u] = Login{Device: "device-" + u, Account: "account", User: u, Realm: h.realm, Username: u, Enabled: true,
			HA1: HashPassword(u, h.realm, "secret")}
	}
	return h
}

func (h *household) change(user string, f func(*Login)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.logins[user]
	f(&l)
	h.logins[user] = l
}

func (h *household) Realm(host string) (string, bool) {
	return h.realm, host == "" || strings.EqualFold(host, h.realm)
}

func (h *household) Login(realm, username string) (Login, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.logins[username]
	if !ok || realm != h.realm {
		return Login{}, interpreter.ErrNotFound
	}
	return l, nil
}

func (h *household) Owner(user, realm string) (Login, error) { return h.Login(realm, user) }

func (h *household) Source(netip.Addr) (Login, error) { return Login{}, interpreter.ErrNotFound }

// handset is a phone on raw datagrams that knows digest.
type handset struct {
	*peer
	user, password string
	contacts       string // Contact headers; empty: its address
	extra          string // further headers
	call           string
	seq            int
}

// newHandset makes a phone at an address of the loopback network.
func newHandset(t *testing.T, b *bench, user, addr string) *handset {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr)})
	if err != nil {
		t.Skipf("no address %s on this machine: %v", addr, err)
	}
	p := &peer{t: t, conn: c, edge: b.edge.Addr(), id: token(6), from: "phone" + token(3)}
	b.peers = append(b.peers, p)
	return &handset{peer: p, user: user, password: "secret", call: token(8)}
}

func (h *handset) aor() string { return "sip:" + h.user + "@pbx.example" }

// ask sends one request outside a dialog, with an Authorization header or none, and gives its final response.
func (h *handset) ask(method, to, auth string) message {
	h.t.Helper()
	h.send(h.ask0(method, to, auth))
	for {
		m := h.next()
		if m.code() != "" && m.code() != "100" && m.code() != "180" &&
			m.get("cseq") == fmt.Sprintf("%d %s", h.seq, method) {
			return m
		}
	}
}

func (h *handset) ask0(method, to, auth string) string {
	h.seq++
	contacts := h.contacts
	if contacts == "" {
		contacts = fmt.Sprintf("Contact: <sip:%s@%s>\r\n", h.user, h.addr())
	}
	target, body := "sip:pbx.example", ""
	if method != "REGISTER" {
		target = to
	}
	head := h.extra
	if method == "INVITE" {
		body = sdpOf(30000, "")
		head += sdpHead
	}
	if auth != "" {
		head += "Authorization: " + auth + "\r\n"
	}
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <%s>;tag=%s\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sUser-Agent: handset\r\n"+
		"%sContent-Length: %d\r\n\r\n%s",
		method, target, h.addr(), token(6), h.aor(), h.from, to, h.call, h.seq, method, contacts, head, len(body), body)
}

// answerTo makes the answer to the best of a response's challenges.
func (h *handset) answerTo(m message, method, uri string) string {
	h.t.Helper()
	list := append(m.head["www-authenticate"], m.head["proxy-authenticate"]...)
	if len(list) == 0 {
		h.t.Fatalf("%s without a challenge", m.start)
	}
	c, err := digest.ParseChallenge(list[0])
	if err != nil {
		h.t.Fatalf("challenge %q: %v", list[0], err)
	}
	cred, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: h.user, Password: h.password,
		Count: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	return cred.String()
}

// register registers with digest and gives the last response.
func (h *handset) register() message {
	h.t.Helper()
	m := h.ask("REGISTER", h.aor(), "")
	if m.code() != "401" {
		return m
	}
	return h.ask("REGISTER", h.aor(), h.answerTo(m, "REGISTER", "sip:pbx.example"))
}

// phoneBench is an edge with accounts.
func phoneBench(t *testing.T, h *household, change func(*Config)) *bench {
	t.Helper()
	return newBench(t, func(c *Config) {
		c.Accounts = h
		c.Registrations.UserRate = 1000
		if change != nil {
			change(c)
		}
	})
}

// silent reports that nothing comes for a while.
func (p *peer) silent(wait time.Duration) bool {
	_, ok := p.try(wait)
	return !ok
}
