package sipedge

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/sipedge/presence"
	"pintle/sipedge/registrar"
)

// desks is an account of two devices; 127.0.0.1 is the first one's own address unless nobody is let in.
type desks struct{ closed bool }

func (d *desks) Realm(host string) (string, bool) {
	switch host {
	case "", "pbx.test":
		return "pbx.test", true
	case "other.test":
		return "other.test", true
	}
	return "", false
}

func (d *desks) Login(realm, username string) (Login, error) { return d.Owner(username, realm) }

func (d *desks) Owner(user, realm string) (Login, error) {
	if user != "ann" && user != "bob" || realm != "pbx.test" {
		return Login{}, interpreter.ErrNotFound
	}
	return Login{Device: "device-" + user, Account: "a", User: user, Realm: realm, Username: user, Enabled: true,
		HA1: HashPassword(user, realm, "secret")}, nil
}

func (d *desks) Source(a netip.Addr) (Login, error) {
	if d.closed || a != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return Login{}, interpreter.ErrNotFound
	}
	return d.Owner("ann", "pbx.test")
}

// lampBench is an edge with a board whose intervals suit a test.
func lampBench(t *testing.T, o presence.Options, change func(*Config)) (*bench, *presence.Board) {
	t.Helper()
	if o.Interval == 0 {
		o.Interval = time.Millisecond
	}
	board := presence.New(o)
	if err := board.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return newBench(t, func(c *Config) {
		c.Accounts, c.Presence = &desks{}, Presence{Board: board}
		if change != nil {
			change(c)
		}
	}), board
}

// ask sends a request whose Request-URI and headers are free.
func (p *peer) ask(method, uri, head, body string) {
	p.seq++
	text := p.text(method, "z9hG4bK"+token(6), p.seq, head, body)
	_, rest, _ := strings.Cut(text, "\r\n")
	p.send(method + " " + uri + " SIP/2.0\r\n" + rest)
}

const watchHead = "Event: dialog\r\nExpires: 600\r\nAccept: application/dialog-info+xml\r\n"

// watch subscribes and takes the first NOTIFY.
func (p *peer) watch(uri, head string) (ok, first message) {
	p.t.Helper()
	p.tag = ""
	p.ask("SUBSCRIBE", uri, head, "")
	ok = p.expect("200")
	p.tag = ok.tag()
	return ok, p.notified()
}

// notified takes a NOTIFY and answers it.
func (p *peer) notified() message {
	p.t.Helper()
	m := p.expect("NOTIFY")
	p.answer(m, 200, "", "", "")
	return m
}

func TestALampFollowsACall(t *testing.T) {
	b, board := lampBench(t, presence.Options{}, nil)
	p := newPeer(t, b)
	ok, n := p.watch("sip:bob@pbx.test", watchHead)
	if ok.get("expires") != "600" || ok.get("contact") == "" || ok.get("allow-events") == "" {
		t.Errorf("answer %+v", ok)
	}
	if !strings.HasPrefix(n.start, "NOTIFY sip:ann@"+p.addr()) || n.get("event") != "dialog" ||
		n.get("subscription-state") != "active;expires=600" || n.get("content-type") != "application/dialog-info+xml" ||
		!strings.Contains(n.get("to"), "tag="+p.from) || !strings.Contains(n.get("from"), "tag="+p.tag) ||
		!strings.HasPrefix(n.get("cseq"), "1 ") || !strings.Contains(n.body, "terminated") {
		t.Errorf("first NOTIFY %+v", n)
	}
	call := interpreter.CallState{Call: "c", Direction: interpreter.OutboundDial, Status: interpreter.StatusRinging,
		From: interpreter.Address{User: "+15550001", Host: "carrier"}, To: interpreter.Address{User: "bob", Host: "pbx.test"}}
	for i, want := range []struct {
		status interpreter.CallStatus
		state  string
	}{
		{interpreter.StatusRinging, "early"}, {interpreter.StatusInProgress, "confirmed"},
		{interpreter.StatusCompleted, "terminated"},
	} {
		call.Status = want.status
		board.CallChanged(call)
		n := p.notified()
		if !strings.Contains(n.body, "<state>"+want.state+"</state>") || !strings.Contains(n.body, `id="c"`) ||
			!strings.HasPrefix(n.get("cseq"), itoa(i+2)+" ") {
			t.Errorf("%s: %s %s", want.status, n.get("cseq"), n.body)
		}
	}
	p.ask("SUBSCRIBE", "sip:bob@pbx.test", "Event: dialog\r\nExpires: 0\r\n", "")
	if m := p.expect("200"); m.get("expires") != "0" {
		t.Errorf("unsubscribe %+v", m)
	}
	if n := p.notified(); n.get("subscription-state") != "terminated;reason=timeout" {
		t.Errorf("last NOTIFY %+v", n)
	}
	for range 100 {
		if board.Sizes().Subscriptions == 0 {
			break
		}
		_ = interpreter.Sleep(t.Context(), 10*time.Millisecond)
	}
	p.ask("SUBSCRIBE", "sip:bob@pbx.test", watchHead, "")
	if m := p.expect("481"); m.code() != "481" {
		t.Error(m.start)
	}
	if s := board.Sizes(); s != (presence.Sizes{}) {
		t.Errorf("left behind %+v", s)
	}
}

