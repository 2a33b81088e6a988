package sipedge

import (
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/sipedge/auth"
)

// R-AUTH-2: nobody learns from an answer who exists.
func TestSameAnswerForAll(t *testing.T) {
	house := newHousehold("ann", "off")
	house.change("off", func(l *Login) { l.Enabled = false })
	b := phoneBench(t, house, func(c *Config) { c.Registrations.Fails = 1000 })
	volatile := regexp.MustCompile(`nonce="[^"]*"|tag=[^;\r]*|branch=[^;\r]*|rport=\d+|phone\w+|sip:\w+@|\d+ REGISTER`)
	seen := map[string]string{}
	for _, user := range []string{"ann", "off", "nobody"} {
		h := newHandset(t, b, user, "127.0.0.1")
		h.password = "guess"
		m := h.register()
		delete(m.head, "call-id")
		delete(m.head, "via")
		seen[user] = m.start + volatile.ReplaceAllString(fmt.Sprint(m.head), "")
	}
	if seen["ann"] != seen["nobody"] || seen["off"] != seen["nobody"] || !strings.Contains(seen["ann"], "403") {
		t.Errorf("answers differ:\n%s\n%s\n%s", seen["ann"], seen["off"], seen["nobody"])
	}
}

// R-AUTH-1: what strangers and phones may do.
func TestWhoMayCall(t *testing.T) {
	b := phoneBench(t, newHousehold("ann", "bob"), nil)
	b.set(false, nil)
	invite := func(h *handset, change func(text string) string) message {
		t.Helper()
		text := h.ask0("INVITE", "sip:200@pbx.example", "")
		if change != nil {
			text = change(text)
		}
		h.send(text)
		for {
			if m := h.next(); m.code() != "100" {
				return m
			}
		}
	}
	h := newHandset(t, b, "ann", "127.0.0.1")
	m := invite(h, nil)
	if m.code() != "407" {
		t.Fatalf("a phone is not asked: %s", m.start)
	}
	stranger := func(text string) string {
		return strings.Replace(text, "From: <sip:ann@pbx.example>", "From: <sip:x@far.example>", 1)
	}
	if got := invite(newHandset(t, b, "ann", "127.0.0.1"), stranger); got.code() != "407" {
		t.Errorf("a stranger and a number that is not public: %s", got.start)
	}
	b.set(true, nil)
	if got := invite(newHandset(t, b, "ann", "127.0.0.1"), nil); got.code() != "407" {
		t.Errorf("who says to be of ours is not asked: %s", got.start)
	}
	pub := newHandset(t, b, "ann", "127.0.0.1")
	if got := invite(pub, stranger); got.code() != "180" {
		t.Errorf("a stranger and a public number: %s", got.start)
	}
	if l := b.leg(); l.Info().Device != "" || l.Info().Account != "" {
		t.Errorf("a stranger is taken for %+v", l.Info())
	}
	b.set(false, nil)
	auth := h.answerTo(m, "INVITE", "sip:200@pbx.example")
	text := strings.Replace(h.ask0("INVITE", "sip:200@pbx.example", auth), "Authorization:", "Proxy-Authorization:", 1)
	h.send(text)
	h.expect("180")
	l := b.leg()
	if i := l.Info(); i.Device != "device-ann" || i.Account != "account" || i.Username != "ann" {
		t.Errorf("the leg of a phone: %+v", i)
	}
	// Bob's From with ann's password.
	liar := newHandset(t, b, "ann", "127.0.0.1")
	m = invite(liar, nil)
	auth = liar.answerTo(m, "INVITE", "sip:200@pbx.example")
	liar.send(strings.Replace(liar.ask0("INVITE", "sip:200@pbx.example", auth), "From: <sip:ann@", "From: <sip:bob@", 1))
	if m := liar.expect("403"); !strings.Contains(m.get("warning"), "From") {
		t.Errorf("Warning %q", m.get("warning"))
	}
	b.set(false, interpreter.ErrNotFound)
}

