package presence

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/memstore"
)

const alice = "101@example.com"

// phone is a watcher that keeps what it is told.
type phone struct {
	b     *Board
	delay time.Duration // before it answers

	mu    sync.Mutex // guards what follows
	err   error
	got   []Notification
	at    []time.Time
	under int
	most  int
}

func (p *phone) Notify(ctx context.Context, n Notification) error {
	p.mu.Lock()
	p.under++
	p.most = max(p.most, p.under)
	p.got, p.at = append(p.got, n), append(p.at, time.Now())
	err := p.err
	p.mu.Unlock()
	defer func() { p.mu.Lock(); p.under--; p.mu.Unlock() }()
	if e := interpreter.Sleep(ctx, p.delay); e != nil {
		return e
	}
	return err
}

func (p *phone) State() any { return map[string]int{"seq": len(p.got)} }

func (p *phone) take() []Notification {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// one waits a little and gives the only notification that came.
func (p *phone) one(t *testing.T) Notification {
	t.Helper()
	time.Sleep(10 * time.Millisecond)
	got := p.take()
	if len(got) != 1 {
		t.Fatalf("%d notifications, want 1: %v", len(got), got)
	}
	return got[0]
}

func (p *phone) none(t *testing.T) {
	t.Helper()
	time.Sleep(10 * time.Millisecond)
	if got := p.take(); len(got) != 0 {
		t.Fatalf("notifications %v, want none", got)
	}
}

func watch(t *testing.T, b *Board, r Request) (*phone, *Subscription) {
	t.Helper()
	p := &phone{b: b}
	if r.ID == "" {
		r.ID = interpreter.NewID()
	}
	if r.Watcher == "" {
		r.Watcher = "watcher"
	}
	if r.Entity == "" {
		r.Entity = alice
	}
	s, err := b.Subscribe(t.Context(), r, p)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	return p, s
}

// bubble runs a test in virtual time with a board whose calls light caller and called party.
func bubble(t *testing.T, o Options, f func(t *testing.T, b *Board)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Entities == nil {
			o.Entities = func(s interpreter.CallState) []Side {
				return []Side{{Entity: s.From.User + "@" + s.From.Host}, {Entity: s.To.User + "@" + s.To.Host, Called: true}}
			}
		}
		b := New(o)
		defer b.Close()
		f(t, b)
	})
}

func change(id string, status interpreter.CallStatus) interpreter.CallState {
	return interpreter.CallState{Call: id, Status: status, Begun: time.Now(),
		From: interpreter.Address{Display: `Bob "B" <b>`, User: "+15550001", Host: "carrier.test"},
		To:   interpreter.Address{User: "101", Host: "example.com"}}
}

// info is a dialog-info document as an independent reader sees it.
type info struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
	Version int      `xml:"version,attr"`
	State   string   `xml:"state,attr"`
	Entity  string   `xml:"entity,attr"`
	Dialogs []struct {
		ID        string `xml:"id,attr"`
		Direction string `xml:"direction,attr"`
		State     string `xml:"state"`
		Remote    struct {
			Identity struct {
				Display string `xml:"display,attr"`
				URI     string `xml:",chardata"`
			} `xml:"identity"`
		} `xml:"remote"`
	} `xml:"dialog"`
}

func read(t *testing.T, n Notification) info {
	t.Helper()
	var i info
	if n.ContentType != ContentDialog {
		t.Fatalf("content type %s", n.ContentType)
	}
	if err := xml.Unmarshal([]byte(n.Body), &i); err != nil {
		t.Fatalf("%v in\n%s", err, n.Body)
	}
	return i
}

// brief is state and dialogs of a document on one line.
func brief(t *testing.T, n Notification) string {
	t.Helper()
	i := read(t, n)
	s := i.State
	for _, d := range i.Dialogs {
		s += " " + strings.TrimSpace(d.Direction+" "+d.State)
	}
	return s
}

