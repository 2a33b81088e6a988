package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/dirstore"
	"pintle/interpreter/httpd"
	"pintle/interpreter/outbox"
	"pintle/interpreter/sqlitestore"
	"pintle/interpreter/toll"
	"pintle/interpreter/webhook"
	"pintle/media"
	"pintle/media/file"
	"pintle/media/rtpio"
	"pintle/media/tts"
	"pintle/sipedge"
	"pintle/sipedge/audio"
	"pintle/sipedge/browser"
	"pintle/sipedge/presence"
)

// engine is everything that runs a call, wired. open makes it, close ends it in the opposite order.
type engine struct {
	cfg     *config
	log     *logrus.Entry
	store   *sqlitestore.Store
	blobs   *dirstore.Store
	book    *account.Book
	account interpreter.Account
	fresh   bool // the account was made by this start
	web     *webhook.Client
	outbox  *outbox.Outbox
	files   *file.Cache
	speech  *tts.Speaker
	pacers  *media.Pacers
	manager *interpreter.Manager
	edge    *sipedge.Edge
	toll    toll.Guard

	applying sync.Mutex               // one change of the accounts at a time is brought into effect
	carriage atomic.Pointer[carriage] // as applyAccounts made it last
	board    *presence.Board

	bindings bindingCounts
	router   *router
	http     *httpd.Server

	browsers *browser.Engine // nil: no browsers
	tokens   *browser.Tokens
	phones   atomic.Pointer[browser.Phones]

	certificates *tls.Config         // of this engine; nil: none
	pem          *httpd.Certificates // behind certificates; nil: they are not files

	live      live
	configure func() (*config, error) // reads the configuration again; nil: there is none
	started   config                  // as it was read at the start
	accounts  []account.File          // files with accounts, as they were read last
	reloads   sync.Mutex              // held by a reload

	running  atomic.Pointer[interpreter.Manager] // set when calls are taken
	draining atomic.Bool

	observers []interpreter.Observer
	ends      []func()
}

// openEngine starts everything. observers are told of every event of every call.
func openEngine(
	ctx context.Context, cfg *config, log *logrus.Entry, observers ...interpreter.Observer,
) (*engine, error) {
	e := &engine{cfg: cfg, started: *cfg, log: log, observers: observers}
	// Libraries that print by themselves print what strangers sent; the log has what matters.
	stdlog.SetOutput(io.Discard)
	for _, step := range []func(context.Context) error{e.openStore, e.openBook, e.openWeb, e.openSpeech, e.openHTTP,
		e.openBoard, e.openCalls} {
		if err := step(ctx); err != nil {
			e.close()
			return nil, err
		}
	}
	return e, nil
}

func (e *engine) onClose(f func()) { e.ends = append(e.ends, f) }

// close ends what was opened, last first. Every end waits.
func (e *engine) close() {
	for i := len(e.ends) - 1; i >= 0; i-- {
		e.ends[i]()
	}
	e.ends = nil
}

func (e *engine) openStore(ctx context.Context) error {
	var err error
	if e.store, err = sqlitestore.Open(ctx, sqlitestore.Config{Dir: e.cfg.Data, Log: e.log}); err != nil {
		return err
	}
	e.onClose(func() { e.report("close the records", e.store.Close()) })
	e.observers = append(e.observers, e.store.Observe)
	e.blobs, err = dirstore.Open(dirstore.Config{Dir: filepath.Join(e.cfg.Data, "audio"), Repair: file.Repair})
	if err != nil {
		return err
	}
	e.onClose(func() { e.report("close the recordings", e.blobs.Close()) })
	if _, err := dirstore.Settle(ctx, e.store, e.blobs.Recovered()); err != nil {
		return err
	}
	return e.identify(ctx)
}

func (e *engine) report(what string, err error) {
	if err != nil {
		e.log.WithError(err).Error(what)
	}
}