func TestTheSidesOfACall(t *testing.T) {
	b, board := lampBench(t, presence.Options{}, func(c *Config) {
		c.Presence.Entities = func(l Login) []string { return []string{recordOf(l.User, l.Realm), "101@" + l.Realm} }
	})
	in := interpreter.CallState{Call: "in", Direction: interpreter.Inbound, Status: interpreter.StatusRinging,
		From: interpreter.Address{User: "ann", Host: b.edge.host}, To: interpreter.Address{User: "bob", Host: "pbx.test"},
		Leg: interpreter.LegInfo{Device: "device-ann", Username: "ann"}}
	out := in
	out.Call, out.Direction, out.Leg = "out", interpreter.OutboundDial, interpreter.LegInfo{}
	stranger := in
	stranger.Call, stranger.Leg = "stranger", interpreter.LegInfo{}
	hidden := in
	hidden.Call, hidden.From = "hidden", interpreter.Address{User: "anonymous", Host: "pbx.test"}
	for _, c := range []struct {
		state interpreter.CallState
		want  string
	}{
		{in, "[{ann@pbx.test false} {101@pbx.test false}]"}, {out, "[{bob@pbx.test true} {101@pbx.test true}]"},
		{stranger, "[]"}, {hidden, "[{ann@pbx.test false} {101@pbx.test false}]"},
	} {
		if got := fmt.Sprint(b.edge.sides(c.state)); got != c.want {
			t.Errorf("%s: %s, want %s", c.state.Call, got, c.want)
		}
	}
	board.CallChanged(out)
	if got := board.Ringing("bob@pbx.test"); len(got) != 1 || got[0] != "out" {
		t.Errorf("ringing %v", got)
	}
}