func TestACallIsShownFromRingingToItsEnd(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		p, _ := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		first := p.one(t)
		if got := brief(t, first); got != "full terminated" || first.Final != "" || first.Expires < 59*time.Minute {
			t.Errorf("at rest %q, %+v", got, first)
		}
		time.Sleep(2 * time.Second)
		b.CallChanged(change("c1", interpreter.StatusInitiated))
		b.CallChanged(change("c1", interpreter.StatusRinging))
		ring := read(t, p.one(t))
		if len(ring.Dialogs) != 1 || ring.Dialogs[0].ID != "c1" || ring.Dialogs[0].State != "early" ||
			ring.Dialogs[0].Direction != "recipient" || ring.Entity != "sip:101@example.com" || ring.Version != 1 {
			t.Errorf("ringing: %+v", ring)
		}
		if r := ring.Dialogs[0].Remote.Identity; r.Display != `Bob "B" <b>` || r.URI != "sip:+15550001@carrier.test" {
			t.Errorf("remote %+v", r)
		}
		if got := b.Ringing(alice); len(got) != 1 || got[0] != "c1" {
			t.Errorf("Ringing gives %v", got)
		}
		if got := b.Ringing("+15550001@carrier.test"); got != nil {
			t.Errorf("the caller rings: %v", got)
		}
		time.Sleep(2 * time.Second)
		b.CallChanged(change("c1", interpreter.StatusInProgress))
		if got := brief(t, p.one(t)); got != "full recipient confirmed" {
			t.Errorf("answered: %q", got)
		}
		if b.Ringing(alice) != nil || len(b.Talking(alice)) != 1 {
			t.Error("an answered call still rings, or does not talk")
		}
		time.Sleep(2 * time.Second)
		b.CallChanged(change("c1", interpreter.StatusCompleted))
		end := read(t, p.one(t))
		if len(end.Dialogs) != 1 || end.Dialogs[0].ID != "c1" || end.Dialogs[0].State != "terminated" || end.Version != 3 {
			t.Errorf("ended: %+v", end)
		}
		time.Sleep(2 * time.Second)
		b.CallChanged(change("c1", interpreter.StatusCompleted))
		b.Touch(alice)
		p.none(t)
		if s := b.Sizes(); s.Calls != 0 || s.Entities != 1 {
			t.Errorf("left behind: %+v", s)
		}
	})
}

func TestSeveralCallsStandInOneDocumentTheMostPressingFirst(t *testing.T) {
	bubble(t, Options{Hide: func(string) bool { return true }}, func(t *testing.T, b *Board) {
		b.CallChanged(change("a", interpreter.StatusInProgress))
		time.Sleep(time.Second)
		b.CallChanged(change("b", interpreter.StatusRinging))
		out := change("c", interpreter.StatusRinging)
		out.From, out.To = out.To, out.From
		b.CallChanged(out)
		p, _ := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		n := p.one(t)
		if got := brief(t, n); got != "full recipient early recipient confirmed initiator early" {
			t.Errorf("got %q", got)
		}
		if strings.Contains(n.Body, "<remote") {
			t.Errorf("the other party is told although it is hidden:\n%s", n.Body)
		}
	})
}

func TestManyCallsAreToldAsChanges(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		for i := range partialFrom + 1 {
			b.CallChanged(change(fmt.Sprint("c", i), interpreter.StatusInProgress))
		}
		p, s := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		if got := read(t, p.one(t)); got.State != "full" || len(got.Dialogs) != partialFrom+1 {
			t.Errorf("first: %+v", got)
		}
		time.Sleep(2 * time.Second)
		b.CallChanged(change("new", interpreter.StatusRinging))
		b.CallChanged(change("c0", interpreter.StatusCompleted))
		if got := brief(t, p.one(t)); got != "partial recipient early terminated" {
			t.Errorf("change: %q", got)
		}
		s.Refresh(t.Context(), time.Hour)
		s.Start()
		if got := read(t, p.one(t)); got.State != "full" || len(got.Dialogs) != partialFrom+1 {
			t.Errorf("refresh: %+v", got)
		}
	})
}

func TestStatesAreToldAtMostOnceASecondAndTheLastAlways(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		p, _ := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		p.delay = 300 * time.Millisecond
		for i := range 50 {
			s := interpreter.LampRinging
			if i%2 == 1 {
				s = interpreter.LampBusy
			}
			if err := b.SetLamp(t.Context(), alice, s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		got := p.take()
		if n := len(got); n < 4 || n > 6 {
			t.Errorf("%d notifications in 5 s of changes, want about 5", n)
		}
		if last := brief(t, got[len(got)-1]); last != "full confirmed" {
			t.Errorf("the last one says %q", last)
		}
		for i := 1; i < len(p.at); i++ {
			if d := p.at[i].Sub(p.at[i-1]); d < time.Second {
				t.Errorf("notification %d came %v after the one before", i, d)
			}
			if read(t, got[i]).Version <= read(t, got[i-1]).Version {
				t.Errorf("versions do not rise")
			}
		}
		if p.most != 1 {
			t.Errorf("%d notifications were under way at once", p.most)
		}
	})
}