func (e *engine) openWeb(ctx context.Context) error {
	c := webhook.Config{AllowPrivate: e.cfg.Fetch.AllowPrivate, AllowSetting: "fetch.allow", Total: e.cfg.Fetch.Timeout,
		InsecureTLS: e.cfg.Fetch.InsecureTLS}
	for _, a := range e.cfg.Fetch.Allow {
		allow, err := webhook.ParseAllow(a)
		if err != nil {
			return err
		}
		c.Allow = append(c.Allow, allow)
	}
	if e.cfg.Fetch.allowLoopback {
		c.Allow = append(c.Allow, webhook.Loopback()...)
	}
	e.web = webhook.New(c)
	e.onClose(func() { e.report("close the HTTP client", e.web.Close()) })
	e.outbox = outbox.New(outbox.Config{Records: e.store, Web: e.web, Observer: e.observe, Log: e.log,
		Account: func(string) interpreter.Account { return e.account }})
	if err := e.outbox.Start(ctx); err != nil {
		return err
	}
	e.onClose(func() { e.report("close the outbox", e.outbox.Close()) })
	n, err := e.store.Recover(ctx, e.outbox)
	if n > 0 {
		e.log.WithField("calls", n).Warn("closed the records of calls that the last run left open")
	}
	return err
}

// observe tells the observers of an event that is not of a live call's own trace.
func (e *engine) observe(ev interpreter.Event) {
	for _, o := range e.observers {
		o(ev)
	}
}

func (e *engine) openSpeech(ctx context.Context) error {
	var err error
	e.files, err = file.NewCache(file.CacheOptions{Client: e.web.HTTPClient("audio"),
		Dir: filepath.Join(e.cfg.Data, "cache")})
	if err != nil {
		return err
	}
	e.onClose(func() { e.report("close the audio cache", e.files.Close()) })
	engines, closeAll := tts.Installed(ctx,
		tts.FliteOptions{Path: e.cfg.Speech.Flite, CacheDir: filepath.Join(e.cfg.Data, "cache", "wasm")})
	e.onClose(func() { e.report("close the voices", closeAll()) })
	warm(engines)
	e.speech, err = tts.New(tts.Options{Engines: engines, Dir: filepath.Join(e.cfg.Data, "cache", "speech")})
	if err != nil {
		return err
	}
	e.onClose(func() { e.report("close speech", e.speech.Close()) })
	return nil
}

// warm compiles the module of the default voice, so that the first caller does not wait for it, unless the installed
// program with the same voice speaks before it: then the memory is better spent.
func warm(engines []tts.Engine) {
	for _, v := range engines {
		switch f := v.(type) {
		case *tts.FliteProgram:
			return
		case *tts.Flite:
			f.Warm()
		}
	}
}

// openCalls starts pacers, the manager and the SIP edge, in this order: a call finds everything ready.
func (e *engine) openCalls(context.Context) error {
	e.pacers = media.NewPacers(0)
	e.onClose(func() { e.report("close the pacers", e.pacers.Close()) })
	e.router = &router{live: &e.live, book: e.book, carriage: e.carriage.Load, trunksAt: e.trunksAt}
	late := &lateLines{ready: make(chan struct{})}
	now, err := newSettings(e.cfg, e.router)
	if err != nil {
		return err
	}
	e.live.Store(now)
	e.manager = interpreter.NewManager(interpreter.Config{
		Dialects: languages(e.cfg, e.book, e.chosenCarriers), Web: e.web, Lines: late,
		Records: e.store, Blobs: e.blobs, Outbox: e.outbox, Account: e.account,
		PublicURL: e.publicURL(), Apology: e.apology(), Observers: e.observers,
		Lamps: e.board, States: e.board.CallChanged,
		Limits:   interpreter.Limits{Calls: e.cfg.Limits.Calls, DocumentTime: e.cfg.Fetch.Timeout},
		ReadFile: readFlow, Log: e.log, Transfers: liveTransfers{&e.live},
	})
	sounds := &audio.Sounds{Files: e.files, Own: ownSound{e}, Voices: e.speech,
		Hold: e.cfg.SIP.Session.hold()}
	if err = e.openBrowsers(sounds, calls{e, late}); err != nil {
		return err
	}
	edge, err := e.listen(late, sounds)
	if err != nil {
		return err
	}
	e.edge = edge
	if err = e.applyAccounts(); err != nil {
		e.report("close SIP", edge.Close())
		return err
	}
	late.Lines = e.outgoing(&lines{edge: edge, phones: e.phones.Load(), book: e.book})
	e.running.Store(e.manager)
	close(late.ready)
	e.onClose(e.followBook())
	e.onClose(func() { e.report("close SIP", e.edge.Close()) })
	return nil
}