// R-AUTH-3 and R-AUTH-4 over the wire.
func TestBadAnswers(t *testing.T) {
	b := phoneBench(t, newHousehold("ann", "bob"), func(c *Config) { c.Registrations.Fails = 1000 })
	h := newHandset(t, b, "ann", "127.0.0.1")
	challenge := h.ask("REGISTER", h.aor(), "")
	good := h.answerTo(challenge, "REGISTER", "sip:pbx.example")
	other := strings.Replace(challenge.head["www-authenticate"][1], "MD5", "SHA-256", 1)
	for _, row := range []struct{ name, auth, want, stale string }{
		{"empty", " ", "400", ""},
		{"unbalanced", `Digest username="ann`, "400", ""},
		{"basic", "Basic YW5uOnNlY3JldA==", "400", ""},
		{"auth-int", strings.Replace(good, "qop=auth", "qop=auth-int", 1), "400", ""},
		{"unknown algorithm", strings.Replace(good, "SHA-256", "SHA-1", 1), "400", ""},
		{"another realm", strings.Replace(good, `realm="pbx.example"`, `realm="other"`, 1), "401", ""},
		{"another uri", strings.Replace(good, `uri="sip:pbx.example"`, `uri="sip:evil.example"`, 1), "400", ""},
		{"made-up nonce", strings.Replace(good, `nonce="`, `nonce="AAAA`, 1), "401", ""},
		{"fifty", strings.Repeat(strings.Replace(good, `realm="pbx.example"`, `realm="other"`, 1)+
			"\r\nAuthorization: ", 49) + good, "401", ""},
		{"right", good, "200", ""},
		{"replayed", good, "401", "stale=true"},
		{"right to the other one's nonce, MD5 label kept", other, "400", ""},
	} {
		m := h.ask("REGISTER", h.aor(), row.auth)
		if m.code() != row.want || !strings.Contains(m.get("www-authenticate"), row.stale) ||
			row.stale == "" && strings.Contains(m.get("www-authenticate"), "stale") {
			t.Errorf("%s: %s %s, want %s", row.name, m.start, m.get("www-authenticate"), row.want)
		}
	}
}

// R-AUTH-5: guessing silences an address, and nobody else.
func TestGuessingSilencesAnAddress(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	bad := newHandset(t, b, "ann", "127.0.0.3")
	bad.password = "guess"
	for i := range defaultFails {
		bad.call = token(8)
		m := bad.ask("REGISTER", bad.aor(), "")
		if m.code() != "401" {
			t.Fatalf("guess %d: %s", i, m.start)
		}
		bad.send(bad.ask0("REGISTER", bad.aor(), bad.answerTo(m, "REGISTER", "sip:pbx.example")))
		bad.next()
	}
	if b.edge.BannedSources() != 1 {
		t.Fatalf("%d addresses are banned", b.edge.BannedSources())
	}
	for range 90 {
		bad.send(bad.ask0("REGISTER", bad.aor(), ""))
	}
	if !bad.silent(100 * time.Millisecond) {
		t.Error("a banned address is answered")
	}
	waitFor(t, "the counter", func() bool { return b.edge.Counters().Banned >= 90 })
	for _, addr := range []string{"127.0.0.1", "127.0.0.2"} {
		h := newHandset(t, b, "ann", addr)
		if m := h.register(); m.code() != "200" {
			t.Errorf("ann from %s: %s", addr, m.start)
		}
	}
}

// An office behind one router: one phone with a wrong password silences itself alone, until it goes too far.
func TestOneBadPhoneAmongGoodOnes(t *testing.T) {
	b := phoneBench(t, newHousehold("ann", "bob", "cat"), func(c *Config) { c.Registrations.Fails = 3 })
	good, bad := newHandset(t, b, "ann", "127.0.0.1"), newHandset(t, b, "bob", "127.0.0.1")
	if m := good.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	bad.password = "guess"
	for range 5 {
		if m := bad.register(); m.code() != "403" {
			t.Fatalf("a guess: %s", m.start)
		}
	}
	bad.password = "secret"
	if m := bad.register(); m.code() != "403" {
		t.Errorf("the user is let in while banned: %s", m.start)
	}
	for _, h := range []*handset{good, newHandset(t, b, "cat", "127.0.0.1")} {
		if m := h.register(); m.code() != "200" {
			t.Errorf("%s is refused: %s", h.user, m.start)
		}
	}
	if m := newHandset(t, b, "bob", "127.0.0.2"); m.register().code() != "200" {
		t.Error("bob is locked out elsewhere too")
	}
	for i := range 40 {
		h := newHandset(t, b, fmt.Sprintf("u%d", i), "127.0.0.1")
		h.password = "guess"
		h.send(h.ask0("REGISTER", h.aor(), ""))
		m, ok := h.try(100 * time.Millisecond)
		if !ok {
			return // silenced
		}
		h.send(h.ask0("REGISTER", h.aor(), h.answerTo(m, "REGISTER", "sip:pbx.example")))
	}
	t.Error("guessing through all users is not stopped")
}

func TestRegisterRateLimit(t *testing.T) {
	b := phoneBench(t, newHousehold("ann", "bob"), func(c *Config) { c.Registrations.UserRate = 1 })
	h, other := newHandset(t, b, "ann", "127.0.0.1"), newHandset(t, b, "bob", "127.0.0.1")
	last := message{}
	for range rateBurst + 1 {
		last = h.ask("REGISTER", h.aor(), "")
	}
	if last.code() != "503" || last.get("retry-after") == "" {
		t.Errorf("one more: %s", last.start)
	}
	if m := other.register(); m.code() != "200" {
		t.Errorf("another user: %s", m.start)
	}
}

