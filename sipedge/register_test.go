package sipedge

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/interpreter/memstore"
)

func TestRegister(t *testing.T) {
	var mu sync.Mutex
	var told []string
	b := phoneBench(t, newHousehold("ann"), func(c *Config) {
		c.Registrations.Changed = func(e RegistrationEvent) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, string(e.Change)+" "+e.Binding.AOR)
		}
	})
	h := newHandset(t, b, "ann", "127.0.0.1")
	h.extra = "Expires: 120\r\n"
	first := h.ask("REGISTER", h.aor(), "")
	if first.code() != "401" || len(first.head["www-authenticate"]) != 2 {
		t.Fatalf("no challenge: %v", first)
	}
	if !strings.Contains(first.head["www-authenticate"][0], "SHA-256") {
		t.Errorf("the stronger algorithm is not offered first: %v", first.head["www-authenticate"])
	}
	m := h.ask("REGISTER", h.aor(), h.answerTo(first, "REGISTER", "sip:pbx.example"))
	if m.code() != "200" || m.get("contact") != fmt.Sprintf("<sip:ann@%s>;expires=120", h.addr()) || m.get("date") == "" {
		t.Fatalf("registered: %+v", m)
	}
	list := b.edge.Bindings()
	if len(list) != 1 || list[0].AOR != "ann@pbx.example" || list[0].Device != "device-ann" ||
		list[0].Transport != "UDP" || list[0].UserAgent != "handset" || list[0].Source != h.addr() || list[0].NAT {
		t.Errorf("bindings %+v", list)
	}
	if !b.edge.Registered("ann", "PBX.example") {
		t.Error("ann is not registered")
	}
	// A query changes nothing.
	h.contacts = "X-Query: yes\r\n"
	if m := h.register(); m.code() != "200" || len(m.head["contact"]) != 1 {
		t.Errorf("query: %+v", m)
	}
	h.contacts = ""
	if m := h.register(); m.code() != "200" || len(m.head["contact"]) != 1 {
		t.Errorf("refresh: %+v", m)
	}
	h.contacts, h.extra = "Contact: *\r\n", "Expires: 0\r\n"
	if m := h.register(); m.code() != "200" || len(m.head["contact"]) != 0 {
		t.Errorf("unregister: %+v", m)
	}
	if n := len(b.edge.Bindings()); n != 0 {
		t.Errorf("%d bindings left", n)
	}
	mu.Lock()
	defer mu.Unlock()
	want := "registered ann@pbx.example, refreshed ann@pbx.example, unregistered ann@pbx.example"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// R-AUTH-6 and RFC 3261 §10.3: what a REGISTER may not say. Nothing of it is stored.
