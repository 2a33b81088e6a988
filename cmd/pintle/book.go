package main

import (
	"context"
	"net/url"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/sipedge"
)

// bookPause is how long changes of the accounts gather before they are brought into effect together.
const bookPause = 200 * time.Millisecond

// followBook brings changes of the accounts into effect until the function that it returns is called, which waits.
func (e *engine) followBook() (stop func()) {
	changed, over, done := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	e.book.Watch(func() {
		select {
		case changed <- struct{}{}:
		default: // it is known already
		}
	})
	go func() {
		defer close(done)
		for {
			select {
			case <-changed:
			case <-over:
				return
			}
			pause := time.NewTimer(bookPause)
			select {
			case <-pause.C:
			case <-over:
				pause.Stop()
				return
			}
			if err := e.applyAccounts(); err != nil {
				e.log.WithError(err).Error("a change of the accounts is not in effect")
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// musicOnHold is what a party of a conversation hears while the other one has put him on hold: what is set for the
// telephone that called, else for the one that was called. Zero: the music of the configuration.
func (l *lines) musicOnHold(legs ...interpreter.Leg) interpreter.Prompt {
	if l.book == nil {
		return interpreter.Prompt{}
	}
	for _, leg := range legs {
		i := leg.Info()
		if i.Device == "" {
			continue
		}
		v, err := l.book.View(i.Account)
		if err != nil {
			continue
		}
		d, err := account.Get[*account.Device](v, i.Device)
		if err != nil {
			continue
		}
		if p, ok := soundOf(v, v.Merge(d).MusicOnHold); ok {
			return p
		}
	}
	return interpreter.Prompt{}
}

// soundOf is the sound of a media of the account, or of a URL; false: there is none.
func soundOf(v *account.View, ref string) (interpreter.Prompt, bool) {
	if ref == "" {
		return interpreter.Prompt{}, false
	}
	if m, err := account.Get[*account.Media](v, ref); err == nil {
		ref = m.URL
	}
	u, err := url.Parse(ref)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return interpreter.Prompt{}, false
	}
	return interpreter.Prompt{URL: ref}, true
}

// pagesKey marks a call that rings pages already.
type pagesKey struct{}

func pagesRing(ctx context.Context) context.Context { return context.WithValue(ctx, pagesKey{}, true) }

// pageRingers are the pages of browsers that bear the name of a registered user. They belong to the engine's own
// application: with several accounts a name could be anybody's.
func (e *engine) pageRingers(user, _ string) []sipedge.Ringer {
	f := e.phones.Load()
	if f == nil || f.Online(user) == 0 || len(e.book.Accounts()) != 1 {
		return nil
	}
	return []sipedge.Ringer{func(ctx context.Context, o interpreter.DialOptions) (interpreter.Leg, error) {
		if ctx.Value(pagesKey{}) != nil {
			return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 480, Cause: "USER_NOT_REGISTERED",
				Reason: "its pages ring already", Unreached: true}
		}
		return f.Dial(ctx, interpreter.Target{URI: "client:" + user, Name: user}, o)
	}}
}