func TestRefusedSubscriptions(t *testing.T) {
	b, board := lampBench(t, presence.Options{PerWatcher: 2, MinExpires: time.Minute}, func(c *Config) {
		c.Presence.Watch = func(_ Login, _ presence.Event, entity string) string {
			if strings.HasPrefix(entity, "secret@") {
				return ""
			}
			return entity
		}
	})
	for _, c := range []struct {
		name, method, uri, head, body, code, header, value string
	}{
		{"unknown event", "SUBSCRIBE", "sip:bob@pbx.test", "Event: kpml\r\n", "", "489", "allow-events", presence.Allowed},
		{"no event", "SUBSCRIBE", "sip:bob@pbx.test", "", "", "489", "", ""},
		{"too brief", "SUBSCRIBE", "sip:bob@pbx.test", "Event: dialog\r\nExpires: 5\r\n", "", "423", "min-expires", "60"},
		{"no number", "SUBSCRIBE", "sip:bob@pbx.test", "Event: dialog\r\nExpires: -1\r\n", "", "400", "", ""},
		{"foreign realm", "SUBSCRIBE", "sip:bob@elsewhere.test", watchHead, "", "404", "", ""},
		{"other account", "SUBSCRIBE", "sip:bob@other.test", watchHead, "", "404", "", ""},
		{"not his business", "SUBSCRIBE", "sip:secret@pbx.test", watchHead, "", "404", "", ""},
		{"no user", "SUBSCRIBE", "sip:pbx.test", watchHead, "", "404", "", ""},
		{"other content", "SUBSCRIBE", "sip:bob@pbx.test", "Event: dialog\r\nAccept: text/plain\r\n", "", "406", "accept",
			"application/dialog-info+xml"},
		{"list", "SUBSCRIBE", "sip:bob@pbx.test", "Event: presence\r\nRequire: eventlist\r\n", "", "420", "unsupported",
			"eventlist"},
		{"publish for another", "PUBLISH", "sip:bob@pbx.test", "Event: presence\r\n", "", "403", "", ""},
		{"publish messages", "PUBLISH", "sip:ann@pbx.test", "Event: message-summary\r\n", "", "489", "", ""},
		{"publish text", "PUBLISH", "sip:ann@pbx.test",
			"Event: presence\r\nContent-Type: text/plain\r\n", "x", "415", "", ""},
		{"publish nothing", "PUBLISH", "sip:ann@pbx.test", "Event: presence\r\n", "", "400", "", ""},
		{"publish garbage", "PUBLISH", "sip:ann@pbx.test",
			"Event: presence\r\nContent-Type: application/pidf+xml\r\n", "<x>", "400", "", ""},
		{"unknown tag", "PUBLISH", "sip:ann@pbx.test", "Event: presence\r\nSIP-If-Match: abc\r\n", "", "412", "", ""},
	} {
		p := newPeer(t, b)
		p.ask(c.method, c.uri, c.head, c.body)
		if m := p.next(); m.code() != c.code || c.header != "" && m.get(c.header) != c.value {
			t.Errorf("%s: %s %s, want %s %s", c.name, m.start, m.get(c.header), c.code, c.value)
		}
	}
	p := newPeer(t, b)
	p.watch("sip:bob@pbx.test", watchHead)
	newPeer(t, b).watch("sip:bob@pbx.test", watchHead)
	third := newPeer(t, b)
	third.ask("SUBSCRIBE", "sip:bob@pbx.test", watchHead, "")
	if m := third.next(); m.code() != "503" || m.get("retry-after") == "" || m.get("warning") == "" {
		t.Errorf("one too many: %+v", m)
	}
	p.ask("SUBSCRIBE", "sip:bob@pbx.test", "Event: presence\r\n", "")
	p.expect("481")
	p.seq -= 2
	p.ask("SUBSCRIBE", "sip:bob@pbx.test", watchHead, "")
	p.expect("500")
	if s := board.Sizes(); s.Subscriptions != 2 || s.Entities != 1 {
		t.Errorf("sizes %+v", s)
	}
}

func TestStrangersAreAskedWhoTheyAre(t *testing.T) {
	b, board := lampBench(t, presence.Options{}, func(c *Config) { c.Accounts = &desks{closed: true} })
	for _, method := range []string{"SUBSCRIBE", "PUBLISH"} {
		p := newPeer(t, b)
		p.ask(method, "sip:bob@pbx.test", watchHead, "")
		if m := p.next(); m.code() != "401" || m.get("www-authenticate") == "" {
			t.Errorf("%s: %+v", method, m)
		}
	}
	if s := board.Sizes(); s != (presence.Sizes{}) {
		t.Errorf("sizes %+v", s)
	}
}

func TestAWatcherThatForgotUsIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		head string
		kept bool
	}{
		"481": {481, "", false}, "500": {500, "", false}, "busy": {503, "Retry-After: 1\r\n", true},
		"481 with time": {481, "Retry-After: 1\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			b, board := lampBench(t, presence.Options{}, nil)
			p := newPeer(t, b)
			p.watch("sip:bob@pbx.test", watchHead)
			if err := board.SetLamp(t.Context(), "bob@pbx.test", interpreter.LampBusy); err != nil {
				t.Fatal(err)
			}
			m := p.expect("NOTIFY")
			p.answer(m, c.code, "", c.head, "")
			if c.kept {
				if again := p.notified(); again.get("cseq") != "3 NOTIFY" {
					t.Errorf("after the pause %+v", again)
				}
			}
			gone := func() bool { return board.Sizes().Subscriptions == 0 }
			for range 30 {
				if gone() {
					break
				}
				_ = interpreter.Sleep(t.Context(), 10*time.Millisecond)
			}
			if gone() == c.kept {
				t.Errorf("gone %v, want %v", gone(), !c.kept)
			}
		})
	}
}