func TestASubscriptionEnds(t *testing.T) {
	cases := []struct {
		name  string
		do    func(t *testing.T, b *Board, p *phone, s *Subscription)
		final string // of the last notification; empty: it does not say
	}{
		{"by its expiry", func(*testing.T, *Board, *phone, *Subscription) { time.Sleep(2 * time.Minute) }, ReasonTimeout},
		{"by the watcher", func(t *testing.T, _ *Board, _ *phone, s *Subscription) {
			s.Refresh(t.Context(), 0)
			s.Start()
		}, ReasonTimeout},
		{"by us", func(_ *testing.T, _ *Board, _ *phone, s *Subscription) { s.End(ReasonNoResource) }, ReasonNoResource},
		{"by a watcher who knows it no more", func(_ *testing.T, b *Board, p *phone, _ *Subscription) {
			p.err = errors.New("481")
			b.CallChanged(change("c", interpreter.StatusRinging))
		}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := memstore.NewRecords()
			bubble(t, Options{Records: store}, func(t *testing.T, b *Board) {
				p, s := watch(t, b, Request{Event: Dialog, Expires: time.Minute})
				p.one(t)
				time.Sleep(time.Second)
				c.do(t, b, p, s)
				if n := p.one(t); n.Final != c.final {
					t.Errorf("final %q, want %q", n.Final, c.final)
				}
				if b.Subscription(s.Request().ID) != nil || b.Sizes().Subscriptions != 0 {
					t.Error("it is still in the book")
				}
				if ids, err := store.List(t.Context(), KindSubscription, interpreter.Query{}); err != nil || len(ids) != 0 {
					t.Errorf("records %v (%v) are left", ids, err)
				}
				if s.Refresh(t.Context(), time.Hour) {
					t.Error("it could be refreshed")
				}
				time.Sleep(2 * time.Second)
				b.CallChanged(change("d", interpreter.StatusRinging))
				p.none(t)
			})
		})
	}
}

func TestAskingOnce(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		p, _ := watch(t, b, Request{Event: Messages})
		if n := p.one(t); n.Final != ReasonTimeout || !strings.HasPrefix(n.Body, "Messages-Waiting: no\r\n") {
			t.Errorf("%+v", n)
		}
		if s := b.Sizes(); s != (Sizes{}) {
			t.Errorf("left behind %+v", s)
		}
	})
}

func TestAWatcherMayAskForTime(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, b *Board) {
		p, _ := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		p.one(t)
		time.Sleep(time.Second)
		p.err = &Later{After: 20 * time.Second}
		b.CallChanged(change("c", interpreter.StatusRinging))
		p.one(t)
		p.err = nil
		b.CallChanged(change("c", interpreter.StatusInProgress))
		time.Sleep(18 * time.Second)
		p.none(t)
		time.Sleep(2 * time.Second)
		if got := brief(t, p.one(t)); got != "full recipient confirmed" {
			t.Errorf("got %q", got)
		}
	})
}

func TestBounds(t *testing.T) {
	bubble(t, Options{PerWatcher: 2, Total: 3, States: 1, MinExpires: time.Minute, MaxExpires: time.Hour},
		func(t *testing.T, b *Board) {
			for _, w := range []string{"a", "a", "b"} {
				watch(t, b, Request{Event: Dialog, Expires: time.Hour, Watcher: w, Entity: w + "@x"})
			}
			for _, w := range []string{"a", "c"} {
				r := Request{ID: "new" + w, Watcher: w, Entity: "n@x", Event: Dialog, Expires: time.Hour}
				if _, err := b.Subscribe(t.Context(), r, &phone{}); !errors.Is(err, ErrFull) {
					t.Errorf("watcher %s: %v, want ErrFull", w, err)
				}
			}
			if err := b.SetLamp(t.Context(), "1@x", interpreter.LampBusy); err != nil {
				t.Error(err)
			}
			if err := b.SetLamp(t.Context(), "2@x", interpreter.LampBusy); interpreter.CodeOf(err) != interpreter.CodeOverload {
				t.Errorf("a second state: %v", err)
			}
			if err := b.SetLamp(t.Context(), "1@x", interpreter.LampIdle); err != nil {
				t.Error(err)
			}
			if err := b.SetMessages(t.Context(), "2@x", interpreter.Messages{New: 1}); err != nil {
				t.Errorf("room was made, but %v", err)
			}
			for asked, want := range map[time.Duration]time.Duration{time.Second: -1, 2 * time.Hour: time.Hour,
				time.Minute: time.Minute, 0: 0} {
				got, err := b.Grant(asked)
				if want < 0 && !errors.Is(err, ErrTooBrief) || want >= 0 && (err != nil || got != want) {
					t.Errorf("Grant(%v) = %v, %v", asked, got, err)
				}
			}
			synctest.Wait()
			if s := b.Sizes(); s.Entities != 3 || s.Subscriptions != 3 || s.States != 1 {
				t.Errorf("sizes %+v", s)
			}
		})
}