func TestRegisterRules(t *testing.T) {
	house := newHousehold("ann", "bob")
	house.change("bob", func(l *Login) { l.MaxContacts = 1 })
	b := phoneBench(t, house, nil)
	here := b.edge.Addr().String()
	two := "Contact: <sip:a@127.0.0.1:5555>\r\nContact: <sip:b@127.0.0.1:5556>\r\n"
	for _, row := range []struct {
		name, user, contacts, extra, to, want string
		head, value                           string // of the response
	}{
		{name: "another's address", user: "ann", to: "sip:bob@pbx.example", want: "403", head: "warning", value: "own"},
		{name: "foreign domain", user: "ann", to: "sip:ann@elsewhere.example", want: "403", head: "warning"},
		{name: "star with a life time", user: "ann", contacts: "Contact: *\r\n", extra: "Expires: 60\r\n", want: "400"},
		{name: "star without", user: "ann", contacts: "Contact: *\r\n", want: "400"},
		{name: "star and another", user: "ann", contacts: "Contact: *\r\nContact: <sip:a@127.0.0.1>\r\n",
			extra: "Expires: 0\r\n", want: "400"},
		{name: "too brief", user: "ann", extra: "Expires: 30\r\n", want: "423", head: "min-expires", value: "60"},
		{name: "one of two too brief", user: "ann", want: "423",
			contacts: "Contact: <sip:a@127.0.0.1:5555>\r\nContact: <sip:b@127.0.0.1:5556>;expires=5\r\n"},
		{name: "too many", user: "bob", contacts: two, want: "403", head: "warning", value: "too many contacts"},
		{name: "the server itself", user: "ann", contacts: "Contact: <sip:a@" + here + ">\r\n", want: "403"},
		{name: "another user", user: "ann", contacts: "Contact: <sip:bob@pbx.example>\r\n", want: "403"},
		{name: "everybody", user: "ann", contacts: "Contact: <sip:a@255.255.255.255>\r\n", want: "403"},
		{name: "a group", user: "ann", contacts: "Contact: <sip:a@224.0.0.1>\r\n", want: "403"},
		{name: "maddr", user: "ann", contacts: "Contact: <sip:a@127.0.0.1;maddr=10.1.1.1>\r\n", want: "403"},
		{name: "no SIP", user: "ann", contacts: "Contact: <mailto:a@example.com>\r\n", want: "400"},
		{name: "bad q", user: "ann", contacts: "Contact: <sip:a@127.0.0.1:5555>;q=2\r\n", want: "400"},
		{name: "bad path", user: "ann", extra: "Path: nonsense\r\n", want: "400"},
		{name: "bad reg-id", user: "ann", contacts: "Contact: <sip:a@127.0.0.1:5555>;+sip.instance=\"<urn:x>\";reg-id=0\r\n",
			want: "400"},
		{name: "unknown extension", user: "ann", extra: "Require: gruu\r\n", want: "420"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHandset(t, b, row.user, "127.0.0.1")
			h.contacts, h.extra = row.contacts, row.extra
			to := row.to
			if to == "" {
				to = h.aor()
			}
			m := h.ask("REGISTER", to, "")
			if m.code() == "401" {
				m = h.ask("REGISTER", to, h.answerTo(m, "REGISTER", "sip:pbx.example"))
			}
			if m.code() != row.want || !strings.Contains(m.get(row.head), row.value) {
				t.Errorf("%s %s %q, want %s", m.start, row.head, m.get(row.head), row.want)
			}
			if n := len(b.edge.Bindings()); n != 0 {
				t.Errorf("%d bindings stored", n)
			}
		})
	}
}

func TestRegisterReplayed(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	h := newHandset(t, b, "ann", "127.0.0.1")
	if m := h.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	seq := h.seq
	m := h.ask("REGISTER", h.aor(), "")
	h.seq = seq - 1 // the next one has the number of the one that registered
	if m = h.ask("REGISTER", h.aor(), h.answerTo(m, "REGISTER", "sip:pbx.example")); m.code() != "400" {
		t.Errorf("an old CSeq: %s", m.start)
	}
}

// Path (RFC 3327), flows (RFC 5626), q and the Contact of two phones.
func TestRegisterExtensions(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	h := newHandset(t, b, "ann", "127.0.0.1")
	h.extra = "Path: <sip:proxy.example;lr>\r\nSupported: path, outbound\r\nRequire: path\r\n"
	h.contacts = fmt.Sprintf("Contact: <sip:ann@%s;ob>;q=0.5;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=90\r\n",
		h.addr())
	m := h.register()
	if m.code() != "200" || m.get("path") != "<sip:proxy.example;lr>" || !strings.Contains(m.get("supported"), "path") ||
		!strings.Contains(m.get("require"), "outbound") ||
		!strings.Contains(m.get("contact"), `;reg-id=1;+sip.instance="<urn:uuid:1>";q=0.5;expires=90`) {
		t.Fatalf("%+v", m)
	}
	// The same instance and flow, from another address: the phone has moved.
	h2 := newHandset(t, b, "ann", "127.0.0.1")
	h2.contacts = fmt.Sprintf("Contact: <sip:ann@%s;ob>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n", h2.addr())
	if m := h2.register(); m.code() != "200" || len(m.head["contact"]) != 1 {
		t.Errorf("moved: %+v", m)
	}
	h2.contacts = strings.Replace(h2.contacts, "reg-id=1", "reg-id=2", 1)
	if m := h2.register(); m.code() != "200" || len(m.head["contact"]) != 2 {
		t.Errorf("second flow: %+v", m)
	}
	if l := b.edge.Bindings(); len(l) != 2 || l[0].Instance != `"<urn:uuid:1>"` {
		t.Errorf("bindings %+v", l)
	}
}