func TestSubscriptionsGoOnAfterARestart(t *testing.T) {
	store := memstore.NewRecords()
	first, board := lampBench(t, presence.Options{Records: store}, nil)
	p := newPeer(t, first)
	p.watch("sip:bob@pbx.test", watchHead)
	if err := board.SetLamp(t.Context(), "bob@pbx.test", interpreter.LampBusy); err != nil {
		t.Fatal(err)
	}
	p.notified()
	if err := first.edge.Close(); err != nil {
		t.Fatal(err)
	}
	second, _ := lampBench(t, presence.Options{Records: store}, func(c *Config) { c.Listen = first.edge.Addr().String() })
	n := p.notified()
	if seq, _, _ := strings.Cut(n.get("cseq"), " "); len(seq) < 5 || !strings.Contains(n.body, "confirmed") ||
		!strings.Contains(n.get("from"), "tag="+p.tag) || n.get("call-id") != p.id {
		t.Errorf("after the restart %+v", n)
	}
	p.ask("SUBSCRIBE", "sip:bob@pbx.test", watchHead, "")
	p.expect("200")
	p.notified()
	_ = second
}

func TestAskingOnceForAMailbox(t *testing.T) {
	b, board := lampBench(t, presence.Options{}, nil)
	if err := board.SetMessages(t.Context(), "ann@pbx.test", interpreter.Messages{New: 2, Saved: 1}); err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, b)
	ok, n := p.watch("sip:ann@"+b.edge.Addr().String(), "Event: message-summary;id=7\r\nExpires: 0\r\n")
	if ok.get("expires") != "0" || n.get("event") != "message-summary;id=7" ||
		!strings.HasPrefix(n.get("subscription-state"), "terminated") ||
		!strings.Contains(n.body, "Voice-Message: 2/1 (0/0)") {
		t.Errorf("%+v\n%+v", ok, n)
	}
}

func TestAPublishedStateIsShown(t *testing.T) {
	b, _ := lampBench(t, presence.Options{}, nil)
	w := newPeer(t, b)
	w.watch("sip:ann@pbx.test", "Event: presence\r\nExpires: 600\r\nAccept: application/pidf+xml\r\n")
	p := newPeer(t, b)
	const away = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:ann@pbx.test"><tuple id="a"><status>` +
		`<basic>open</basic></status><note>Lunch</note></tuple></presence>`
	p.ask("PUBLISH", "sip:ann@pbx.test", "Event: presence\r\nExpires: 600\r\nContent-Type: application/pidf+xml\r\n", away)
	m := p.expect("200")
	if m.get("sip-etag") == "" || m.get("expires") != "600" {
		t.Errorf("answer %+v", m)
	}
	if n := w.notified(); !strings.Contains(n.body, "<basic>open</basic>") || !strings.Contains(n.body, "Lunch") {
		t.Errorf("shown %s", n.body)
	}
	p.ask("PUBLISH", "sip:ann@pbx.test", "Event: presence\r\nExpires: 0\r\nSIP-If-Match: "+m.get("sip-etag")+"\r\n", "")
	p.expect("200")
	if n := w.notified(); !strings.Contains(n.body, "<basic>closed</basic>") || strings.Contains(n.body, "Lunch") {
		t.Errorf("shown after its removal %s", n.body)
	}
}

func TestARegisteredPhoneIsToldOfItsMailboxUnasked(t *testing.T) {
	b, board := lampBench(t, presence.Options{}, func(c *Config) {
		c.Presence.Devices = func(box string) []string {
			if box == "box@pbx.test" {
				return []string{"ann@pbx.test"}
			}
			return nil
		}
		c.Presence.Box = func(l Login) string { return "box@pbx.test" }
	})
	p := newPeer(t, b)
	uri := "sip:ann@" + p.addr()
	_, changes, err := b.edge.phones.table.Update(registrar.Update{AOR: "ann@pbx.test", Device: "device-ann", CallID: "x",
		CSeq: 1, Max: 1, Network: "UDP", Source: p.addr(),
		Contacts: []registrar.Contact{{URI: uri, Key: uri, Expires: time.Hour}}})
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	b.edge.phones.tell(Registered, changes[0].Binding, "")
	n := p.notified()
	if n.get("event") != "message-summary" || n.get("subscription-state") != "terminated" ||
		!strings.Contains(n.body, "Messages-Waiting: no") {
		t.Errorf("when it registered: %+v", n)
	}
	if err := board.SetMessages(context.Background(), "box@pbx.test", interpreter.Messages{New: 1}); err != nil {
		t.Fatal(err)
	}
	if n := p.notified(); !strings.Contains(n.body, "Voice-Message: 1/0") ||
		!strings.Contains(n.body, "Message-Account: sip:box@pbx.test") {
		t.Errorf("when a message came: %s", n.body)
	}
}
