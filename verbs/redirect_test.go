package verbs_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/verbs"
)

// dialling notes whom it is asked to call, and how.
type dialling struct {
	*fixtures.Lines
	mu   sync.Mutex
	list []string
	last interpreter.DialOptions
	to   interpreter.Target
}

func (d *dialling) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg,
	error) {
	d.mu.Lock()
	d.list, d.last, d.to = append(d.list, to.URI), o, to
	d.mu.Unlock()
	return d.Lines.Dial(ctx, to, o)
}

func moved(from string, to ...string) fixtures.Answer {
	a := fixtures.Answer{Target: from, Code: 302, Early: -1}
	for _, c := range to {
		a.Header = append(a.Header, interpreter.Header{Name: "Contact", Value: c})
	}
	return a
}

func settled(target string, code int) fixtures.Answer {
	a := fixtures.Answer{Target: target, Code: code, Early: -1}
	if code == 200 {
		a.Then = []fixtures.Command{{Do: "hangup", At: time.Second}}
	}
	return a
}

// TestRedirectsAreFollowed wants addresses called in their order, none twice, at most five, through the same lines, and
// without the credentials of the first.
func TestRedirectsAreFollowed(t *testing.T) {
	for _, c := range []struct {
		name    string
		allowed int
		first   string
		answers []fixtures.Answer
		want    string
		status  interpreter.CallStatus
	}{
		{"not asked for", 0, "sip:a@x", []fixtures.Answer{moved("sip:a@x", "sip:b@x"), settled("sip:b@x", 200)},
			"sip:a@x", "failed"},
		{"once", 5, "sip:a@x", []fixtures.Answer{moved("sip:a@x", "sip:b@x"), settled("sip:b@x", 200)},
			"sip:a@x sip:b@x", "completed"},
		{"next contact", 5, "sip:a@x", []fixtures.Answer{moved("sip:a@x", "sip:b@x", "sip:c@x"),
			settled("sip:b@x", 404), settled("sip:c@x", 200)}, "sip:a@x sip:b@x sip:c@x", "completed"},
		{"busy ends it", 5, "sip:a@x", []fixtures.Answer{moved("sip:a@x", "sip:b@x", "sip:c@x"),
			settled("sip:b@x", 486), settled("sip:c@x", 200)}, "sip:a@x sip:b@x", "busy"},
		{"circle", 5, "sip:a@x", []fixtures.Answer{moved("sip:a@x", "sip:b@x"), moved("sip:b@x", "sip:a@x")},
			"sip:a@x sip:b@x", "failed"},
		{"chain", 9, "sip:0@x", []fixtures.Answer{moved("sip:0@x", "sip:1@x"), moved("sip:1@x", "sip:2@x"),
			moved("sip:2@x", "sip:3@x"), moved("sip:3@x", "sip:4@x"), moved("sip:4@x", "sip:5@x"),
			moved("sip:5@x", "sip:6@x"), settled("sip:6@x", 200)},
			"sip:0@x sip:1@x sip:2@x sip:3@x sip:4@x sip:5@x", "failed"},
		{"number stays with the trunk", 5, "+15550001", []fixtures.Answer{moved("+15550001", "sip:+15550002@trunk.test"),
			settled("+15550002", 200)}, "+15550001 +15550002", "completed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines *dialling
			var got verbs.Dialled
			runVerb(t, func(ctx context.Context) world {
				lines = &dialling{Lines: fixtures.NewLines(ctx, c.answers)}
				return world{lines: lines}
			}, func(ctx context.Context, call *interpreter.Call) (out interpreter.Outcome, err error) {
				got, err = verbs.Dial{Targets: []verbs.Callee{{Target: interpreter.Target{URI: c.first, Redirects: c.allowed,
					Username: "u", Password: "secret"}}}}.Run(ctx, call)
				return interpreter.Continue(), err
			})
			if list := strings.Join(lines.list, " "); list != c.want || got.Status != c.status {
				t.Errorf("called %s: %s, want %s: %s", list, got.Status, c.want, c.status)
			}
			if len(lines.list) > 1 && (lines.to.Password != "" || lines.last.ForwardedBy.User == "") {
				t.Errorf("the redirected call has %+v, forwarded by %+v", lines.to, lines.last.ForwardedBy)
			}
		})
	}
}
