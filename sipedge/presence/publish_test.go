package presence

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

const busyDialog = `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" ` +
	`entity="sip:a@b">` +
	`<dialog id="1"><state>confirmed</state></dialog><dialog id="2"><state>terminated</state></dialog></dialog-info>`

const awayPresence = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b">` +
	`<tuple id="x">` +
	`<status><basic>closed</basic></status><note>At &lt;lunch&gt;</note></tuple></presence>`

func TestAPhonePublishesItsState(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		p, _ := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		p.one(t)
		time.Sleep(time.Second)
		publish := func(tag, fresh, body string, expires time.Duration) error {
			t.Helper()
			_, err := b.Publish(Publication{Entity: alice, Event: Dialog, Tag: tag, NewTag: fresh, Expires: expires,
				Body: []byte(body)})
			return err
		}
		if err := publish("", "t1", busyDialog, time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := brief(t, p.one(t)); got != "full confirmed" {
			t.Errorf("published: %q", got)
		}
		if err := publish("other", "t2", "", time.Minute); !errors.Is(err, ErrNoMatch) {
			t.Errorf("a wrong tag: %v", err)
		}
		time.Sleep(50 * time.Second)
		if err := publish("t1", "t2", "", time.Minute); err != nil {
			t.Errorf("refresh: %v", err)
		}
		if err := publish("t1", "t3", "", time.Minute); !errors.Is(err, ErrNoMatch) {
			t.Errorf("the tag before: %v", err)
		}
		time.Sleep(50 * time.Second)
		p.none(t)
		time.Sleep(10 * time.Second)
		if got := brief(t, p.one(t)); got != "full terminated" {
			t.Errorf("expired: %q", got)
		}
		if err := publish("", "t4", busyDialog, time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		p.take()
		time.Sleep(time.Second)
		if err := publish("t4", "t5", "", 0); err != nil {
			t.Fatal(err)
		}
		if got := brief(t, p.one(t)); got != "full terminated" {
			t.Errorf("removed: %q", got)
		}
		if s := b.Sizes(); s.Published != 0 {
			t.Errorf("left behind %+v", s)
		}
	})
}

func TestAPhonePublishesThatItIsAway(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		_, err := b.Publish(Publication{Entity: alice, Event: Presence, NewTag: "t", Expires: time.Hour,
			Body: []byte(awayPresence)})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := watch(t, b, Request{Event: Presence, Expires: time.Hour})
		if n := p.one(t); !strings.Contains(n.Body, "<basic>closed</basic>") ||
			!strings.Contains(n.Body, "<note>At &lt;lunch&gt;</note>") {
			t.Errorf("got %s", n.Body)
		}
	})
}

func TestDocumentsThatAreRefused(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1)
	for name, body := range map[string]string{
		"empty":        "",
		"no XML":       "hello",
		"another root": "<html/>",
		"unclosed":     "<dialog-info>",
		"two roots":    "<dialog-info/><dialog-info/>",
		"entities":     `<!DOCTYPE x [<!ENTITY a "b">]><dialog-info>&a;</dialog-info>`,
		"too deep":     "<dialog-info>" + deep + "</dialog-info>",
		"too many":     "<dialog-info>" + strings.Repeat("<a/>", maxElements) + "</dialog-info>",
		"too large":    "<dialog-info>" + strings.Repeat(" ", maxDocument) + "</dialog-info>",
	} {
		bubble(t, Options{}, func(t *testing.T, b *Board) {
			_, err := b.Publish(Publication{Entity: alice, Event: Dialog, NewTag: "t", Expires: time.Hour, Body: []byte(body)})
			if !errors.Is(err, ErrDocument) {
				t.Errorf("%s: %v, want ErrDocument", name, err)
			}
			if s := b.Sizes(); s != (Sizes{}) {
				t.Errorf("%s left %+v behind", name, s)
			}
		})
	}
}

func TestPublishedIsBounded(t *testing.T) {
	bubble(t, Options{Published: 2}, func(t *testing.T, b *Board) {
		for i, want := range []error{nil, nil, ErrFull} {
			_, err := b.Publish(Publication{Entity: alice, Event: Dialog, NewTag: string(rune('a' + i)), Expires: time.Hour,
				Body: []byte(busyDialog)})
			if !errors.Is(err, want) {
				t.Errorf("publication %d: %v, want %v", i, err, want)
			}
		}
	})
}

func FuzzPublishedDocument(f *testing.F) {
	f.Add([]byte(busyDialog), false)
	f.Add([]byte(awayPresence), true)
	f.Fuzz(func(t *testing.T, body []byte, presence bool) {
		p := publication{event: Dialog}
		if presence {
			p.event = Presence
		}
		if err := p.read(p.event, body); err != nil {
			return
		}
		e := &entity{name: alice, published: []*publication{&p}, lamp: interpreter.LampIdle}
		for _, text := range []string{e.pidf(view{}), e.dialogInfo(view{}).text(0, true, nil)} {
			var any struct{ XMLName xml.Name }
			if err := xml.Unmarshal([]byte(text), &any); err != nil {
				t.Fatalf("what was published makes a broken document: %v\n%s", err, text)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add("Bob \"B\" <b>&'\x00\x1f\u2028", "10#1 x%20", "2001:db8::1")
	f.Fuzz(func(t *testing.T, display, user, host string) {
		e := &entity{name: "a@b", dialogs: map[string]*call{"c": {id: "c", state: interpreter.LampBusy,
			sides: []Side{{Entity: "a@b", Called: true}}, from: interpreter.Address{Display: display, User: user, Host: host}}}}
		text := e.dialogInfo(view{}).text(0, true, nil)
		var i info
		if err := xml.Unmarshal([]byte(text), &i); err != nil || len(i.Dialogs) != 1 {
			t.Fatalf("%v in\n%s", err, text)
		}
	})
}