func TestARestartKeepsStatesAndWatchers(t *testing.T) {
	store := memstore.NewRecords()
	var id string
	bubble(t, Options{Records: store}, func(t *testing.T, b *Board) {
		for name, s := range map[string]interpreter.LampState{alice: interpreter.LampBusy, "x@y": interpreter.LampBusy} {
			if err := b.SetLamp(t.Context(), name, s); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.SetLamp(t.Context(), "x@y", interpreter.LampIdle); err != nil {
			t.Fatal(err)
		}
		if err := b.SetMessages(t.Context(), alice, interpreter.Messages{New: 2, Saved: 7}); err != nil {
			t.Fatal(err)
		}
		_, s := watch(t, b, Request{Event: Dialog, Expires: time.Hour})
		watch(t, b, Request{Event: Messages, Expires: time.Minute, Entity: "short@y"})
		id = s.Request().ID
		time.Sleep(3 * time.Second)
	})
	bubble(t, Options{Records: store}, func(t *testing.T, b *Board) {
		if err := b.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.Waiting(alice); got != (interpreter.Messages{New: 2, Saved: 7}) {
			t.Errorf("messages %+v", got)
		}
		if s := b.Sizes(); s.States != 1 {
			t.Errorf("sizes %+v: one entity was not idle", s)
		}
		p := &phone{b: b}
		n, err := b.Restore(t.Context(), func(raw json.RawMessage) (Sender, error) {
			if !strings.Contains(string(raw), "seq") {
				t.Errorf("the sender's state is %s", raw)
			}
			return p, nil
		})
		if err != nil || n != 2 {
			t.Fatalf("%d subscriptions (%v), want 2", n, err)
		}
		time.Sleep(time.Second)
		got := p.take()
		if len(got) != 2 || b.Subscription(id) == nil {
			t.Fatalf("notifications %v", got)
		}
		for _, n := range got {
			if n.Event == Dialog {
				if i := read(t, n); brief(t, n) != "full confirmed" || i.Version < versionGap {
					t.Errorf("after the restart %+v", i)
				}
			}
		}
	})
}

func TestMailboxes(t *testing.T) {
	var told []string
	bubble(t, Options{Waiting: func(box string) { told = append(told, box) }},
		func(t *testing.T, b *Board) {
			p, _ := watch(t, b, Request{Event: Messages, Expires: time.Hour})
			p.one(t)
			time.Sleep(time.Second)
			if err := b.SetMessages(t.Context(), alice, interpreter.Messages{New: 3, Saved: 4, NewUrgent: 1}); err != nil {
				t.Fatal(err)
			}
			want := "Messages-Waiting: yes\r\nMessage-Account: sip:101@example.com\r\nVoice-Message: 3/4 (1/0)\r\n"
			if n := p.one(t); n.Body != want || n.ContentType != ContentMessages {
				t.Errorf("got %q", n.Body)
			}
		})
	if len(told) != 1 || told[0] != alice {
		t.Errorf("told %v", told)
	}
}

func TestPresenceFollowsRegistrationAndCalls(t *testing.T) {
	var mu sync.Mutex
	registered := false
	bubble(t, Options{Reachable: func(string) bool { mu.Lock(); defer mu.Unlock(); return registered }},
		func(t *testing.T, b *Board) {
			p, _ := watch(t, b, Request{Event: Presence, Expires: time.Hour})
			if n := p.one(t); !strings.Contains(n.Body, "<basic>closed</basic>") {
				t.Errorf("not registered: %s", n.Body)
			}
			time.Sleep(time.Second)
			mu.Lock()
			registered = true
			mu.Unlock()
			b.Touch(alice)
			if n := p.one(t); !strings.Contains(n.Body, "<basic>open</basic>") || strings.Contains(n.Body, "on-the-phone") {
				t.Errorf("registered: %s", n.Body)
			}
			time.Sleep(time.Second)
			b.CallChanged(change("c", interpreter.StatusInProgress))
			n := p.one(t)
			if !strings.Contains(n.Body, "<rpid:on-the-phone/>") || !strings.Contains(n.Body, "<note>On the phone</note>") {
				t.Errorf("talking: %s", n.Body)
			}
			var any struct {
				XMLName xml.Name `xml:"urn:ietf:params:xml:ns:pidf presence"`
			}
			if err := xml.Unmarshal([]byte(n.Body), &any); err != nil {
				t.Error(err)
			}
		})
}