func (e *engine) listen(late *lateLines, sounds *audio.Sounds) (*sipedge.Edge, error) {
	host, err := netip.ParseAddrPort(e.cfg.SIP.Listen)
	if err != nil {
		return nil, err
	}
	low, high, err := e.cfg.RTP.ports()
	if err != nil {
		return nil, err
	}
	ports, err := rtpio.NewPorts(host.Addr(), low, high)
	if err != nil {
		return nil, err
	}
	identity, err := rtpio.NewIdentity()
	if err != nil {
		return nil, err
	}
	factory := &audio.Factory{Ports: ports, Pacers: e.pacers, Identity: identity, Sounds: sounds}
	phones := phoneBook{e.book}
	c := sipedge.Config{Listen: e.cfg.SIP.Listen, Agent: "pintle/" + version, Calls: calls{e, late},
		Audio: sipedge.Sound(factory), Log: e.log,
		Trunks:    e.cfg.trunks(),
		Presence:  phones.presence(e.board),
		Advertise: e.cfg.SIP.Advertise, Headers: e.cfg.SIP.Headers,
		Codecs:   e.cfg.RTP.Codecs,
		NewCalls: e.cfg.Limits.NewCalls, TotalCalls: e.cfg.Limits.TotalNewCalls}
	e.cfg.SIP.Session.apply(&c)
	e.cfg.SIP.Registrar.apply(&c)
	c.Records, c.Registrations.Changed, c.Others = e.store, e.bindings.told, e.pageRingers
	if e.browsers != nil {
		c.WebRTC = e.browsers.ForSIP()
	}
	if c.Security, err = e.security(); err != nil {
		return nil, err
	}
	if e.cfg.file != "" { // no file, no accounts, now or after a reload
		c.Accounts = phones
	}
	c.Peers = e.cfg.peers()
	return sipedge.Listen(c)
}

func (e *engine) publicURL() string {
	if e.cfg.HTTP.PublicURL != "" {
		return strings.TrimRight(e.cfg.HTTP.PublicURL, "/")
	}
	if e.cfg.HTTP.TLS {
		return "https://" + e.cfg.HTTP.Listen
	}
	return "http://" + e.cfg.HTTP.Listen
}

func (e *engine) apology() interpreter.Prompt {
	if e.cfg.Speech.Apology == "none" {
		return interpreter.Prompt{}
	}
	return interpreter.Prompt{Text: interpreter.Words(e.cfg.Speech.Apology), Lang: "en-US"}
}

// drain lets running calls finish for at most limit, then ends them, and delivers what is due.
func (e *engine) drain(ctx context.Context, limit time.Duration) {
	e.draining.Store(true)
	e.edge.Drain()
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	e.manager.Drain(calls)
	posts, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := e.outbox.Drain(posts); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		e.log.WithError(err).Warn("callbacks left for the next start")
	}
}

// readFlow reads a flow file of the operator; one megabyte is plenty.
func readFlow(name string) ([]byte, error) {
	const limit = 1 << 20
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%s has %d bytes; a flow file may have 1 MiB", name, len(b))
	}
	return b, nil
}