// R-AUTH-7: the same private contact behind two routers is two phones; none takes the other's place.
func TestSameContactFromElsewhere(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	for i, addr := range []string{"127.0.0.1", "127.0.0.2"} {
		h := newHandset(t, b, "ann", addr)
		h.contacts = "Contact: <sip:ann@192.168.1.10:5060>\r\n"
		if m := h.register(); m.code() != "200" || len(m.head["contact"]) != i+1 {
			t.Fatalf("phone %d: %+v", i, m)
		}
	}
	for _, l := range b.edge.Bindings() {
		if !l.NAT {
			t.Errorf("%+v is not seen as behind NAT", l)
		}
	}
	// The first one starts anew, with another Call-ID: it takes its own place.
	h := newHandset(t, b, "ann", "127.0.0.1")
	h.contacts = "Contact: <sip:ann@192.168.1.10:5060>\r\n"
	if m := h.register(); m.code() != "200" || len(m.head["contact"]) != 2 {
		t.Errorf("again: %+v", m)
	}
}

// R-DUR-9: bindings and nonces live on over a restart.
func TestBindingsSurviveRestart(t *testing.T) {
	store := memstore.NewRecords()
	house := newHousehold("ann", "bob")
	first := phoneBench(t, house, func(c *Config) { c.Records = store })
	h := newHandset(t, first, "ann", "127.0.0.1")
	gone := newHandset(t, first, "bob", "127.0.0.1")
	if m := h.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	if m := gone.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	gone.extra = "Expires: 0\r\n"
	if m := gone.register(); m.code() != "200" {
		t.Fatal(m.start)
	}
	nonce := h.ask("REGISTER", h.aor(), "")
	if err := first.edge.Close(); err != nil {
		t.Fatal(err)
	}
	second := phoneBench(t, house, func(c *Config) { c.Records = store })
	list := second.edge.Bindings()
	if len(list) != 1 || list[0].AOR != "ann@pbx.example" || list[0].Device != "device-ann" || list[0].Source != h.addr() {
		t.Fatalf("after the restart: %+v", list)
	}
	h.edge = second.edge.Addr()
	second.peers, first.peers = append(second.peers, h.peer), nil
	leg := dialAsync(second, "sip:ann@pbx.example")
	inv := h.expect("INVITE")
	h.answer(inv, 200, "there", sdpHead+fmt.Sprintf("Contact: <sip:ann@%s>\r\n", h.addr()), sdpOf(31000, ""))
	h.expect("ACK")
	if r := <-leg; r.err != nil || r.leg.Info().Device != "device-ann" {
		t.Errorf("dialled after the restart: %v", r.err)
	}
	if m := h.ask("REGISTER", h.aor(), h.answerTo(nonce, "REGISTER", "sip:pbx.example")); m.code() != "200" {
		t.Errorf("a nonce of before the restart: %s", m.start)
	}
}

func TestStreamBindingEndsWithItsConnection(t *testing.T) {
	b := phoneBench(t, newHousehold("ann"), nil)
	h := newHandset(t, b, "ann", "127.0.0.1")
	c := dialTCP(t, b)
	say := func(auth string) message {
		text := strings.Replace(h.ask0("REGISTER", h.aor(), auth), "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 65536)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return readMessage(string(buf[:n]))
	}
	h.contacts = "Contact: <sip:ann@abc.invalid;transport=tcp>\r\n"
	m := say("")
	if m = say(h.answerTo(m, "REGISTER", "sip:pbx.example")); m.code() != "200" {
		t.Fatal(m.start)
	}
	if l := b.edge.Bindings(); len(l) != 1 || l[0].Transport != "TCP" || !l[0].NAT {
		t.Fatalf("%+v", l)
	}
	// A call goes over the phone's own connection.
	leg := dialAsync(b, "sip:ann@pbx.example")
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "INVITE sip:ann@abc.invalid;transport=tcp SIP/2.0\r\n") {
		t.Fatalf("%v: %.100s", err, buf[:n])
	}
	c.Close()
	waitFor(t, "the end of the binding", func() bool { return len(b.edge.Bindings()) == 0 })
	b.edge.hangUp()
	if r := <-leg; r.err == nil {
		t.Error("the call was answered by nobody")
	}
}