// BenchmarkVerify compares how long an answer takes for a user with a wrong password and for one who does not exist.
func BenchmarkVerify(b *testing.B) {
	house := newHousehold("ann")
	for _, user := range []string{"ann", "nobody"} {
		b.Run(user, func(b *testing.B) {
			log := logrus.New()
			log.SetOutput(io.Discard)
			e := &Edge{cfg: Config{Accounts: house, Registrations: Registrations{Fails: 1 << 30}}, guard: newGuard(),
				log: logrus.NewEntry(log)}
			if err := e.openPhones(); err != nil {
				b.Fatal(err)
			}
			p, source := e.phones, netip.MustParseAddr("192.0.2.1")
			c, err := digest.ParseChallenge(p.auth.Challenges(auth.Challenge{Realm: house.realm, Source: source})[0])
			if err != nil {
				b.Fatal(err)
			}
			cred, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:pbx.example", Username: user,
				Password: "guess", Count: 1})
			if err != nil {
				b.Fatal(err)
			}
			msg, err := sip.ParseMessage([]byte("REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n" +
				"From: <sip:" + user + "@pbx.example>;tag=1\r\nTo: <sip:" + user + "@pbx.example>;tag=2\r\nCall-ID: c\r\n" +
				"CSeq: 1 REGISTER\r\nAuthorization: " + cred.String() + "\r\nContent-Length: 0\r\n\r\n"))
			if err != nil {
				b.Fatal(err)
			}
			msg.SetSource("192.0.2.1:5060")
			req, ok := msg.(*sip.Request)
			if !ok {
				b.Fatal("no request")
			}
			b.ResetTimer()
			for b.Loop() {
				if _, res := p.verify(req, house.realm); res == nil || res.StatusCode != 403 {
					b.Fatal("let in")
				}
			}
		})
	}
}

// A phone that never answers two challenges is asked with MD5 alone from then on; so is one that is known for it.
func TestOldPhones(t *testing.T) {
	b := phoneBench(t, newHousehold("ann", "bob", "cat"), nil)
	asked := func(h *handset) int {
		t.Helper()
		return len(h.ask("REGISTER", h.aor(), "").head["www-authenticate"])
	}
	h := newHandset(t, b, "ann", "127.0.0.1")
	if n := asked(h); n != 2 {
		t.Errorf("%d challenges", n)
	}
	key := textHash("127.0.0.1 ann") % oldPhoneSlots
	p := b.edge.phones
	p.old.mu.Lock()
	p.old.slot[key].asked = time.Now().Add(-answerTime - time.Second)
	p.old.mu.Unlock()
	for range 2 {
		if n := asked(h); n != 1 {
			t.Errorf("%d challenges although the phone did not answer", n)
		}
		if m := h.register(); m.code() != "200" {
			t.Error(m.start)
		}
	}
	young := newHandset(t, b, "bob", "127.0.0.1")
	for range 3 {
		if m := young.register(); m.code() != "200" {
			t.Error(m.start)
		}
		if n := asked(young); n != 2 {
			t.Errorf("%d challenges for a phone that answers", n)
		}
	}
	old := newHandset(t, b, "cat", "127.0.0.1")
	old.send(strings.Replace(old.ask0("REGISTER", old.aor(), ""), "User-Agent: handset", "User-Agent: baresip v1.0.0", 1))
	if m := old.next(); len(m.head["www-authenticate"]) != 1 || !strings.Contains(m.get("www-authenticate"), "MD5") {
		t.Errorf("an old baresip is asked %v", m.head["www-authenticate"])
	}
}

// A registered phone stays one where a trunk has the same address: its calls are authenticated, the trunk's are not.
func TestPhoneAtTheAddressOfATrunk(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	b.set(false, nil)
	if err := b.edge.SetTrunks([]Trunk{{ID: "acme", URI: "sip:127.0.0.1:9", Ping: -1}}); err != nil {
		t.Fatal(err)
	}
	h := newHandset(t, b, "ann", "127.0.0.1")
	if m := h.register(); m.code() != "200" {
		t.Fatalf("registered: %s", m.start)
	}
	const to = "sip:200@pbx.example"
	m := h.ask("INVITE", to, "")
	if m.code() != "407" {
		t.Fatalf("the phone is not asked: %s", m.start)
	}
	h.send(strings.Replace(h.ask0("INVITE", to, h.answerTo(m, "INVITE", to)), "Authorization:", "Proxy-Authorization:", 1))
	h.expect("180")
	if i := b.leg().Info(); i.Device != "device-ann" || i.Trunk != "" {
		t.Errorf("the phone's leg: %+v", i)
	}
	trunk := newHandset(t, b, "ann", "127.0.0.1") // the same From, from elsewhere at that address
	trunk.send(trunk.ask0("INVITE", to, ""))
	trunk.expect("180")
	if i := b.leg().Info(); i.Device != "" || i.Trunk != "acme" {
		t.Errorf("the trunk's leg: %+v", i)
	}
}
